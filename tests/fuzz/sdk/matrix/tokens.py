"""Check tokens that end, that are refused, that many calls share, and that a store holds."""

from __future__ import annotations

import json
import math
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from toast_compute import APIError, ToastComputeError
from toast_compute.token_store import FileTokenStore, MemoryTokenStore, StoredToken, TokenStoreError, TokenStoreWarning
from toast_compute_mock import MockCloud, faults

from ..bench import CREDENTIALS, LIFETIME, USER, Bench, SteppingClock
from ..calls import CALLS, usual
from ..contract import TOKEN
from ..judge import USABLE
from ..secrecy import problems_of_error, shows
from .table import check

_LIST = "listFlavors"
_READ = usual("flavors.list")
_NEARLY = 60.0  # seconds before its end, when a token may still be used if no other can be had
_PLANTED = "planted-Stored-Token-77ac"
_HOUR = 3600.0


@check()
def a_token_that_ended_is_not_sent(variant: str) -> Iterator[str]:
    with Bench(variant) as bench:
        bench.clock.advance(LIFETIME)
        outcome = bench.run(CALLS["flavors.list"], faults=[faults.http_status(TOKEN, 503, budget=None)])
    if outcome.own:
        yield "a token was sent that had ended"
    if not isinstance(outcome.error, ToastComputeError):
        yield "a call without a token ended as if it had one"


@check()
def a_token_that_is_valid_is_used_on(variant: str) -> Iterator[str]:
    with Bench(variant) as bench:
        bench.clock.advance(LIFETIME - _NEARLY)
        outcome = bench.run(CALLS["flavors.list"], faults=[faults.http_status(TOKEN, 503, budget=None)])
    if outcome.error is not None:
        yield f"a call with a token that is valid ended as {outcome.ended_as}"


@check()
def a_replaced_token_stays_secret(variant: str) -> Iterator[str]:
    with Bench(variant) as bench:
        (before,) = bench.cloud.worlds.secrets() - MockCloud().worlds.secrets()
        bench.clock.advance(LIFETIME)
        bench.call(_READ)
        bench.cloud.faults.add(faults.result_code(_LIST, -4, f"Invalid parameters : {before}"))
        _, error = bench.call(_READ)
    if error is None:
        yield "a refusal ended as a success"
    else:
        yield from problems_of_error(error, {before})


@check()
def a_store_keeps_users_apart(variant: str) -> Iterator[str]:
    clock = SteppingClock()
    cloud = MockCloud(clock=clock)
    other = (CREDENTIALS[0], "other@example.com", "other-password")
    cloud.worlds.fork(appkey=other[0], username=other[1], password=other[2])
    store = MemoryTokenStore(clock.monotonic)
    with (
        Bench(variant, cloud=cloud, clock=clock, token_store=store) as first,
        Bench(variant, cloud=cloud, clock=clock, token_store=store, credentials=other) as second,
    ):
        _, error = first.call(usual("keypairs.create", name="of-the-first"))
        _, found = second.call(usual("keypairs.get", name="of-the-first"))
    if error is not None or not isinstance(found, APIError):
        yield f"the first user's call ended as {type(error).__name__}, the second one's as {type(found).__name__}"


class _Stuck(nullcontext[None]):
    """A lock that cannot be released."""

    def __exit__(self, *_: object) -> None:
        raise OSError(5, _PLANTED)


_ERRORS = (TokenStoreError("full"), OSError(5, _PLANTED), KeyError(_PLANTED), TimeoutError(_PLANTED), RecursionError())
_LOADED: Mapping[str, Any] = {
    "text": _PLANTED,
    "a number": 5,
    "a mapping": {"id": _PLANTED, "lifetime": _HOUR, "remaining": _HOUR},
    "an unknown token": StoredToken(_PLANTED, _HOUR, _HOUR),
    "an empty token": StoredToken("", _HOUR, _HOUR),
    "a token of two lines": StoredToken(f"{_PLANTED}\r\nx: y", _HOUR, _HOUR),
    "a token that is a number": StoredToken(5, _HOUR, _HOUR),  # type: ignore[arg-type]
    "a life of NaN": StoredToken(_PLANTED, math.nan, math.nan),
    "an endless life": StoredToken(_PLANTED, math.inf, math.inf),
    "a life that has ended": StoredToken(_PLANTED, _HOUR, -1.0),
    "a life that is text": StoredToken(_PLANTED, "1", "1"),  # type: ignore[arg-type]
}
_BROKEN: Mapping[str, tuple[str, Any]] = {
    **{
        f"{method} raises {type(error).__name__}": (method, error)
        for method in ("load", "save", "forget", "lock")
        for error in _ERRORS
    },
    **{f"load returns {name}": ("load", token) for name, token in _LOADED.items()},
    "lock is stuck": ("lock", _Stuck()),
}
"""By what is wrong: the method of the store, and what it returns or raises."""


@check(_BROKEN)
def a_client_goes_on_when_of_its_store(variant: str, what: str) -> Iterator[str]:
    method, result = _BROKEN[what]
    clock = SteppingClock()

    def act(*_: Any) -> Any:
        if isinstance(result, Exception):
            raise result
        return result

    broken = type("Broken", (MemoryTokenStore,), {method: act})
    yield from _problems_of_store(variant, clock, [broken(clock.monotonic)], issued=2)


@check()
def a_store_is_shared(variant: str) -> Iterator[str]:
    clock = SteppingClock()
    cloud, stores = MockCloud(clock=clock), [MemoryTokenStore(clock.monotonic)] * 3
    for issued in (2, 4):
        yield from _problems_of_store(variant, clock, stores, cloud=cloud, issued=issued)
        clock.advance(USABLE)


@check(("format", "key", "token", "lifetime", "left", "wall", "ticks", "boot"))
def a_token_file_with_another(variant: str, member: str) -> Iterator[str]:
    values: tuple[Any, ...] = (None, True, -1e9, math.nan, 10**400, "", "planted\n", [], {})
    for value in values:
        with tempfile.TemporaryDirectory() as folder:
            stores = [FileTokenStore(Path(folder, "tokens")) for _ in range(2)]
            clock = SteppingClock()
            cloud = MockCloud(clock=clock)
            with Bench(variant, cloud=cloud, clock=clock, token_store=stores[0]):
                (path,) = Path(folder).glob("**/*.json")
                path.write_text(json.dumps(json.loads(path.read_text()) | {member: value}))
            # By the wall clock where the machine's start is unknown; the file is valid then.
            is_usable = (member, value) in (("wall", -1e9), ("boot", ""), ("boot", "planted\n"))
            for problem in _problems_of_store(variant, clock, stores[1:], cloud=cloud, issued=2 if is_usable else 3):
                yield f"{problem}, with {value!r}"


def _problems_of_store(
    variant: str, clock: SteppingClock, stores: list[Any], *, issued: int, cloud: MockCloud | None = None
) -> Iterator[str]:
    """Let a client of each store read something twice, between which all tokens are revoked."""
    cloud = cloud or MockCloud(clock=clock)
    benches = [Bench(variant, cloud=cloud, clock=clock, token_store=store, has_token=False) for store in stores]
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for number, bench in enumerate(benches * 2):
            if number == len(benches):
                cloud.worlds.revoke_tokens(USER)
            _, error = bench.call(_READ)
            if error is not None:
                yield f"the call ended as {type(error).__name__}"
    for bench in benches:
        bench.client.close()
    if any(one.category is not TokenStoreWarning for one in warned) or len(warned) > len(stores):
        yield f"there are {len(warned)} warnings"
    if any(shows(str(one.message), [_PLANTED]) for one in warned):
        yield "a warning shows a secret"
    took = cloud.journal.count(operation=TOKEN)
    if took != issued:
        yield f"{took} tokens were issued, and {issued} would do"

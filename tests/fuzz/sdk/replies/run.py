"""Run one call against everything that may come back to it, in both variants."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import hypothesis
from hypothesis import given
from hypothesis import strategies as st

from ..bench import VARIANTS, Client, SteppingClock, capture, within
from ..calls import Call
from ..contract import DETAILS, LIST, TOKEN, document, operations, schema_named
from ..report import FindingError, settings_for
from ..secrecy import Log
from .checks import Expectation, Result, is_refusal, is_success, problems
from .mutations import LENIENCIES, MUTATIONS, encode, quotes
from .service import (
    APPKEY,
    EXCEPTIONS,
    OWN_TOKEN,
    PASSWORD,
    SECRETS,
    SENSITIVE,
    USERNAME,
    Served,
    Service,
    bomb,
    raising,
)
from .values import values

EXAMPLES = 3
"""How many successes and refusals each call is served, each changed in every way."""
_EXAMPLES_OF_NOTHING = 2  # where a success is a header and nothing else, one is like another
_BOMBED = "instances.attach_volume"
_STRICT, _REFUSED, _BOMB = "strict success", "strict refusal", "decompression bomb"
_SHOWN_BYTES = 400
_URL = "https://service.invalid/compute"
_OK = {"isSuccessful": True, "resultCode": 0, "resultMessage": "SUCCESS"}
_ACCESS = {
    "token": {"id": OWN_TOKEN, "issued_at": "2026-01-15T09:00:00.000000", "expires": "2026-01-15T10:00:00Z"},
    "user": {"id": "u", "roles": []},
}
_PLAIN: Mapping[str, dict[str, Any]] = {
    TOKEN: {"access": _ACCESS},
    "getToken": {"access": _ACCESS},
    "listFlavors": {"flavors": []},
    LIST: {"instances": []},
    DETAILS: {"instances": []},
}
"""What the operations answer that a call sends in addition to its own."""
KINDS = (
    _STRICT, _REFUSED, _BOMB, *LENIENCIES, *MUTATIONS, "refusal with secrets", "no envelope, with secrets",
    "wrong shape, with secrets", *EXCEPTIONS,
)  # fmt: skip
"""Every kind of reply that a run has to have served."""


class Run:
    """Calls that meet replies, each with a new client. The clock moves on by itself, so that nobody really waits."""

    def __init__(self, runner: asyncio.Runner, log: Log) -> None:
        self._runner, self._log = runner, log
        self.kinds: Counter[str] = Counter()
        self.methods: Counter[str] = Counter()
        """The calls by method and variant."""

    def try_call(self, call: Call, seed: int) -> None:
        """Serve a call exceptions, successes and refusals, and each of these changed in every way.

        Raises a FindingError with the smallest reply that shows what is wrong.
        """
        for name in EXCEPTIONS:
            self._meet(call, name, raising(name, call))

        @hypothesis.seed(f"{seed}/{call}")
        @settings_for(_EXAMPLES_OF_NOTHING if call.success == "EmptySuccess" else EXAMPLES)
        @given(_successes(call), _refusals(), st.integers(0, 2**32 - 1))
        def test(success: dict[str, Any], refusal: dict[str, Any], number: int) -> None:
            chance = random.Random(number)
            self._meet(call, _STRICT, Served(encode(success)), is_success(success, success))
            header = refusal["header"]
            is_wanted = is_refusal(header["resultCode"], header["resultMessage"])
            self._meet(call, _REFUSED, Served(encode(refusal)), is_wanted)
            schema = schema_named(call.success)
            for kind, write in LENIENCIES.items():
                unusual = write(success, schema, chance)
                if unusual is not None:
                    self._meet(call, kind, unusual.served, is_success(unusual.meaning, unusual.literal))
            for kind, change in {**MUTATIONS, **quotes(call)}.items():
                self._meet(call, kind, change(success, chance))

        test()
        if str(call) == _BOMBED:
            self._meet(call, _BOMB, bomb())

    def find(self, call: Call, served: Served, variant: str, expected: Expectation | None = None) -> str:
        """Make a call, and return the first thing that is wrong; empty when nothing is."""
        service, exchanges = Service({**_plain_replies(), call.operation: served}), list[Any]()
        client = Client(
            variant,
            (APPKEY, USERNAME, PASSWORD),
            runner=self._runner,
            base_url=_URL,
            timeout=30.0,
            max_retries=2,
            clock=SteppingClock(),
            transport=service,
        )
        value, error = client.call(within(call.make, capture(exchanges)))
        client.close()
        parsed = next((one.parsed for one in reversed(exchanges) if one.operation == call.operation), None)
        result = Result(value, error, parsed, tuple(service.asked))
        found = [*problems(call, served, result), *(expected(call, result) if expected else ())]
        return next(iter([*found, *self._log.problems(SECRETS)]), "")

    def _meet(self, call: Call, kind: str, served: Served, expected: Expectation | None = None) -> None:
        for variant in VARIANTS:
            self.kinds[kind] += 1
            self.methods[f"{call.method} {variant}"] += 1
            problem = self.find(call, served, variant, expected)
            if problem:
                more = len(served.body) - _SHOWN_BYTES
                body = f"{served.body[:_SHOWN_BYTES]!r}{f' and {more} bytes more' if more > 0 else ''}"
                what = f"HTTP {served.status}, {body}" if served.error is None else "an exception of the transport"
                raise FindingError(f"{call}, {variant}, {kind}: {problem}", [f"served: {what}"])


@contextmanager
def open_run() -> Iterator[Run]:
    """Return a run; what is logged meanwhile goes to nobody else."""
    log = Log()
    with asyncio.Runner() as runner, log.listening():
        yield Run(runner, log)


@cache
def _plain_replies() -> dict[str, Served]:
    return {id: Served(encode({"header": _OK, **_PLAIN.get(id, {})})) for id in [*operations(), "request"]}


def _successes(call: Call) -> st.SearchStrategy[dict[str, Any]]:
    made = values(schema_named(call.success), SENSITIVE)
    if call.wanted is None:
        return made
    member, key, value = call.wanted

    def with_the_one(reply: dict[str, Any], place: int) -> dict[str, Any]:
        """Let one of those in the reply be the one that is asked for, or none."""
        if place < len(reply[member]):
            reply[member][place][key] = value
        return reply

    return st.builds(with_the_one, made, st.integers(0, 3))


def _refusals() -> st.SearchStrategy[dict[str, Any]]:
    rules = document()["x-result-codes"]
    known = [one["code"] for one in rules["codes"] if one["code"]]
    known += [part["from"] // 1000 * 1000 + int(status) for part in rules["ranges"] for status in rules["statuses"]]

    def with_code(reply: dict[str, Any], code: int | None) -> dict[str, Any]:
        if code is not None:
            reply["header"]["resultCode"] = code
        return reply

    return st.builds(with_code, values(schema_named("Failure"), SENSITIVE), st.none() | st.sampled_from(known))

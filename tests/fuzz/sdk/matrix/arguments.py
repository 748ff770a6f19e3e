"""Check every argument and every setting with values of every type.

What the contract allows is sent as it was given, and nothing else is sent at all: the caller gets one sentence that
names the argument and does not show the value.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx
import toast_compute as sdk
from toast_compute_api.behaviour import SERVER_URL

from ...places import Place, at, places, with_other, without
from ..bench import CREDENTIALS, Bench, Wire
from ..calls import ARGUMENTS, RUNNING, usual
from ..contract import TOKEN, Sent, is_allowed, operation_of
from ..secrecy import problems_of_error
from .table import check
from .values import PLANTED, VALUES

_REFUSAL = {"header": {"isSuccessful": False, "resultCode": 40409, "resultMessage": "Conflict"}}
_DEEPEST = 10
_LONGEST_SENTENCE = 500
_OPTIONAL = frozenset({("volume",), ("count",)})
_LEFT_OUT = object()
_VALUES_WITHIN: Mapping[str, Callable[[], Any]] = {**VALUES, "nothing": lambda: _LEFT_OUT}

Allows = Callable[[Any], bool | None]
"""Returns whether a value may be passed; None where either will do."""


class _UnsendableError(Exception):
    """No request stands for this value."""


class Recorder(Wire):
    """Records each request and refuses it; requests for tokens go to a mock, and are not recorded."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Sent] = []

    def answer(self, request: httpx.Request) -> httpx.Response | None:
        if operation_of(request.method, request.url.path) == TOKEN:
            return None
        path, _, query = request.url.raw_path.decode().partition("?")
        pieces = path.removeprefix(urlsplit(SERVER_URL).path).split("/")
        self.sent.append(
            {
                "method": request.method,
                "path": [unquote(piece) for piece in pieces],
                "query": [list(pair) for pair in parse_qsl(query, keep_blank_values=True)],
                "body": json.loads(request.content) if request.content else None,
            }
        )
        return httpx.Response(200, json=_REFUSAL)

    def call(self, bench: Bench, method: str, arguments: Mapping[str, Any]) -> tuple[list[Sent], Exception | None]:
        """Call a method, and return what it has sent and raised."""
        self.sent.clear()
        _, error = bench.call(usual(method, **arguments))
        return [*self.sent], error


@check(ARGUMENTS)
def arguments(variant: str, method: str) -> Iterator[str]:
    given, recorder = ARGUMENTS[method], Recorder()
    with Bench(variant, wire=recorder, has_token=False) as bench:
        sent, error = recorder.call(bench, method, given)
        if len(sent) != 1:
            yield f"{len(sent)} requests were sent for valid arguments ({type(error).__name__})"
            return
        good = sent[0]
        for place in places(given):
            for name, make in (VALUES if len(place) == 1 else _VALUES_WITHIN).items():
                sent, error = recorder.call(bench, method, _put(given, place, make()))
                expected = expected_of(method, good, place, make())
                problem = ""
                if expected is None:
                    problem = problem_of_refusal(sent, error, _name_in_request(method, good, place))
                elif not isinstance(error, sdk.APIError):
                    problem = f"ended as {type(error).__name__}, and the contract allows it"
                elif sent != [expected]:
                    problem = "was sent as something else"
                if problem:
                    yield f"{name} as {'.'.join(map(str, place))} {problem}"


def problem_of_refusal(sent: Sequence[Sent], error: Exception | None, name: str) -> str:
    """Return what is wrong with how a call was refused when `name` is the part of the request that is wrong."""
    if sent:
        return "was sent, and it is not allowed"
    if not isinstance(error, sdk.InvalidRequestError):
        return f"ended as {type(error).__name__}"
    if len(str(error)) > _LONGEST_SENTENCE:
        return "was refused in more than a sentence"
    if not any(name.lower() in path.lower() for path, _ in error.findings):
        return f"was refused without its name ({error})"
    return next(problems_of_error(error, [PLANTED]), "")


def expected_of(method: str, good: Sent, place: Place, value: Any) -> Sent | None:
    """Return what has to be sent when another value is passed at a place; None when the contract does not allow it.

    `good` is what is sent for the usual arguments.
    """
    part, *way = _place_in_request(method, good, place)
    try:
        made = _LEFT_OUT
        if value is not _LEFT_OUT and not (value is None and place in _OPTIONAL):
            made = _as_json(_in_full(place, value))
            # A path of dots would be taken for a way through folders by every URL library.
            if part != "body" and (not isinstance(made, str) or (part == "path" and made in (".", ".."))):
                return None
    except _UnsendableError:
        return None
    request: Sent = _put(good, (part, *way), made)
    return request if is_allowed(request) else None


def _place_in_request(method: str, good: Sent, place: Place) -> Place:
    """Find where an argument goes by its value, or by that of the first thing in it."""
    value, cut = at(ARGUMENTS[method], place), 0
    while isinstance(value, Mapping | list):
        value, cut = next(iter(value.values() if isinstance(value, Mapping) else value)), cut + 1
    found = next(where for where in places(good) if at(good, where) == value)
    return found[: len(found) - cut]


def _name_in_request(method: str, good: Sent, place: Place) -> str:
    part, *way = _place_in_request(method, good, place)
    if part == "query":
        return str(good["query"][way[0]][0])
    names = [step for step in way if isinstance(step, str)]
    return names[-1] if names else str(place[0])


def _in_full(place: Place, value: Any) -> Any:
    """Return in the contract's words what the SDK allows to be passed in fewer."""
    if place == ("security_groups", 0) and isinstance(value, str):
        return {"name": value}
    if place in (("security_groups",), ("networks",)):
        entries = list(value) if isinstance(value, list | tuple | set) else [value]
        return [_in_full((*place, 0), entry) for entry in entries]
    return value


def _as_json(value: Any, depth: int = 0) -> Any:
    """Return what a value is in JSON. Raises _UnsendableError where it has none, or only by a guess."""
    if depth > _DEEPEST or not isinstance(value, Mapping | list | tuple | str | int | float | None):
        raise _UnsendableError
    if isinstance(value, Mapping):
        if not all(isinstance(name, str) for name in value):
            raise _UnsendableError
        return {name: _as_json(member, depth + 1) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(entry, depth + 1) for entry in value]
    if isinstance(value, float) and value.is_integer():
        raise _UnsendableError  # an integer by JSON Schema, and not one in Python
    try:
        return json.loads(json.dumps(value, ensure_ascii=False, allow_nan=False).encode())
    except ValueError:
        raise _UnsendableError from None


def _put(value: Any, place: Place, new: Any) -> Any:
    return without(value, place) if new is _LEFT_OUT else with_other(value, place, new)


def _or_none(allows: Allows) -> Allows:
    return lambda value: value is None or allows(value)


def _is_seconds(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e30  # beyond it, no clock


def _is_whole(most: int, least: int = 0) -> Allows:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_text(value: Any) -> bool | None:
    return None if isinstance(value, str) else False


def _are_ids(value: Any) -> bool | None:
    is_several = isinstance(value, Collection) and not isinstance(value, str | bytes)
    return None if is_several and all(isinstance(one, str) for one in value) else False


def _is_nothing(value: Any) -> bool:
    return value is None


def _never(_: Any) -> bool:
    return False  # what may be passed is a word that is not among the values


_WAIT = {"timeout": 5.0, "poll_interval": 1.0, "on_poll": None}
_WAITS: Mapping[str, Allows] = {
    "timeout": _is_seconds,
    "poll_interval": _or_none(_is_seconds),
    "on_poll": _or_none(callable),
}
OPTIONS: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Allows]]] = {
    "instances.wait_for_status": (
        {"id": RUNNING, "status": "ACTIVE", **_WAIT},
        {"id": _is_text, "status": _never, "since": _is_nothing, **_WAITS},
    ),
    "instances.wait_until_deleted": ({"id": RUNNING, **_WAIT}, {"id": _is_text, **_WAITS}),
    "instances.wait_for_all": (
        {"ids": [RUNNING], "status": "ACTIVE", **_WAIT},
        {
            "ids": _are_ids,
            "status": _never,
            "since": lambda value: isinstance(value, list | tuple | set) and not value,
            **_WAITS,
        },
    ),
    "instances.map": (
        {"method": "stop", "ids": [RUNNING], "limit": 1},
        {"method": _never, "ids": _are_ids, "limit": _is_whole(64, 1)},
    ),
    "instances.create": (ARGUMENTS["instances.create"], {"on_ambiguous": _never}),
    "request": (
        {"method": "GET", "path": "/quotas", "query": {"zone": "a"}, "retry": "safe"},
        {
            "method": _never,
            "path": _is_text,
            "query": _or_none(lambda value: value == {}),
            "body": lambda _: None,
            "retry": _never,
        },
    ),
}
"""By method, for arguments that are not sent themselves: what to pass, and which values of each may be passed."""


@check(OPTIONS)
def options(variant: str, method: str) -> Iterator[str]:
    given, allowed = OPTIONS[method]
    recorder = Recorder()
    with Bench(variant, wire=recorder, has_token=False) as bench:
        for option, allows in allowed.items():
            for name, make in VALUES.items():
                sent, error = recorder.call(bench, method, {**given, option: make()})
                may = allows(make())
                problem = ""
                if may is False:
                    problem = problem_of_refusal(sent, error, option)
                elif not isinstance(error, sdk.ToastComputeError | None) or (
                    may and isinstance(error, sdk.InvalidRequestError)
                ):
                    problem = f"ended as {type(error).__name__}"
                if problem:
                    yield f"{name} as {option} {problem}"


SETTINGS: Mapping[str, Allows] = {
    "profile": _is_nothing,
    "base_url": _is_nothing,
    "timeout": _or_none(_is_seconds),
    "max_retries": _or_none(_is_whole(20)),
    "token_store": _is_nothing,
    "clock": _is_nothing,
    "read_only": lambda value: isinstance(value, bool),
    "allow": _or_none(lambda value: isinstance(value, Collection) and not isinstance(value, str) and not value),
}
"""For each setting of a client, but for its credentials, which of the values it may have."""


@check(SETTINGS)
def setting(variant: str, name: str) -> Iterator[str]:
    client = sdk.AsyncToastCompute if variant == "async" else sdk.ToastCompute
    for value, make in VALUES.items():
        error: Exception | None = None
        try:
            client(*CREDENTIALS, **{name: make()})
        except Exception as problem:  # whatever it is, it is judged
            error = problem
        if SETTINGS[name](make()):
            if error is not None:
                yield f"{value} ended as {type(error).__name__}"
        elif not isinstance(error, sdk.ConfigurationError):
            yield f"{value} was not refused with a ConfigurationError"
        elif name not in str(error) or "\n" in str(error):
            yield f"{value} is not reported in one line with the setting's name"

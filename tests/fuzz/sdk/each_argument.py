"""Is each argument of each method held against the contract, whatever is passed for it?

What the contract allows is sent as it was given, and nothing else is sent at all: the caller gets one sentence that
names the argument and does not show the value.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from toast_compute import APIError

from ..places import Place, at, places, with_other, without
from ..service.contract import Contract
from ..service.exchange import Request
from .arguments import ARGUMENTS
from .driver import CREDENTIALS
from .refused import problem_of_refusal
from .sent import Bench, Sent, target_of
from .story import COLOURS
from .wrong_values import VALUES

_DEEPEST = 10
_OPTIONAL = frozenset({("volume",), ("count",)})
_LEFT_OUT = object()
_VALUES_WITHIN: Mapping[str, Callable[[], Any]] = {**VALUES, "nothing": lambda: _LEFT_OUT}


class _UnsendableError(Exception):
    """No request says this."""


def _problems_of(method: str) -> Iterator[str]:
    arguments = ARGUMENTS[method]
    for colour in COLOURS:
        bench = Bench(colour)
        try:
            (good,), _ = bench.call(method, arguments)
            for place in places(arguments):
                for name, make in (VALUES if len(place) == 1 else _VALUES_WITHIN).items():
                    problem = _problem(bench, method, good, place, make)
                    if problem:
                        yield f"{colour}: {method} with {name} as {'.'.join(map(str, place))} {problem}"
        finally:
            bench.close()


def _problem(bench: Bench, method: str, good: Sent, place: Place, make: Callable[[], Any]) -> str:
    sent, error = bench.call(method, _put(ARGUMENTS[method], place, make()))
    expected = expected_of(method, good, place, make())
    if expected is None:
        return problem_of_refusal(sent, error, _name_in_request(method, good, place))
    if not isinstance(error, APIError):
        return f"ended as {type(error).__name__}, and the contract allows it"
    return "" if sent == [expected] else "was sent as something else"


def expected_of(method: str, good: Sent, place: Place, value: Any) -> Sent | None:
    """Return what has to be sent when another value is passed at a place; None when the contract does not allow it.

    `good` is what is sent for the usual arguments.
    """
    where = _place_in_request(method, good, place)
    try:
        request = _put(good, where, _in_request(where[0], place, value))
    except _UnsendableError:
        return None
    return None if _breaks_contract(request) else request


def _in_request(part: str | int, place: Place, value: Any) -> Any:
    """Return what becomes of a value in this part of a request. Raises _UnsendableError."""
    if value is _LEFT_OUT or (value is None and place in _OPTIONAL):
        return _LEFT_OUT
    made = _as_json(_eased(place, value))
    if part != "body" and not isinstance(made, str):
        raise _UnsendableError
    if part == "path" and made in (".", ".."):
        raise _UnsendableError  # every URL library would take them for a way through folders
    return made


def _place_in_request(method: str, good: Sent, place: Place) -> Place:
    """Find where an argument goes by its value, or by that of the first thing in it."""
    value, cut = at(ARGUMENTS[method], place), 0
    while isinstance(value, Mapping | list):
        value, cut = next(iter(value.values() if isinstance(value, Mapping) else value)), cut + 1
    found = next(where for where in places(good) if at(good, where) == value)
    return found[: len(found) - cut]


def _name_in_request(method: str, good: Sent, place: Place) -> str:
    """Return what a place is called in the request, or has at the end of its name there."""
    part, *way = _place_in_request(method, good, place)
    if part == "query":
        return str(good["query"][way[0]][0])
    names = [step for step in way if isinstance(step, str)]
    return names[-1] if names else str(place[0])


def _eased(place: Place, value: Any) -> Any:
    """Return what the SDK allows to be passed in shorter words, in the contract's."""
    if place == ("security_groups", 0) and isinstance(value, str):
        return {"name": value}
    if place in (("security_groups",), ("networks",)):
        entries = list(value) if isinstance(value, list | tuple | set) else [value]
        return [_eased((*place, 0), entry) for entry in entries]
    return value


def _as_json(value: Any, depth: int = 0) -> Any:
    """Return what a value is in JSON. Raises _UnsendableError where it is nothing, or only by a guess."""
    if depth > _DEEPEST or not isinstance(value, Mapping | list | tuple | str | int | float | None):
        raise _UnsendableError
    if isinstance(value, Mapping):
        if not all(isinstance(name, str) for name in value):
            raise _UnsendableError
        return {name: _as_json(member, depth + 1) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(entry, depth + 1) for entry in value]
    if isinstance(value, float) and value.is_integer():
        raise _UnsendableError  # an integer by the words of JSON Schema, and none in Python
    try:
        return json.loads(json.dumps(value, ensure_ascii=False, allow_nan=False).encode())
    except ValueError:
        raise _UnsendableError from None


def _breaks_contract(request: Sent) -> bool:
    body = b"" if request["body"] is None else json.dumps(request["body"]).encode()
    meant = _contract().meaning(
        Request(request["method"], target_of(request), {"content-type": "application/json", "x-auth-token": "t"}, body),
        appkey=CREDENTIALS[0],
        tokens={"t": True},
    )
    return bool(meant.faults)


@cache
def _contract() -> Contract:
    return Contract()


def _put(value: Any, place: Place, new: Any) -> Any:
    return without(value, place) if new is _LEFT_OUT else with_other(value, place, new)


CHECKS: Mapping[str, Callable[[], str]] = {
    f"arguments of {method}": lambda method=method: next(_problems_of(method), "")  # type: ignore[misc]
    for method in ARGUMENTS
}
"""By name: returns what is wrong, empty for nothing."""

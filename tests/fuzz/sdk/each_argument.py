"""Is each argument of each method held against the contract, whatever is passed for it?

What the contract allows is sent as it was given, and nothing else is sent at all: the caller gets one sentence that
names the argument and does not show the value.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from toast_compute import APIError

from ..service.contract import Contract
from ..service.exchange import Request
from .calls import FLAVOR, ID, NAME, PUBLIC_KEY, VOLUME
from .driver import CREDENTIALS
from .sent import Bench, Sent, problem_of_refusal
from .story import COLOURS
from .wrong_values import VALUES

SAMPLES: Mapping[str, Mapping[str, Any]] = {
    "instances.create": {
        "name": "web-02",
        "image": "1a9e0000-0000-4000-8000-000000000001",
        "flavor": FLAVOR,
        "availability_zone": "kr-pub-a",
        "key_name": NAME,
        "networks": [
            {"id": "4e700000-0000-4000-8000-000000000001", "subnet_id": "5b4e0000-0000-4000-8000-000000000001"}
        ],
        "security_groups": [{"name": "default"}],
        "volume": {"size": 730, "type": "General SSD"},
        "count": 3,
    },
    "instances.delete": {"id": ID},
    "instances.attach_volume": {"id": ID, "volume_id": VOLUME},
    "instances.detach_volume": {"id": ID, "volume_id": VOLUME},
    "instances.start": {"id": ID},
    "instances.stop": {"id": ID},
    "instances.reboot": {"id": ID, "type": "HARD"},
    "instances.resize": {"id": ID, "flavor": FLAVOR},
    "instances.upload_image": {"id": ID, "name": "my-image"},
    "instances.add_floating_ip": {"id": ID, "address": "203.0.113.10", "ip_address": "192.168.0.10"},
    "instances.remove_floating_ip": {"id": ID, "address": "203.0.113.10"},
    "instances.add_security_group": {"id": ID, "name": "web"},
    "instances.remove_security_group": {"id": ID, "name": "web"},
    "instances.run_action": {"id": ID, "action": {"action": "resize", "parameters": {"flavor": FLAVOR}}},
    "instances.get": {"id": ID},
    "instances.get_details": {"id": ID},
    "keypairs.get": {"name": NAME},
    "keypairs.create": {"name": "new-key"},
    "keypairs.upload": {"name": "new-key", "public_key": PUBLIC_KEY},
    "keypairs.delete": {"name": NAME},
    "tokens.get": {"token_id": "planted-Asked-Token-5d1c"},
}
"""What to pass by name: each value is another, so that its place in the request can be found."""

Place = tuple[str | int, ...]
"""The way down to a value, in arguments or in a request."""
_DEEPEST = 10
_OPTIONAL = frozenset({("volume",), ("count",)})
_LEFT_OUT = object()
_VALUES_WITHIN: Mapping[str, Callable[[], Any]] = {**VALUES, "nothing": lambda: _LEFT_OUT}


class _UnsendableError(Exception):
    """No request says this."""


def _problems_of(method: str) -> Iterator[str]:
    """Yield what is wrong with what becomes of each value in each place of a method's arguments."""
    arguments = SAMPLES[method]
    for colour in COLOURS:
        bench = Bench(colour)
        try:
            (good,), _ = bench.call(method, arguments)
            for place in places(arguments):
                for name, make in VALUES.items() if len(place) == 1 else _VALUES_WITHIN.items():
                    problem = _problem(bench, method, good, place, make)
                    if problem:
                        yield f"{colour}: {method} with {name} as {_spelled(place)} {problem}"
        finally:
            bench.close()


def _problem(bench: Bench, method: str, good: Sent, place: Place, make: Callable[[], Any]) -> str:
    arguments = SAMPLES[method]
    sent, error = bench.call(method, _with(arguments, place, make()))
    expected = expected_of(method, good, place, make())
    if expected is None:
        return problem_of_refusal(sent, error, _name_in_request(good, arguments, place))
    if not isinstance(error, APIError):
        return f"ended as {type(error).__name__}, and the contract allows it"
    return "" if sent == [expected] else "was sent as something else"


def expected_of(method: str, good: Sent, place: Place, value: Any) -> Sent | None:
    """Return what has to be sent for a sample with another value at a place; None when the contract does not allow it.

    `good` is what is sent for the sample as it is.
    """
    try:
        request = _placed(good, SAMPLES[method], place, value)
    except _UnsendableError:
        return None
    return None if _breaks_contract(request) else request


def _placed(good: Sent, arguments: Mapping[str, Any], place: Place, value: Any) -> Sent:
    """Return a good request with something else where an argument goes. Raises _UnsendableError."""
    value = _eased(place, value)
    first, *way = _place_in_request(good, arguments, place)
    if first == "body":
        given = _LEFT_OUT if value is None and place in _OPTIONAL else value
        return replace(good, body=_with(good.body, tuple(way), given if given is _LEFT_OUT else _as_json(given)))
    if not isinstance(value, str):
        raise _UnsendableError
    text = _as_json(value)
    if first == "path" and text in (".", ".."):
        raise _UnsendableError  # every URL library would take them for a way through folders
    if first == "path":
        return replace(good, path=tuple(_with([*good.path], tuple(way), text)))
    return replace(good, query=tuple(map(tuple, _with([*map(list, good.query)], tuple(way), text))))


def _place_in_request(good: Sent, arguments: Mapping[str, Any], place: Place) -> Place:
    """Find where an argument goes by its value, or by that of the first thing in it."""
    value, cut = _at(arguments, place), 0
    while isinstance(value, Mapping | list):
        value, cut = next(iter(value.values() if isinstance(value, Mapping) else value)), cut + 1
    whole = {"path": list(good.path), "query": list(good.query), "body": good.body}
    found = next(way for way in places(whole) if _at(whole, way) == value and not isinstance(_at(whole, way), bool))
    return found[: len(found) - cut]


def _name_in_request(good: Sent, arguments: Mapping[str, Any], place: Place) -> str:
    """Return what a place is called in the request, or has at the end of its name there."""
    first, *way = _place_in_request(good, arguments, place)
    if first == "path":
        return str(place[0])
    if first == "query":
        return good.query[int(way[0])][0].lower()
    return next((step.lower() for step in reversed(way) if isinstance(step, str)), str(place[0]))


def _eased(place: Place, value: Any) -> Any:
    """Return what the SDK allows to be passed in shorter words, in the contract's."""
    if place == ("security_groups", 0) and isinstance(value, str):
        return {"name": value}
    if place in (("security_groups",), ("networks",)):
        entries = list(value) if isinstance(value, list | tuple | set) else [value]
        return [_eased((place[0], 0), entry) for entry in entries]
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
    body = b"" if request.body is None else json.dumps(request.body).encode()
    meant = _contract().meaning(
        Request(request.method, request.target, {"content-type": "application/json", "x-auth-token": "t"}, body),
        appkey=CREDENTIALS[0],
        tokens={"t": True},
    )
    return bool(meant.faults)


@cache
def _contract() -> Contract:
    return Contract()


def places(value: Any, so_far: Place = ()) -> Iterator[Place]:
    """Every place in some arguments, those of whole lists and mappings too."""
    if so_far:
        yield so_far
    parts = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list | tuple) else ()
    for name, part in parts:
        yield from places(part, (*so_far, name))


def _at(value: Any, place: Sequence[str | int]) -> Any:
    for step in place:
        value = value[step]
    return value


def _with(value: Any, place: Place, new: Any) -> Any:
    """Return a copy with something else at a place."""
    if not place:
        return new
    made = copy.deepcopy(value)
    if new is _LEFT_OUT:
        del _at(made, place[:-1])[place[-1]]
    else:
        _at(made, place[:-1])[place[-1]] = new
    return made


def _spelled(place: Place) -> str:
    return ".".join(map(str, place))


CHECKS: Mapping[str, Callable[[], str]] = {
    f"arguments of {method}": lambda method=method: next(_problems_of(method), "")  # type: ignore[misc]
    for method in SAMPLES
}
"""By name: returns what is wrong, empty for nothing."""

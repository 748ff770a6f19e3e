"""Is every single member of a body looked at? Good bodies with one thing wrong."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from ...places import at, places, with_other, without
from ..exchange import JsonObject
from ..run import Run
from . import placeholders
from .document import example_bodies
from .fixtures import Material
from .observer import Lookout
from .preparation import Arranger, Parts

SPOILT = "spoilt"
"""The phase of these requests."""

_INSTANCE = "instanceId"
_NEW_MEMBER = "no-such-member"


def spoilt(body: JsonObject) -> Iterator[JsonObject]:
    """Return copies of a body, each with one member that is missing, that is too much, or that has another type."""
    for path in places(body):
        value = at(body, path)
        for other in _others(value):
            yield with_other(body, path, other)
        if isinstance(path[-1], str):
            yield without(body, path)
        if isinstance(value, dict):
            yield with_other(body, path, {**value, _NEW_MEMBER: 1})
    yield {**body, _NEW_MEMBER: 1}


def send_spoilt(
    run: Run, arranger: Arranger, lookout: Lookout, material: Material, operations: Collection[str]
) -> None:
    """Send each of them once. All but one thing is right, so nothing else can be why it is refused."""
    for operation, action, example in example_bodies(run.contract, run.target.credentials, material):
        if operation not in operations:
            continue
        path = {_INSTANCE: placeholders.OWN_INSTANCE} if _INSTANCE in run.contract.path(operation) else {}
        parts = Parts(path, {}, example, instance_names=(_INSTANCE,))
        arranger.arrange(operation, action, parts)
        for body in spoilt(parts.body):
            if run.is_over:
                return
            request = run.request(operation, {name: str(value) for name, value in parts.path.items()}, body)
            lookout.after(run.send(request, phase=SPOILT))


def _others(value: Any) -> Iterator[Any]:
    """Values of other types that look as much like this one as they can."""
    yield from (None, [value], {}, True, "")
    if isinstance(value, int) and not isinstance(value, bool):
        yield from (str(value), float(value) + 0.5, -value, value * 1000 + 1)
    elif isinstance(value, str):
        yield from (0, f" {value}", "a" * 300)
    elif isinstance(value, list):
        yield from (value[0], [])
    elif isinstance(value, dict):
        yield [value]

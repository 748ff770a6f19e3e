"""List the differences between two worlds, or between two moments of one."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import zip_longest
from typing import Any, Literal

import msgspec

from .lifecycle import find_all, status
from .state import Instance, World

# Who the worlds belong to, and what is next in line, does not count as a difference between them.
_NO_RESOURCES = frozenset({"account", "mint", "quotas", "tokens"})
# Which addresses of a subnet are taken follows from the interfaces; which was given last has no meaning to a client.
_BOOKKEEPING = frozenset({("subnets", "taken"), ("subnets", "last")})
_NOTHING = "nothing"


class Change(msgspec.Struct, frozen=True):
    """One difference. A value is what JSON has for it; None stands for nothing."""

    kind: Literal["created", "deleted", "changed"]
    resource: str
    """The kind of resource, such as `instances` or `floating_ips`; `tokens` and `quotas` are of the whole world."""
    id: str
    """The id, name or address of the resource; empty for what is of the whole world."""
    member: str
    """What changed, such as `interfaces[0].floatingIpAddress`; empty for a whole resource."""
    before: Any
    after: Any


def diff(before: World, after: World, now: datetime) -> list[Change]:
    """Return what differs, in the order of the worlds; nothing for equal ones. The worlds are not touched.

    Instances are compared as they show at `now`: one that is gone by then is not there. Of tokens only the number of
    those that are valid then is compared. Accounts are not compared, and no secret is in a change.
    """
    changes: list[Change] = []
    for resource in World.__struct_fields__:
        if resource in _NO_RESOURCES:
            continue
        changes += _diff_resources(resource, _visible(before, resource, now), _visible(after, resource, now))
    changes += _diff_members("quotas", "", before.quotas, after.quotas)
    changes += _diff_members("tokens", "", _valid(before, now), _valid(after, now), "count")
    return changes


def as_text(changes: Iterable[Change]) -> str:
    """Return one line for each change, for people to read."""
    return "\n".join(_line(change) for change in changes)


def _visible(world: World, resource: str, now: datetime) -> Mapping[str, msgspec.Struct]:
    if resource != "instances":
        resources: Mapping[str, msgspec.Struct] = getattr(world, resource)
        return resources
    # The lifecycle applies what is due on the spot, so it gets copies of those that are on their way.
    instances = {
        id: instance if instance.transition is None else copy.copy(instance) for id, instance in world.instances.items()
    }
    current = find_all(msgspec.structs.replace(world, instances=instances), now)
    return {instance.id: _in_shown_status(instance, now) for instance in current}


def _in_shown_status(instance: Instance, now: datetime) -> Instance:
    """Return the instance in the status that it shows; how it goes on from there does not count yet."""
    if instance.transition is None:
        return instance
    return msgspec.structs.replace(instance, status=status(instance, now), transition=None)


def _valid(world: World, now: datetime) -> int:
    return sum(now < token.expires for token in world.tokens.values())


def _diff_resources(
    resource: str, before: Mapping[str, msgspec.Struct], after: Mapping[str, msgspec.Struct]
) -> Iterator[Change]:
    for id, old in before.items():
        new = after.get(id)
        if new is None:
            yield Change("deleted", resource, id, "", _resource_value(resource, old), None)
        else:
            yield from _diff_members(resource, id, old, new)
    for id, new in after.items():
        if id not in before:
            yield Change("created", resource, id, "", None, _resource_value(resource, new))


def _resource_value(resource: str, record: msgspec.Struct) -> dict[str, Any]:
    value: dict[str, Any] = msgspec.to_builtins(record)
    return {name: member for name, member in value.items() if (resource, name) not in _BOOKKEEPING}


def _diff_members(resource: str, id: str, before: Any, after: Any, path: str = "") -> Iterator[Change]:
    """Go down to the members that differ. What is equal is left at once, so that most of a world costs nothing."""
    if before == after:
        return
    if isinstance(before, msgspec.Struct) and isinstance(after, msgspec.Struct):
        for name, encoded_name in zip(before.__struct_fields__, before.__struct_encode_fields__, strict=True):
            if (resource, name) not in _BOOKKEEPING:
                yield from _diff_members(
                    resource,
                    id,
                    getattr(before, name),
                    getattr(after, name),
                    f"{path}.{encoded_name}" if path else encoded_name,
                )
    elif isinstance(before, dict) and isinstance(after, dict):
        for key in (*before, *(key for key in after if key not in before)):
            yield from _diff_members(resource, id, before.get(key), after.get(key), f"{path}.{key}")
    elif isinstance(before, list) and isinstance(after, list):
        for index, (old, new) in enumerate(zip_longest(before, after)):
            yield from _diff_members(resource, id, old, new, f"{path}[{index}]")
    else:
        yield Change("changed", resource, id, path, msgspec.to_builtins(before), msgspec.to_builtins(after))


def _line(change: Change) -> str:
    subject = f"{change.resource} {_plain(change.id)}".strip()
    if change.kind == "changed":
        return f"{subject}: {_plain(change.member)} {_value(change.before)} -> {_value(change.after)}"
    whole = change.after if change.kind == "created" else change.before
    details = [
        f"{name} {_value(whole[name])}" for name in ("name", "status") if whole.get(name, change.id) != change.id
    ]
    return f"{subject}: {change.kind}" + (f", {', '.join(details)}" if details else "")


def _value(value: object) -> str:
    return _NOTHING if value is None else json.dumps(value, ensure_ascii=False)


def _plain(text: str) -> str:
    """Return a name as it is, or quoted where it would break the line."""
    return text if text.isprintable() else json.dumps(text)

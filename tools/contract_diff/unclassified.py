"""The changes that no other comparison covers. Prose and examples are harmless; anything else counts as breaking."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from generator.contract.document import pointer_of

from .changes import Changes, Location, formatted

# Read by people and tools, never by clients.
_PROSE = frozenset(
    {"description", "summary", "title", "example", "examples", "links", "tags", "externalDocs", "deprecated"}
    | {"message", "meaning", "basis", "$comment"}
)
_PROSE_AT_THE_TOP = (["info"], ["openapi"])
_LONGEST_VALUE = 60


class _Difference(NamedTuple):
    """Two values that differ; None where one is missing."""

    location: Location
    old: Any
    new: Any


def compare(old: dict[str, Any], new: dict[str, Any], changes: Changes) -> None:
    """Note every difference of two contracts that has not been compared before."""
    for difference in _differences(Location.same("#"), old, new):
        if changes.is_compared(difference.location):
            continue
        what = f"was {_brief(difference.old)}, is {_brief(difference.new)}"
        if _is_prose(str(difference.location)):
            changes.compatible(difference.location, what, "nothing that travels has changed")
        else:
            changes.breaking(difference.location, what, "it is not known to be harmless")


def _differences(location: Location, old: Any, new: Any) -> Iterator[_Difference]:
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _of_members(location, old, new, {key: key for key in old}, {key: key for key in new})
    elif isinstance(old, list) and isinstance(new, list) and old and new and all(map(_identity, (*old, *new))):
        before, after = ({_identity(item): index for index, item in enumerate(items)} for items in (old, new))
        yield from _of_members(location, old, new, before, after)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new) and _are_objects(*old, *new):
        places: dict[object, int] = {index: index for index in range(len(old))}
        yield from _of_members(location, old, new, places, places)
    elif old != new or type(old) is not type(new):
        yield _Difference(location, old, new)


def _of_members(
    location: Location, old: Any, new: Any, before: Mapping[object, Any], after: Mapping[object, Any]
) -> Iterator[_Difference]:
    """Pair the members of two containers by name or identity; `before` and `after` have their keys or indices."""
    for name in [*before, *(name for name in after if name not in before)]:
        if name in before and name in after:
            where = Location(pointer_of(location.old, before[name]), pointer_of(location.new, after[name]))
            yield from _differences(where, old[before[name]], new[after[name]])
        elif name in before:
            yield _Difference(Location.gone(pointer_of(location.old, before[name])), old[before[name]], None)
        else:
            yield _Difference(Location.fresh(pointer_of(location.new, after[name])), None, new[after[name]])


def _are_objects(*items: object) -> bool:
    return all(isinstance(item, dict) for item in items)


def _identity(item: object) -> object:
    """Return what identifies an item of a list at any index, or None for an item without identity."""
    if not isinstance(item, dict):
        return None
    for keys in (("$ref",), ("in", "name"), ("code",), ("from", "to", "subsystem"), ("name",), ("url",)):
        if all(key in item for key in keys):
            return tuple(item[key] for key in keys)
    return None


def _is_prose(pointer: str) -> bool:
    keys = pointer.split("/")[1:]
    # A member of an object may be called like a keyword.
    return keys[:1] in _PROSE_AT_THE_TOP or any(
        key in _PROSE and above != "properties" for above, key in pairwise(["", *keys])
    )


def _brief(value: object) -> str:
    text = " ".join(formatted(value).split())
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."

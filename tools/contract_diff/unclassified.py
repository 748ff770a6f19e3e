"""What else changed, that nobody has looked at? Words and examples are harmless; the rest is not taken to be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from generator.contract.document import pointer_of

from .changes import Changes, Spot, shown

# What people and tools read, and no client acts on.
_WORDS = frozenset(
    {"description", "summary", "title", "example", "examples", "links", "tags", "externalDocs", "deprecated"}
    | {"message", "meaning", "basis", "$comment"}
)
_WORDS_AT_THE_TOP = (["info"], ["openapi"])
_SHOWN_CHARACTERS = 60


class _Difference(NamedTuple):
    """Two values that differ; None where one is missing."""

    spot: Spot
    old: Any
    new: Any


def compare(old: dict[str, Any], new: dict[str, Any], changes: Changes) -> None:
    """Note every difference of two contracts that is not covered by what was noted before."""
    for difference in _differences(Spot.same("#"), old, new):
        if changes.covers(difference.spot):
            continue
        what = f"was {_brief(difference.old)}, is {_brief(difference.new)}"
        if _is_words(str(difference.spot)):
            changes.compatible(difference.spot, what, "nothing that travels has changed")
        else:
            changes.breaking(difference.spot, what, "it is not known to be harmless")


def _differences(spot: Spot, old: Any, new: Any) -> Iterator[_Difference]:
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _of_members(spot, old, new, {key: key for key in old}, {key: key for key in new})
    elif isinstance(old, list) and isinstance(new, list) and old and new and all(map(_identity, (*old, *new))):
        before, after = ({_identity(item): index for index, item in enumerate(items)} for items in (old, new))
        yield from _of_members(spot, old, new, before, after)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new) and _are_objects(*old, *new):
        places: dict[object, int] = {index: index for index in range(len(old))}
        yield from _of_members(spot, old, new, places, places)
    elif old != new or type(old) is not type(new):
        yield _Difference(spot, old, new)


def _of_members(
    spot: Spot, old: Any, new: Any, before: Mapping[object, Any], after: Mapping[object, Any]
) -> Iterator[_Difference]:
    """Pair the members of two containers by name or identity; `before` and `after` say where each stands."""
    for name in [*before, *(name for name in after if name not in before)]:
        if name in before and name in after:
            where = Spot(pointer_of(spot.old, before[name]), pointer_of(spot.new, after[name]))
            yield from _differences(where, old[before[name]], new[after[name]])
        elif name in before:
            yield _Difference(Spot.gone(pointer_of(spot.old, before[name])), old[before[name]], None)
        else:
            yield _Difference(Spot.fresh(pointer_of(spot.new, after[name])), None, new[after[name]])


def _are_objects(*items: object) -> bool:
    return all(isinstance(item, dict) for item in items)


def _identity(item: object) -> object:
    """What tells an item of a list from the others, wherever it stands in it; None for items that have nothing."""
    if not isinstance(item, dict):
        return None
    for keys in (("$ref",), ("in", "name"), ("code",), ("from", "to", "subsystem"), ("name",), ("url",)):
        if all(key in item for key in keys):
            return tuple(item[key] for key in keys)
    return None


def _is_words(pointer: str) -> bool:
    keys = pointer.split("/")[1:]
    # A member of an object may be called like a keyword.
    return keys[:1] in _WORDS_AT_THE_TOP or any(
        key in _WORDS and above != "properties" for above, key in pairwise(["", *keys])
    )


def _brief(value: object) -> str:
    text = " ".join(shown(value).split())
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."

"""The comparison of the values that two schemas allow: types, limits and lists."""

from __future__ import annotations

from .changes import Changes, Direction, formatted
from .path import LocatedSchema, location

_LOWER = ("minLength", "minItems", "minProperties", "minimum", "exclusiveMinimum")
_UPPER = ("maxLength", "maxItems", "maxProperties", "maximum", "exclusiveMaximum")
# Of two of these it cannot be decided which allows more.
_OPAQUE = ("pattern", "format", "contentEncoding", "contentMediaType")
# Formats that restrict nothing and only describe a value.
_FREE_FORMATS = frozenset({None, "password"})
LIMITS = frozenset({"type", "enum", "const", "default", "multipleOf", "uniqueItems", *_LOWER, *_UPPER, *_OPAQUE})
"""The keywords that are compared here."""


def compare_limits(was: LocatedSchema, now: LocatedSchema, direction: Direction, changes: Changes) -> None:
    """Compare which values two schemas allow, members, items and forms apart."""
    _compare_types(was, now, direction, changes)
    _compare_choice(was, now, direction, changes)
    for keyword in (*_LOWER, *_UPPER):
        _compare_bound(was, now, keyword, direction, changes)
    before, after = was.schema.get("multipleOf"), now.schema.get("multipleOf")
    if before != after:
        _shift(
            was,
            now,
            "multipleOf",
            direction,
            changes,
            wider=before is not None and (after is None or before % after != 0 or after < before),
            narrower=after is not None and (before is None or before % after != 0),
        )
    before, after = was.schema.get("uniqueItems", False), now.schema.get("uniqueItems", False)
    if before != after:
        _shift(was, now, "uniqueItems", direction, changes, wider=before, narrower=after)
    for keyword in _OPAQUE:
        before, after = was.schema.get(keyword), now.schema.get(keyword)
        if before != after:
            free = _FREE_FORMATS if keyword == "format" else {None}
            narrower, wider = after not in free, before not in free
            _shift(was, now, keyword, direction, changes, wider=wider, narrower=narrower)
    before, after = was.schema.get("default"), now.schema.get("default")
    if before != after:
        where, what = location(was, now, "default"), f"was {formatted(before)}, is {formatted(after)}"
        if direction is Direction.REQUEST:
            changes.breaking(where, what, "requests that leave it out may mean something else")
        else:
            changes.compatible(where, what, "replies carry the value itself")


def _compare_types(was: LocatedSchema, now: LocatedSchema, direction: Direction, changes: Changes) -> None:
    before, after = _types(was), _types(now)
    if before != after:
        _shift(was, now, "type", direction, changes, wider=not after <= before, narrower=not before <= after)


def _types(place: LocatedSchema) -> frozenset[str]:
    types = place.schema.get("type", ["array", "boolean", "integer", "null", "number", "object", "string"])
    if "allOf" in place.schema or "oneOf" in place.schema:
        types = "object" if "type" not in place.schema else types
    found = frozenset(types if isinstance(types, list) else [types])
    # Every integer is a number.
    return found | {"integer"} if "number" in found else found


def _compare_choice(was: LocatedSchema, now: LocatedSchema, direction: Direction, changes: Changes) -> None:
    """Compare lists of values. Replies are read openly: old clients keep a value that they do not know."""
    before, after = _choice(was), _choice(now)
    keyword = "const" if "const" in now.schema or "const" in was.schema else "enum"
    if before is None or after is None:
        if before is not after:
            what = (
                f"any value is allowed now, not only {formatted(before)}"
                if after is None
                else f"only {formatted(after)} now"
            )
            wider = after is None and keyword == "const"
            changes.shift(direction, location(was, now, keyword), what, wider=wider, narrower=after is not None)
        return
    for value in before:
        if value not in after:
            what = f"{formatted(value)} is no longer one of the values"
            changes.shift(direction, location(was, now, keyword), what, wider=False, narrower=True)
    for value in after:
        if value not in before:
            what = f"{formatted(value)} is a new value"
            if keyword == "enum" and direction is Direction.REPLY:
                changes.compatible(location(was, now, keyword), what, "old clients keep values that they do not know")
            else:
                wider = keyword == "const"
                changes.shift(direction, location(was, now, keyword), what, wider=wider, narrower=False)


def _choice(place: LocatedSchema) -> list[object] | None:
    if "const" in place.schema:
        return [place.schema["const"]]
    values = place.schema.get("enum")
    return None if values is None else list(values)


def _compare_bound(
    was: LocatedSchema, now: LocatedSchema, keyword: str, direction: Direction, changes: Changes
) -> None:
    before, after = was.schema.get(keyword), now.schema.get(keyword)
    if before == after:
        return
    if before is None or after is None:
        wider = after is None
    else:
        wider = after < before if keyword in _LOWER else after > before
    _shift(was, now, keyword, direction, changes, wider=wider, narrower=not wider)


def _shift(
    was: LocatedSchema,
    now: LocatedSchema,
    keyword: str,
    direction: Direction,
    changes: Changes,
    *,
    wider: bool,
    narrower: bool,
) -> None:
    what = f"was {formatted(was.schema.get(keyword))}, is {formatted(now.schema.get(keyword))}"
    changes.shift(direction, location(was, now, keyword), what, wider=wider, narrower=narrower)

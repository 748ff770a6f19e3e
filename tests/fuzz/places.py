"""Places in a JSON value, and copies with a change at one of them."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

Place = tuple[str | int, ...]
"""The way down to a value: names of members and numbers of entries."""


def places(value: Any, so_far: Place = ()) -> Iterator[Place]:
    """Return every place in a value but its own, each before those within it."""
    parts = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for step, part in parts:
        yield (*so_far, step)
        yield from places(part, (*so_far, step))


def at(value: Any, place: Place) -> Any:
    """Return what is at a place."""
    for step in place:
        value = value[step]
    return value


def with_other(value: Any, place: Place, other: Any) -> Any:
    """Return a copy with something else at a place."""
    made = copy.deepcopy(value)
    at(made, place[:-1])[place[-1]] = other
    return made


def without(value: Any, place: Place) -> Any:
    """Return a copy without what is at a place."""
    made = copy.deepcopy(value)
    del at(made, place[:-1])[place[-1]]
    return made

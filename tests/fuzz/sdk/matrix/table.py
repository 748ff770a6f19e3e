"""Collect the checks of the matrix: one of each subject for each row and variant."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..bench import VARIANTS

CHECKS: dict[str, Callable[[], str]] = {}
"""By name: returns what is wrong, empty for nothing."""

Find = Callable[..., Iterator[str]]


def check(rows: Iterable[Any] | None = None) -> Callable[[Find], Find]:
    """Add a function to the matrix: it gets a variant and, if there are any, a row, and yields what is wrong."""
    arguments = [()] if rows is None else [(row,) for row in rows]

    def add(find: Find) -> Find:
        for row in arguments:
            for variant in VARIANTS:
                name = ", ".join([find.__name__.replace("_", " "), *map(str, row), variant])
                assert name not in CHECKS, name
                CHECKS[name] = lambda row=row, variant=variant: next(find(variant, *row), "")  # type: ignore[misc]
        return find

    return add

"""Report what was measured and whether it keeps within its bound."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Literal, NamedTuple, TypeAlias

Sign: TypeAlias = Literal["<", "<=", ">="]

_HOLDS = {"<": operator.lt, "<=": operator.le, ">=": operator.ge}
_HEAD = ("what", "measured", "bound", "")
_TOO_MUCH = {"MiB": "too big"}  # by unit; whatever else does not keep its bound is too slow


class Bound(NamedTuple):
    """What a figure has to be."""

    sign: Sign
    limit: float


class Row(NamedTuple):
    """One figure. Without a bound it stands there to be compared."""

    name: str
    measured: float
    unit: str
    bound: Bound | None = None

    @property
    def holds(self) -> bool:
        """Whether the figure keeps within its bound."""
        return self.bound is None or bool(_HOLDS[self.bound.sign](self.measured, self.bound.limit))

    @property
    def verdict(self) -> str:
        """Return what the table says about it."""
        if self.bound is None:
            return ""
        return "ok" if self.holds else _TOO_MUCH.get(self.unit, "too slow")


def table(rows: Iterable[Row]) -> str:
    """Return the rows as text, aligned."""
    cells = [_HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEAD))]
    return "\n".join(
        f"{name:<{widths[0]}}  {measured:>{widths[1]}}  {bound:>{widths[2]}}  {verdict}".rstrip()
        for name, measured, bound, verdict in cells
    )


def _cells(row: Row) -> tuple[str, str, str, str]:
    bound = "" if row.bound is None else f"{row.bound.sign} {_figure(row.bound.limit)} {row.unit}"
    return row.name, f"{_figure(row.measured)} {row.unit}", bound, row.verdict


def _figure(value: float) -> str:
    """Three digits, or more where they stand before the point; no point where there is nothing behind it."""
    digits = 0 if abs(value) >= 100 or value == int(value) else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"

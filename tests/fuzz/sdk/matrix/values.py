"""List values of many types, most of them invalid wherever they are passed; some are valid, and of a derived type."""

from __future__ import annotations

import copy
import datetime as dt
import math
import reprlib
import uuid
from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import IntEnum, StrEnum
from functools import partial
from typing import Any

PLANTED = "planted"
"""A part of every long text here, which no error may show."""


class _Text(str):
    __slots__ = ()

    def __repr__(self) -> str:
        return f"_Text({str(self)!r})"


class _Other:
    def __repr__(self) -> str:
        return "an object"


_Few = IntEnum("_Few", ["ONE", "TWO"])
_Named = StrEnum("_Named", {"SOFT": "SOFT"})
_ENDLESS: list[Any] = []
_ENDLESS.append(_ENDLESS)
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, _Few(2), 10, 11, 15, 1010, -10, 10.0, 1.5, math.nan, math.inf, 10**40, Decimal(10),
    "", " ", "x", _Text("derived-text"), _Named("SOFT"), "soft", "planted text", "planted?x=1&y=2#z%41+%",
    "planted/../x", "..", "planted\nline", "planted\x00", "심은값", "planted\ud800", "planted-" + "x" * 13,
    "planted-" + "x" * 292, b"planted-bytes", uuid.UUID(int=7), dt.datetime(2020, 1, 1, tzinfo=dt.UTC), _Other(), repr,
    [], {}, [None], ["planted-entry"], (7,), {7}, [["planted-entry"]], _ENDLESS, {"unheard": 1}, {1: 2},
)  # fmt: skip

VALUES: Mapping[str, Callable[[], Any]] = {reprlib.repr(value): partial(copy.deepcopy, value) for value in _VALUES}
"""By what they are called in a report; each is made anew, since what is passed may be changed."""
assert len(VALUES) == len(_VALUES)

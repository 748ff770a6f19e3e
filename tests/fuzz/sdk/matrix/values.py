"""List invalid values of many types; some are valid, and of a derived type."""

from __future__ import annotations

import datetime as dt
import math
import uuid
from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Any

PLANTED = "planted"
"""A part of every long text here, which no error may show."""


class _Text(str):
    __slots__ = ()


class _Few(IntEnum):
    TWO = 2


class _Named(StrEnum):
    SOFT = "SOFT"


def _nested() -> list[Any]:
    """A list that holds itself."""
    endless: list[Any] = []
    endless.append(endless)
    return endless


VALUES: Mapping[str, Callable[[], Any]] = {
    "None": lambda: None,
    "True": lambda: True,
    "False": lambda: False,
    "0": lambda: 0,
    "1": lambda: 1,
    "2 of an enum": lambda: _Few.TWO,
    "10": lambda: 10,
    "11": lambda: 11,
    "15": lambda: 15,
    "1010": lambda: 1010,
    "-10": lambda: -10,
    "a whole float": lambda: 10.0,
    "a half": lambda: 1.5,
    "NaN": lambda: math.nan,
    "infinity": lambda: math.inf,
    "a number of 40 digits": lambda: 10**40,
    "a decimal": lambda: Decimal(10),
    "an empty text": lambda: "",
    "a space": lambda: " ",
    "a letter": lambda: "x",
    "a text of a derived type": lambda: _Text("derived-text"),
    "a text of an enum": lambda: _Named.SOFT,
    "a text in another case": lambda: "soft",
    "a text with a space": lambda: "planted text",
    "a text with signs": lambda: "planted?x=1&y=2#z%41+%",
    "a text with a slash": lambda: "planted/../x",
    "two dots": lambda: "..",
    "a text with a line": lambda: "planted\nline",
    "a text with a zero": lambda: "planted\x00",
    "a Korean text": lambda: "심은값",
    "a lone surrogate": lambda: "planted\ud800",
    "21 letters": lambda: "planted-" + "x" * 13,
    "300 letters": lambda: "planted-" + "x" * 292,
    "bytes": lambda: b"planted-bytes",
    "a UUID": lambda: uuid.UUID(int=7),
    "a date": lambda: dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
    "an object": object,
    "a function": lambda: repr,
    "an empty list": list,
    "an empty mapping": dict,
    "a list of None": lambda: [None],
    "a list of a text": lambda: ["planted-entry"],
    "a tuple of a number": lambda: (7,),
    "a set": lambda: {7},
    "a list in a list": lambda: [["planted-entry"]],
    "a list in itself": _nested,
    "a mapping with an unknown member": lambda: {"unheard": 1},
    "a mapping with a number for a name": lambda: {1: 2},
}
"""By what they are called in a report; each is made anew, since what is passed may be changed."""

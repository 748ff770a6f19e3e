"""Problems of requests: the messages of msgspec, reworded, with the field's whole path."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
IPV4_PATTERN = rf"^{_OCTET}(\.{_OCTET}){{3}}\Z"
"""Decimal octets without leading zeros: RFC 2673 section 3.2, which JSON Schema's format ipv4 names. msgspec checks no
formats, so the models carry it as a pattern."""

_NAMES = {
    "str": "a string",
    "int": "a whole number",
    "float": "a decimal number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


class Finding(NamedTuple):
    """One problem and its place: a path such as ``instance.networks[0].id``, empty for the whole value."""

    path: str
    reason: str


def explain(text: str) -> Finding:
    """Turn the text of a ``msgspec.ValidationError`` into a path and a reason that never shows the value."""
    message, _, place = text.partition(" - at `$")
    path = place.removesuffix("`").removeprefix(".")
    for pattern, reword in _MEMBER_MESSAGES:
        if found := re.match(pattern, message):
            return Finding(f"{path}.{found[1]}".removeprefix("."), reword(found))
    for pattern, reword in _VALUE_MESSAGES:
        if found := re.fullmatch(pattern, message):
            return Finding(path, reword(found))
    # The rule of a whole model has a message of ours; any other message might contain a value.
    return Finding(path, message if message.startswith("at least ") else "breaks the contract")


def _type(name: str) -> str:
    return " or ".join(_NAMES.get(part, part) for part in name.split(" | "))


def _count(found: re.Match[str], one: str, many: str) -> str:
    return f"{found[1]} {one if found[1] == '1' else many}"


def _pattern(found: re.Match[str]) -> str:
    pattern = found[1].replace("\\\\", "\\")
    return "must be an IPv4 address" if pattern == IPV4_PATTERN else f"must match {pattern.replace(chr(92) + 'Z', '$')}"


_Reword = Callable[[re.Match[str]], str]

# Messages that name a member in their text instead of in the path.
_MEMBER_MESSAGES: tuple[tuple[str, _Reword], ...] = (
    (r"Object missing required field `([^`]*)`", lambda _: "is missing"),
    (r"Object contains unknown field `([^`]*)`", lambda _: "there is no such member"),
    (r"`([^`]*)` (must be one of .*)", lambda found: found[2]),
)
_VALUE_MESSAGES: tuple[tuple[str, _Reword], ...] = (
    (r"Expected `(?:str|array)` of length >= 1", lambda _: "must not be empty"),
    (r"Expected `str` of length >= (\d+)", lambda found: f"needs at least {_count(found, 'character', 'characters')}"),
    (
        r"Expected `str` of length <= (\d+)",
        lambda found: f"may have at most {found[1]} characters",
    ),
    (r"Expected `array` of length >= (\d+)", lambda found: f"needs at least {_count(found, 'entry', 'entries')}"),
    (r"Expected `array` of length <= (\d+)", lambda found: f"may have at most {_count(found, 'entry', 'entries')}"),
    (r"Expected `str` matching regex '(.*)'", _pattern),
    (r"Expected `int` >= (-?\d+)", lambda found: f"must be at least {found[1]}"),
    (r"Expected `int` <= (-?\d+)", lambda found: f"must be at most {found[1]}"),
    (r"Expected `int` that's a multiple of (\d+)", lambda found: f"must be a multiple of {found[1]}"),
    (r"Expected `(.+)`, got `(.+)`", lambda found: f"must be {_type(found[1])}, not {_type(found[2])}"),
    (r"Invalid value '.*'", lambda _: "is not one of the allowed values"),
)

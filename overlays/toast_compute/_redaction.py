"""Secrets that no repr shows, and text of others made safe for a message."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NoReturn

MASK = "***"
# Longer ones are cut.
_SHOWN_CHARACTERS = 300
# White space is joined before the cut; of more than this nothing would be shown anyway.
_READ_CHARACTERS = 4096


class Secret:
    """A string that no repr, format, traceback local or pickle shows."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        # Anything but a string is kept as it is, and refused where it is used: a refusal here would show it.
        self._value: str = str.__str__(value) if isinstance(value, str) else value

    def reveal(self) -> str:
        """Return the string itself, for the one place that needs it."""
        return self._value

    def __repr__(self) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled or copied")


def mask(text: str, secrets: Iterable[Secret]) -> str:
    """Replace every one of `secrets` in `text`, also where it is encoded, in part or as a whole."""
    values = {secret.reveal() for secret in secrets} - {""}
    # A lookahead finds overlapping places too, and not only the next one behind the last.
    patterns = (f"(?=({''.join(map(_spellings, value))}))" for value in values)
    found = sorted(match.span(1) for pattern in patterns for match in re.finditer(pattern, text))
    # Places that touch or overlap are masked as one, so that no rest of a secret is left between them.
    shown, end = "", 0
    for first, last in found:
        if first > end or not shown:
            shown += text[end:first] + MASK
        end = max(end, last)
    return shown + text[end:]


def one_line(text: str) -> str:
    """Return a text on one line, without terminal control sequences, and cut where it is too long."""
    plain = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", " ", text[:_READ_CHARACTERS])
    line = " ".join(plain.split())
    return line if len(line) <= _SHOWN_CHARACTERS else line[:_SHOWN_CHARACTERS] + "..."


def _spellings(character: str) -> str:
    """Return a pattern for a character as it is, in a URL, and in a JSON string."""
    in_url = "".join(f"%{byte:02x}" for byte in character.encode(errors="surrogatepass"))
    in_json = "".join(f"\\\\u{unit:04x}" for unit in _utf_16(character))
    space = r"|\+" if character == " " else ""
    return rf"(?:\\?{re.escape(character)}|(?i:{in_url}|{in_json}){space})"


def _utf_16(character: str) -> list[int]:
    encoded = character.encode("utf-16-be", errors="surrogatepass")
    return [int.from_bytes(encoded[at : at + 2]) for at in range(0, len(encoded), 2)]

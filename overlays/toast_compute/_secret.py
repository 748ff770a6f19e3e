"""How is a secret carried about without ever showing?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn
from urllib.parse import quote

MASK = "***"


class Secret:
    """A string that no repr, format, traceback local or pickle shows."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = str.__str__(value)

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
    """Return `text` with every one of `secrets` replaced, also where it stands percent-encoded."""
    spellings = {spelling for secret in secrets for spelling in (secret.reveal(), quote(secret.reveal(), safe=""))}
    # Longest first, so that a secret that contains another one leaves no rest behind.
    for spelling in sorted(spellings - {""}, key=len, reverse=True):
        text = text.replace(spelling, MASK)
    return text

"""Define the base of all effects, the checks that all parts of a rule share, and their error."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from ..exchange import Reply

LONGEST_DELAY = 86_400.0
"""Seconds, a day: operating systems sleep no longer than some years at once, and no client waits for so long."""
LAST_MOMENT = 253_402_300_799.0
"""Seconds since 1970: the end of the year 9999, behind which there is no date to show."""

_ECHO_LIMIT = 40


class FaultError(ValueError):
    """A fault rule cannot be. Its text is one sentence that begins with the place, such as `match.nth`."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(field, reason)
        self.field = field
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.field}: {self.reason}"


class RulePart(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True
):
    """The base of what a rule is made of. It cannot be changed, and is written in camel case as JSON."""


def _kebab(class_name: str) -> str:
    """`ShortBody` as `short-body`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", class_name).lower()


class BaseEffect(RulePart, frozen=True, tag_field="kind", tag=_kebab):
    """What goes wrong. Unless overridden, the operation is carried out once and its reply arrives as it is."""

    @property
    def kind(self) -> str:
        """The effect's name in JSON, such as `short-body`."""
        return str(self.__struct_config__.tag)

    @property
    def commits(self) -> bool:
        """Return whether the operation is carried out."""
        return True

    @property
    def times(self) -> int:
        """How often it is carried out, where it is."""
        return 1

    @property
    def fails(self) -> bool:
        """Return whether the changes of status that the operation begins end in ERROR."""
        return False

    @property
    def stale(self) -> bool:
        """Return whether it is answered from what was there before the last write."""
        return False

    @property
    def says(self) -> str:
        """What happens, in words that can follow `createInstance: `."""
        raise NotImplementedError

    def apply(self, reply: Reply) -> Reply:
        """Return what becomes of the reply that would have been given.

        Where the operation is not carried out, `reply` has nothing in it that matters.
        """
        return reply


def carried_out(commit: bool) -> str:
    """Return how the description of an effect begins."""
    return "carried out" if commit else "not carried out"


def check_whole(field: str, value: object, least: int | None = None) -> None:
    """Raise FaultError unless the value is an integer of at least `least`."""
    if not isinstance(value, int) or isinstance(value, bool) or (least is not None and value < least):
        raise FaultError(field, "must be an integer" + ("" if least is None else f" of at least {least}"))


def check_number(field: str, value: object, least: float, most: float) -> None:
    """Raise FaultError unless the value is a number in this range."""
    if not _is_number(value) or not least <= value <= most:  # type: ignore[operator]
        raise FaultError(field, f"must be a number from {least:.15g} to {most:.15g}")


def check_seconds(field: str, value: object, most: float = LONGEST_DELAY) -> None:
    """Raise FaultError unless the value is a number of seconds that is not negative."""
    if not _is_number(value) or not value >= 0:  # type: ignore[operator]
        raise FaultError(field, "must be a number of seconds, and not negative")
    if not value <= most:  # type: ignore[operator]
        raise FaultError(field, f"must be at most {most:.15g} seconds")


def check_flag(field: str, value: object) -> None:
    """Raise FaultError unless the value is true or false."""
    if not isinstance(value, bool):
        raise FaultError(field, "must be true or false")


def check_text(field: str, value: object, most: int) -> None:
    """Raise FaultError unless the value is a text of up to `most` printable characters, and of one at least."""
    if not isinstance(value, str) or not value or len(value) > most or not value.isprintable():
        raise FaultError(field, f"must be a text of 1 to {most} printable characters")


def check_name(field: str, value: object, known: Iterable[str]) -> None:
    """Raise FaultError unless the value is one of the known ones."""
    names = list(known)
    if not isinstance(value, str):
        raise FaultError(field, "must be a string")
    if value not in names:
        raise FaultError(field, f"there is no {_shorten(value)}, only {', '.join(names)}")


def check_choice(field: str, value: object, options: tuple[object, ...]) -> None:
    """Raise FaultError unless the value is one of a few."""
    if isinstance(value, bool) or value not in options:
        *others, last = map(str, options)
        raise FaultError(field, f"must be {', '.join(others)} or {last}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shorten(value: str) -> str:
    return repr(value if len(value) <= _ECHO_LIMIT else value[:_ECHO_LIMIT] + "…")

"""The changes found so far, and the locations that have been compared."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Direction(Enum):
    """The way a schema travels: replies break when it allows more than before, requests when it allows less."""

    REQUEST = "request"
    REPLY = "reply"


@dataclass(frozen=True, slots=True)
class Location:
    """The JSON pointers of something in the old contract and in the new one; empty where it does not exist."""

    old: str
    new: str

    @classmethod
    def same(cls, pointer: str) -> Location:
        """Return the location that has one pointer in both."""
        return cls(pointer, pointer)

    @classmethod
    def gone(cls, pointer: str) -> Location:
        """Return the location of something that only the old one has."""
        return cls(pointer, "")

    @classmethod
    def fresh(cls, pointer: str) -> Location:
        """Return the location of something that only the new one has."""
        return cls("", pointer)

    def __str__(self) -> str:
        return self.new or self.old


@dataclass(frozen=True, slots=True)
class Change:
    """One change at one place."""

    pointer: str
    """A JSON pointer into the new contract, or into the old one for what is gone."""
    is_breaking: bool
    what: str
    why: str

    def __str__(self) -> str:
        return f"{'breaking' if self.is_breaking else 'compatible':<10}  {self.pointer}: {self.what}: {self.why}"


class Changes:
    """Collects changes, and the locations that have been compared."""

    def __init__(self) -> None:
        self._found: list[Change] = []
        # Pointers with all that lies below them, and pointers alone.
        self._whole_old: set[str] = set()
        self._whole_new: set[str] = set()
        self._alone_old: set[str] = set()
        self._alone_new: set[str] = set()

    def breaking(self, location: Location, what: str, why: str, *, alone: bool = False) -> None:
        """Note a change that breaks old clients; `alone` when what lies below is compared separately."""
        self._add(location, True, what, why, alone)

    def compatible(self, location: Location, what: str, why: str, *, alone: bool = False) -> None:
        """Note a change that breaks nobody."""
        self._add(location, False, what, why, alone)

    def shift(
        self, direction: Direction, location: Location, what: str, *, wider: bool, narrower: bool, alone: bool = False
    ) -> None:
        """Note that a schema allows more than before, less, or (both) something else."""
        if direction is Direction.REQUEST and narrower:
            self.breaking(location, what, "requests that were valid are refused", alone=alone)
        elif direction is Direction.REQUEST:
            self.compatible(location, what, "requests that were valid stay so", alone=alone)
        elif wider:
            self.breaking(location, what, "replies may carry values that old clients cannot read", alone=alone)
        else:
            self.compatible(location, what, "old clients can read all that comes", alone=alone)

    def mark_compared(self, location: Location) -> None:
        """Note that the value at a location has been compared, but not what lies below it."""
        self._alone_old.add(location.old)
        self._alone_new.add(location.new)

    def is_compared(self, location: Location) -> bool:
        """Return whether a location has been compared, by itself or with one above it."""
        return _is_among(location.old, self._alone_old, self._whole_old) or _is_among(
            location.new, self._alone_new, self._whole_new
        )

    def found(self) -> list[Change]:
        """Return the changes, breaking ones first. A change that breaks one direction is not repeated for the other."""
        broken = {(change.pointer, change.what) for change in self._found if change.is_breaking}
        kept = {one for one in self._found if one.is_breaking or (one.pointer, one.what) not in broken}
        return sorted(kept, key=lambda change: (not change.is_breaking, change.pointer, change.what))

    def _add(self, location: Location, is_breaking: bool, what: str, why: str, alone: bool) -> None:
        self._found.append(Change(str(location), is_breaking, what, why))
        if alone:
            self.mark_compared(location)
        else:
            self._whole_old.add(location.old)
            self._whole_new.add(location.new)


def _is_among(pointer: str, alone: set[str], whole: set[str]) -> bool:
    if not pointer:
        return False
    if pointer in alone:
        return True
    while pointer:
        if pointer in whole:
            return True
        pointer = pointer.rpartition("/")[0]
    return False


def formatted(value: object) -> str:
    """Return a value of a contract as readable text."""
    if isinstance(value, list):
        return f"[{', '.join(map(formatted, value))}]"
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    return str(value)

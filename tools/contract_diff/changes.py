"""What was found to have changed, and which places need no second look?"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Direction(Enum):
    """Which way a schema travels: what allows more than before breaks one way, what allows less the other."""

    REQUEST = "request"
    REPLY = "reply"


@dataclass(frozen=True, slots=True)
class Spot:
    """Where something stands in the old contract and in the new one, as JSON pointers; empty where it does not."""

    old: str
    new: str

    @classmethod
    def same(cls, pointer: str) -> Spot:
        """Return the spot that has one pointer in both."""
        return cls(pointer, pointer)

    @classmethod
    def gone(cls, pointer: str) -> Spot:
        """Return the spot of what stands only in the old one."""
        return cls(pointer, "")

    @classmethod
    def fresh(cls, pointer: str) -> Spot:
        """Return the spot of what stands only in the new one."""
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
    """Collects changes, and the places that have been looked at."""

    def __init__(self) -> None:
        self._found: list[Change] = []
        # Places with all that lies below them, and places by themselves.
        self._whole_old: set[str] = set()
        self._whole_new: set[str] = set()
        self._alone_old: set[str] = set()
        self._alone_new: set[str] = set()

    def breaking(self, spot: Spot, what: str, why: str, *, alone: bool = False) -> None:
        """Note a change that breaks old clients; `alone` when it says nothing of what lies below."""
        self._add(spot, True, what, why, alone)

    def compatible(self, spot: Spot, what: str, why: str, *, alone: bool = False) -> None:
        """Note a change that breaks nobody."""
        self._add(spot, False, what, why, alone)

    def shift(
        self, direction: Direction, spot: Spot, what: str, *, wider: bool, narrower: bool, alone: bool = False
    ) -> None:
        """Note that a schema allows more than before, less, or (both) something else."""
        if direction is Direction.REQUEST and narrower:
            self.breaking(spot, what, "requests that were valid are refused", alone=alone)
        elif direction is Direction.REQUEST:
            self.compatible(spot, what, "requests that were valid stay so", alone=alone)
        elif wider:
            self.breaking(spot, what, "replies may carry what old clients cannot read", alone=alone)
        else:
            self.compatible(spot, what, "old clients can read all that comes", alone=alone)

    def looked_at(self, spot: Spot) -> None:
        """Note that the value at a place has been compared, though not what lies below it."""
        self._alone_old.add(spot.old)
        self._alone_new.add(spot.new)

    def covers(self, spot: Spot) -> bool:
        """Return whether a place has been looked at, by itself or with one above it."""
        return _is_among(spot.old, self._alone_old, self._whole_old) or _is_among(
            spot.new, self._alone_new, self._whole_new
        )

    def found(self) -> list[Change]:
        """Return the changes, what breaks first. What breaks one way is not told again for the other."""
        broken = {(change.pointer, change.what) for change in self._found if change.is_breaking}
        kept = {one for one in self._found if one.is_breaking or (one.pointer, one.what) not in broken}
        return sorted(kept, key=lambda change: (not change.is_breaking, change.pointer, change.what))

    def _add(self, spot: Spot, is_breaking: bool, what: str, why: str, alone: bool) -> None:
        self._found.append(Change(str(spot), is_breaking, what, why))
        if alone:
            self.looked_at(spot)
        else:
            self._whole_old.add(spot.old)
            self._whole_new.add(spot.new)


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


def shown(value: object) -> str:
    """Write a value of a contract as people read it."""
    if isinstance(value, list):
        return f"[{', '.join(map(shown, value))}]"
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    return str(value)

"""Hold the faults of one mock, count what they match, and choose what fires."""

from __future__ import annotations

import threading
from collections.abc import Collection
from hashlib import sha256
from typing import NamedTuple, Unpack

import msgspec

from .base import FaultError
from .delays import Delay, DelayLogNormal, DelayUniform
from .presets import PRESET_NAMES, PresetOptions, preset
from .rules import AnyDelay, CallContext, Effect, Fault, FaultState
from .state_effects import StaleRead

_DELAYS = (Delay, DelayUniform, DelayLogNormal)
# 52 bits and a half are what a float holds exactly: with more, a fraction could be rounded up to 1.
_FRACTIONS = 2**52
_SURPLUS_BITS = 64 - 52
# Where in a digest the bytes for each chance begin.
_FOR_PROBABILITY = 0
_FOR_DELAYS = (8, 16)


class Chosen(NamedTuple):
    """What goes wrong with a call."""

    names: tuple[str, ...]
    """The faults that fired, in their order."""
    delay: float
    """Seconds on the mock's clock by which the reply is late."""
    effect: Effect | None
    """What else goes wrong; None for nothing. Never one of the delays."""


class FaultPlan:
    """The faults of one mock. The same seed and the same calls give the same faults. Safe for threads.

    It is true while there is a fault that can fire yet.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._lock = threading.Lock()
        self._faults: dict[str, _ActiveFault] = {}
        self._usable: tuple[_ActiveFault, ...] = ()
        self._wants_history = False

    def __bool__(self) -> bool:
        return bool(self._usable)

    @property
    def wants_history(self) -> bool:
        """Return whether what there was before a write can still be asked for, by a stale read."""
        return self._wants_history

    def choose(self, call: CallContext) -> Chosen | None:
        """Return what goes wrong with this call, and note it; None for nothing.

        All delays that are due add up. Of the other effects, that of the fault which was added first wins; the others
        have seen the call, but keep their budget.
        """
        if not self._usable:
            return None
        with self._lock:
            fired: list[_ActiveFault] = []
            delay = 0.0
            effect: Effect | None = None
            for active in self._usable:
                fault = active.fault
                if not fault.fits(call):
                    continue
                active.matched += 1
                if (active.delay is None and effect is not None) or not self._is_due(active):
                    continue
                if active.delay is None:
                    effect = fault.effect
                else:
                    digest = self._digest(active)
                    delay += active.delay.draw(_fraction(digest, _FOR_DELAYS[0]), _fraction(digest, _FOR_DELAYS[1]))
                active.used += 1
                fired.append(active)
            if not fired:
                return None
            if any(active.remaining == 0 for active in fired):
                self._refresh()
            return Chosen(tuple([active.fault.name for active in fired]), delay, effect)

    def add(self, *faults: Fault) -> tuple[str, ...]:
        """Add faults behind those that there are, and return their names.

        A fault without a name gets one from its effect and operation. That, and the name that a preset gave, is
        made unique by -2, -3 and so on; any other name can be used once. Raises FaultError, and adds none then.
        """
        with self._lock:
            new: dict[str, _ActiveFault] = {}
            for fault in faults:
                if not isinstance(fault, Fault):
                    raise FaultError("faults", "must be faults, one by one; `use` takes the name of a preset")
                taken = self._faults.keys() | new.keys()
                if fault.name and fault.name not in PRESET_NAMES:
                    if fault.name in taken:
                        raise FaultError("name", f"there is already a fault {fault.name!r}")
                    name = fault.name
                else:
                    name = _unique(fault.name or _name_for(fault), taken)
                new[name] = _ActiveFault(msgspec.structs.replace(fault, name=name))
            self._faults |= new
            self._refresh()
            return tuple(new)

    def use(self, name: str, **options: Unpack[PresetOptions]) -> tuple[str, ...]:
        """Add the faults of a preset, and return their names. Raises FaultError.

        The options replace what the preset has itself: `budget`, `operation`, and all else that Match has.
        """
        return self.add(*preset(name, **options))

    def remove(self, name: str) -> None:
        """Remove a fault. Raises FaultError when there is none of this name."""
        with self._lock:
            if self._faults.pop(name, None) is None:
                raise FaultError("name", "there is no such fault")
            self._refresh()

    def clear(self) -> None:
        """Remove all faults, and forget what they did."""
        with self._lock:
            self._faults = {}
            self._refresh()

    def unused(self) -> list[str]:
        """Return the names of the faults that never fired."""
        with self._lock:
            return [name for name, active in self._faults.items() if not active.used]

    def list(self) -> list[FaultState]:
        """Return all faults in the order in which they are tried, spent ones as well."""
        with self._lock:
            return [
                FaultState(active.fault, active.matched, active.used, active.remaining)
                for active in self._faults.values()
            ]

    def _is_due(self, active: _ActiveFault) -> bool:
        """Return whether nth, every and probability hold for the call that it has just matched."""
        match = active.fault.match
        chance = 0.0 if match.probability is None else _fraction(self._digest(active), _FOR_PROBABILITY)
        return match.picks(active.matched, chance)

    def _digest(self, active: _ActiveFault) -> bytes:
        """Return the bytes that decide all chance in this call of this fault."""
        return sha256(f"{self._seed}/{active.fault.name}/{active.matched}".encode()).digest()

    def _refresh(self) -> None:
        self._usable = tuple(active for active in self._faults.values() if active.remaining != 0)
        self._wants_history = any(isinstance(active.fault.effect, StaleRead) for active in self._usable)


class _ActiveFault:
    """A fault in a plan."""

    __slots__ = ("delay", "fault", "matched", "used")

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.delay: AnyDelay | None = fault.effect if isinstance(fault.effect, _DELAYS) else None
        self.matched = 0
        self.used = 0

    @property
    def remaining(self) -> int | None:
        return None if self.fault.budget is None else self.fault.budget - self.used


def _fraction(digest: bytes, start: int) -> float:
    """Return a number between 0 and 1, both excluded, out of eight bytes."""
    return ((int.from_bytes(digest[start : start + 8]) >> _SURPLUS_BITS) + 0.5) / _FRACTIONS


def _name_for(fault: Fault) -> str:
    """Return a name such as `lose-reply-createInstance`."""
    parts = (fault.effect.kind, fault.match.operation, fault.match.action)
    return "-".join(part for part in parts if part is not None)


def _unique(stem: str, taken: Collection[str]) -> str:
    name, number = stem, 1
    while name in taken:
        number += 1
        name = f"{stem}-{number}"
    return name

"""Provide the clocks that a mock, and the SDK with it, can run on."""

from __future__ import annotations

import contextlib
import time
from datetime import datetime
from typing import Protocol, runtime_checkable

from .auto_jump import AutoJumpClock
from .timeline import START_OF_FROZEN_TIME, Sleeper, Timeline, require_finite

__all__ = [
    "FASTEST",
    "START_OF_FROZEN_TIME",
    "AutoJumpClock",
    "Clock",
    "FrozenClock",
    "RealClock",
    "ScaledClock",
    "SettableClock",
    "parse_clock",
]

FASTEST = 100_000  # a day is 270 years then; much faster, and the years soon run out of what a date can hold
PATIENCE_SECONDS = 10.0
SERVER_IDLE_SECONDS = 0.05  # longer than a client takes from one request to its next, and too short for people to mind

_DAY = 86_400.0  # operating systems sleep no longer than some years at once
_KINDS = f"must be real, frozen, scaled:N with a number N above 0 and at most {FASTEST}, or auto-jump"
_START = "a moment after @ must be a date and time with its offset, such as 2026-01-15T09:00:00Z"


class Clock(Protocol):
    """What the mock and the SDK need of time. Safe for threads."""

    def now(self) -> float:
        """Return the seconds since 1970 in UTC. They never go back."""
        ...

    def monotonic(self) -> float:
        """Return seconds from any start; they go with `now`."""
        ...

    def sleep(self, seconds: float, /) -> None:
        """Block the calling thread for so many seconds of this clock; not at all for 0 and less."""
        ...

    async def sleep_async(self, seconds: float, /) -> None:
        """Let the calling task sleep for so many seconds of this clock; for one turn of its loop for 0 and less."""
        ...


@runtime_checkable
class SettableClock(Clock, Protocol):
    """A clock that can be moved on."""

    def advance(self, seconds: float) -> None:
        """Move on by so many seconds. Raises ValueError, in one sentence, for a negative or infinite number."""
        ...

    def set(self, moment: float) -> None:
        """Move on to a moment in seconds since 1970. Raises ValueError, in one sentence, for one in the past."""
        ...


class RealClock:
    """The clock of this machine as it was when this was made; from then on it runs evenly, even if that one is set."""

    def __init__(self) -> None:
        self._start = time.time()
        self._began = time.monotonic()

    def now(self) -> float:
        """Return the seconds since 1970 in UTC."""
        return self._start + (time.monotonic() - self._began)

    def monotonic(self) -> float:
        """Return the seconds of the system's monotonic clock."""
        return time.monotonic()

    def sleep(self, seconds: float, /) -> None:
        """Block the calling thread for so many seconds; not at all for 0 and less."""
        require_finite("seconds", seconds)
        time.sleep(max(seconds, 0.0))

    async def sleep_async(self, seconds: float, /) -> None:
        """Let the calling task sleep for so many seconds."""
        import asyncio  # loaded by those who sleep in this way, and not by a blocking client

        require_finite("seconds", seconds)
        await asyncio.sleep(seconds)


class FrozenClock(Timeline):
    """Stands still until somebody advances or sets it.

    Who sleeps on it waits for that, but no longer than `patience` real seconds: TimeoutError then.
    """

    def __init__(self, start: float = START_OF_FROZEN_TIME, *, patience: float = PATIENCE_SECONDS) -> None:
        super().__init__(start)
        if not 0 < patience <= _DAY:
            raise ValueError("patience: a frozen clock needs a number of seconds above 0, and at most a day")
        self._seconds = 0.0
        self._patience = patience

    def _elapsed(self) -> float:
        return self._seconds

    def _set_elapsed(self, elapsed: float) -> None:
        self._seconds = elapsed

    def _check(self, sleeper: Sleeper) -> float | None:
        left = sleeper.since + self._patience - time.monotonic()
        if left <= 0:
            missing = sleeper.due - self._seconds
            raise TimeoutError(
                f"the clock is frozen, and nobody advanced it by the {missing:g} s that are missing within "
                f"{self._patience:g} real seconds"
            )
        return left


class ScaledClock(Timeline):
    """Runs `factor` times as fast as real time, from the present or from another start."""

    def __init__(self, factor: float, start: float | None = None) -> None:
        if not 0 < factor <= FASTEST:
            raise ValueError(f"factor: a scaled clock needs a number above 0 and at most {FASTEST}")
        super().__init__(time.time() if start is None else start)
        self._factor = factor
        self._seconds = 0.0
        self._began = time.monotonic()

    def _elapsed(self) -> float:
        return self._seconds + (time.monotonic() - self._began) * self._factor

    def _set_elapsed(self, elapsed: float) -> None:
        self._seconds = elapsed
        self._began = time.monotonic()

    def _check(self, sleeper: Sleeper) -> float | None:
        elapsed = self._elapsed()
        if elapsed >= sleeper.due:
            self._advance_to(elapsed)
        return min((sleeper.due - elapsed) / self._factor, _DAY)


def parse_clock(text: str) -> Clock:
    """Make the clock that a command line names: `real`, `frozen`, `scaled:N` or `auto-jump`.

    All but the first can start at a moment: `frozen@2026-01-15T09:00:00Z`. Raises ValueError, in one sentence.
    """
    name, at, moment = text.partition("@")
    kind, colon, factor = name.partition(":")
    if kind not in ("real", "frozen", "scaled", "auto-jump") or bool(colon) is not (kind == "scaled"):
        raise ValueError(_KINDS)
    if kind == "real":
        if at:
            raise ValueError("a real clock cannot start at another moment than the present")
        return RealClock()
    start = _parse_moment(moment) if at else None
    if kind == "scaled":
        with contextlib.suppress(ValueError):
            return ScaledClock(float(factor), start)
        raise ValueError(_KINDS)
    if kind == "frozen":
        return FrozenClock(START_OF_FROZEN_TIME if start is None else start)
    return AutoJumpClock(START_OF_FROZEN_TIME if start is None else start, idle_seconds=SERVER_IDLE_SECONDS)


def _parse_moment(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(_START) from None
    if moment.tzinfo is None:
        raise ValueError(_START)
    return moment.timestamp()

"""What time is it? The clocks that a mock can run on."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Protocol

FASTEST = 100_000  # a day is 270 years then; much faster, and the years soon run out of what a date can hold
START_OF_FROZEN_TIME = datetime(2026, 1, 15, 9, tzinfo=UTC).timestamp()  # the moment that the contract's examples show


class Clock(Protocol):
    """What the mock needs of time. It is read once for each request."""

    def now(self) -> float:
        """Return the seconds since 1970 in UTC."""
        ...


class RealClock:
    """The clock of this machine."""

    def now(self) -> float:
        """Return the seconds since 1970 by the system's clock."""
        return time.time()


class FrozenClock:
    """Stands still until it is advanced."""

    def __init__(self, start: float = START_OF_FROZEN_TIME) -> None:
        self._now = start
        self._lock = threading.Lock()

    def now(self) -> float:
        """Return the seconds since 1970 at which it stands."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move on by so many seconds. Raises ValueError for a negative number."""
        if not seconds >= 0:
            raise ValueError("seconds: a clock cannot go back")
        with self._lock:
            self._now += seconds


class ScaledClock:
    """Starts at the present and runs `factor` times as fast as real time."""

    def __init__(self, factor: float) -> None:
        if not 0 < factor <= FASTEST:
            raise ValueError(f"factor: a scaled clock needs a number above 0 and at most {FASTEST}")
        self._factor = factor
        self._start = time.time()
        self._began = time.monotonic()

    def now(self) -> float:
        """Return the seconds since 1970 in its own time."""
        return self._start + (time.monotonic() - self._began) * self._factor

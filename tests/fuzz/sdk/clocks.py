"""Which time is it where nobody waits? A clock that goes on at once by what somebody sleeps."""

from __future__ import annotations

import asyncio
import math
import threading

from toast_compute_mock.timeline import START_OF_FROZEN_TIME


class EndlessError(Exception):
    """Somebody sleeps beyond all sense."""


class SteppingClock:
    """Time goes on when somebody sleeps or it is advanced, and only then. The SDK and the mock accept it.

    It is for one client at a time: who sleeps beside another sleeper does not wait for that one. So it needs no look at
    what threads and tasks are doing, and a story takes the same course each time.
    """

    def __init__(self) -> None:
        self._elapsed = 0.0
        self.limit = math.inf
        """By `monotonic`: who sleeps beyond it gets an EndlessError, so that a wait without end is seen."""
        self._lock = threading.Lock()

    def now(self) -> float:
        """Return the seconds since 1970 in UTC."""
        return START_OF_FROZEN_TIME + self._elapsed

    def monotonic(self) -> float:
        """Return the seconds since the start."""
        return self._elapsed

    def advance(self, seconds: float) -> None:
        """Move on."""
        with self._lock:
            self._elapsed += max(0.0, seconds)

    def sleep(self, seconds: float, /) -> None:
        """Move on by as much, at once. Raises EndlessError."""
        self._pass(seconds)

    async def sleep_async(self, seconds: float, /) -> None:
        """Move on by as much, after a turn of the loop."""
        self._pass(seconds)
        await asyncio.sleep(0)

    def _pass(self, seconds: float) -> None:
        self.advance(seconds)
        if self._elapsed > self.limit:
            raise EndlessError

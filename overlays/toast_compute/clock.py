"""Clocks: where a client takes its time from, and how it sleeps."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """The time of a client. Pass your own to let a test decide how fast it passes."""

    def monotonic(self) -> float:
        """Return seconds that never go back, from any start."""
        ...

    def sleep(self, seconds: float, /) -> None:
        """Block the calling thread for so many seconds. `ToastCompute` sleeps with it."""
        ...

    async def sleep_async(self, seconds: float, /) -> None:
        """Let the calling task sleep for so many seconds. `AsyncToastCompute` sleeps with it."""
        ...


class RealClock:
    """The clock of this machine."""

    def monotonic(self) -> float:
        """Return the seconds of the system's monotonic clock."""
        return time.monotonic()

    def sleep(self, seconds: float, /) -> None:
        """Block the calling thread for so many seconds."""
        time.sleep(seconds)

    async def sleep_async(self, seconds: float, /) -> None:
        """Let the calling task sleep for so many seconds."""
        import asyncio  # here, since a sync client does not need it

        await asyncio.sleep(seconds)

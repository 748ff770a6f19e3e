"""Where does time come from?"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """What the client needs of time. Pass your own to let a test decide how fast it goes."""

    def monotonic(self) -> float:
        """Return seconds that never go back, from any start."""
        ...

    def sleep(self, seconds: float, /) -> None:
        """Block the calling thread for so many seconds. `ToastCompute` waits with it."""
        ...

    async def sleep_async(self, seconds: float, /) -> None:
        """Let the calling task sleep for so many seconds. `AsyncToastCompute` waits with it."""
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
        import asyncio  # loaded by those who sleep in this way, and not by a blocking client

        await asyncio.sleep(seconds)

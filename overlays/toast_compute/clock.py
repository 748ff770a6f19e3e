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
        """Come back after so many seconds."""
        ...


class RealClock:
    """The clock of this machine."""

    def monotonic(self) -> float:
        """Return the seconds of the system's monotonic clock."""
        return time.monotonic()

    def sleep(self, seconds: float, /) -> None:
        """Block the calling thread for so many seconds."""
        time.sleep(seconds)

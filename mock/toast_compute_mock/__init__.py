"""Run a cloud of your own: `MockCloud`, in-process or on a socket."""

from __future__ import annotations

from .clock.clocks import AutoJumpClock, Clock, FrozenClock, RealClock, ScaledClock, SettableClock
from .cloud import MockCloud

__all__ = ["AutoJumpClock", "Clock", "FrozenClock", "MockCloud", "RealClock", "ScaledClock", "SettableClock"]

"""What does a program import to have a cloud of its own? `MockCloud`, in-process or on a socket."""

from __future__ import annotations

from .clock import Clock, FrozenClock, RealClock, ScaledClock
from .cloud import MockCloud

__all__ = ["Clock", "FrozenClock", "MockCloud", "RealClock", "ScaledClock"]

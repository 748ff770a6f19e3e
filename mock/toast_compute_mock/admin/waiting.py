"""Wait for something in a reply of the admin API, without blocking anybody."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from ..clock.clocks import AutoJumpClock, Clock, FrozenClock, RealClock, ScaledClock
from ..exchange import JsonObject

_KINDS = {RealClock: "real", FrozenClock: "frozen", ScaledClock: "scaled", AutoJumpClock: "auto-jump"}


class PendingAnswer(NamedTuple):
    """What an operation returns when its payload may not be there yet."""

    poll: Callable[[], JsonObject | None]


def kind_of(clock: Clock) -> str:
    """Return what the command line calls this clock, or `custom`."""
    return next((kind for known, kind in _KINDS.items() if isinstance(clock, known)), "custom")


def poll_until(poll: Callable[[bool], JsonObject | None], real_seconds: float) -> PendingAnswer:
    """Return what `poll` will return; it gets whether the time is up, and must return something then."""
    deadline = time.monotonic() + real_seconds
    return PendingAnswer(lambda: poll(time.monotonic() >= deadline))


def sleep(clock: Clock, seconds: float, real_seconds: float) -> PendingAnswer:
    """Wait until the clock has moved so far, but not longer than `real_seconds`."""
    is_over = _sleep_in_thread(clock, seconds) if isinstance(clock, AutoJumpClock) else _time_has_passed(clock, seconds)

    def poll(is_last: bool) -> JsonObject | None:
        over = is_over()
        if not over and not is_last:
            return None
        now = clock.now()
        return {"over": over, "now": datetime.fromtimestamp(now, UTC), "seconds": now}

    return poll_until(poll, real_seconds)


def _time_has_passed(clock: Clock, seconds: float) -> Callable[[], bool]:
    """Return a function that returns whether so many seconds have passed from now on."""
    due = clock.now() + seconds
    return lambda: clock.now() >= due


def _sleep_in_thread(clock: AutoJumpClock, seconds: float) -> Callable[[], bool]:
    """Sleep on the clock, and return a function that returns whether that is over without using the clock.

    It jumps when everybody sleeps, so somebody has to, in a thread of its own; and it jumps late when somebody keeps
    asking it for the time. Its sleeps always end, also those for which no client waits any more.
    """
    over = threading.Event()

    def sleep_through() -> None:
        clock.sleep(seconds)
        over.set()

    if seconds > 0:
        threading.Thread(target=sleep_through, name="sleeper of the admin API", daemon=True).start()
    else:
        over.set()
    return over.is_set

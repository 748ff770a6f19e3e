"""Keep the time of a clock that can be moved, and wake who sleeps on it."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import sys
import threading
import time
from abc import ABC, abstractmethod
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

START_OF_FROZEN_TIME = datetime(2026, 1, 15, 9, tzinfo=UTC).timestamp()  # the moment that the contract's examples show
LAST_YEAR = 9000  # a date cannot hold much more, and what expires after now must fit in, too
LAST_MOMENT = datetime(LAST_YEAR, 1, 1, tzinfo=UTC).timestamp()

_ROUNDING = 1e-6  # 0.7 s and 0.1 s are a little less than 0.8 s; the mock itself counts in microseconds
_FEW_SLEEPERS = 64  # sleepers that gave up and are not worth tidying away


class Sleeper:
    """Who sleeps until a moment, in seconds since the clock's start. What is here is guarded by the clock's lock."""

    __slots__ = ("due", "is_over", "since", "thread")

    def __init__(self, due: float) -> None:
        self.due = due
        self.since = time.monotonic()
        self.thread = threading.current_thread()
        self.is_over = False

    def wake(self) -> None:
        """End the sleep."""
        self.is_over = True


class ThreadSleeper(Sleeper):
    """A thread that sleeps."""

    __slots__ = ("_condition", "_lock")

    def __init__(self, due: float, lock: threading.RLock) -> None:
        super().__init__(due)
        self._lock = lock
        self._condition: threading.Condition | None = None  # made late: on an auto-jump clock many never wait

    def wake(self) -> None:
        """End the sleep."""
        super().wake()
        self.recheck()

    def recheck(self) -> None:
        """Let the thread check again whether its sleep is over."""
        if self._condition is not None:
            self._condition.notify()

    def wait(self, real_seconds: float | None) -> None:
        """Let go of the lock until there is a reason to check again, or so many seconds are over; None for no limit."""
        if self._condition is None:
            self._condition = threading.Condition(self._lock)
        self._condition.wait(real_seconds)


class TaskSleeper(Sleeper):
    """A task that sleeps in an event loop."""

    __slots__ = ("future", "loop")

    def __init__(self, due: float, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(due)
        self.loop = loop
        self.future: asyncio.Future[None] = loop.create_future()

    def wake(self) -> None:
        """End the sleep, from whatever thread."""
        super().wake()
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody sleeps there any more
            if threading.current_thread() is self.thread:
                self._finish()
            else:
                self.loop.call_soon_threadsafe(self._finish)

    def _finish(self) -> None:
        if not self.future.done():
            self.future.set_result(None)


class Timeline(ABC):
    """Time that somebody moves, and those who sleep until it has come. Safe for threads.

    It counts from its start in floating-point seconds: sums of whole and half seconds are exact. What `now` returns has
    steps of a quarter of a microsecond, since so many seconds have passed since 1970.
    """

    def __init__(self, start: float) -> None:
        if not 0 <= start <= LAST_MOMENT:
            raise ValueError(f"start: a clock needs a moment between the years 1970 and {LAST_YEAR}")
        self._start = start
        # A finalizer or a signal handler may come in at any point, and use the same clock.
        self._lock = threading.RLock()
        self._sleepers: list[tuple[float, int, Sleeper]] = []
        self._numbers = itertools.count()
        self._abandoned = 0
        self._last_use = time.monotonic()  # when somebody used it last, in real seconds

    def now(self) -> float:
        """Return the seconds since 1970 in UTC."""
        with self._lock:
            self._note_use()
            return self._start + self._elapsed()

    def monotonic(self) -> float:
        """Return the seconds since the clock's start."""
        with self._lock:
            self._note_use()
            return self._elapsed()

    def advance(self, seconds: float) -> None:
        """Move on by so many seconds, and wake who is due then. Raises ValueError for a number below 0 or no number."""
        with self._lock:
            self._note_use()
            require_finite("seconds", seconds)
            if seconds < 0:
                raise ValueError("seconds: a clock cannot go back")
            elapsed = self._elapsed() + seconds
            self._require_representable("seconds", elapsed)
            self._advance_to(elapsed, _ROUNDING)

    def set(self, moment: float) -> None:
        """Move on to a moment in seconds since 1970, and wake who is due then. Raises ValueError if it is past."""
        with self._lock:
            self._note_use()
            require_finite("moment", moment)
            if moment < self._start + self._elapsed():
                raise ValueError("moment: a clock cannot go back")
            elapsed = max(moment - self._start, self._elapsed())
            self._require_representable("moment", elapsed)
            self._advance_to(elapsed, _ROUNDING)

    def sleep(self, seconds: float, /) -> None:
        """Block the calling thread until so many seconds have passed on this clock; at once for 0 and less.

        Raises ValueError for a number that is not finite.
        """
        with self._lock:
            due = self._due(seconds)
            if due is None:
                return
            sleeper = ThreadSleeper(due, self._lock)
            self._add(sleeper)
            try:
                while not sleeper.is_over:
                    pause = self._check(sleeper)
                    if not sleeper.is_over:
                        sleeper.wait(pause)
            finally:
                self._remove(sleeper)

    async def sleep_async(self, seconds: float, /) -> None:
        """Let the calling task sleep until so many seconds have passed on this clock; one turn for 0 and less.

        Raises ValueError for a number that is not finite.
        """
        import asyncio  # loaded by those who sleep in this way, and not by a blocking client

        with self._lock:
            due = self._due(seconds)
            sleeper = None if due is None else TaskSleeper(due, asyncio.get_running_loop())
            if sleeper is not None:
                self._add(sleeper)
        if sleeper is None:
            await asyncio.sleep(0)
            return
        try:
            while not sleeper.is_over:
                with self._lock:
                    pause = self._check(sleeper)
                if pause is None:
                    await sleeper.future
                elif not sleeper.is_over:
                    await asyncio.wait((sleeper.future,), timeout=pause)
        finally:
            with self._lock:
                self._remove(sleeper)

    # What a kind of clock adds. All of it is called with the lock held.

    @abstractmethod
    def _elapsed(self) -> float:
        """Return the seconds since the start."""

    @abstractmethod
    def _set_elapsed(self, elapsed: float) -> None:
        """Let so many seconds have passed since the start."""

    @abstractmethod
    def _check(self, sleeper: Sleeper) -> float | None:
        """Wake the sleeper if it is time, or else return in how many real seconds it has to check again; None is never.

        Raises TimeoutError when it has slept long enough.
        """

    def _note_use(self) -> None:
        """Notice that somebody uses the clock."""
        self._last_use = time.monotonic()

    def _add(self, sleeper: Sleeper) -> None:
        if self._abandoned > _FEW_SLEEPERS and self._abandoned * 2 > len(self._sleepers):
            self._sleepers = [entry for entry in self._sleepers if not entry[2].is_over]
            heapq.heapify(self._sleepers)
            self._abandoned = 0
        heapq.heappush(self._sleepers, (sleeper.due, next(self._numbers), sleeper))

    def _wake(self, sleeper: Sleeper) -> None:
        sleeper.wake()

    def _remove(self, sleeper: Sleeper) -> None:
        """Forget a sleeper. One that gives up is only marked: a finalizer may call this while the heap is changed."""
        if not sleeper.is_over:
            sleeper.is_over = True
            self._abandoned += 1

    def _next_sleeper(self) -> Sleeper | None:
        """Return the sleeper that is due next."""
        while self._sleepers and self._sleepers[0][2].is_over:
            heapq.heappop(self._sleepers)
            self._abandoned -= 1
        return self._sleepers[0][2] if self._sleepers else None

    def _advance_to(self, elapsed: float, tolerance: float = 0.0) -> None:
        """Let so many seconds have passed, or up to `tolerance` more if that is when somebody is due; wake who is."""
        limit = elapsed + tolerance
        woken = []
        while (first := self._next_sleeper()) is not None and first.due <= limit:
            heapq.heappop(self._sleepers)
            elapsed = max(elapsed, first.due)
            woken.append(first)
        self._set_elapsed(elapsed)
        for sleeper in woken:
            self._wake(sleeper)

    def _due(self, seconds: float) -> float | None:
        """Return when a sleep that begins now ends; None when it ends at once."""
        self._note_use()
        require_finite("seconds", seconds)
        elapsed = self._elapsed()
        due = elapsed + seconds
        self._require_representable("seconds", due)
        return due if due > elapsed else None

    def _require_representable(self, name: str, elapsed: float) -> None:
        if elapsed > LAST_MOMENT - self._start:
            raise ValueError(f"{name}: a clock cannot go beyond the year {LAST_YEAR}")


def require_finite(name: str, value: float) -> None:
    """Raise ValueError, naming the argument, for a number that is not finite."""
    if not abs(value) <= sys.float_info.max:
        raise ValueError(f"{name}: a clock needs a finite number")

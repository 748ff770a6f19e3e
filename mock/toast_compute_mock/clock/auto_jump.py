"""Move time on to who is due next as soon as everybody waits."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from .idle_detection import Participant, is_drained, may_have_sockets
from .timeline import LAST_MOMENT, START_OF_FROZEN_TIME, Sleeper, TaskSleeper, ThreadSleeper, Timeline

if TYPE_CHECKING:
    import asyncio

GRACE_SECONDS = 0.02
LONGEST_GRACE = 60.0

_LONGEST_HOLD = 10.0  # real seconds: then time moves on, however busy the others are
_ABSENT_AFTER = 0.5  # real seconds without a sign of life, after which a thread is taken to wait for something else
_POLL_SECONDS = 0.005  # real seconds between two checks whether the others have ended
_FAST_CHECKS = 32  # of an event loop, after which it is checked less often


class AutoJumpClock(Timeline):
    """Moves on to who is due next as soon as everybody waits, and wakes them at exactly that moment.

    Everybody is: the threads that ever slept on it, as long as they live, and the event loops in which tasks sleep on
    it. A loop waits when it has no callback to run; a delay in real time, such as `asyncio.sleep` or a timeout, and
    work in a thread that never slept on the clock do not hold it, unless they are within `busy`.

    Where nobody can know whether somebody still works, time moves on after `grace` real seconds in which nobody used
    the clock: while a thread neither sleeps nor ends, since it may wait for others that sleep; while a loop has sockets
    open, or does not show what it has to do, as uvloop's; and while somebody is within `busy`. A thread that has not
    used the clock for half a second is no longer waited for, until it does. However busy the others are, time moves on
    after ten real seconds: no sleep lasts forever.

    `idle_seconds` is for a server whose clients sleep on clocks of their own: when `now` is asked after so many real
    seconds in which nobody used the clock, and nobody sleeps on it, time first moves on to what `next_event` returns,
    in seconds since 1970. None, the default, never does that.
    """

    def __init__(
        self,
        start: float = START_OF_FROZEN_TIME,
        *,
        grace: float = GRACE_SECONDS,
        idle_seconds: float | None = None,
    ) -> None:
        super().__init__(start)
        if not 0 < grace <= LONGEST_GRACE:
            raise ValueError(f"grace: needs a number of seconds above 0, and at most {LONGEST_GRACE:g}")
        if idle_seconds is not None and not idle_seconds > 0:
            raise ValueError("idle_seconds: needs a number of seconds above 0, or None")
        self.next_event: Callable[[], float | None] | None = None
        self._grace = grace
        self._idle_seconds = idle_seconds
        self._seconds = 0.0
        self._participants: dict[threading.Thread, Participant] = {}
        self._awake: set[Participant] = set()
        self._busy = 0
        self._blocked: dict[ThreadSleeper, None] = {}  # in the order in which they fell asleep
        self._poller: ThreadSleeper | None = None  # the one that checks whether the others have ended
        self._held_since = self._last_use  # since when time stands still while somebody sleeps, in real seconds

    def now(self) -> float:
        """Return the seconds since 1970 in UTC."""
        with self._lock:
            next_event = self.next_event if self._is_idle() else None
            self._note_use()
            if next_event is None:
                return self._start + self._seconds
        # Without the lock: whoever answers may hold a lock of its own, and ask this clock under it.
        self._skip_to(next_event())
        return super().now()

    @contextlib.contextmanager
    def busy(self) -> Iterator[None]:
        """Say that something is under way that the clock cannot see, such as a request on a socket.

        Time does not move on at once within it, only after the grace: who sleeps within it still wakes.
        """
        with self._lock:
            self._note_use()
            self._busy += 1
        try:
            yield
        finally:
            with self._lock:
                self._note_use()
                self._busy -= 1
                self._jump_if_all_wait()

    def _is_idle(self) -> bool:
        """Return whether this is a gap in which the clients of a server may be asleep."""
        return (
            self._idle_seconds is not None
            and time.monotonic() - self._last_use >= self._idle_seconds
            and self._next_sleeper() is None
        )

    def _skip_to(self, moment: float | None) -> None:
        with self._lock:
            if moment is not None and self._next_sleeper() is None:
                elapsed = min(moment, LAST_MOMENT) - self._start
                if elapsed > self._seconds:
                    self._advance_to(elapsed)

    def _elapsed(self) -> float:
        return self._seconds

    def _set_elapsed(self, elapsed: float) -> None:
        self._seconds = elapsed
        self._held_since = time.monotonic()

    def _note_use(self) -> None:
        super()._note_use()
        participant = self._participants.get(threading.current_thread())
        if participant is not None:
            participant.last_use = self._last_use
            self._schedule_check(participant)

    def _add(self, sleeper: Sleeper) -> None:
        if self._next_sleeper() is None:
            self._held_since = time.monotonic()
            for waiting in self._awake:
                self._schedule_check(waiting)
        super()._add(sleeper)
        participant = self._participants.get(sleeper.thread)
        if participant is None:
            participant = self._participants[sleeper.thread] = Participant(sleeper.thread)
        if isinstance(sleeper, ThreadSleeper):
            participant.has_slept = participant.is_asleep = True
            self._awake.discard(participant)
            self._blocked[sleeper] = None
        elif isinstance(sleeper, TaskSleeper):
            if participant.loop is not sleeper.loop:
                participant.enter_loop(sleeper.loop)
            participant.tasks.add(sleeper)
            self._schedule_check(participant)
            if participant.watcher is None:
                participant.watcher = sleeper.loop.call_later(
                    _POLL_SECONDS, self._watch_loop, participant, sleeper.loop
                )

    def _wake(self, sleeper: Sleeper) -> None:
        super()._wake(sleeper)
        self._note_wake(sleeper)

    def _remove(self, sleeper: Sleeper) -> None:
        if not sleeper.is_over:
            super()._remove(sleeper)
            self._note_wake(sleeper)
        if self._poller is sleeper:
            self._poller = next(iter(self._blocked), None)
            if self._poller is not None:
                self._poller.recheck()

    def _note_wake(self, sleeper: Sleeper) -> None:
        """Notice that a sleep is over, or has been given up."""
        if isinstance(sleeper, ThreadSleeper):
            self._blocked.pop(sleeper, None)
        participant = self._participants.get(sleeper.thread)
        if participant is None:  # its thread has ended
            return
        participant.last_use = self._last_use
        if isinstance(sleeper, TaskSleeper):
            participant.tasks.discard(sleeper)
        else:
            participant.is_asleep = False
            self._awake.add(participant)
        self._schedule_check(participant)

    def _check(self, sleeper: Sleeper) -> float | None:
        if not isinstance(sleeper, ThreadSleeper):
            return None  # its event loop watches
        while not sleeper.is_over and self._jump_if_all_wait():
            pass
        if sleeper.is_over:
            return None
        if self._poller is None:
            self._poller = sleeper
        return self._jump_after_grace() if self._poller is sleeper else None

    def _jump(self) -> None:
        """Move on to who is due next."""
        first = self._next_sleeper()
        if first is not None:
            self._last_use = time.monotonic()
            self._advance_to(first.due)

    def _jump_after_grace(self) -> float:
        """Move on if the grace is over, and return in how many real seconds to check again."""
        left = min(self._last_use + self._grace, self._held_since + _LONGEST_HOLD) - time.monotonic()
        if left > 0:
            return min(left, _POLL_SECONDS)
        self._jump()
        return min(self._grace, _POLL_SECONDS)

    def _jump_if_all_wait(self) -> bool:
        """Move on if that is sure, and return whether somebody was woken."""
        if self._busy or self._next_sleeper() is None:
            return False
        for participant in tuple(self._awake):
            if not participant.thread.is_alive():
                self._awake.discard(participant)
                del self._participants[participant.thread]
            elif participant.must_be_waited_for() and time.monotonic() - participant.last_use <= _ABSENT_AFTER:
                return False
        self._jump()
        return True

    # In event loops

    def _schedule_check(self, participant: Participant) -> None:
        """Notice that the loop in a thread may have something to do, if there is one, and check for the end of it."""
        loop = participant.loop
        if loop is None:
            return
        if not participant.is_asleep:
            self._awake.add(participant)
        if not participant.check_scheduled:
            participant.check_scheduled = True
            participant.checks = 0
            with contextlib.suppress(RuntimeError):  # it is closed, and no longer counts
                if threading.current_thread() is participant.thread:
                    loop.call_soon(self._check_loop, participant, loop)
                else:
                    loop.call_soon_threadsafe(self._check_loop, participant, loop)

    def _check_loop(self, participant: Participant, loop: asyncio.AbstractEventLoop) -> None:
        """Move on if the loop has nothing more to do, and nobody else has; otherwise come back in its next turn."""
        with self._lock:
            if participant.loop is not loop:
                return
            has_more = not is_drained(loop)
            # When there is nobody to wake, no end is checked for; who falls asleep checks again.
            participant.check_scheduled = has_more and self._next_sleeper() is not None
            if has_more and not participant.check_scheduled:
                return
            if participant.check_scheduled:
                participant.checks += 1
                if participant.checks % _FAST_CHECKS:
                    loop.call_soon(self._check_loop, participant, loop)
                else:  # perhaps another clock checks the same loop, and they see only each other
                    loop.call_later(_POLL_SECONDS, self._check_loop, participant, loop)
                return
            if not participant.tasks:
                participant.leave_loop()
                waits = not participant.has_slept
            else:
                waits = not may_have_sockets(loop)
            if waits:
                self._awake.discard(participant)
                self._jump_if_all_wait()

    def _watch_loop(self, participant: Participant, loop: asyncio.AbstractEventLoop) -> None:
        """Move on if it is time, and come back as long as tasks sleep in the loop."""
        with self._lock:
            if not participant.check_scheduled:  # a thread may have ended, or a socket been closed
                self._check_loop(participant, loop)
            if participant.loop is loop:
                tasks = participant.tasks
                participant.watcher = (
                    loop.call_later(self._jump_after_grace(), self._watch_loop, participant, loop) if tasks else None
                )

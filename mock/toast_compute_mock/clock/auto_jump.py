"""When does everybody wait? The clock on which time moves on to who is due next as soon as that is so."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from .idle_detection import Host, is_drained, may_have_sockets
from .timeline import LAST_MOMENT, START_OF_FROZEN_TIME, Sleeper, TaskSleeper, ThreadSleeper, Timeline

if TYPE_CHECKING:
    import asyncio

GRACE_SECONDS = 0.02
LONGEST_GRACE = 60.0

_LONGEST_HOLD = 10.0  # real seconds: then time moves on, however busy the others are
_ABSENCE = 0.5  # real seconds without a sign of life, after which a thread is taken to wait for something else
_GLANCE = 0.005  # real seconds between two looks at whether the others have ended
_TURNS = 32  # of an event loop, after which it is looked at less often


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
        self._hosts: dict[threading.Thread, Host] = {}
        self._awake: set[Host] = set()
        self._busy = 0
        self._blocked: dict[ThreadSleeper, None] = {}  # in the order in which they fell asleep
        self._lookout: ThreadSleeper | None = None  # the one that looks whether the others have ended
        self._held = self._touched  # since when time stands still while somebody sleeps, in real seconds

    def now(self) -> float:
        """Return the seconds since 1970 in UTC."""
        with self._lock:
            next_event = self.next_event if self._is_idle() else None
            self._touch()
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
            self._touch()
            self._busy += 1
        try:
            yield
        finally:
            with self._lock:
                self._touch()
                self._busy -= 1
                self._jump_if_everybody_waits()

    def _is_idle(self) -> bool:
        """Whether this is a gap in which the clients of a server may be asleep."""
        return (
            self._idle_seconds is not None
            and time.monotonic() - self._touched >= self._idle_seconds
            and self._first() is None
        )

    def _skip_to(self, moment: float | None) -> None:
        with self._lock:
            if moment is not None and self._first() is None:
                elapsed = min(moment, LAST_MOMENT) - self._start
                if elapsed > self._seconds:
                    self._pass(elapsed)

    def _elapsed(self) -> float:
        return self._seconds

    def _put(self, elapsed: float) -> None:
        self._seconds = elapsed
        self._held = time.monotonic()

    def _touch(self) -> None:
        super()._touch()
        host = self._hosts.get(threading.current_thread())
        if host is not None:
            host.touched = self._touched
            self._stir(host)

    def _add(self, sleeper: Sleeper) -> None:
        if self._first() is None:
            self._held = time.monotonic()
            for waiting in self._awake:
                self._stir(waiting)
        super()._add(sleeper)
        host = self._hosts.get(sleeper.thread)
        if host is None:
            host = self._hosts[sleeper.thread] = Host(sleeper.thread)
        if isinstance(sleeper, ThreadSleeper):
            host.has_slept = host.is_asleep = True
            self._awake.discard(host)
            self._blocked[sleeper] = None
        elif isinstance(sleeper, TaskSleeper):
            if host.loop is not sleeper.loop:
                host.enter(sleeper.loop)
            host.tasks.add(sleeper)
            self._stir(host)
            if host.watcher is None:
                host.watcher = sleeper.loop.call_later(_GLANCE, self._watch, host, sleeper.loop)

    def _wake(self, sleeper: Sleeper) -> None:
        super()._wake(sleeper)
        self._get_up(sleeper)

    def _leave(self, sleeper: Sleeper) -> None:
        if not sleeper.is_over:
            super()._leave(sleeper)
            self._get_up(sleeper)
        if self._lookout is sleeper:
            self._lookout = next(iter(self._blocked), None)
            if self._lookout is not None:
                self._lookout.rouse()

    def _get_up(self, sleeper: Sleeper) -> None:
        """Notice that a sleep is over, or has been given up."""
        if isinstance(sleeper, ThreadSleeper):
            self._blocked.pop(sleeper, None)
        host = self._hosts.get(sleeper.thread)
        if host is None:  # its thread has ended
            return
        host.touched = self._touched
        if isinstance(sleeper, TaskSleeper):
            host.tasks.discard(sleeper)
        else:
            host.is_asleep = False
            self._awake.add(host)
        self._stir(host)

    def _look(self, sleeper: Sleeper) -> float | None:
        if not isinstance(sleeper, ThreadSleeper):
            return None  # its event loop watches
        while not sleeper.is_over and self._jump_if_everybody_waits():
            pass
        if sleeper.is_over:
            return None
        if self._lookout is None:
            self._lookout = sleeper
        return self._jump_when_it_is_time() if self._lookout is sleeper else None

    def _jump(self) -> None:
        """Move on to who is due next."""
        first = self._first()
        if first is not None:
            self._touched = time.monotonic()
            self._pass(first.due)

    def _jump_when_it_is_time(self) -> float:
        """Move on if the grace is over, and return in how many real seconds to look again."""
        left = min(self._touched + self._grace, self._held + _LONGEST_HOLD) - time.monotonic()
        if left > 0:
            return min(left, _GLANCE)
        self._jump()
        return min(self._grace, _GLANCE)

    def _jump_if_everybody_waits(self) -> bool:
        """Move on if that is sure, and return whether somebody was woken."""
        if self._busy or self._first() is None:
            return False
        for host in tuple(self._awake):
            if not host.thread.is_alive():
                self._awake.discard(host)
                del self._hosts[host.thread]
            elif host.counts() and time.monotonic() - host.touched <= _ABSENCE:
                return False
        self._jump()
        return True

    # In event loops

    def _stir(self, host: Host) -> None:
        """Notice that the loop in a thread may have something to do, if there is one, and look for the end of it."""
        loop = host.loop
        if loop is None:
            return
        if not host.is_asleep:
            self._awake.add(host)
        if not host.is_looking:
            host.is_looking = True
            host.turns = 0
            with contextlib.suppress(RuntimeError):  # it is closed, and no longer counts
                if threading.current_thread() is host.thread:
                    loop.call_soon(self._look_at, host, loop)
                else:
                    loop.call_soon_threadsafe(self._look_at, host, loop)

    def _look_at(self, host: Host, loop: asyncio.AbstractEventLoop) -> None:
        """Move on if the loop has nothing more to do, and nobody else has; otherwise come back in its next turn."""
        with self._lock:
            if host.loop is not loop:
                return
            has_more = not is_drained(loop)
            # When there is nobody to wake, it is not looked for the end; who falls asleep looks again.
            host.is_looking = has_more and self._first() is not None
            if has_more and not host.is_looking:
                return
            if host.is_looking:
                host.turns += 1
                if host.turns % _TURNS:
                    loop.call_soon(self._look_at, host, loop)
                else:  # perhaps another clock looks at the same loop, and they see only each other
                    loop.call_later(_GLANCE, self._look_at, host, loop)
                return
            if not host.tasks:
                host.leave()
                waits = not host.has_slept
            else:
                waits = not may_have_sockets(loop)
            if waits:
                self._awake.discard(host)
                self._jump_if_everybody_waits()

    def _watch(self, host: Host, loop: asyncio.AbstractEventLoop) -> None:
        """Move on if it is time, and come back as long as tasks sleep in the loop."""
        with self._lock:
            if not host.is_looking:  # a thread may have ended, or a socket been closed
                self._look_at(host, loop)
            if host.loop is loop:
                tasks = host.tasks
                host.watcher = loop.call_later(self._jump_when_it_is_time(), self._watch, host, loop) if tasks else None

"""Detect who may still be at work: the threads and event loops that an auto-jump clock waits for."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

    from .timeline import TaskSleeper


class Participant:
    """A thread that has slept on the clock, or in which an event loop runs with tasks that do."""

    __slots__ = (
        "check_scheduled",
        "checks",
        "has_slept",
        "is_asleep",
        "last_use",
        "loop",
        "tasks",
        "thread",
        "watcher",
    )

    def __init__(self, thread: threading.Thread) -> None:
        self.thread = thread
        self.last_use = time.monotonic()
        """When it gave a sign of life, in real seconds."""
        self.has_slept = False
        """Whether the thread itself, and not only a task in it, ever slept on the clock."""
        self.is_asleep = False
        """Whether the thread is blocked by that now."""
        self.loop: asyncio.AbstractEventLoop | None = None
        self.tasks: set[TaskSleeper] = set()
        """Who sleeps in the loop."""
        self.check_scheduled = False
        """Whether a callback is scheduled that checks whether the loop has anything to do."""
        self.watcher: asyncio.TimerHandle | None = None
        """The timer of the loop that watches for the end of the grace."""
        self.checks = 0
        """How many checks in a row found that the loop had something to do."""

    def enter_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to track a loop, and forget the one before."""
        self.leave_loop()
        self.loop = loop
        self.tasks = set()
        self.check_scheduled = False

    def leave_loop(self) -> None:
        """Forget the loop."""
        self.loop = None
        if self.watcher is not None:
            self.watcher.cancel()
            self.watcher = None

    def must_be_waited_for(self) -> bool:
        """Return whether others have to wait for it."""
        return self.has_slept or (self.loop is not None and self.loop.is_running())


def is_drained(loop: asyncio.AbstractEventLoop) -> bool:
    """Return whether no callback waits for its turn; of a loop that does not show it, True.

    There is no public way to ask an event loop of asyncio for this, nor for what `may_have_sockets` returns.
    """
    return not getattr(loop, "_ready", None)


def may_have_sockets(loop: asyncio.AbstractEventLoop) -> bool:
    """Return whether something may come from outside; of a loop that does not show it, True."""
    find = getattr(getattr(loop, "_selector", None), "get_map", None)
    watched = None if find is None else find()
    return watched is None or len(watched) > 1  # one is the loop's own: other threads wake it through that

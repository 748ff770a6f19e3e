"""Deadlines: the time that a block of a program leaves for all its calls, and where it went."""

from __future__ import annotations

import math
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

from .._validation import is_seconds, refuse

_present: ContextVar[tuple[Deadline, ...]] = ContextVar("toast_compute_deadlines", default=())


class Deadline:
    """The time of one `with` block. `owner` is the client's core: a deadline holds for one client."""

    def __init__(self, owner: object, seconds: float, began: float) -> None:
        self.owner = owner
        self.seconds = seconds
        self.ends = began + seconds
        self.began = began
        self._spent: dict[str, float] = {}

    def spend(self, what: str, seconds: float) -> None:
        """Note where time went."""
        self._spent[what] = self._spent.get(what, 0.0) + seconds

    @property
    def spent(self) -> float:
        """The seconds that were noted so far."""
        return sum(self._spent.values())

    def explain(self, now: float) -> str:
        """Return that the deadline is over and where the time went, for a message."""
        named = {what: seconds for what, seconds in self._spent.items() if seconds >= 0.05}
        rest = now - self.began - sum(named.values())
        if rest >= 0.05:
            named["elsewhere"] = rest
        parts = ", ".join(f"{what} {seconds:.1f} s" for what, seconds in named.items())
        return f"the deadline of {self.seconds:g} s is over" + (f" ({parts})" if parts else "")


def deadline_of(owner: object, seconds: object, now: float) -> Deadline:
    """Return a deadline that ends after these seconds. Raises InvalidRequestError."""
    if not is_seconds(seconds) or seconds <= 0:
        refuse("deadline", "seconds", "expected a finite number of seconds over 0")
    return Deadline(owner, float(seconds), now)


@contextmanager
def within(deadline: Deadline) -> Generator[None, None, None]:
    """Let a deadline hold for what this thread or task, and the tasks that it starts, do in the block."""
    token = _present.set((*_present.get(), deadline))
    try:
        yield
    finally:
        _present.reset(token)


def present(owner: object) -> Deadline | None:
    """Return the deadline that ends first of those that hold here."""
    own = [deadline for deadline in _present.get() if deadline.owner is owner]
    return min(own, key=lambda deadline: deadline.ends, default=None)


def seconds_left(deadline: Deadline | None, now: float) -> float:
    """Return the seconds that a deadline leaves; infinitely many without one."""
    return math.inf if deadline is None else deadline.ends - now


class TimeLimit:
    """The time of one call: the timeout of each attempt, within the deadline that holds where the call was made."""

    def __init__(self, owner: object, timeout: float) -> None:
        self._timeout = timeout
        self._deadline = present(owner)

    def left(self, now: float) -> float:
        """Return the seconds that the deadline leaves; infinitely many without one."""
        return seconds_left(self._deadline, now)

    def for_attempt(self, now: float) -> float:
        """Return the seconds that one attempt may take."""
        return self._timeout if self._deadline is None else min(self._timeout, self._deadline.ends - now)

    def is_over(self, now: float) -> bool:
        """Return whether the deadline is over."""
        return self._deadline is not None and self._deadline.ends <= now

    def spend(self, what: str, seconds: float) -> None:
        """Note where time went."""
        if self._deadline is not None:
            self._deadline.spend(what, seconds)

    def explain(self, now: float) -> str:
        """Return that the deadline is over and where the time went, for a message."""
        assert self._deadline is not None
        return self._deadline.explain(now)

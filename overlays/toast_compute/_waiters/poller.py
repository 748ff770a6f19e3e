"""When does a wait look again, what does it put up with, and when is its time over?"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from toast_compute_api.models import Instance

from .._core.client_core import Core
from .._core.deadline import Deadline, present, within
from .._core.retry import is_transient
from .._effects import Effects, Random, ReadClock, Sleep
from .._validation import is_seconds, refuse
from ..errors import Attempt, ToastComputeError, WaitTimeoutError
from .shared_poll import LIST, SharedPoller

OnPoll = Callable[[Instance | None], None]

# The interval between two looks grows from the first to the last: most moves take seconds, some take many minutes.
FIRST_INTERVAL = 1.0
LAST_INTERVAL = 15.0
GROWTH = 1.5
# Up to this share of an interval is left out at random: programs that were started together shall not look together.
JITTER = 0.25
# A given interval is cut to a day: operating systems sleep no longer than some years at once.
MAX_INTERVAL = 86_400.0
# What is left for the last look when the deadline is there already.
LAST_POLL_SECONDS = 1.0
# So many looks in a row may fail in a way that may pass; each of them has been tried again by the client itself.
FAILURES_ABSORBED = 5
# A look of another wait will do when it began no longer ago than this share of the interval. The next look follows an
# interval after that one, so that waits get into step, and none goes longer without a look than it would alone. With a
# half or less, two groups of waits could stay out of step for good.
SHARED_AGE = 0.75
# At least this share of an interval is paused, however long ago the look was that another wait began.
LEAST_PAUSE = 0.25
# Adding up seconds is exact to about this much.
_EXACTNESS = 1e-6


@dataclass(frozen=True, slots=True)
class Options:
    """How long and how often to look."""

    timeout: float
    poll_interval: float | None
    on_poll: OnPoll | None


@dataclass(frozen=True, slots=True)
class PollRequest:
    """What one look may cost."""

    seconds: float
    """How long a request may take."""
    is_shared: bool
    """Whether there are other waits to share it with."""
    max_age: float
    """How many seconds ago one of them may have begun it."""


@dataclass(frozen=True, slots=True)
class PollResult:
    """What one look has come to."""

    seen: Sequence[Instance | None]
    """Each instance that is waited for, or None where it was not there."""
    begun: float | None
    """When the look was begun, if it is one of all waits."""
    is_over: bool
    """Whether all is well, and there is nothing more to wait for."""
    verdict: ToastComputeError | None
    """What makes waiting useless."""


class Wait(Protocol):
    """What is waited for."""

    def poll(self, request: PollRequest) -> Effects[PollResult]:
        """Snapshot once."""
        ...

    @property
    def goal(self) -> str:
        """What is waited for, in words."""
        ...

    @property
    def summary(self) -> str:
        """What was seen last, in words."""
        ...

    @property
    def last(self) -> object:
        """What was seen last."""
        ...

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """What was tried for the last look that succeeded."""
        ...


def options(timeout: float, poll_interval: float | None, on_poll: OnPoll | None) -> Options:
    """Return checked options. Raises InvalidRequestError for one that cannot be used."""
    if not is_seconds(timeout) or timeout <= 0:
        refuse(LIST, "timeout", "expected a finite number of seconds over 0")
    if poll_interval is not None and (not is_seconds(poll_interval) or poll_interval <= 0):
        refuse(LIST, "poll_interval", "expected a finite number of seconds over 0, or None")
    if on_poll is not None and not callable(on_poll):
        refuse(LIST, "on_poll", "expected a function of one argument, or None")
    return Options(timeout, poll_interval, on_poll)


def poll(core: Core, wait: Wait, poller: SharedPoller, options: Options) -> Effects[None]:
    """Snapshot until the wait is over.

    Raises:
        WaitTimeoutError: it was not over in time.
        ToastComputeError: what a look raised, with a note about the wait.
    """
    _, started = yield ReadClock()
    left = yield from core.remaining()
    allowed = options.timeout
    if left < math.inf:
        # A deadline of the caller's is a hard one: the last look has to fit in.
        allowed = min(allowed, max(left - min(LAST_POLL_SECONDS, left / 2), 0.0))
    deadline = present(core)
    spent = 0.0 if deadline is None else deadline.spent
    try:
        with poller.joined():
            yield from _Polling(core, wait, poller, options, started, allowed).run()
    except ToastComputeError:
        yield from _spend(deadline, started, spent)
        raise
    yield from _spend(deadline, started, spent)


def _spend(deadline: Deadline | None, started: float, spent: float) -> Effects[None]:
    """Note the time of a wait, but for what its looks have noted already."""
    if deadline is not None:
        _, now = yield ReadClock()
        deadline.spend("waits", max(0.0, now - started - (deadline.spent - spent)))


class _Polling:
    """One wait under way."""

    def __init__(
        self, core: Core, wait: Wait, poller: SharedPoller, options: Options, started: float, allowed: float
    ) -> None:
        self._core = core
        self._wait = wait
        self._poller = poller
        self._on_poll = options.on_poll
        self._pace = _Pace(options.poll_interval)
        self._started = started
        self._allowed = allowed
        self._ends = started + allowed
        self._is_cut = allowed < options.timeout
        self._polls = 0
        self._failures = 0

    def run(self) -> Effects[None]:
        now, pause = self._started, 0.0
        while True:
            # A look of another wait will do, but for the last one: that is at the deadline.
            max_age = 0.0 if self._is_over(now) else pause * SHARED_AGE
            result = yield from self._poll(now, max_age)
            _, now = yield ReadClock()
            begun: float | None = None
            failure: ToastComputeError | None = None
            if isinstance(result, PollResult):
                self._report(result.seen)
                if result.verdict is not None:
                    raise result.verdict
                if result.is_over:
                    return
                begun = result.begun
            else:
                failure = result
                self._report([None])
                self._absorb(failure, now)
            if self._is_over(now):
                raise self._timeout(failure) from failure
            pause = yield from self._pace.pause()
            rest = pause if begun is None else max(begun + pause - now, pause * LEAST_PAUSE)
            _, now = yield Sleep(min(rest, self._ends - now))

    def _poll(self, now: float, max_age: float) -> Effects[PollResult | ToastComputeError]:
        self._polls += 1
        seconds = max(self._ends - now, LAST_POLL_SECONDS)
        request = PollRequest(min(self._core.timeout, seconds), self._poller.is_shared, max_age)
        try:
            # All that a look takes has to end in time, a token and tries of its own too.
            with within(Deadline(self._core, seconds, now)):
                result = yield from self._wait.poll(request)
        except ToastComputeError as error:
            self._failures += 1
            return error
        self._failures = 0
        return result

    def _absorb(self, failure: ToastComputeError, now: float) -> None:
        if is_transient(failure, "poll") and (self._failures <= FAILURES_ABSORBED or self._is_over(now)):
            return
        row = f", the last {self._failures} failed" if self._failures > 1 else ""
        failure.add_note(
            f"After {now - self._started:.1f} s of waiting for {self._wait.goal}; {self._wait.summary} "
            f"({self._count()}{row})"
        )
        raise failure

    def _report(self, seen: Sequence[Instance | None]) -> None:
        if self._on_poll is not None:
            for instance in seen:
                self._on_poll(instance)

    def _is_over(self, now: float) -> bool:
        return self._ends - now <= _EXACTNESS

    def _timeout(self, failure: ToastComputeError | None) -> WaitTimeoutError:
        cut = ", and the deadline of the block leaves no time for another" if self._is_cut else ""
        error = WaitTimeoutError(
            f"Waited {self._allowed:g} s for {self._wait.goal}; {self._wait.summary} ({self._count()}{cut})",
            last=self._wait.last,
            timeout=self._allowed,
            operation=LIST,
        )
        error.attempts = self._wait.attempts if failure is None else failure.attempts
        return error

    def _count(self) -> str:
        return "1 poll" if self._polls == 1 else f"{self._polls} polls"


class _Pace:
    """How long to pause between two looks."""

    def __init__(self, poll_interval: float | None) -> None:
        self._given = poll_interval
        self._interval = FIRST_INTERVAL

    def pause(self) -> Effects[float]:
        if self._given is not None:
            return min(self._given, MAX_INTERVAL)
        chance: float
        chance, _ = yield Random()
        pause = self._interval * (1 - JITTER * chance)
        self._interval = min(self._interval * GROWTH, LAST_INTERVAL)
        return pause

"""Waits: for a status of one instance or of many, and for a deletion.

The lifecycle in the contract defines which statuses can still lead to the goal (`_lifecycle.transitions`) and which may
be stale (`_lifecycle.staleness`). `tracker` applies that to what a poll shows; this module decides when to poll, which
failures are absorbed, and when the time is over.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from toast_compute_api.behaviour import LIFECYCLE
from toast_compute_api.models import Instance, InstanceDetail

from .._core.client_core import Core
from .._core.deadline import Deadline, present, within
from .._core.retry import is_transient
from .._effects import Effects, Random, ReadClock, Sleep
from .._lifecycle.staleness import GONE, change_since
from .._validation import is_seconds, one_of, one_or_many, refuse, text, texts
from ..errors import ToastComputeError, WaitTimeoutError
from .shared_poll import LIST, SharedPoller
from .tracker import InstanceTracker, PollRequest, PollResult, TrackedInstances

OnPoll = Callable[[Instance | None], None]

# The interval between two polls grows from the first to the last: most changes take seconds, some take many minutes.
FIRST_INTERVAL = 1.0
LAST_INTERVAL = 15.0
GROWTH = 1.5
# Up to this share of an interval is left out at random, so that programs that start together do not poll together.
JITTER = 0.25
# A given interval is cut to a day: operating systems cannot sleep for much longer than some years.
MAX_INTERVAL = 86_400.0
# The time of the last poll, which begins at the deadline.
LAST_POLL_SECONDS = 1.0
# The polls in a row that may end in a transient failure; the client has retried each of them already.
FAILURES_ABSORBED = 5
# A wait takes the poll of another one that began no longer ago than this share of the interval. Its own next poll
# follows an interval after that one, so that waits fall into step, and none polls less often than it would alone. With
# a half or less, two groups of waits could stay out of step for good.
SHARED_AGE = 0.75
# At least this share of an interval is paused, however long ago the poll of the other wait began.
LEAST_PAUSE = 0.25
# Sums of seconds are exact to about this much.
_EXACTNESS = 1e-6


def wait_for_status(
    core: Core,
    id: str,
    status: str,
    *,
    timeout: float,
    poll_interval: float | None,
    on_poll: OnPoll | None = None,
    since: InstanceDetail | None = None,
) -> Effects[Instance]:
    """Poll one instance until it is in a status."""
    goal = one_of(LIST, "status", status, LIFECYCLE.states)
    checked = options(timeout, poll_interval, on_poll)
    key = text(LIST, "id", id).casefold()
    before: Mapping[str, InstanceDetail] = {} if since is None else _by_id([since])
    if before and key not in before:
        refuse(LIST, "since", "is about another instance")
    reached = yield from _reach(core, [id], goal, checked, before=before, is_single=True)
    return _present(reached[key])


def wait_for_all(
    core: Core,
    ids: Iterable[str],
    status: str,
    *,
    timeout: float,
    poll_interval: float | None,
    on_poll: OnPoll | None = None,
    since: Iterable[InstanceDetail] = (),
) -> Effects[list[Instance]]:
    """Poll all instances, with one request for all of them, until each has been seen in a status."""
    goal = one_of(LIST, "status", status, LIFECYCLE.states)
    checked = options(timeout, poll_interval, on_poll)
    given = texts(LIST, "ids", ids)
    reached = yield from _reach(core, given, goal, checked, before=_by_id(since), is_single=False)
    return [_present(reached[id.casefold()]) for id in given]


def wait_until_deleted(
    core: Core, id: str, *, timeout: float, poll_interval: float | None, on_poll: OnPoll | None = None
) -> Effects[None]:
    """Poll one instance until it is gone."""
    checked = options(timeout, poll_interval, on_poll)
    yield from _reach(core, [id], GONE, checked, before={}, is_single=True)


def _reach(
    core: Core,
    ids: Sequence[str],
    goal: str,
    checked: Options,
    *,
    before: Mapping[str, InstanceDetail],
    is_single: bool,
) -> Effects[Mapping[str, Instance | None]]:
    # An id that is given twice, or in another case, is one instance.
    trackers: dict[str, InstanceTracker] = {}
    for id in ids:
        key = text(LIST, "id", id).casefold()
        if key not in trackers:
            trackers[key] = InstanceTracker(core, id, goal, change_since(before[key]) if key in before else None)
    instances = TrackedInstances(core, list(trackers.values()), goal, is_single=is_single)
    if trackers:
        yield from poll(core, instances, checked)
    return instances.reached


def _by_id(details: object) -> Mapping[str, InstanceDetail]:
    by_id: dict[str, InstanceDetail] = {}
    for detail in one_or_many(details):
        if not isinstance(detail, InstanceDetail):
            refuse(LIST, "since", "expected what get_details or list_details returns")
        by_id[detail.id.casefold()] = detail
    return by_id


def _present(instance: Instance | None) -> Instance:
    assert instance is not None, "only a deletion ends without an instance"
    return instance


@dataclass(frozen=True, slots=True)
class Options:
    """How long and how often a wait polls."""

    timeout: float
    poll_interval: float | None
    on_poll: OnPoll | None


def options(timeout: float, poll_interval: float | None, on_poll: OnPoll | None) -> Options:
    """Return checked options. Raises InvalidRequestError for an invalid one."""
    if not is_seconds(timeout) or timeout <= 0:
        refuse(LIST, "timeout", "expected a finite number of seconds over 0")
    if poll_interval is not None and (not is_seconds(poll_interval) or poll_interval <= 0):
        refuse(LIST, "poll_interval", "expected a finite number of seconds over 0, or None")
    if on_poll is not None and not callable(on_poll):
        refuse(LIST, "on_poll", "expected a function of one argument, or None")
    return Options(timeout, poll_interval, on_poll)


def poll(core: Core, instances: TrackedInstances, options: Options) -> Effects[None]:
    """Poll until all instances have reached the goal of the wait.

    Raises:
        WaitTimeoutError: they did not in time.
        ToastComputeError: what a poll raised, with a note about the wait.
    """
    _, started = yield ReadClock()
    left = yield from core.remaining()
    allowed = options.timeout
    if left < math.inf:
        # The last poll has to fit into a deadline of the caller, but may follow the timeout.
        allowed = min(allowed, max(left - min(LAST_POLL_SECONDS, left / 2), 0.0))
    deadline = present(core)
    spent = 0.0 if deadline is None else deadline.spent
    poller = core.state(SharedPoller)
    try:
        with poller.joined():
            yield from _Polling(core, instances, poller, options, started, allowed).run()
    except ToastComputeError:
        # Not in a `finally`: a generator that is closed must not yield again.
        yield from _spend(deadline, started, spent)
        raise
    yield from _spend(deadline, started, spent)


def _spend(deadline: Deadline | None, started: float, spent: float) -> Effects[None]:
    """Note the time of a wait, without what its polls have noted already."""
    if deadline is not None:
        _, now = yield ReadClock()
        deadline.spend("waits", max(0.0, now - started - (deadline.spent - spent)))


class _Polling:
    """One wait under way."""

    def __init__(
        self,
        core: Core,
        instances: TrackedInstances,
        poller: SharedPoller,
        options: Options,
        started: float,
        allowed: float,
    ) -> None:
        self._core = core
        self._instances = instances
        self._poller = poller
        self._on_poll = options.on_poll
        self._given_interval = options.poll_interval
        self._interval = FIRST_INTERVAL
        self._started = started
        self._allowed = allowed
        self._ends = started + allowed
        self._is_cut = allowed < options.timeout
        self._polls = 0
        self._failures = 0

    def run(self) -> Effects[None]:
        now, pause = self._started, 0.0
        while True:
            # The last poll is at the deadline, so the poll of another wait, which is older, does not do.
            max_age = 0.0 if self._is_over(now) else pause * SHARED_AGE
            result = yield from self._poll(now, max_age)
            _, now = yield ReadClock()
            begun: float | None = None
            failure: ToastComputeError | None = None
            if isinstance(result, PollResult):
                # Reported first: the poll that ends a wait is reported as well.
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
            pause = yield from self._next_pause()
            rest = pause if begun is None else max(begun + pause - now, pause * LEAST_PAUSE)
            _, now = yield Sleep(min(rest, self._ends - now))

    def _poll(self, now: float, max_age: float) -> Effects[PollResult | ToastComputeError]:
        self._polls += 1
        seconds = max(self._ends - now, LAST_POLL_SECONDS)
        request = PollRequest(min(self._core.timeout, seconds), self._poller.is_shared, max_age)
        try:
            # The deadline bounds a poll as a whole, with a renewal of the token and all attempts.
            with within(Deadline(self._core, seconds, now)):
                result = yield from self._instances.poll(request)
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
            f"After {now - self._started:.1f} s of waiting for {self._instances.goal}; {self._instances.summary} "
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
        instances = self._instances
        cut = ", and the deadline of the block leaves no time for another" if self._is_cut else ""
        error = WaitTimeoutError(
            f"Waited {self._allowed:g} s for {instances.goal}; {instances.summary} ({self._count()}{cut})",
            last=instances.last,
            timeout=self._allowed,
            operation=LIST,
        )
        error.attempts = instances.attempts if failure is None else failure.attempts
        return error

    def _count(self) -> str:
        return "1 poll" if self._polls == 1 else f"{self._polls} polls"

    def _next_pause(self) -> Effects[float]:
        if self._given_interval is not None:
            return min(self._given_interval, MAX_INTERVAL)
        chance: float
        chance, _ = yield Random()
        pause = self._interval * (1 - JITTER * chance)
        self._interval = min(self._interval * GROWTH, LAST_INTERVAL)
        return pause

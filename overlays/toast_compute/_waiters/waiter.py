"""When is a wait over, and how did it end?

Which states can still lead to the goal is read from the lifecycle in the contract (`_paths`), whether a state may be
decided is a matter of evidence (`_evidence`), and how often to look, one of rhythm (`_polling`, `_poller`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from toast_compute_api.behaviour import LIFECYCLE
from toast_compute_api.models import Instance, InstanceDetail

from .._core.client_core import Core
from .._core.error_mapping import absent
from .._effects import Effects, ReadClock
from .._lifecycle.staleness import GONE, change_since
from .._validation import one_of, one_or_many, refuse, text, texts
from ..errors import Attempt, NotFoundError, ToastComputeError
from .poller import OnPoll, Options, PollRequest, PollResult, options, poll
from .shared_poll import LIST, SharedPoller, Snapshot
from .tracker import InstanceTracker

# Of many instances, so many are named in a message.
_SHOWN = 3


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
    """Snapshot at one instance until it is in a status."""
    goal = one_of(LIST, "status", status, LIFECYCLE.states)
    how = options(timeout, poll_interval, on_poll)
    key = text(LIST, "id", id).casefold()
    known: Mapping[str, InstanceDetail] = {} if since is None else _by_id([since])
    if known and key not in known:
        refuse(LIST, "since", "is about another instance")
    reached = yield from _reach(core, [id], goal, how, known=known, is_single=True)
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
    """Snapshot at all instances with one request at a time until each one has been seen in a status."""
    goal = one_of(LIST, "status", status, LIFECYCLE.states)
    how = options(timeout, poll_interval, on_poll)
    given = texts(LIST, "ids", ids)
    reached = yield from _reach(core, given, goal, how, known=_by_id(since), is_single=False)
    return [_present(reached[id.casefold()]) for id in given]


def wait_until_deleted(
    core: Core, id: str, *, timeout: float, poll_interval: float | None, on_poll: OnPoll | None = None
) -> Effects[None]:
    """Snapshot at one instance until it is gone."""
    how = options(timeout, poll_interval, on_poll)
    yield from _reach(core, [id], GONE, how, known={}, is_single=True)


def _reach(
    core: Core, ids: Sequence[str], goal: str, how: Options, *, known: Mapping[str, InstanceDetail], is_single: bool
) -> Effects[Mapping[str, Instance | None]]:
    # However often and in which case an id is given, there is one instance.
    trackers: dict[str, InstanceTracker] = {}
    for id in ids:
        key = text(LIST, "id", id).casefold()
        if key not in trackers:
            trackers[key] = InstanceTracker(core, id, goal, change_since(known[key]) if key in known else None)
    wait = _Wait(core, list(trackers.values()), goal, is_single=is_single)
    if trackers:
        yield from poll(core, wait, core.state(SharedPoller), how)
    return wait.reached


class _Wait:
    """Waits until each of some instances has been seen where it is waited for."""

    def __init__(self, core: Core, trackers: Sequence[InstanceTracker], goal: str, *, is_single: bool) -> None:
        self.reached: dict[str, Instance | None] = {}
        self.attempts: tuple[Attempt, ...] = ()
        self._core = core
        self._poller = core.state(SharedPoller)
        self._trackers = trackers
        self._state = goal
        self._is_single = is_single

    def poll(self, request: PollRequest) -> Effects[PollResult]:
        """Snapshot at all that are waited for; at those whose status may be old, a second time."""
        waiting = self._waiting()
        look = yield from self._briefs(waiting, request)
        self.attempts = look.attempts
        _, now = yield ReadClock()
        decided: list[tuple[InstanceTracker, Instance | None]] = []
        stale: list[InstanceTracker] = []
        for one in waiting:
            instance = look.find(one.id)
            status = one.observe(instance)
            if one.is_decided_by(status):
                if not one.may_be_stale(status, now):
                    decided.append((one, instance))
                elif instance is not None or self._state == GONE:
                    stale.append(one)
        if stale:
            decided += yield from self._confirmed(stale, request, now, now - look.begun)
        if request.is_shared or not self._is_single:
            decided = yield from self._read_by_id(decided, request, now)
        return PollResult(
            seen=[one.present for one in waiting],
            begun=look.begun if request.is_shared else None,
            verdict=self._judge(decided, look.refusal),
            is_over=not self._waiting(),
        )

    def _briefs(self, waiting: Sequence[InstanceTracker], request: PollRequest) -> Effects[Snapshot[Instance]]:
        if request.is_shared:
            return (yield from self._poller.briefs.shared(self._core, request.seconds, request.max_age))
        only = waiting[0].id if self._is_single else None
        return (yield from self._poller.briefs.read(self._core, only, request.seconds))

    def _confirmed(
        self, stale: Sequence[InstanceTracker], request: PollRequest, now: float, max_age: float
    ) -> Effects[list[tuple[InstanceTracker, Instance | None]]]:
        if request.is_shared:
            look = yield from self._poller.details.shared(self._core, request.seconds, max_age)
        else:
            only = stale[0].id if len(stale) == 1 else None
            look = yield from self._poller.details.read(self._core, only, request.seconds)
        self.attempts += look.attempts
        # Of the looks of other waits, one that was begun after this wait's own list will do.
        decided: list[tuple[InstanceTracker, Instance | None]] = []
        for one in stale:
            detail = look.find(one.id)
            if detail is not None:
                seen = one.confirm(detail, now)
                if seen is not None and one.is_decided_by(str(seen.status)):
                    decided.append((one, seen))
            elif self._state == GONE and not one.may_be_stale(one.observe(None), now):
                decided.append((one, None))
        return decided

    def _read_by_id(
        self, decided: Sequence[tuple[InstanceTracker, Instance | None]], request: PollRequest, now: float
    ) -> Effects[list[tuple[InstanceTracker, Instance | None]]]:
        """Ask for what a list of all does not show by its id, since a list may be cut short; for some of many."""
        certain = [seen for seen in decided if seen[1] is not None]
        for one in [one for one, instance in decided if instance is None][:_SHOWN]:
            look = yield from self._poller.briefs.read(self._core, one.id, request.seconds)
            self.attempts += look.attempts
            found = look.find(one.id)
            status = one.observe(found)
            if found is None or (one.is_decided_by(status) and not one.may_be_stale(status, now)):
                certain.append((one, found))
        return certain

    def _judge(
        self, decided: Sequence[tuple[InstanceTracker, Instance | None]], refusal: NotFoundError | None
    ) -> ToastComputeError | None:
        """Take deciding statuses for what they mean, and return the error that one of them means."""
        failed: list[InstanceTracker] = []
        missing: list[str] = []
        for one, instance in decided:
            if (GONE if instance is None else instance.status) == self._state:
                self.reached[one.id.casefold()] = instance
            elif instance is None:
                missing.append(one.id)
            else:
                failed.append(one)
        if failed:
            failure = failed[0].failure()
            failure.attempts = self.attempts
            return failure
        if missing:
            error = refusal or absent(LIST, f"instance {', '.join(missing)}", "instance", self.attempts)
            unseen = sum(one.present is None for one in self._waiting()) - len(missing)
            if unseen:
                error.add_note(f"The list does not show {unseen} more of those that are waited for.")
            return error
        return None

    def _waiting(self) -> list[InstanceTracker]:
        return [one for one in self._trackers if one.id.casefold() not in self.reached]

    @property
    def goal(self) -> str:
        """What is waited for, in words."""
        what = self._trackers[0].id if self._is_single else f"{len(self._trackers)} instances"
        return f"{what} to be {'deleted' if self._state == GONE else self._state}"

    @property
    def summary(self) -> str:
        """What was seen last, in words: of three instances that are still waited for."""
        waiting = self._waiting()
        if all(one.last is None for one in waiting):
            return "nothing was seen"
        more = f" and {len(waiting) - _SHOWN} more" if len(waiting) > _SHOWN else ""
        return "last seen: " + ", ".join(one.summary for one in waiting[:_SHOWN]) + more

    @property
    def last(self) -> Instance | list[Instance] | None:
        """The instance as it was seen last, or all that were seen."""
        if self._is_single:
            return self._trackers[0].last
        return [one.last for one in self._trackers if one.last is not None]


def _by_id(known: object) -> Mapping[str, InstanceDetail]:
    details: dict[str, InstanceDetail] = {}
    for one in one_or_many(known):
        if not isinstance(one, InstanceDetail):
            refuse(LIST, "since", "expected what get_details or list_details returns")
        details[one.id.casefold()] = one
    return details


def _present(instance: Instance | None) -> Instance:
    assert instance is not None, "only a deletion ends in nothing"
    return instance

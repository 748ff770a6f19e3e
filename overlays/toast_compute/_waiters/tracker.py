"""Trackers: what a wait has seen of its instances, and whether that ends the wait."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from toast_compute_api.behaviour import LIFECYCLE
from toast_compute_api.models import Instance, InstanceDetail

from .._core.client_core import Core
from .._core.error_mapping import absent
from .._effects import Effects, ReadClock
from .._lifecycle.staleness import GONE, PendingChange, PendingChanges
from .._lifecycle.transitions import explain, failures, reachable
from .._validation import text
from ..errors import Attempt, InstanceFailedError, NotFoundError, ToastComputeError
from .shared_poll import LIST, SharedPoller, Snapshot, brief_request

_log = logging.getLogger("toast_compute")

# The last statuses that are kept for messages; the status of an instance may alternate for long.
_PATH_LENGTH = 12
_DELETING = LIFECYCLE.operations["deleteInstance"].through
# The polls in a row that must not show an instance before it counts as gone: one list may be from before its create, or
# cut short.
_ABSENCES = 2
# The length up to which an unknown status is logged, and the number of different ones.
_LOGGED_CHARACTERS = 60
_LOGGED_STATUSES = 60
# The number of instances that a message names, or that one poll reads by their ids.
_FEW = 3


class _Logged(set[str]):
    """The unknown statuses that were logged for a client."""


class InstanceTracker:
    """What a wait has seen of one instance."""

    def __init__(self, core: Core, id: str, goal: str, since: PendingChange | None = None) -> None:
        """Begin to track. Raises InvalidRequestError for an invalid id.

        Args:
            core: the client.
            id: the id of the instance.
            goal: the status that is waited for, or GONE.
            since: the change that must have shown before a status counts; without it, the client's own last change.
        """
        # Building the request checks the id.
        brief_request(core, text(LIST, "id", id))
        self.id = id
        self.last: Instance | None = None
        self._goal = goal
        self._path: list[str] = []
        self._is_stale = False
        self._absences = 0
        self._since = since
        self._pending_changes = core.state(PendingChanges)
        self._logged = core.state(_Logged)

    def observe(self, instance: Instance | None) -> str:
        """Record what a poll showed, and return the status."""
        if instance is None:
            self._absences += 1
        else:
            self.last, self._absences = instance, 0
        status = GONE if instance is None else str(instance.status)
        if self._path[-1:] != [status]:
            self._path.append(status)
            del self._path[1 : len(self._path) - _PATH_LENGTH]
        if instance is not None and status not in LIFECYCLE.states:
            self._log_unknown(instance)
        pending = self._pending
        if pending is not None:
            pending.observe(status)
        return status

    def is_decided_by(self, status: str) -> bool:
        """Return whether a status ends the wait, in success or in failure."""
        if status in (GONE, self._goal):
            return True
        if self._goal == GONE:
            # An instance that failed before can be deleted; only one that fails while it is being deleted stays.
            return status in failures() and any(state in _DELETING for state in self._path)
        return self._goal not in reachable(status)

    def may_be_stale(self, status: str, now: float) -> bool:
        """Return whether a status may be the one from before a change."""
        if status == GONE and self._absences < _ABSENCES and (self._goal == GONE or self.last is not None):
            return True
        pending = self._pending
        self._is_stale = pending is not None and pending.may_be_stale(status, now)
        return self._is_stale

    def confirm(self, detail: InstanceDetail, now: float) -> Instance | None:
        """Record what a detail showed, and return it as an instance, or None when its status may be stale too."""
        instance = Instance(id=detail.id, name=detail.name, status=detail.status)
        status, pending = self.observe(instance), self._pending
        if pending is not None:
            if pending.is_confirmed_by(detail):
                self._pending_changes.remove(self.id, pending)
                self._since = None
            elif pending.may_be_stale(status, now):
                return None
        self._is_stale = False
        return instance

    def failure(self) -> InstanceFailedError:
        """Return the error for a goal that can no longer be reached, with the reason."""
        assert self.last is not None
        if self._goal == GONE:
            reason = f": its deletion failed; seen: {' -> '.join(self._path)}"
        else:
            reason = f" and can no longer become {self._goal}; {explain(self._path, self._goal)}"
        return InstanceFailedError(
            f"Instance {self.last.id} is {self.last.status}{reason}", last=self.last, operation=LIST
        )

    @property
    def present(self) -> Instance | None:
        """The instance in the newest poll, or None when that did not show it."""
        return None if self._absences else self.last

    @property
    def summary(self) -> str:
        """The last status, for a message."""
        if self.last is None:
            return f"{self.id} was not seen"
        stale = ", which may be from before the action" if self._is_stale else ""
        return f"{self.last.id} is {self.last.status}{stale}"

    @property
    def _pending(self) -> PendingChange | None:
        # Read anew each time: an action may be accepted while a wait is under way.
        return self._since or self._pending_changes.get(self.id)

    def _log_unknown(self, instance: Instance) -> None:
        status = str(instance.status)[:_LOGGED_CHARACTERS]
        if status not in self._logged and len(self._logged) < _LOGGED_STATUSES:
            self._logged.add(status)
            _log.warning(
                "Instance %s is %r, a status that this version does not know: the wait goes on", self.id, status
            )


@dataclass(frozen=True, slots=True)
class PollRequest:
    """The limits of one poll."""

    seconds: float
    """How long a request may take."""
    is_shared: bool
    """Whether there are other waits to share the poll with."""
    max_age: float
    """How many seconds ago another wait may have begun a shared poll."""


@dataclass(frozen=True, slots=True)
class PollResult:
    """The result of one poll."""

    seen: Sequence[Instance | None]
    """Each instance that is waited for, or None for one that was not there."""
    begun: float | None
    """When the poll began, if it is shared."""
    is_over: bool
    """Whether all instances have reached the goal."""
    verdict: ToastComputeError | None
    """The error that makes further polls useless."""


_Seen: TypeAlias = tuple[InstanceTracker, Instance | None]


class TrackedInstances:
    """The instances of one wait, polled together until each of them has reached the goal."""

    def __init__(self, core: Core, trackers: Sequence[InstanceTracker], goal: str, *, is_single: bool) -> None:
        self.reached: dict[str, Instance | None] = {}
        """Each instance as it was when it reached the goal, by its id in lower case."""
        self.attempts: tuple[Attempt, ...] = ()
        """The attempts of the last poll that succeeded."""
        self._core = core
        self._poller = core.state(SharedPoller)
        self._trackers = trackers
        self._goal = goal
        self._is_single = is_single

    def poll(self, request: PollRequest) -> Effects[PollResult]:
        """Read the instances that are waited for, and in detail those whose status may be stale."""
        waiting = self._waiting()
        snapshot = yield from self._read_briefs(waiting, request)
        self.attempts = snapshot.attempts
        _, now = yield ReadClock()
        decided: list[_Seen] = []
        stale: list[InstanceTracker] = []
        for tracker in waiting:
            instance = snapshot.find(tracker.id)
            status = tracker.observe(instance)
            if tracker.is_decided_by(status):
                if not tracker.may_be_stale(status, now):
                    decided.append((tracker, instance))
                elif instance is not None or self._goal == GONE:
                    stale.append(tracker)
        if stale:
            decided += yield from self._confirm(stale, request, now, now - snapshot.begun)
        if request.is_shared or not self._is_single:
            decided = yield from self._read_by_id(decided, request, now)
        return PollResult(
            seen=[tracker.present for tracker in waiting],
            begun=snapshot.begun if request.is_shared else None,
            verdict=self._judge(decided, snapshot.refusal),
            is_over=not self._waiting(),
        )

    def _read_briefs(self, waiting: Sequence[InstanceTracker], request: PollRequest) -> Effects[Snapshot[Instance]]:
        if request.is_shared:
            return (yield from self._poller.briefs.shared(self._core, request.seconds, request.max_age))
        only = waiting[0].id if self._is_single else None
        return (yield from self._poller.briefs.read(self._core, only, request.seconds))

    def _confirm(
        self, stale: Sequence[InstanceTracker], request: PollRequest, now: float, max_age: float
    ) -> Effects[list[_Seen]]:
        """Read details, and return what they decide. A shared poll must be newer than this wait's own list."""
        if request.is_shared:
            snapshot = yield from self._poller.details.shared(self._core, request.seconds, max_age)
        else:
            only = stale[0].id if len(stale) == 1 else None
            snapshot = yield from self._poller.details.read(self._core, only, request.seconds)
        self.attempts += snapshot.attempts
        decided: list[_Seen] = []
        for tracker in stale:
            detail = snapshot.find(tracker.id)
            if detail is not None:
                instance = tracker.confirm(detail, now)
                if instance is not None and tracker.is_decided_by(str(instance.status)):
                    decided.append((tracker, instance))
            elif self._goal == GONE and not tracker.may_be_stale(tracker.observe(None), now):
                decided.append((tracker, None))
        return decided

    def _read_by_id(self, decided: Sequence[_Seen], request: PollRequest, now: float) -> Effects[list[_Seen]]:
        """Return what is certain. A list may be cut short, so a few that it does not show are read by their ids."""
        certain = [seen for seen in decided if seen[1] is not None]
        for tracker in [tracker for tracker, instance in decided if instance is None][:_FEW]:
            snapshot = yield from self._poller.briefs.read(self._core, tracker.id, request.seconds)
            self.attempts += snapshot.attempts
            instance = snapshot.find(tracker.id)
            status = tracker.observe(instance)
            if instance is None or (tracker.is_decided_by(status) and not tracker.may_be_stale(status, now)):
                certain.append((tracker, instance))
        return certain

    def _judge(self, decided: Sequence[_Seen], refusal: NotFoundError | None) -> ToastComputeError | None:
        """Record which instances have reached the goal, and return the error of those that no longer can."""
        failed: list[InstanceTracker] = []
        missing: list[str] = []
        for tracker, instance in decided:
            if (GONE if instance is None else instance.status) == self._goal:
                self.reached[tracker.id.casefold()] = instance
            elif instance is None:
                missing.append(tracker.id)
            else:
                failed.append(tracker)
        if failed:
            failure = failed[0].failure()
            failure.attempts = self.attempts
            return failure
        if missing:
            error = refusal or absent(LIST, f"instance {', '.join(missing)}", "instance", self.attempts)
            unseen = sum(tracker.present is None for tracker in self._waiting()) - len(missing)
            if unseen:
                error.add_note(f"The list does not show {unseen} more of those that are waited for.")
            return error
        return None

    def _waiting(self) -> list[InstanceTracker]:
        return [tracker for tracker in self._trackers if tracker.id.casefold() not in self.reached]

    @property
    def goal(self) -> str:
        """The goal of the wait, for a message."""
        subject = self._trackers[0].id if self._is_single else f"{len(self._trackers)} instances"
        return f"{subject} to be {'deleted' if self._goal == GONE else self._goal}"

    @property
    def summary(self) -> str:
        """The last statuses of a few instances that are still waited for, for a message."""
        waiting = self._waiting()
        if all(tracker.last is None for tracker in waiting):
            return "nothing was seen"
        more = f" and {len(waiting) - _FEW} more" if len(waiting) > _FEW else ""
        return "last seen: " + ", ".join(tracker.summary for tracker in waiting[:_FEW]) + more

    @property
    def last(self) -> Instance | list[Instance] | None:
        """The instance as it was seen last, or all that were seen."""
        if self._is_single:
            return self._trackers[0].last
        return [tracker.last for tracker in self._trackers if tracker.last is not None]

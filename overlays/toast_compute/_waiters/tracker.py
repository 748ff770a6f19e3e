"""What was seen of one instance that is waited for, and what does it come to?"""

from __future__ import annotations

import logging

from toast_compute_api.behaviour import LIFECYCLE
from toast_compute_api.models import Instance, InstanceDetail

from .._core.client_core import Core
from .._lifecycle.staleness import GONE, PendingChange, PendingChanges
from .._lifecycle.transitions import explain, failures, reachable
from .._operations.instances import brief_request
from .._validation import text
from ..errors import InstanceFailedError
from .shared_poll import LIST

_log = logging.getLogger("toast_compute")

# Of a status that flips to and fro, so many changes are told.
_PATH_LENGTH = 12
_DELETING = LIFECYCLE.operations["deleteInstance"].through
# An instance has vanished when so many looks in a row do not show it: one may be from before its create, or cut short.
_ABSENCES = 2
# What the service writes is shown up to this length, and so many different ones.
_SHOWN_CHARACTERS = 60
_SHOWN_STATUSES = 60


class _Warned(set[str]):
    """The unknown statuses that a client has been warned of."""


class InstanceTracker:
    """One instance on its way."""

    def __init__(self, core: Core, id: str, goal: str, since: PendingChange | None = None) -> None:
        """Begin to watch. Raises InvalidRequestError when the id is no legal one.

        Args:
            core: the client.
            id: the id of the instance.
            goal: the status that is waited for, or GONE.
            since: what has to be proven before a status is decided; without it, what the client itself expects.
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
        self._warned = core.state(_Warned)

    def observe(self, instance: Instance | None) -> str:
        """Take down what a look showed, and return the status."""
        if instance is None:
            self._absences += 1
        else:
            self.last, self._absences = instance, 0
        status = GONE if instance is None else str(instance.status)
        if self._path[-1:] != [status]:
            self._path.append(status)
            del self._path[1 : len(self._path) - _PATH_LENGTH]
        if instance is not None and status not in LIFECYCLE.states:
            self._warn(instance)
        pending = self._pending
        if pending is not None:
            pending.observe(status)
        return status

    def is_decided_by(self, status: str) -> bool:
        """Return whether a status ends the wait, one way or the other."""
        if status in (GONE, self._goal):
            return True
        if self._goal == GONE:
            # An instance that failed before can be deleted; only one that fails while it is being deleted stays.
            return status in failures() and any(state in _DELETING for state in self._path)
        return self._goal not in reachable(status)

    def may_be_stale(self, status: str, now: float) -> bool:
        """Return whether a status that was seen may be the one from before a change."""
        if status == GONE and self._absences < _ABSENCES and (self._goal == GONE or self.last is not None):
            return True
        pending = self._pending
        self._is_stale = pending is not None and pending.may_be_stale(status, now)
        return self._is_stale

    def confirm(self, detail: InstanceDetail, now: float) -> Instance | None:
        """Snapshot again at a status that may be old. Returns the instance if what the detail shows can be decided."""
        seen = Instance(id=detail.id, name=detail.name, status=detail.status)
        status, pending = self.observe(seen), self._pending
        if pending is not None:
            if pending.is_confirmed_by(detail):
                self._pending_changes.remove(self.id, pending)
                self._since = None
            elif pending.may_be_stale(status, now):
                return None
        self._is_stale = False
        return seen

    def failure(self) -> InstanceFailedError:
        """Return the error that says why the goal can no longer be reached."""
        assert self.last is not None
        if self._goal == GONE:
            what = f": its deletion failed; seen: {' -> '.join(self._path)}"
        else:
            what = f" and can no longer become {self._goal}; {explain(self._path, self._goal)}"
        return InstanceFailedError(
            f"Instance {self.last.id} is {self.last.status}{what}", last=self.last, operation=LIST
        )

    @property
    def present(self) -> Instance | None:
        """The instance as the newest look showed it, or None when that did not show it."""
        return None if self._absences else self.last

    @property
    def summary(self) -> str:
        """What was seen last, in words."""
        if self.last is None:
            return f"{self.id} was not seen"
        pending = ", which may be from before the action" if self._is_stale else ""
        return f"{self.last.id} is {self.last.status}{pending}"

    @property
    def _pending(self) -> PendingChange | None:
        # Asked for each time: an action may be accepted while a wait is under way.
        return self._since or self._pending_changes.get(self.id)

    def _warn(self, instance: Instance) -> None:
        status = str(instance.status)[:_SHOWN_CHARACTERS]
        if status not in self._warned and len(self._warned) < _SHOWN_STATUSES:
            self._warned.add(status)
            _log.warning(
                "Instance %s is %r, a status that this version does not know: the wait goes on", self.id, status
            )

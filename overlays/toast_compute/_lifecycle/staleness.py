"""Staleness: whether a status may still be the one from before a change.

A service that has accepted an action may return the old status for a while. A wait for ACTIVE after a reboot would then
end before the reboot begins. Which statuses an action passes through, and how long it takes, is data of the contract.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Collection
from datetime import datetime

from toast_compute_api.behaviour import LIFECYCLE
from toast_compute_api.models import InstanceDetail

from ..errors import AmbiguousOutcomeError, APIConnectionError, MalformedResponseError, ToastComputeError

GONE = "gone"
"""The status of an instance that the service does not show, by the name that `x-lifecycle` gives the end of a
deletion."""

# The last action is remembered for this many instances, those that were acted on last.
REMEMBERED = 4096


class PendingChange:
    """A change of one instance that its status may not show yet.

    A status that the instance may have had before the change is believed when

    - a read of the details returns the same status and is newer than the change: `updatedAt` or `launchedAt` moved
      since an earlier read, or one of the change's transient statuses was seen before the first read of the details.
      Two reads have to agree, for either of them may be stale; one whose timestamps go back is stale.
    - or the longest time that the change takes is over. Some changes are too quick for any poll to show.
    """

    def __init__(
        self, old: Collection[str], signs: Collection[str], until: float, before: InstanceDetail | None = None
    ) -> None:
        """Begin to expect the change.

        Args:
            old: the statuses that the instance may have had before the change.
            signs: the statuses that prove that the change has begun.
            until: when the change is over at the latest, by the monotonic clock.
            before: the instance as it was before the change, if it was read.
        """
        self._old = old
        self._signs = signs
        self._until = until
        self._stamps = None if before is None else _stamps(before)
        self._has_begun = False
        self._has_moved = False

    def observe(self, status: str) -> None:
        """Record a status; one of the signs proves that the change has begun."""
        if status in self._signs:
            self._has_begun = True

    def may_be_stale(self, status: str, now: float) -> bool:
        """Return whether a status may be the one from before the change."""
        return now < self._until and status in self._old

    def is_confirmed_by(self, detail: InstanceDetail) -> bool:
        """Return whether the status in a detail is from after the change."""
        status, stamps, earlier = str(detail.status), _stamps(detail), self._stamps
        if earlier is not None and stamps[0] < earlier[0]:
            return False
        self._stamps = stamps
        if status in self._signs:
            # The change has begun: any detail that is newer than this one is from after it.
            self._has_moved = True
            return False
        if earlier is not None and stamps != earlier:
            self._has_moved = True
        # A detail whose timestamps have not moved is no newer than the earlier one, whatever a list showed meanwhile.
        return self._has_moved or (earlier is None and self._has_begun)


class PendingChanges:
    """The last action on each instance that a client had accepted. Safe for threads."""

    def __init__(self, limit: int = REMEMBERED) -> None:
        self._limit = limit
        self._changes: OrderedDict[str, PendingChange] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, instance_id: str, operation: str, now: float) -> None:
        """Note that the service accepted an action, or may have. An action that changes no status is ignored.

        Args:
            instance_id: the id of the instance.
            operation: an operation of `x-lifecycle`: an operationId such as `createInstance`, or an action such as
                `reboot`.
            now: when it was accepted, by the monotonic clock.
        """
        move = LIFECYCLE.operations.get(operation)
        if move is None or not move.through:
            return
        # An operation that is accepted in no status creates the instance, which was gone before.
        change = PendingChange(move.accepted_in or (GONE,), move.through, now + move.max_seconds)
        key = instance_id.casefold()
        with self._lock:
            self._changes.pop(key, None)
            self._changes[key] = change
            while len(self._changes) > self._limit:
                self._changes.popitem(last=False)

    def get(self, instance_id: str) -> PendingChange | None:
        """Return the pending change of an instance."""
        with self._lock:
            return self._changes.get(instance_id.casefold())

    def remove(self, instance_id: str, change: PendingChange) -> None:
        """Forget a pending change of an instance, unless another action replaced it meanwhile."""
        key = instance_id.casefold()
        with self._lock:
            if self._changes.get(key) is change:
                del self._changes[key]


def change_since(before: InstanceDetail) -> PendingChange:
    """Return the change that others make after this detail was read. It never expires: only timestamps confirm it."""
    status = str(before.status)
    return PendingChange((status,), LIFECYCLE.states.keys() - {status}, math.inf, before)


def _stamps(detail: InstanceDetail) -> tuple[datetime, datetime | None]:
    return detail.updated_at, detail.launched_at


def may_be_done(error: ToastComputeError) -> bool:
    """Return whether a change that ended in this error may have been carried out."""
    if isinstance(error, APIConnectionError):
        return not error.never_sent
    return isinstance(error, AmbiguousOutcomeError | MalformedResponseError)

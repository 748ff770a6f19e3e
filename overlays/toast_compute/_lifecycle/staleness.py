"""Staleness: whether a status that is shown may be the one from before a change.

A service that has accepted an action may show the old status for a while. A wait for ACTIVE after a reboot would then
end before the reboot began. What each action goes through, and how long it takes, is data of the contract.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Collection
from datetime import datetime
from typing import TypeVar

from toast_compute_api.behaviour import LIFECYCLE
from toast_compute_api.models import InstanceDetail

from ..errors import AmbiguousOutcomeError, APIConnectionError, MalformedResponseError, ToastComputeError

T = TypeVar("T")

GONE = "gone"
"""What an instance is that a list does not show, beside the statuses; `x-lifecycle` calls the end of a deletion so."""

# Of this many instances the client remembers the last action; of more, those that were acted on last.
REMEMBERED = 4096


class PendingChange:
    """What is known of one change of an instance whose traces are looked for.

    A status that the instance may have had before the change is believed when

    - another look, at the details, shows the same status and comes from after the change: `updatedAt` or `launchedAt`
      moved since an earlier look, or one of the change's transient statuses was seen before the first look at the
      details. Two looks have to agree, for either of them may be old; one whose timestamps go back is.
    - or the time of the change is over. Some changes are so quick that nobody sees them.
    """

    def __init__(
        self, old: Collection[str], signs: Collection[str], until: float, known: InstanceDetail | None = None
    ) -> None:
        """Begin to doubt.

        Args:
            old: the statuses that there may have been before the change.
            signs: the statuses that prove that the change has begun.
            until: when the change is over at last, by the monotonic clock.
            known: the instance as it was before the change, if somebody looked.
        """
        self._old = old
        self._signs = signs
        self._until = until
        self._stamps = None if known is None else _stamps(known)
        self._was_seen = False
        self._has_moved = False

    def observe(self, status: str) -> None:
        """Take a status that was seen as evidence, if it is any."""
        if status in self._signs:
            self._was_seen = True

    def may_be_stale(self, status: str, now: float) -> bool:
        """Return whether a status that was seen may be the one from before the change."""
        return now < self._until and status in self._old

    def is_confirmed_by(self, detail: InstanceDetail) -> bool:
        """Return whether the status in a detail can be believed."""
        status, stamps, known = str(detail.status), _stamps(detail), self._stamps
        if known is not None and stamps[0] < known[0]:
            return False
        self._stamps = stamps
        if status in self._signs:
            # It has begun: what is newer than this look is from after the change.
            self._has_moved = True
            return False
        if known is not None and stamps != known:
            self._has_moved = True
        # With timestamps like those of an earlier look it is no newer than that one, whatever else was seen.
        return self._has_moved or (known is None and self._was_seen)


class PendingChanges:
    """Remembers the last action on each instance that a client had accepted. Safe for threads."""

    def __init__(self, limit: int = REMEMBERED) -> None:
        self._limit = limit
        self._changes: OrderedDict[str, PendingChange] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, instance_id: str, operation: str, now: float) -> None:
        """Note that the service accepted an action, or may have. One that moves no status is ignored.

        Args:
            instance_id: the id of the instance.
            operation: an operation of `x-lifecycle`: an operationId such as `createInstance`, or an action such as
                `reboot`.
            now: when it was accepted, by the monotonic clock.
        """
        move = LIFECYCLE.operations.get(operation)
        if move is None or not move.through:
            return
        # What is accepted in no status begins with the action: before it, there was no instance.
        doubt = PendingChange(move.accepted_in or (GONE,), move.through, now + move.max_seconds)
        key = instance_id.casefold()
        with self._lock:
            self._changes.pop(key, None)
            self._changes[key] = doubt
            while len(self._changes) > self._limit:
                self._changes.popitem(last=False)

    def get(self, instance_id: str) -> PendingChange | None:
        """Return what is still expected of an instance."""
        with self._lock:
            return self._changes.get(instance_id.casefold())

    def remove(self, instance_id: str, change: PendingChange) -> None:
        """Forget what was expected of an instance, unless another action came meanwhile."""
        key = instance_id.casefold()
        with self._lock:
            if self._changes.get(key) is change:
                del self._changes[key]


def change_since(known: InstanceDetail) -> PendingChange:
    """Return the doubt of who has looked before the change: there is no end to it, for the timestamps will tell."""
    status = str(known.status)
    return PendingChange((status,), LIFECYCLE.states.keys() - {status}, math.inf, known)


def _stamps(detail: InstanceDetail) -> tuple[datetime, datetime | None]:
    return detail.updated_at, detail.launched_at


def may_be_done(error: ToastComputeError) -> bool:
    """Return whether a change that ended in this error may have been carried out."""
    if isinstance(error, APIConnectionError):
        return not error.never_sent
    return isinstance(error, AmbiguousOutcomeError | MalformedResponseError)

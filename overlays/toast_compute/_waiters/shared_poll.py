"""Shared polls: all waits of one client read the service with one request.

A wait that is alone reads its instance. As soon as there are several, one of them reads the list, and the others use
its snapshot.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, NoReturn, TypeVar

from toast_compute_api.api.instances.list_instance_details import list_instance_details
from toast_compute_api.api.instances.list_instances import list_instances
from toast_compute_api.models import Instance, InstanceDetail, InstanceDetailsSuccess, InstancesSuccess
from toast_compute_runtime.operation import Request

from .._core.client_core import Core
from .._core.error_mapping import is_absence
from .._effects import LIST_LOCK, Effects, ReadClock, TransportFault, WithLock
from ..errors import APITimeoutError, Attempt, NotFoundError, ToastComputeError

R = TypeVar("R", Instance, InstanceDetail)

LIST = "listInstances"
LIST_DETAILS = "listInstanceDetails"


def brief_request(core: Core, id: str | None) -> Request[InstancesSuccess]:
    """Return the request for all instances in brief, or for one. Raises InvalidRequestError for an invalid id."""
    return core.request(lambda appkey: list_instances(appkey, id=id))


def detail_request(core: Core, id: str | None) -> Request[InstanceDetailsSuccess]:
    """Return the request for all instances in detail, or for one."""
    return core.request(lambda appkey: list_instance_details(appkey, id=id))


@dataclass(frozen=True, slots=True)
class Snapshot(Generic[R]):
    """The instances that one poll read."""

    begun: float
    """When the poll began, by the monotonic clock."""
    instances: Mapping[str, R]
    """The instances by id, in lower case."""
    attempts: tuple[Attempt, ...]
    """The attempts of the request."""
    refusal: NotFoundError | None = None
    """The refusal, where the one instance that was asked for does not exist."""

    def find(self, id: str) -> R | None:
        """Return an instance, whatever the case of its id, or None."""
        return self.instances.get(id.casefold())


class Feed(Generic[R]):
    """The newest snapshot of one list, for all waits of a client."""

    def __init__(self, operation: str, request: Callable[[Core, str | None], Request[Any]]) -> None:
        self._operation = operation
        self._request = request
        # Replaced as a whole, so it needs no lock.
        self._newest: Snapshot[R] | _Failure | None = None

    def forget(self) -> None:
        """Drop the newest snapshot."""
        self._newest = None

    def read(self, core: Core, id: str | None, seconds: float) -> Effects[Snapshot[R]]:
        """Read one instance, or all, in at most `seconds` for each attempt."""
        _, begun = yield ReadClock()
        call = core.prepare(self._request(core, id), timeout=seconds)
        try:
            reply = yield from call.run()
        except NotFoundError as refusal:
            # A token or an image that is not found proves nothing about the instance.
            if id is None or refusal.operation != self._operation or not is_absence(refusal, "instance"):
                raise
            return Snapshot(begun, {}, refusal.attempts, refusal)
        instances: list[R] = reply.instances
        return Snapshot(begun, {instance.id.casefold(): instance for instance in instances}, call.log.attempts)

    def shared(self, core: Core, seconds: float, max_age: float) -> Effects[Snapshot[R]]:
        """Read all instances, or return a snapshot that another wait began up to `max_age` seconds ago.

        Raises:
            ToastComputeError: what that poll raised, copied for each wait.
        """
        _, now = yield ReadClock()
        newest = self._since(now - max_age)
        if newest is None:
            newest = yield from self._read_locked(core, seconds, now - max_age)
        if isinstance(newest, _Failure):
            newest.fail()
        return newest

    def _read_locked(self, core: Core, seconds: float, oldest: float) -> Effects[Snapshot[R] | _Failure]:
        try:
            newest: Snapshot[R] | _Failure
            newest, _ = yield WithLock(self._renew(core, seconds, oldest), seconds, LIST_LOCK)
        except TransportFault as fault:
            reason = fault.reason
        else:
            return newest
        raise APITimeoutError(
            f"{self._operation} was not sent: {reason}", operation=self._operation, never_sent=True, retryable=True
        )

    def _renew(self, core: Core, seconds: float, oldest: float) -> Effects[Snapshot[R] | _Failure]:
        # The wait that held the lock before may have read the list meanwhile.
        newest = self._since(oldest)
        if newest is not None:
            return newest
        _, begun = yield ReadClock()
        try:
            self._newest = newest = yield from self.read(core, None, seconds)
        except ToastComputeError as error:
            newest = _Failure(begun, error)
            # A time-out of a wait that is about to end must not fail the others, which may have more time.
            if seconds >= core.timeout or not isinstance(error, APITimeoutError):
                self._newest = newest
        return newest

    def _since(self, oldest: float) -> Snapshot[R] | _Failure | None:
        newest = self._newest
        return newest if newest is not None and newest.begun >= oldest else None


@dataclass(frozen=True, slots=True)
class _Failure:
    begun: float
    error: ToastComputeError

    def fail(self) -> NoReturn:
        # A copy for each wait: raising an error adds a traceback to it, and the wait adds a note.
        error = copy.copy(self.error)
        if notes := getattr(error, "__notes__", None):
            error.__notes__ = [*notes]
        raise error from self.error.__cause__


class SharedPoller:
    """The polls that the waits of one client share. Safe for threads."""

    def __init__(self) -> None:
        self.briefs: Feed[Instance] = Feed(LIST, brief_request)
        self.details: Feed[InstanceDetail] = Feed(LIST_DETAILS, detail_request)
        self._waits = 0
        self._lock = threading.Lock()

    @contextmanager
    def joined(self) -> Generator[None, None, None]:
        """Count one more wait in the block; the last one that leaves drops the snapshots."""
        with self._lock:
            self._waits += 1
        try:
            yield
        finally:
            with self._lock:
                self._waits -= 1
                if not self._waits:
                    self.briefs.forget()
                    self.details.forget()

    @property
    def is_shared(self) -> bool:
        """Whether there is more than one wait."""
        return self._waits > 1

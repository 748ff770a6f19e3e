"""How do a thousand waits on one client look at the service with one request?

A wait that is alone asks for its instance. As soon as there are several, one of them asks for the list, and the others
use what it saw.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, NoReturn, TypeAlias, TypeVar

from toast_compute_api.api.instances.list_instance_details import list_instance_details
from toast_compute_api.models import Instance, InstanceDetail

from .._core.client_core import Core
from .._core.error_mapping import is_absence
from .._effects import LIST_LOCK, Effects, ReadClock, TransportFault, WithLock
from .._operations.instances import brief_request
from ..errors import APITimeoutError, Attempt, NotFoundError, ToastComputeError

LIST = "listInstances"
LIST_DETAILS = "listInstanceDetails"

R = TypeVar("R", Instance, InstanceDetail)

Ask: TypeAlias = Callable[[Core, str | None, float], Effects[tuple[list[R], tuple[Attempt, ...]]]]


@dataclass(frozen=True, slots=True)
class Snapshot(Generic[R]):
    """What one look at the service showed."""

    begun: float
    """When it was asked for, by the monotonic clock."""
    instances: Mapping[str, R]
    """What was there, by id in lower case."""
    attempts: tuple[Attempt, ...]
    """What was tried for it."""
    refusal: NotFoundError | None = None
    """How the service said that the one instance that was asked for does not exist, if it did."""

    def find(self, id: str) -> R | None:
        """Return an instance, whatever the case of its id."""
        return self.instances.get(id.casefold())


class Feed(Generic[R]):
    """The newest look of one kind, for all waits of a client."""

    def __init__(self, operation: str, ask: Ask[R]) -> None:
        self._operation = operation
        self._ask: Ask[R] = ask
        # Replaced as a whole, so it needs no lock.
        self._newest: Snapshot[R] | _Failed | None = None

    def forget(self) -> None:
        """Let go of what was seen."""
        self._newest = None

    def read(self, core: Core, id: str | None, seconds: float) -> Effects[Snapshot[R]]:
        """Snapshot at one instance, or at all, for oneself."""
        _, begun = yield ReadClock()
        try:
            found, attempts = yield from self._ask(core, id, seconds)
        except NotFoundError as refusal:
            # A token or an image that is not found says nothing about the instance.
            if id is None or refusal.operation != self._operation or not is_absence(refusal, "instance"):
                raise
            return Snapshot(begun, {}, refusal.attempts, refusal)
        return Snapshot(begun, {one.id.casefold(): one for one in found}, attempts)

    def shared(self, core: Core, seconds: float, max_age: float) -> Effects[Snapshot[R]]:
        """Snapshot at all instances, or use a look that another wait began up to `max_age` seconds ago.

        Raises:
            ToastComputeError: what that look ended in, its own copy for each wait.
        """
        _, now = yield ReadClock()
        newest = self._since(now - max_age)
        if newest is None:
            newest = yield from self._read_locked(core, seconds, now - max_age)
        if isinstance(newest, _Failed):
            newest.fail()
        return newest

    def _read_locked(self, core: Core, seconds: float, oldest: float) -> Effects[Snapshot[R] | _Failed]:
        try:
            newest: Snapshot[R] | _Failed
            newest, _ = yield WithLock(self._renew(core, seconds, oldest), seconds, LIST_LOCK)
        except TransportFault as fault:
            reason = fault.reason
        else:
            return newest
        raise APITimeoutError(
            f"{self._operation} was not sent: {reason}", operation=self._operation, never_sent=True, retryable=True
        )

    def _renew(self, core: Core, seconds: float, oldest: float) -> Effects[Snapshot[R] | _Failed]:
        # Whoever held the gate before may have looked already.
        newest = self._since(oldest)
        if newest is not None:
            return newest
        _, begun = yield ReadClock()
        try:
            self._newest = newest = yield from self.read(core, None, seconds)
        except ToastComputeError as error:
            newest = _Failed(begun, error)
            # Others may have more time for it than a wait that is about to end.
            if seconds >= core.timeout or not isinstance(error, APITimeoutError):
                self._newest = newest
        return newest

    def _since(self, oldest: float) -> Snapshot[R] | _Failed | None:
        newest = self._newest
        return newest if newest is not None and newest.begun >= oldest else None


@dataclass(frozen=True, slots=True)
class _Failed:
    begun: float
    error: ToastComputeError

    def fail(self) -> NoReturn:
        # Each wait gets its own, since raising an error writes to it.
        error = copy.copy(self.error)
        if notes := getattr(error, "__notes__", None):
            error.__notes__ = [*notes]
        raise error from self.error.__cause__


class SharedPoller:
    """The looks that the waits of one client share. Safe for threads."""

    def __init__(self) -> None:
        self.briefs: Feed[Instance] = Feed(LIST, _ask_briefs)
        self.details: Feed[InstanceDetail] = Feed(LIST_DETAILS, _ask_details)
        self._waits = 0
        self._lock = threading.Lock()

    @contextmanager
    def joined(self) -> Generator[None, None, None]:
        """Be one of the waits in the block."""
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


def _ask_briefs(core: Core, id: str | None, seconds: float) -> Effects[tuple[list[Instance], tuple[Attempt, ...]]]:
    call = core.prepare(brief_request(core, id), timeout=seconds)
    reply = yield from call.run()
    return reply.instances, call.log.attempts


def _ask_details(
    core: Core, id: str | None, seconds: float
) -> Effects[tuple[list[InstanceDetail], tuple[Attempt, ...]]]:
    request = core.request(lambda appkey: list_instance_details(appkey, id=id))
    call = core.prepare(request, timeout=seconds)
    reply = yield from call.run()
    return reply.instances, call.log.attempts

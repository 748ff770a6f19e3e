"""The effects that operations yield, and what a driver answers.

An operation is a generator of effects: it never blocks, opens a socket or reads a clock, so one core serves the sync
and the async driver. What a generator may yield, and the value that it gets back:

    Send          a Reply; a TransportFault is thrown in when none came
    Sleep         None
    ReadClock     None
    Random        a number from 0 up to 1
    WithLock      what the inner generator returns; a TransportFault is thrown in when the lock is not free in time
    Gather        a list of what each inner generator returned or raised
    RunInThread   what the function returns

Each answer is a pair: this value, and the seconds of the monotonic clock when it was there.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias, TypeVar

from toast_compute_runtime.operation import Request

from ._redaction import Secret

T = TypeVar("T")

TOKEN_LOCK = "token"
"""Held by the one call at a time that issues a token."""
LIST_LOCK = "list"
"""Held by the one wait at a time that reads the list for all waits."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send one request once."""

    request: Request[Any]
    token: Secret | None
    timeout: float
    """Seconds for the exchange as a whole."""
    connect_timeout: float
    """Seconds of them until there is a connection."""


@dataclass(frozen=True, slots=True)
class Sleep:
    """Let some time pass."""

    seconds: float


@dataclass(frozen=True, slots=True)
class ReadClock:
    """Ask for nothing but the time."""


@dataclass(frozen=True, slots=True)
class Random:
    """Draw a random number, to spread retries and polls over time."""


@dataclass(frozen=True, slots=True)
class WithLock:
    """Run a generator while no other one of the same client holds this lock, waiting at most `seconds` for it."""

    effects: Effects[Any]
    seconds: float
    lock: str = TOKEN_LOCK


@dataclass(frozen=True, slots=True)
class Gather:
    """Run generators at the same time, at most `limit` of them. An interrupt is raised as itself."""

    effects: Sequence[Effects[Any]]
    limit: int


@dataclass(frozen=True, slots=True)
class RunInThread:
    """Call a function that blocks for a moment, such as one that reads a file; off the event loop if there is one."""

    function: Callable[[], Any]


Effect: TypeAlias = Send | Sleep | ReadClock | Random | WithLock | Gather | RunInThread

Effects: TypeAlias = Generator[Effect, Any, T]
"""An operation under way: it yields effects, gets answers, and returns a T."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back over HTTP, not judged yet. The body may hold secrets, so it stays out of the repr."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...] = field(repr=False)
    body: bytes = field(repr=False)


class FaultKind(Enum):
    """How an exchange ended without a reply that can be read."""

    CONNECTION = "connection"
    TIMEOUT = "timeout"
    REPLY = "reply"
    """A reply began, but its bytes cannot be turned into a body."""


class TransportFault(Exception):  # noqa: N818 (a message between driver and core, never an error that users see)
    """No reply came back."""

    def __init__(self, kind: FaultKind, reason: str, *, not_sent: bool) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason
        self.not_sent = not_sent

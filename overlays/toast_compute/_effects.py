"""What does the core ask of the world, and what does it get back?

The core is made of plans: generators that yield effects and are sent the answers. A driver performs the effects.
Nothing here and in the core blocks, opens a socket or reads a clock, so one core serves the blocking and the async
driver.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias, TypeVar

from toast_compute_runtime.operation import Request

from ._secret import Secret

T = TypeVar("T")

TOKEN_GATE = "token"
"""Behind it, one call at a time issues a token."""
LIST_GATE = "list"
"""Behind it, one wait at a time asks for the list that all waits look at."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send one request once. Answered by a `Reply`; a `TransportFault` is thrown in when there is none."""

    request: Request[Any]
    token: Secret | None
    timeout: float
    """Seconds for the exchange as a whole."""
    connect_timeout: float
    """Seconds of them until there is a connection."""


@dataclass(frozen=True, slots=True)
class Sleep:
    """Let so many seconds pass. Answered by None."""

    seconds: float


@dataclass(frozen=True, slots=True)
class ReadClock:
    """Answered by the seconds of a monotonic clock."""


@dataclass(frozen=True, slots=True)
class Draw:
    """Answered by a random number from 0 up to 1, for spreading retries and looks over time."""


@dataclass(frozen=True, slots=True)
class Exclusively:
    """Run a plan while no other plan of the same client runs behind this gate. Answered by what the plan returns.

    A `TransportFault` is thrown in when its turn does not come within so many seconds.
    """

    plan: Plan[Any]
    seconds: float
    gate: str = TOKEN_GATE


@dataclass(frozen=True, slots=True)
class Together:
    """Run plans at the same time, at most `limit` of them.

    Answered by a list, in their order, of what each returned or raised; an interrupt is raised as itself.
    """

    plans: Sequence[Plan[Any]]
    limit: int


@dataclass(frozen=True, slots=True)
class Block:
    """Do work that blocks for a moment, such as reading a file. Answered by what it returns; raises what it raises."""

    work: Callable[[], Any]


Effect: TypeAlias = Send | Sleep | ReadClock | Draw | Exclusively | Together | Block

Plan: TypeAlias = Generator[Effect, Any, T]


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
    # A reply began but its bytes cannot be turned into a body.
    REPLY = "reply"


class TransportFault(Exception):  # noqa: N818 (a message between driver and core, never an error of the user's)
    """No reply came back."""

    def __init__(self, kind: FaultKind, reason: str, *, never_left: bool) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason
        self.never_left = never_left

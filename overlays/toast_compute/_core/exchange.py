"""How does a program see what really came back?"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from ..errors import Attempt

_listening: ContextVar[tuple[tuple[object, list[Exchange]], ...]] = ContextVar("toast_compute_captures", default=())


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request that was answered, successfully or not. Headers and body may hold secrets: the repr has neither."""

    operation: str
    """The operationId."""
    status: int
    """The HTTP status."""
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    """The headers of the reply, in their order."""
    body: bytes = field(repr=False)
    """The body as it came, decompressed."""
    parsed: Any = field(repr=False)
    """The whole reply as an object, with its header; None when it was a refusal or could not be understood."""
    attempts: tuple[Attempt, ...] = ()
    """What was tried in this call up to this reply."""


@contextmanager
def capturing(owner: object) -> Generator[list[Exchange], None, None]:
    """Collect what is answered to the calls of a client in the block, by this thread or task and those it starts."""
    collected: list[Exchange] = []
    token = _listening.set((*_listening.get(), (owner, collected)))
    try:
        yield collected
    finally:
        _listening.reset(token)


def note(owner: object, exchange: Exchange) -> None:
    """Hand an exchange to whoever collects."""
    for listener, collected in _listening.get():
        if listener is owner:
            collected.append(exchange)


def is_listening(owner: object) -> bool:
    """Return whether somebody collects the exchanges of this client here."""
    return any(listener is owner for listener, _ in _listening.get())

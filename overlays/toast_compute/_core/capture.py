"""Captures: what really came back, for a program that wants to see it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from .._effects import Reply
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


def report(owner: object, operation: str, reply: Reply, parsed: object, attempts: tuple[Attempt, ...]) -> None:
    """Hand what came back to every capture of the client."""
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in reply.headers)
    exchange = Exchange(operation, reply.status, headers, reply.body, parsed, attempts)
    for listener, collected in _listening.get():
        if listener is owner:
            collected.append(exchange)


def is_listening(owner: object) -> bool:
    """Return whether there is a capture of the client here."""
    return any(listener is owner for listener, _ in _listening.get())

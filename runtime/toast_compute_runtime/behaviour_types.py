"""The types of the behaviour tables: result codes, subsystem ranges and the lifecycle of a resource."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class ResultCode(msgspec.Struct, frozen=True, kw_only=True):
    """One documented result code."""

    code: int
    message: str
    """What the resultMessage begins with; a detail may follow a colon."""
    kind: str
    """The kind of outcome, such as `not-found`."""
    subsystem: str | None
    """The part of the service that it belongs to, where it names one."""
    retry: str
    """When the same call may succeed: no, fresh-token, after-correction, read-detail, support."""
    meaning: str


class SubsystemRange(msgspec.Struct, frozen=True, kw_only=True):
    """Result codes whose last three digits are an HTTP status, and the part of the service that they belong to."""

    first: int
    last: int
    subsystem: str

    def __contains__(self, code: int) -> bool:
        return self.first <= code <= self.last


_STATUS_DIGITS = 1000


def http_status(code: int) -> int:
    """Return the HTTP status that a code of a subsystem range stands for: its last three digits."""
    return code % _STATUS_DIGITS


class State(msgspec.Struct, frozen=True, kw_only=True):
    """One status of a resource."""

    transient: bool
    """Whether it ends by itself."""
    next: tuple[str, ...]
    """The statuses that may follow."""
    basis: str
    """`documented` by the guide, or `assumed`."""


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """What one operation does to a resource's status."""

    accepted_in: tuple[str, ...]
    """The statuses in which it is accepted."""
    through: tuple[str, ...]
    """The transient statuses that follow."""
    to: str
    """Where it ends: a status, `same` (the one before it) or `gone`."""
    min_seconds: float
    max_seconds: float
    basis: str
    """`documented` by the guide, or `assumed`."""


class Lifecycle(msgspec.Struct, frozen=True, kw_only=True):
    """The statuses of a resource and what moves it between them."""

    resource: str
    initial: str
    states: Mapping[str, State]
    operations: Mapping[str, Move]
    """By operationId, or by action for the operation whose body is an action."""

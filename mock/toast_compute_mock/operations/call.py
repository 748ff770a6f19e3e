"""What does an operation get to work with, and how does it write times?"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from ..intake import JsonObject

Payload: TypeAlias = dict[str, Any]
"""The members of a success beside its header."""

_WITHOUT_ZONE = len("2026-01-15T09:00:00.000000")


@dataclass(frozen=True, slots=True)
class Call:
    """One request that keeps the contract."""

    operation: str
    """The operationId."""
    now: datetime
    parameters: dict[str, str] = field(repr=False)
    """The values of path and query; an optional one that was left out is not there."""
    body: JsonObject = field(repr=False)
    """The decoded body; empty for an operation without one."""


def timestamp(moment: datetime) -> str:
    """Write a time as the guide's samples do: UTC, microseconds, no zone."""
    return moment.isoformat(timespec="microseconds")[:_WITHOUT_ZONE]

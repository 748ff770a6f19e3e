"""Define what an operation gets and returns, and how it writes times."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeAlias

import msgspec

from ..exchange import JsonObject

Payload: TypeAlias = dict[str, Any]
"""The members of a success in addition to its header."""

_WITHOUT_ZONE = len("2026-01-15T09:00:00.000000")


class Call(msgspec.Struct, frozen=True, gc=False):
    """One request that keeps the contract. Its repr shows no values of parameters and body: some are secret."""

    operation: str
    """The operationId."""
    now: datetime
    parameters: Mapping[str, str]
    """The values of path and query; an optional one that was left out is not there."""
    body: JsonObject
    """The decoded body; empty for an operation without one."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(operation={self.operation!r}, now={self.now!r})"


def timestamp(moment: datetime) -> str:
    """Write a time as the guide's samples do: UTC, microseconds, no zone."""
    return moment.isoformat(timespec="microseconds")[:_WITHOUT_ZONE]

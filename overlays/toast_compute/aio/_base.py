"""The base of the resource classes of an async client."""

from __future__ import annotations

from typing import Protocol

from .._core.client_core import Core
from .._effects import Effects
from .._types import T


class AsyncRun(Protocol):
    """Runs an operation to its end."""

    async def __call__(self, effects: Effects[T], /) -> T:
        """Return what the operation returns, raise what it raises."""
        ...


class AsyncResource:
    """One part of the service, bound to a client."""

    def __init__(self, core: Core, run: AsyncRun) -> None:
        self._core = core
        self._run = run

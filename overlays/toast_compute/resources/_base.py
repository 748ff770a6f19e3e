"""What do all resources of a blocking client share?"""

from __future__ import annotations

from typing import Protocol, TypeVar

from .._core.client_core import Core
from .._effects import Effects

T = TypeVar("T")


class Run(Protocol):
    """Runs a plan to its end."""

    def __call__(self, plan: Effects[T], /) -> T:
        """Return what the plan returns, raise what it raises."""
        ...


class Resource:
    """One part of the service, bound to a client."""

    def __init__(self, core: Core, run: Run) -> None:
        self._core = core
        self._run = run

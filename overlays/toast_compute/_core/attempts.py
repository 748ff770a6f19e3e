"""The log of the attempts of one call."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from ..errors import Attempt

_log = logging.getLogger("toast_compute")


class AttemptLog:
    """What was tried in one call so far, how each attempt ended, and what followed from it."""

    def __init__(self, operation: str, began: float) -> None:
        self._operation = operation
        self._began = began
        self._attempts: list[Attempt] = []
        self.may_have_arrived = False
        """Whether an attempt may have reached the service."""
        self.may_be_done = False
        """Whether an attempt that failed may have been carried out."""

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """The attempts, oldest first."""
        return tuple(self._attempts)

    def followed_by(self, attempts: Iterable[Attempt], began: float) -> tuple[Attempt, ...]:
        """Return the attempts, followed by those of another call that began at this time of the clock."""
        later = began - self._began
        return (*self._attempts, *(one._replace(started=one.started + later) for one in attempts))

    def add(self, began: float, ended: float, outcome: str, *, result_code: int | None, status: int | None) -> None:
        """Add an attempt by the times of the clock; what follows from it is added by `decide`."""
        self._attempts.append(
            Attempt(self._operation, began - self._began, ended - began, outcome, result_code, status, "done")
        )

    def decide(self, decision: str) -> None:
        """Note what follows from the last attempt, here and in the program's log."""
        last = self._attempts[-1] = self._attempts[-1]._replace(decision=decision)
        _log.debug("%s", last)

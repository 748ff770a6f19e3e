"""What was tried, how did each try end, and why was it tried again or not?"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from ..errors import Attempt

_log = logging.getLogger("toast_compute")


class AttemptLog:
    """The tries of one call, while it goes on."""

    def __init__(self, operation: str) -> None:
        self._operation = operation
        self._began = 0.0
        self._attempts: list[Attempt] = []

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """What was tried so far."""
        return tuple(self._attempts)

    def followed_by(self, attempts: Iterable[Attempt], began: float) -> tuple[Attempt, ...]:
        """Return what was tried so far, and behind it what another call tried that began at a time of the clock."""
        later = began - self._began
        return (*self._attempts, *(one._replace(started=one.started + later) for one in attempts))

    def begin(self, now: float) -> None:
        """Say when the call begins, by the clock."""
        self._began = now

    def add(self, at: float, done: float, outcome: str, *, result_code: int | None, status: int | None) -> None:
        """Note a try by the times of the clock; what follows from it is said by `decide`."""
        self._attempts.append(
            Attempt(self._operation, at - self._began, done - at, outcome, result_code, status, "done")
        )

    def decide(self, decision: str) -> None:
        """Say what follows from the last try, here and in the log."""
        last = self._attempts[-1] = self._attempts[-1]._replace(decision=decision)
        _log.debug("%s", last)

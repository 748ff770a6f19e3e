"""Are the bytes of a reply too many, or do they take too long?"""

from __future__ import annotations

import time

from .._effects import FaultKind


class ReplyBody:
    """The bytes of a reply as they come: they must not be too many, and not take too long."""

    def __init__(self, most: int, ends: float) -> None:
        self.fault: FaultKind | None = None
        self._chunks: list[bytes] = []
        self._left = most
        self._ends = ends
        self._look()

    def add(self, chunk: bytes) -> bool:
        """Add what came; return whether that is enough because the body cannot be had."""
        self._chunks.append(chunk)
        self._left -= len(chunk)
        self._look()
        return self.fault is not None

    def whole(self) -> bytes | FaultKind:
        """Return the body, or why there is none."""
        return b"".join(self._chunks) if self.fault is None else self.fault

    def _look(self) -> None:
        if self._left < 0:
            self.fault = FaultKind.REPLY
        # The timeouts of a user's transport may begin anew with every byte: without this a trickle would never end.
        elif time.monotonic() > self._ends:
            self.fault = FaultKind.TIMEOUT

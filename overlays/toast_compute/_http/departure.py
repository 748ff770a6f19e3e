"""Did a request leave, or only the one with which httpcore asks a proxy for a tunnel to the service?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SENDING = ".send_request_headers.started"
_FOR_A_TUNNEL = b"CONNECT"


class Departure:
    """Watches one exchange through a tunnel."""

    def __init__(self) -> None:
        self._sent: set[bool] = set()

    @property
    def not_sent(self) -> bool:
        """Whether a tunnel was asked for and nothing sent since: steps that are not known here prove nothing."""
        return self._sent == {True}

    def note(self, step: str, details: Mapping[str, Any]) -> None:
        """Take down a step of a blocking exchange. For httpcore's extension `trace`."""
        if step.endswith(_SENDING):
            self._sent.add(details["request"].method == _FOR_A_TUNNEL)

    async def note_async(self, step: str, details: Mapping[str, Any]) -> None:
        """Take down a step of an asynchronous exchange."""
        self.note(step, details)

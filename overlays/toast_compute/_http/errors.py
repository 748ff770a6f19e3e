"""Faults of exchanges: what each error of a transport means, and whether the request may have been sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import httpx

from .._effects import FaultKind, Send, TransportFault

_SENDING = ".send_request_headers.started"
_FOR_A_TUNNEL = b"CONNECT"


class SendTracker:
    """Tracks what one exchange through a proxy has sent: the request for a tunnel, or more."""

    def __init__(self) -> None:
        self._sent: set[bool] = set()

    @property
    def not_sent(self) -> bool:
        """Whether a tunnel was asked for and nothing was sent since. Unknown steps of httpcore prove nothing."""
        return self._sent == {True}

    def note(self, step: str, details: Mapping[str, Any]) -> None:
        """Note a step of a sync exchange. For httpcore's extension `trace`."""
        if step.endswith(_SENDING):
            self._sent.add(details["request"].method == _FOR_A_TUNNEL)

    async def note_async(self, step: str, details: Mapping[str, Any]) -> None:
        """Note a step of an async exchange."""
        self.note(step, details)


def fault_of(error: Exception, effect: Send, host: str, tracker: SendTracker, *, through: str) -> TransportFault:
    """Return the fault for an error of a transport; a transport of the user's may raise anything.

    Args:
        error: what it raised.
        effect: what was to be sent.
        host: where to.
        tracker: what was sent through a tunnel.
        through: the way to the host, for the message.
    """
    not_sent = tracker.not_sent
    # The order matters: a tunnel that was not given proves more than the class of the error.
    match error:
        case httpx.TimeoutException() | TimeoutError() if not_sent:
            return timeout(effect, host, not_sent=True)
        case httpx.ConnectTimeout() | httpx.PoolTimeout():
            return timeout(effect, host, not_sent=True)
        case httpx.TimeoutException() | TimeoutError():
            return timeout(effect, host, not_sent=False)
        case httpx.ConnectError() | httpx.ProxyError() | httpx.UnsupportedProtocol() | httpx.InvalidURL():
            reason = f"{host} could not be reached{through}: {_plain(error)}"
            return TransportFault(FaultKind.CONNECTION, reason, not_sent=True)
        case _ if not_sent:
            reason = f"{host} could not be reached: the proxy broke the connection off"
            return TransportFault(FaultKind.CONNECTION, reason, not_sent=True)
        case httpx.DecodingError():
            return TransportFault(FaultKind.REPLY, "the reply cannot be decompressed", not_sent=False)
        case httpx.RemoteProtocolError() if str(error).startswith("illegal "):
            return TransportFault(FaultKind.REPLY, f"what came back from {host} is not HTTP", not_sent=False)
        case _:
            # The text of these may quote a header, so only the class is named.
            reason = f"the connection to {host} was lost before the whole reply came ({type(error).__name__})"
            return TransportFault(FaultKind.CONNECTION, reason, not_sent=False)


def timeout(effect: Send, host: str, *, not_sent: bool) -> TransportFault:
    """Return the fault of an exchange whose time is over."""
    what = "could not be reached" if not_sent else "did not answer"
    seconds = effect.connect_timeout if not_sent else effect.timeout
    return TransportFault(FaultKind.TIMEOUT, f"{host} {what} within {round(seconds, 2):g} s", not_sent=not_sent)


def _plain(error: Exception) -> str:
    # Without the numbers and source lines of the C library, which add nothing to the text.
    return re.sub(r"^\[[^\]]+\] | \(_ssl\.c:\d+\)$", "", str(error)) or type(error).__name__

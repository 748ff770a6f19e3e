"""What does each way mean in which an exchange can fail, and may the request have left?"""

from __future__ import annotations

import re

from .._effects import FaultKind, Send, TransportFault
from .departure import Departure


def fault_of(error: Exception, effect: Send, host: str, departure: Departure, *, through: str) -> TransportFault:
    """Return what an error of a transport means; a transport of the user's may raise anything.

    Args:
        error: what it raised.
        effect: what was to be sent.
        host: where to.
        departure: what is known of a tunnel on the way.
        through: what lies on the way, in words.
    """
    import httpx

    not_sent = departure.not_sent
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
            return TransportFault(FaultKind.REPLY, f"what came back from {host} is no HTTP", not_sent=False)
        case _:
            # The text of these may quote a header, so only the kind is told.
            reason = f"the connection to {host} was lost before the whole reply came ({type(error).__name__})"
            return TransportFault(FaultKind.CONNECTION, reason, not_sent=False)


def timeout(effect: Send, host: str, *, not_sent: bool) -> TransportFault:
    """Return what it means that the time of an exchange is over."""
    what = "could not be reached" if not_sent else "did not answer"
    seconds = effect.connect_timeout if not_sent else effect.timeout
    return TransportFault(FaultKind.TIMEOUT, f"{host} {what} within {round(seconds, 2):g} s", not_sent=not_sent)


def _plain(error: Exception) -> str:
    # Without the numbers and source lines of the C library: the words say the same.
    return re.sub(r"^\[[^\]]+\] | \(_ssl\.c:\d+\)$", "", str(error)) or type(error).__name__

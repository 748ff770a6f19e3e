"""How does one request go over HTTP once, and what can come of it?

The only module that knows httpx, which it imports at the first call. The transport is called directly, below
`httpx.Client`: the client writes every URL, and so the appkey, into its log.
"""

from __future__ import annotations

import logging
import re
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

from toast_compute_api.behaviour import TOKEN_HEADER

from ._effects import FaultKind, Reply, Send, TransportFault
from .errors import ConfigurationError

if TYPE_CHECKING:
    import httpx

    Outcome: TypeAlias = Reply | TransportFault

# Ten thousand instance details are about 8 MB.
MAX_REPLY_BYTES = 256 * 1024 * 1024
MAX_CONNECTIONS = 100
# Shorter than the idle time of common load balancers, so that they rarely close a connection that is about to be used.
KEEPALIVE_SECONDS = 5.0

JSON = "application/json"
JSON_BODY = "application/json;charset=UTF-8"


class HttpSender:
    """Sends requests over one pool of connections. Threads may share it."""

    def __init__(
        self, base_url: str, transport: httpx.BaseTransport | None, *, max_reply_bytes: int = MAX_REPLY_BYTES
    ) -> None:
        self._base_url = base_url
        self._host = urlsplit(base_url).netloc
        self._transport = transport
        self._max_reply_bytes = max_reply_bytes
        self._closed = False
        self._lock = threading.Lock()
        for name in ("httpcore.http11", "httpcore.http2"):
            # Adding it again changes nothing.
            logging.getLogger(name).addFilter(_NO_REPLY_HEADERS)

    def send(self, effect: Send, /) -> Reply:
        """Send one request once.

        Raises:
            TransportFault: no reply came back; says whether the request may have left.
            ConfigurationError: the sender is closed, or the environment's proxy cannot be used.
        """
        outcome = self._exchange(effect)
        # Raised here, outside of any handler: an httpx exception in the context would bring the request along, and with
        # it the appkey and the token.
        if isinstance(outcome, TransportFault):
            raise outcome
        return outcome

    def close(self) -> None:
        """Close every connection. What is sent later raises ConfigurationError."""
        with self._lock:
            self._closed = True
            transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()

    def _exchange(self, effect: Send) -> Outcome:
        import httpx

        transport = self._open()
        # Real time, whatever clock the client has: sockets know no other.
        ends = time.monotonic() + effect.timeout
        try:
            with _reply_headers_unlogged():
                response = transport.handle_request(self._request(effect))
            try:
                body = self._body(response, ends)
            finally:
                response.close()
        except (httpx.ConnectTimeout, httpx.PoolTimeout):
            return self._timeout(effect, never_left=True)
        except httpx.TimeoutException:
            return self._timeout(effect, never_left=False)
        except (httpx.ConnectError, httpx.ProxyError, httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            reason = f"{self._host} could not be reached: {_plain(error)}"
            return TransportFault(FaultKind.CONNECTION, reason, never_left=True)
        except httpx.DecodingError:
            return TransportFault(FaultKind.REPLY, "the reply cannot be decompressed", never_left=False)
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            if isinstance(error, httpx.RemoteProtocolError) and str(error).startswith("illegal "):
                return TransportFault(FaultKind.REPLY, f"what came back from {self._host} is no HTTP", never_left=False)
            # The text of these may quote a header, so only the kind is told.
            reason = f"the connection to {self._host} was lost before the whole reply came ({type(error).__name__})"
            return TransportFault(FaultKind.CONNECTION, reason, never_left=False)
        if isinstance(body, FaultKind):
            if body is FaultKind.TIMEOUT:
                return self._timeout(effect, never_left=False)
            return TransportFault(body, f"the reply is over {self._max_reply_bytes} bytes long", never_left=False)
        return Reply(response.status_code, tuple(response.headers.raw), body)

    def _body(self, response: httpx.Response, ends: float) -> bytes | FaultKind:
        chunks: list[bytes] = []
        size = 0
        if time.monotonic() > ends:
            return FaultKind.TIMEOUT
        for chunk in response.iter_bytes():
            chunks.append(chunk)
            size += len(chunk)
            if size > self._max_reply_bytes:
                return FaultKind.REPLY
            # The timeouts of a socket begin anew with every byte: without this a trickle would never end.
            if time.monotonic() > ends:
                return FaultKind.TIMEOUT
        return b"".join(chunks)

    def _timeout(self, effect: Send, *, never_left: bool) -> TransportFault:
        what = "could not be reached" if never_left else "did not answer"
        return TransportFault(
            FaultKind.TIMEOUT, f"{self._host} {what} within {effect.timeout:g} s", never_left=never_left
        )

    def _request(self, effect: Send) -> httpx.Request:
        import httpx

        request = effect.request
        headers = {"Accept": JSON, "Accept-Encoding": "gzip, deflate", "User-Agent": "toast-compute"}
        if effect.token is not None:
            headers[TOKEN_HEADER] = effect.token.reveal()
        if request.body is not None:
            headers["Content-Type"] = JSON_BODY
        limits: dict[str, Any] = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), effect.timeout)}
        return httpx.Request(
            request.method, self._base_url + request.target, headers=headers, content=request.body, extensions=limits
        )

    def _open(self) -> httpx.BaseTransport:
        with self._lock:
            if self._closed:
                raise ConfigurationError("This client is closed: make a new one.")
            if self._transport is None:
                self._transport = _default_transport(self._base_url)
            return self._transport


# Set while a thread or task of ours waits for the head of a reply.
_ours = ContextVar("_ours", default=False)


class _NoReplyHeaders(logging.Filter):
    """Keeps the head of our replies out of httpcore's log: a redirect or a bad server may repeat secrets there."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let everything pass but the head of a reply to us."""
        return not (_ours.get() and str(record.msg).startswith("receive_response_headers."))


_NO_REPLY_HEADERS = _NoReplyHeaders()


@contextmanager
def _reply_headers_unlogged() -> Iterator[None]:
    before = _ours.set(True)
    try:
        yield
    finally:
        _ours.reset(before)


def _default_transport(base_url: str) -> httpx.HTTPTransport:
    import httpx

    limits = httpx.Limits(
        max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS, keepalive_expiry=KEEPALIVE_SECONDS
    )
    try:
        # Plain http goes to loopback only and speaks no TLS. A context that trusts nobody keeps it so, and saves
        # loading the CA certificates.
        trust = True if base_url.startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return httpx.HTTPTransport(verify=trust, limits=limits, proxy=_environment_proxy(base_url))
    except (ImportError, ValueError, httpx.InvalidURL):
        problem = "The proxy in the environment (HTTPS_PROXY, HTTP_PROXY or ALL_PROXY) cannot be used: check its URL."
    except OSError:
        problem = "The CA certificates in the environment (SSL_CERT_FILE or SSL_CERT_DIR) cannot be read."
    # Outside of the handlers: the URL of a proxy may hold a password.
    raise ConfigurationError(problem)


def _environment_proxy(base_url: str) -> str | None:
    """The proxy that httpx.Client would take from the environment."""
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(base_url)
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if proxy is None or proxy_bypass(parts.hostname or ""):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _plain(error: Exception) -> str:
    # Without the numbers and source lines of the C library: the words say the same.
    return re.sub(r"^\[[^\]]+\] | \(_ssl\.c:\d+\)$", "", str(error)) or type(error).__name__

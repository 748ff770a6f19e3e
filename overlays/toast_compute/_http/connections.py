"""One exchange over the connections of a client.

The transport is called directly, below `httpx.Client`: the client writes every URL, and so the appkey, into its log.
"""

from __future__ import annotations

import logging
import math
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import httpx
from toast_compute_api.behaviour import TOKEN_HEADER

from .._effects import FaultKind, Reply, Send, TransportFault
from .errors import SendTracker, fault_of, timeout
from .pool import async_transport, environment_proxy, sync_transport

Outcome: TypeAlias = Reply | TransportFault

# Added to the time of an async exchange, so that a timeout of httpx, which is more exact, comes first.
_MARGIN = 0.25

JSON = "application/json"
JSON_BODY = "application/json;charset=UTF-8"


class _Connections:
    def __init__(self, base_url: str, max_reply_bytes: int, *, is_builtin: bool) -> None:
        self._base_url = base_url
        self._host = urlsplit(base_url).netloc
        self._max_reply_bytes = max_reply_bytes
        # Behind a transport of the user's, nothing is known of proxies.
        has_proxy = is_builtin and environment_proxy(base_url) is not None
        self._is_tunnelled = has_proxy and base_url.startswith("https:")
        self._through = " through the environment's proxy" if has_proxy else ""
        for name in ("httpcore.http11", "httpcore.http2"):
            logging.getLogger(name).addFilter(_NO_REPLY_HEADERS)

    def timeout(self, effect: Send, *, not_sent: bool) -> TransportFault:
        """Return the fault of an exchange whose time is over."""
        return timeout(effect, self._host, not_sent=not_sent)

    def _request(self, effect: Send, seconds: float, trace: Callable[..., Any]) -> RedactedRequest:
        request = effect.request
        headers = {"Accept": JSON, "Accept-Encoding": "gzip, deflate", "User-Agent": "toast-compute"}
        if effect.token is not None:
            headers[TOKEN_HEADER] = effect.token.reveal()
        if request.body is not None:
            headers["Content-Type"] = JSON_BODY
        to_connect = min(effect.connect_timeout, seconds)
        steps = {"connect": to_connect, "pool": to_connect, "read": seconds, "write": seconds}
        extensions: dict[str, Any] = {"timeout": steps}
        if self._is_tunnelled:
            extensions["trace"] = trace
        url = self._base_url + request.target
        return RedactedRequest(request.method, url, headers=headers, content=request.body, extensions=extensions)

    def _outcome(self, effect: Send, response: httpx.Response, body: bytes | FaultKind) -> Outcome:
        if not isinstance(body, FaultKind):
            return Reply(response.status_code, tuple(response.headers.raw), body)
        if body is FaultKind.TIMEOUT:
            return self.timeout(effect, not_sent=False)
        return TransportFault(body, f"the reply is over {self._max_reply_bytes} bytes long", not_sent=False)

    def _fault(self, error: Exception, effect: Send, tracker: SendTracker) -> TransportFault:
        return fault_of(error, effect, self._host, tracker, through=self._through)


class _CallTime(threading.local):
    """The moment by `time.monotonic` at which the call of a thread has to be over."""

    ends = math.inf


class SyncConnections(_Connections):
    """The connections of a sync client. Threads may share them."""

    def __init__(
        self, base_url: str, transport: httpx.BaseTransport | None, max_reply_bytes: int, max_connections: int
    ) -> None:
        super().__init__(base_url, max_reply_bytes, is_builtin=transport is None)
        self._time = _CallTime()
        if transport is None:
            transport = sync_transport(base_url, max_connections, lambda: self._time.ends)
        self._transport = transport

    def exchange(self, effect: Send) -> Outcome:
        """Send one request once. Return the reply, or the fault in place of one."""
        tracker, handled = SendTracker(), sys.exception()
        # Real time, whatever clock the client has: sockets know no other.
        self._time.ends = ends = time.monotonic() + effect.timeout
        try:
            with _reply_headers_unlogged():
                response = self._transport.handle_request(self._request(effect, effect.timeout, tracker.note))
            try:
                return self._outcome(effect, response, self._body(response, ends))
            finally:
                response.close()
        except Exception as error:  # a transport of the user's may raise anything
            return self._fault(error, effect, tracker)
        except BaseException as interrupt:
            raise without_frames(interrupt, handled)  # noqa: B904 - it is the same

    def close(self) -> None:
        """Close every connection."""
        self._transport.close()

    def _body(self, response: httpx.Response, ends: float) -> bytes | FaultKind:
        body = _ReplyBody(self._max_reply_bytes, ends)
        if body.fault is None:
            for chunk in response.iter_bytes():
                if body.add(chunk):
                    break
        return body.whole()


class AsyncConnections(_Connections):
    """The connections of an async client. Tasks of one event loop may share them."""

    def __init__(
        self, base_url: str, transport: httpx.AsyncBaseTransport | None, max_reply_bytes: int, max_connections: int
    ) -> None:
        super().__init__(base_url, max_reply_bytes, is_builtin=transport is None)
        self._transport = async_transport(base_url, max_connections) if transport is None else transport

    async def exchange(self, effect: Send, ends: float) -> Outcome:
        """Send one request once, until a moment by `time.monotonic`. Return the reply, or the fault in place of one."""
        import asyncio  # not loaded in sync programs

        tracker, handled = SendTracker(), sys.exception()
        left = ends - time.monotonic()
        if left <= 0:
            return self.timeout(effect, not_sent=True)
        try:
            async with asyncio.timeout(left + _MARGIN):
                with _reply_headers_unlogged():
                    request = self._request(effect, left, tracker.note_async)
                    response = await self._transport.handle_async_request(request)
                try:
                    return self._outcome(effect, response, await self._body(response, ends))
                finally:
                    await response.aclose()
        except Exception as error:  # a transport of the user's may raise anything
            return self._fault(error, effect, tracker)
        except BaseException as interrupt:
            raise without_frames(interrupt, handled)  # noqa: B904 - it is the same

    async def aclose(self) -> None:
        """Close every connection."""
        await self._transport.aclose()

    async def _body(self, response: httpx.Response, ends: float) -> bytes | FaultKind:
        body = _ReplyBody(self._max_reply_bytes, ends)
        if body.fault is None:
            async for chunk in response.aiter_bytes():
                if body.add(chunk):
                    break
        return body.whole()


class _ReplyBody:
    """The bytes of a reply as they come: they must not be too many, and not take too long."""

    def __init__(self, most: int, ends: float) -> None:
        self.fault: FaultKind | None = None
        self._chunks: list[bytes] = []
        self._left = most
        self._ends = ends
        self._check()

    def add(self, chunk: bytes) -> bool:
        """Add the next bytes. Return whether the body is given up."""
        self._chunks.append(chunk)
        self._left -= len(chunk)
        self._check()
        return self.fault is not None

    def whole(self) -> bytes | FaultKind:
        """Return the body, or the fault in place of one."""
        return b"".join(self._chunks) if self.fault is None else self.fault

    def _check(self) -> None:
        if self._left < 0:
            self.fault = FaultKind.REPLY
        # The timeouts of a user's transport may begin anew with every byte: without this a trickle would never end.
        elif time.monotonic() > self._ends:
            self.fault = FaultKind.TIMEOUT


class RedactedRequest(httpx.Request):
    """A request whose repr, which tracebacks may show, has neither its URL with the appkey nor its headers."""

    def __repr__(self) -> str:
        return f"<Request({self.method!r})>"


def without_frames(interrupt: BaseException, handled: BaseException | None) -> BaseException:
    """Return an interrupt or a cancellation without the frames of the HTTP library, which hold the secrets.

    Args:
        interrupt: what broke the exchange off; it is not ours to turn into an error.
        handled: the exception that was being handled when the exchange began. It stays the context; errors of the
            exchange do not.
    """
    if handled is not interrupt:
        interrupt.__context__ = handled
    return interrupt.with_traceback(None)


# Set while a thread or task of ours waits for the head of a reply.
_is_ours = ContextVar("_is_ours", default=False)


class _NoReplyHeaders(logging.Filter):
    """Keeps the heads of our replies out of httpcore's log: a redirect or a bad server may repeat secrets there."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let everything pass but the head of a reply to us."""
        return not (_is_ours.get() and str(record.msg).startswith("receive_response_headers."))


_NO_REPLY_HEADERS = _NoReplyHeaders()


@contextmanager
def _reply_headers_unlogged() -> Generator[None]:
    before = _is_ours.set(True)
    try:
        yield
    finally:
        _is_ours.reset(before)

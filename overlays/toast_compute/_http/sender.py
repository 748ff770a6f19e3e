"""How does one request go over HTTP once?

Only `_http_transport`, `_http_faults` and `_hidden_request` know httpx, which is imported at the first call. The
transport is called directly, below `httpx.Client`: the client writes every URL, and so the appkey, into its log.
"""

from __future__ import annotations

import math
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

from toast_compute_api.behaviour import TOKEN_HEADER

from .._effects import FaultKind, Reply, Send, TransportFault
from ..errors import ConfigurationError
from .departure import Departure
from .errors import fault_of, timeout
from .interrupt import without_frames
from .logging import install, reply_headers_unlogged
from .pool import MAX_CONNECTIONS, async_transport, blocking_transport, environment_proxy
from .reply_body import ReplyBody

if TYPE_CHECKING:
    import httpx

    Outcome: TypeAlias = Reply | TransportFault

# Ten thousand instance details are about 8 MB.
MAX_REPLY_BYTES = 256 * 1024 * 1024
# Added to the time of an asynchronous exchange, so that a timeout of httpx's own, which says more, comes first.
_MARGIN = 0.25

CLOSED = "This client is closed: make a new one."
FORKED = "This client was used before the process was forked: make a new one in each process."
JSON = "application/json"
JSON_BODY = "application/json;charset=UTF-8"


class _Exchanges:
    """What both senders have in common: how a request is written, and what each way to fail means."""

    def __init__(self, base_url: str, max_reply_bytes: int) -> None:
        self._base_url = base_url
        self._host = urlsplit(base_url).netloc
        self._max_reply_bytes = max_reply_bytes
        self._used = False
        self._closed = False
        self._process: int | None = None
        # Of what lies between here and the service; of a transport of the user's, that is not known.
        self._is_tunnelled = False
        self._through = ""
        install()

    @property
    def is_open(self) -> bool:
        """Whether something was sent, so that there may be connections, and they were not closed."""
        return self._used and not self._closed

    def _request(self, effect: Send, seconds: float, trace: Callable[..., Any]) -> httpx.Request:
        from .hidden_request import hidden_request

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
        return hidden_request(request.method, self._base_url + request.target, headers, request.body, extensions)

    def _note_proxy(self) -> None:
        """Take down what the environment sets between here and the service."""
        has_proxy = environment_proxy(self._base_url) is not None
        self._is_tunnelled = has_proxy and self._base_url.startswith("https:")
        self._through = " through the environment's proxy" if has_proxy else ""

    def _stay_in_one_process(self) -> None:
        """Refuse to go on after a fork: two processes on one connection would get each other's replies."""
        if self._process is None:
            self._process = os.getpid()
        elif self._process != os.getpid():
            raise ConfigurationError(FORKED)

    def _outcome(self, effect: Send, response: httpx.Response, body: bytes | FaultKind) -> Outcome:
        if not isinstance(body, FaultKind):
            return Reply(response.status_code, tuple(response.headers.raw), body)
        if body is FaultKind.TIMEOUT:
            return timeout(effect, self._host, not_sent=False)
        return TransportFault(body, f"the reply is over {self._max_reply_bytes} bytes long", not_sent=False)


class _Time(threading.local):
    """When the call that a thread makes has to be over, by `time.monotonic`."""

    ends = math.inf


class HttpSender(_Exchanges):
    """Sends requests over one pool of connections. Threads may share it."""

    def __init__(
        self, base_url: str, transport: httpx.BaseTransport | None, *, max_reply_bytes: int = MAX_REPLY_BYTES
    ) -> None:
        super().__init__(base_url, max_reply_bytes)
        self._transport = transport
        self._time = _Time()
        self._lock = threading.Lock()

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
        transport, departure, handled = self._open(), Departure(), sys.exception()
        # Real time, whatever clock the client has: sockets know no other.
        self._time.ends = ends = time.monotonic() + effect.timeout
        try:
            with reply_headers_unlogged():
                response = transport.handle_request(self._request(effect, effect.timeout, departure.note))
            try:
                return self._outcome(effect, response, self._body(response, ends))
            finally:
                response.close()
        except Exception as error:  # a transport of the user's may raise anything
            return fault_of(error, effect, self._host, departure, through=self._through)
        except BaseException as interrupt:
            raise without_frames(interrupt, handled)  # noqa: B904 - it is the same

    def _body(self, response: httpx.Response, ends: float) -> bytes | FaultKind:
        body = ReplyBody(self._max_reply_bytes, ends)
        if body.fault is None:
            for chunk in response.iter_bytes():
                if body.add(chunk):
                    break
        return body.whole()

    def _open(self) -> httpx.BaseTransport:
        with self._lock:
            if self._closed:
                raise ConfigurationError(CLOSED)
            self._stay_in_one_process()
            if self._transport is None:
                self._transport = blocking_transport(self._base_url, lambda: self._time.ends)
                self._note_proxy()
            self._used = True
            return self._transport


class AsyncHttpSender(_Exchanges):
    """Sends requests over one pool of connections. Tasks of one event loop may share it."""

    def __init__(
        self,
        base_url: str,
        transport: httpx.AsyncBaseTransport | None,
        *,
        max_reply_bytes: int = MAX_REPLY_BYTES,
        max_at_once: int = MAX_CONNECTIONS,
    ) -> None:
        from .._drivers.event_loop import Home, Turns  # loads asyncio

        super().__init__(base_url, max_reply_bytes)
        self._transport = transport
        # A transport of the user's has limits of its own. httpx's pool slows down with the length of its queue, so
        # those who would have to queue there wait here.
        self._turns = None if transport is not None else Turns(max_at_once)
        self._home = Home()

    async def send(self, effect: Send, /) -> Reply:
        """Send one request once.

        Raises:
            TransportFault: no reply came back; says whether the request may have left.
            ConfigurationError: the sender is closed, or the environment's proxy cannot be used.
        """
        outcome = await self._in_turn(effect)
        # Outside of any handler: see the blocking one.
        if isinstance(outcome, TransportFault):
            raise outcome
        return outcome

    async def close(self) -> None:
        """Close every connection. What is sent later raises ConfigurationError."""
        self._home.enter()
        self._closed = True
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.aclose()

    async def _in_turn(self, effect: Send) -> Outcome:
        # To wait for a turn is a part of the exchange, and takes from its time.
        ends = time.monotonic() + effect.timeout
        if self._turns is None:
            return await self._exchange(effect, ends)
        if not await self._turns.take(min(effect.connect_timeout, effect.timeout)):
            return timeout(effect, self._host, not_sent=True)
        try:
            return await self._exchange(effect, ends)
        finally:
            self._turns.give_back()

    async def _exchange(self, effect: Send, ends: float) -> Outcome:
        import asyncio

        transport, departure, handled = self._open(), Departure(), sys.exception()
        left = ends - time.monotonic()
        if left <= 0:
            return timeout(effect, self._host, not_sent=True)
        try:
            async with asyncio.timeout(left + _MARGIN):
                with reply_headers_unlogged():
                    request = self._request(effect, left, departure.note_async)
                    response = await transport.handle_async_request(request)
                try:
                    return self._outcome(effect, response, await self._body(response, ends))
                finally:
                    await response.aclose()
        except Exception as error:  # a transport of the user's may raise anything
            return fault_of(error, effect, self._host, departure, through=self._through)
        except BaseException as interrupt:
            raise without_frames(interrupt, handled)  # noqa: B904 - it is the same

    async def _body(self, response: httpx.Response, ends: float) -> bytes | FaultKind:
        body = ReplyBody(self._max_reply_bytes, ends)
        if body.fault is None:
            async for chunk in response.aiter_bytes():
                if body.add(chunk):
                    break
        return body.whole()

    def _open(self) -> httpx.AsyncBaseTransport:
        if self._closed:
            raise ConfigurationError(CLOSED)
        self._stay_in_one_process()
        if self._transport is None:
            self._transport = async_transport(self._base_url)
            self._note_proxy()
        self._home.enter()
        self._used = True
        return self._transport

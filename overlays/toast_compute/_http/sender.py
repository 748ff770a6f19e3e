"""Senders of requests over HTTP, sync and async.

This module is the door to the others of this package: they import httpx, and are loaded with the first request.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

from .._effects import Reply, Send, TransportFault
from ..errors import ConfigurationError

if TYPE_CHECKING:
    import httpx

    from .connections import AsyncConnections, Outcome, SyncConnections

# Ten thousand instance details are about 8 MB.
MAX_REPLY_BYTES = 256 * 1024 * 1024
MAX_CONNECTIONS = 100

CLOSED = "This client is closed: make a new one."
FORKED = "This client was used before the process was forked: make a new one in each process."


class _Sender:
    def __init__(self, base_url: str, max_reply_bytes: int) -> None:
        self._base_url = base_url
        self._max_reply_bytes = max_reply_bytes
        self._used = False
        self._closed = False
        self._process: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether something was sent, so that there may be connections, and they were not closed."""
        return self._used and not self._closed

    def _check_usable(self) -> None:
        if self._closed:
            raise ConfigurationError(CLOSED)
        # Two processes on one connection would get each other's replies.
        if self._process is None:
            self._process = os.getpid()
        elif self._process != os.getpid():
            raise ConfigurationError(FORKED)


class HttpSender(_Sender):
    """Sends requests over one pool of connections. Threads may share it."""

    def __init__(
        self, base_url: str, transport: httpx.BaseTransport | None, *, max_reply_bytes: int = MAX_REPLY_BYTES
    ) -> None:
        super().__init__(base_url, max_reply_bytes)
        self._transport = transport
        self._connections: SyncConnections | None = None
        self._lock = threading.Lock()

    def send(self, effect: Send, /) -> Reply:
        """Send one request once.

        Raises:
            TransportFault: no reply came back; `not_sent` is whether the request provably was not sent.
            ConfigurationError: the sender is closed, or the environment's proxy cannot be used.
        """
        outcome = self._open().exchange(effect)
        # Raised here, outside of any handler: an httpx exception in the context would bring the request along, and with
        # it the appkey and the token.
        if isinstance(outcome, TransportFault):
            raise outcome
        return outcome

    def close(self) -> None:
        """Close every connection. What is sent later raises ConfigurationError."""
        with self._lock:
            self._closed = True
            connections = self._transport if self._connections is None else self._connections
            self._connections = self._transport = None
        if connections is not None:
            connections.close()

    def _open(self) -> SyncConnections:
        with self._lock:
            self._check_usable()
            if self._connections is None:
                from .connections import SyncConnections

                self._connections = SyncConnections(
                    self._base_url, self._transport, self._max_reply_bytes, MAX_CONNECTIONS
                )
            self._used = True
            return self._connections


class AsyncHttpSender(_Sender):
    """Sends requests over one pool of connections. Tasks of one event loop may share it."""

    def __init__(
        self,
        base_url: str,
        transport: httpx.AsyncBaseTransport | None,
        *,
        max_reply_bytes: int = MAX_REPLY_BYTES,
        max_at_once: int = MAX_CONNECTIONS,
    ) -> None:
        from .._drivers.event_loop import FairSemaphore, LoopGuard  # loads asyncio, which sync programs do not need

        super().__init__(base_url, max_reply_bytes)
        self._transport = transport
        self._connections: AsyncConnections | None = None
        # A transport of the user's has limits of its own. httpx's pool slows down with the length of its queue, so
        # tasks that would have to queue there wait here.
        self._semaphore = None if transport is not None else FairSemaphore(max_at_once)
        self._home = LoopGuard()

    async def send(self, effect: Send, /) -> Reply:
        """Send one request once.

        Raises:
            TransportFault: no reply came back; `not_sent` is whether the request provably was not sent.
            ConfigurationError: the sender is closed, or the environment's proxy cannot be used.
        """
        outcome = await self._exchange(effect)
        # Outside of any handler, as in the sync sender.
        if isinstance(outcome, TransportFault):
            raise outcome
        return outcome

    async def close(self) -> None:
        """Close every connection. What is sent later raises ConfigurationError."""
        self._home.enter()
        self._closed = True
        connections = self._transport if self._connections is None else self._connections
        self._connections = self._transport = None
        if connections is not None:
            await connections.aclose()

    async def _exchange(self, effect: Send) -> Outcome:
        # Waiting for the semaphore is a part of the exchange, and takes from its time.
        ends = time.monotonic() + effect.timeout
        if self._semaphore is None:
            return await self._open().exchange(effect, ends)
        if not await self._semaphore.acquire(min(effect.connect_timeout, effect.timeout)):
            return self._open().timeout(effect, not_sent=True)
        try:
            # Opened behind the semaphore: the sender may have been closed meanwhile.
            return await self._open().exchange(effect, ends)
        finally:
            self._semaphore.release()

    def _open(self) -> AsyncConnections:
        self._check_usable()
        if self._connections is None:
            from .connections import AsyncConnections

            self._connections = AsyncConnections(
                self._base_url, self._transport, self._max_reply_bytes, MAX_CONNECTIONS
            )
        self._home.enter()
        self._used = True
        return self._connections

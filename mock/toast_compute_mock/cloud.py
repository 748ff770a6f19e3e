"""How does a program get a cloud of its own? One engine, one clock, and the ways to reach them."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import TYPE_CHECKING

from .clock import Clock, RealClock
from .engine import Engine
from .exchange import Reply, Request

if TYPE_CHECKING:
    from .server import ServerThread
    from .transport import AsyncMockTransport, MockTransport


class MockCloud:
    """A whole cloud in this process. Safe for threads.

    The same `seed` gives the same ids and durations. `clock` is what its tokens and instances live on: the machine's
    own unless another is given.
    """

    def __init__(self, *, seed: int = 0, clock: Clock | None = None) -> None:
        self._clock: Clock = RealClock() if clock is None else clock
        self._engine = Engine(seed)
        self._lock = threading.Lock()

    @property
    def clock(self) -> Clock:
        """The clock that the cloud runs on."""
        return self._clock

    @cached_property
    def transport(self) -> MockTransport:
        """A transport for `httpx.Client` and for the SDK."""
        from .transport import MockTransport  # httpx is loaded only where it is used

        return MockTransport(self.handle)

    @cached_property
    def async_transport(self) -> AsyncMockTransport:
        """A transport for `httpx.AsyncClient`."""
        from .transport import AsyncMockTransport

        return AsyncMockTransport(self.handle)

    def serve(self, host: str = "127.0.0.1", port: int = 0) -> ServerThread:
        """Return a context manager that listens on a socket, and whose `base_url` says where; port 0 is any free one.

        Entering it raises OSError when the address cannot be had.
        """
        from .server import ServerThread  # asyncio is loaded only where it is used

        return ServerThread(self.handle, host, port, self.prefix)

    @property
    def prefix(self) -> str:
        """The path before every operation's own path."""
        return self._engine.prefix

    def handle(self, request: Request) -> Reply:
        """Return the reply to one request that comes now."""
        with self._lock:
            return self._engine.handle(request, self._clock.now())

"""Listen on a socket, on the best event loop there is, and stop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, TypeAlias, TypeVar

from ..clock.clocks import Clock
from ..exchange import Deferred, Reply, Request
from ..validation import check_port
from .http11 import IDLE_SECONDS, HttpProtocol

GRACE_SECONDS = 0.5  # for requests that are half received, and replies that take their time, when the server stops
_THREAD_SECONDS = 10.0

LoopFactory: TypeAlias = Callable[[], asyncio.AbstractEventLoop]
_T = TypeVar("_T")


def loop_factory() -> LoopFactory:
    """Return what makes the event loop of a server: uvloop's where that is installed, for it takes less CPU time."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Do what `asyncio.run` does, on the event loop for servers."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(main)


class Server:
    """Listens on one address, inside the event loop that runs it.

    A connection on which nothing comes for `idle_seconds` is closed.
    """

    def __init__(
        self, answer: Callable[[Request], Reply | Deferred], clock: Clock, idle_seconds: float = IDLE_SECONDS
    ) -> None:
        self._answer = answer
        self._clock = clock
        self._idle_seconds = idle_seconds
        self._connections: set[HttpProtocol] = set()
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> str:
        """Listen, and return the address as it stands in a URL. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connect, host, port)
        address, port = self._server.sockets[0].getsockname()[:2]
        return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"

    def _connect(self) -> HttpProtocol:
        return HttpProtocol(self._answer, self._clock, self._connections, self._idle_seconds)

    async def stop(self) -> None:
        """Listen no more, answer what is being received, and close."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.finish()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + GRACE_SECONDS
        while self._connections and loop.time() < deadline:
            await asyncio.sleep(0.005)
        for connection in list(self._connections):
            connection.abort()


class ServerThread:
    """A server with an event loop and a thread of its own, for the time of a `with` block, and of the next.

    `new_loop` makes the event loop; without it, that is the result of `loop_factory`.
    """

    def __init__(
        self,
        answer: Callable[[Request], Reply | Deferred],
        clock: Clock,
        host: str,
        port: int,
        prefix: str,
        *,
        idle_seconds: float = IDLE_SECONDS,
        new_loop: LoopFactory | None = None,
    ) -> None:
        self._answer = answer
        self._clock = clock
        self._host = host
        check_port(port)
        self._port = port
        self._prefix = prefix
        self._idle_seconds = idle_seconds
        self._new_loop = new_loop or loop_factory()
        self._failure: Exception | None = None
        self._base_url = ""
        self._listening: threading.Event
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event

    @property
    def base_url(self) -> str:
        """What clients take as base URL."""
        return self._base_url

    def __enter__(self) -> ServerThread:
        """Listen. Raises OSError when the address cannot be had."""
        self._listening = threading.Event()
        self._failure = None
        self._thread = threading.Thread(target=self._run, name="toast-compute-mock", daemon=True)
        self._thread.start()
        if not self._listening.wait(_THREAD_SECONDS):
            raise TimeoutError(f"the mock did not listen within {_THREAD_SECONDS:.0f} s")
        if self._failure is not None:
            self._thread.join(_THREAD_SECONDS)
            raise self._failure
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and wait until every connection is closed."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_THREAD_SECONDS)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=self._new_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        server = Server(self._answer, self._clock, self._idle_seconds)
        try:
            self._base_url = f"http://{await server.start(self._host, self._port)}{self._prefix}"
        except Exception as error:
            self._failure = error  # raised in the thread that wants to listen
            return
        finally:
            self._listening.set()
        await self._stop.wait()
        await server.stop()

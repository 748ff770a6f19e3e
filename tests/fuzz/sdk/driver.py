"""How does a story call the SDK in either colour, and what happens between the SDK and the mock?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import httpx
from toast_compute import AsyncToastCompute, ToastCompute
from toast_compute_mock import MockCloud

from .clocks import SteppingClock
from .served import operation_of

CREDENTIALS = ("demo-appkey", "demo@example.com", "demo-password")
# A wait in a story is at most some minutes, with all that may go wrong in it.
_SENSELESS = 100_000.0

Make = Callable[[Any], Any]
"""Calls a method of a client; what it returns has to be awaited when the client is asynchronous."""
Block = Callable[[Any], AbstractContextManager[Any]]
"""Opens a block of a client, such as one with a deadline."""
BeforeSending = Callable[[str], None]
"""Gets the operation of each request before it is sent."""


class _Wire(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Lets somebody act before a request arrives: what others do at the same time."""

    def __init__(self, cloud: MockCloud) -> None:
        self._cloud = cloud
        self.before: BeforeSending | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a request on."""
        self._tell(request)
        return self._cloud.transport.handle_request(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a request on."""
        self._tell(request)
        return await self._cloud.async_transport.handle_async_request(request)

    def _tell(self, request: httpx.Request) -> None:
        if self.before is not None:
            self.before(operation_of(request.method, request.url.path))


def within(make: Make, *blocks: Block) -> Make:
    """Return the same call in these blocks, the outermost first."""

    def entered(toast: Any) -> ExitStack:
        stack = ExitStack()
        for block in blocks:
            stack.enter_context(block(toast))
        return stack

    async def later(toast: AsyncToastCompute) -> Any:
        with entered(toast):
            return await make(toast)

    def call(toast: ToastCompute | AsyncToastCompute) -> Any:
        if isinstance(toast, AsyncToastCompute):
            return later(toast)
        with entered(toast):
            return make(toast)

    return call


def deadline(seconds: float) -> Block:
    """Return a block with a deadline."""
    return lambda toast: toast.deadline(seconds)


class Driver:
    """A client of one colour on one mock, and others like it for a moment."""

    def __init__(
        self,
        cloud: MockCloud,
        clock: SteppingClock,
        colour: str,
        credentials: tuple[str, str, str] = CREDENTIALS,
        **options: Any,
    ) -> None:
        self._cloud, self._clock = cloud, clock
        self._credentials, self._options = credentials, options
        self._wire = _Wire(cloud)
        self._runner = asyncio.Runner() if colour == "asyncio" else None
        self._client = self._make({})

    def call(self, make: Make, *, before: BeforeSending | None = None) -> tuple[Any, Exception | None]:
        """Make a call, and return what it returned or raised."""
        self._wire.before = before
        self._clock.limit = self._clock.monotonic() + _SENSELESS
        try:
            return self._run(self._client, make), None
        except Exception as error:  # whatever it is, it is judged
            return None, error
        finally:
            self._wire.before = None

    def call_as(self, make: Make, **options: Any) -> tuple[Any, Exception | None]:
        """Make a call with a client of its own, which has other options."""
        client = self._make(options)
        try:
            return self._run(client, make), None
        except Exception as error:  # whatever it is, it is judged
            return None, error
        finally:
            self._close(client)

    def close(self) -> None:
        """Close the client."""
        self._close(self._client)
        if self._runner is not None:
            self._runner.close()

    def _make(self, options: dict[str, Any]) -> ToastCompute | AsyncToastCompute:
        kind = ToastCompute if self._runner is None else AsyncToastCompute
        usual = {"transport": self._wire, "clock": self._clock, "max_retries": 2}
        return kind(*self._credentials, **{**usual, **self._options, **options})

    def _run(self, client: ToastCompute | AsyncToastCompute, make: Make) -> Any:
        if self._runner is None:
            return make(client)

        async def main() -> Any:
            made = make(client)
            return await made if asyncio.iscoroutine(made) else made

        return self._runner.run(main())

    def _close(self, client: ToastCompute | AsyncToastCompute) -> None:
        if isinstance(client, ToastCompute):
            client.close()
        elif self._runner is not None:
            self._runner.run(client.close())


def opened(
    colour: str, *, clock: SteppingClock | None = None, **options: Any
) -> tuple[MockCloud, SteppingClock, Driver]:
    """Return a cloud, its clock, and a client that has a token; `options` are those of the client."""
    clock = clock or SteppingClock()
    cloud = MockCloud(clock=clock)
    driver = Driver(cloud, clock, colour, **options)
    driver.call(lambda toast: toast.availability_zones.list())
    return cloud, clock, driver

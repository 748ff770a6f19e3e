"""Run the same call with the sync and the async client."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from toast_compute import AsyncToastCompute, ToastCompute
from toast_compute_mock import AutoJumpClock, MockCloud

T = TypeVar("T")

Run = Callable[..., Any]
"""Makes a client of a cloud with these settings, hands it to a call, closes it, and returns what the call returned."""

CREDENTIALS = ("demo-appkey", "demo@example.com", "demo-password")


def run(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run an asyncio program in a loop of its own, which must have nothing left to do at its end."""

    async def watched() -> T:
        result = await main()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, left
        return result

    return asyncio.run(watched())


def cloud(**options: Any) -> MockCloud:
    """Return a cloud in which time moves on when everybody waits."""
    return MockCloud(**{"clock": AutoJumpClock(), **options})


def blocking(cloud: MockCloud, call: Callable[[Any], Any], **options: Any) -> Any:
    """Make a call with a blocking client."""
    with ToastCompute(*CREDENTIALS, **{"transport": cloud.transport, "clock": cloud.clock, **options}) as toast:
        return call(toast)


def asynchronous(cloud: MockCloud, call: Callable[[Any], Awaitable[Any]], **options: Any) -> Any:
    """Make a call with an asynchronous client."""

    async def main() -> Any:
        async with client(cloud, **options) as toast:
            return await call(toast)

    return run(main)


def client(cloud: MockCloud, **options: Any) -> AsyncToastCompute:
    """Return an asynchronous client of the demo user that sleeps on the cloud's clock."""
    options = {"transport": cloud.async_transport, "clock": cloud.clock, **options}
    return AsyncToastCompute(*CREDENTIALS, **options)


async def settled() -> None:
    """Let every task of the loop go on until all of them wait."""
    for _ in range(20):
        await asyncio.sleep(0)

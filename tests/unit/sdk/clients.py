"""Make a mock whose time moves on by itself, and clients of it in both variants."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from toast_compute import AsyncToastCompute, ToastCompute
from toast_compute_mock import AutoJumpClock, MockCloud

T = TypeVar("T")

CREDENTIALS = ("demo-appkey", "demo@example.com", "demo-password")
WEB = "125a0000-0000-4000-8000-000000000001"
BATCH = "125a0000-0000-4000-8000-000000000002"
VOLUME = "b10c0000-0000-4000-8000-000000000001"
NEW: dict[str, Any] = {
    "name": "new-01",
    "image": "1a9e0000-0000-4000-8000-000000000001",
    "flavor": "f1a00000-0000-4000-8000-000000000001",
    "availability_zone": "kr-pub-a",
    "key_name": "demo-key",
    "networks": [{"subnet_id": "5b4e0000-0000-4000-8000-000000000001"}],
    "security_groups": ["default"],
}


def make_cloud(**options: Any) -> MockCloud:
    """Return a cloud in which time moves on when everybody waits."""
    return MockCloud(**{"clock": AutoJumpClock(), **options})


def client(cloud: MockCloud, **options: Any) -> ToastCompute:
    """Return a client of the demo user that sleeps on the cloud's clock."""
    return ToastCompute(*CREDENTIALS, **{"transport": cloud.transport, "clock": cloud.clock, **options})


def async_client(cloud: MockCloud, **options: Any) -> AsyncToastCompute:
    """Return an async client of the demo user that sleeps on the cloud's clock."""
    return AsyncToastCompute(*CREDENTIALS, **{"transport": cloud.async_transport, "clock": cloud.clock, **options})


Variant = Callable[..., Any]
"""Makes a client of a cloud with these settings, makes a call with it, closes it, and returns the call's result."""


def sync_call(cloud: MockCloud, call: Callable[[Any], Any], **options: Any) -> Any:
    """Make a call with a sync client."""
    with client(cloud, **options) as toast:
        return call(toast)


def async_call(cloud: MockCloud, call: Callable[[Any], Awaitable[Any]], **options: Any) -> Any:
    """Make a call with an async client."""

    async def main() -> Any:
        async with async_client(cloud, **options) as toast:
            return await call(toast)

    return run(main)


VARIANTS = [sync_call, async_call]


def run(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run an asyncio program in a loop of its own, which must have no task left at its end."""

    async def checked() -> T:
        result = await main()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, left
        return result

    return asyncio.run(checked())


async def run_tasks() -> None:
    """Let every task of the loop run until all of them wait."""
    for _ in range(20):
        await asyncio.sleep(0)


async def until(is_true: Callable[[], bool]) -> None:
    """Wait until a condition is true, for ten seconds at most."""
    async with asyncio.timeout(10):
        while not is_true():
            await asyncio.sleep(0.002)

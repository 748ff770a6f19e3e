"""The event loop of an async client, and a semaphore with a timeout for its tasks."""

from __future__ import annotations

import asyncio

from ..errors import ConfigurationError


class LoopGuard:
    """The event loop that a client first ran in. Its connections and locks work in no other."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def enter(self) -> None:
        """Bind to the running loop, or make sure that it is the bound one.

        Raises:
            ConfigurationError: another loop is running, or none of asyncio.
        """
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if running is None:
            raise ConfigurationError("An AsyncToastCompute client works in asyncio only, and no loop of it is running.")
        if self._loop is None:
            self._loop = running
        elif self._loop is not running:
            raise ConfigurationError(
                "This client belongs to another event loop: make a new client in each loop (each asyncio.run)."
            )


class FairSemaphore:
    """A semaphore that is acquired in order of arrival, or not at all within a time."""

    def __init__(self, at_once: int = 1) -> None:
        self._free = asyncio.Semaphore(at_once)

    async def acquire(self, seconds: float) -> bool:
        """Acquire it and return True, or return False when it is not free within so many real seconds."""
        if not self._free.locked():
            # Does not wait, so it needs no timer.
            return await self._free.acquire()
        try:
            async with asyncio.timeout(seconds):
                return await self._free.acquire()
        except TimeoutError:
            return False

    def release(self) -> None:
        """Release it: the task that came next goes on."""
        self._free.release()

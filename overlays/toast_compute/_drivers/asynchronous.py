"""The driver of async clients: it performs effects in the calling task."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from .._effects import Effect, Effects, Gather, Random, ReadClock, Reply, RunInThread, Send, Sleep, WithLock
from .._validation import check_methods
from ..clock import Clock
from .event_loop import FairSemaphore, LoopGuard
from .sync import lock_timeout

T = TypeVar("T")


class AsyncSender(Protocol):
    """What performs `Send`."""

    async def send(self, effect: Send, /) -> Reply:
        """Send one request once; raise `TransportFault` when no reply comes back."""
        ...


class AsyncDriver:
    """Runs operations in the calling task. Any number of tasks of one event loop may run operations."""

    def __init__(self, sender: AsyncSender, clock: Clock) -> None:
        self._sender = sender
        check_methods("clock", clock, ("monotonic", "sleep_async"), "toast_compute.Clock")
        self._clock = clock
        self._loop_guard = LoopGuard()
        self._locks: dict[str, FairSemaphore] = {}

    async def run(self, effects: Effects[T]) -> T:
        """Run an operation to its end and return what it returns; raise what it raises.

        Raises:
            ConfigurationError: the client is used in another event loop than at first.
        """
        self._loop_guard.enter()
        monotonic = self._clock.monotonic
        try:
            effect = next(effects)
            while True:
                try:
                    answer = await self._perform(effect), monotonic()
                except BaseException as error:
                    # Cancellation too: the operation must be able to clean up, and decides what a fault means.
                    effect = effects.throw(error)
                else:
                    effect = effects.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result

    async def _perform(self, effect: Effect) -> Any:
        match effect:
            case Send():
                return await self._sender.send(effect)
            case ReadClock():
                return None
            case Sleep():
                return await self._clock.sleep_async(effect.seconds)
            case Random():
                return random.random()
            case RunInThread():
                return await _in_thread(effect.function)
            case WithLock():
                return await self._with_lock(effect)
            case Gather():
                return await self._gather(effect.effects, effect.limit)

    async def _with_lock(self, effect: WithLock) -> Any:
        lock = self._locks.setdefault(effect.lock, FairSemaphore())
        if not await lock.acquire(effect.seconds):
            raise lock_timeout(effect)
        try:
            return await self.run(effect.effects)
        finally:
            lock.release()

    async def _gather(self, several: Sequence[Effects[Any]], limit: int) -> list[Any]:
        free = asyncio.Semaphore(limit)

        async def outcome(effects: Effects[Any]) -> Any:
            async with free:
                try:
                    return await self.run(effects)
                except Exception as error:
                    return error

        # Each task has a copy of the caller's context: a deadline holds for all of them. The group cancels all of them
        # when this task is cancelled, and waits until they have cleaned up.
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(outcome(effects)) for effects in several]
        return [one.result() for one in running]


async def _in_thread(function: Callable[[], Any]) -> Any:
    """Call a function in a thread, to its end: it cannot be stopped, and must not overtake the cleaning up."""
    running = asyncio.ensure_future(asyncio.to_thread(function))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            try:
                await asyncio.wait([running])
            except asyncio.CancelledError:
                continue
        if not running.cancelled():
            running.exception()  # retrieved, so that asyncio does not report it as forgotten
        raise

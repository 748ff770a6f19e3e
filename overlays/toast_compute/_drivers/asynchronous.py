"""How does an asyncio program run a plan?"""

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
    """Performs the effects of plans in the calling task. Any number of tasks of one event loop may run plans."""

    def __init__(self, sender: AsyncSender, clock: Clock) -> None:
        self._sender = sender
        check_methods("clock", clock, ("monotonic", "sleep_async"), "toast_compute.Clock")
        self._clock = clock
        self._home = LoopGuard()
        self._gates: dict[str, FairSemaphore] = {}

    async def run(self, plan: Effects[T]) -> T:
        """Run a plan to its end and return what it returns; raise what it raises.

        Raises:
            ConfigurationError: the client is used in another event loop than at first.
        """
        self._home.enter()
        try:
            effect = next(plan)
            while True:
                try:
                    answer = await self._perform(effect)
                except BaseException as error:
                    # Cancellation too: the plan must be able to tidy up, and decides what a fault means.
                    effect = plan.throw(error)
                else:
                    effect = plan.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result

    async def _perform(self, effect: Effect) -> Any:
        match effect:
            case Send():
                return await self._sender.send(effect)
            case ReadClock():
                return self._clock.monotonic()
            case Sleep():
                return await self._clock.sleep_async(effect.seconds)
            case Random():
                return random.random()
            case RunInThread():
                return await _in_thread(effect.work)
            case WithLock():
                return await self._alone(effect)
            case Gather():
                return await self._together(effect.plans, effect.limit)

    async def _alone(self, effect: WithLock) -> Any:
        gate = self._gates.setdefault(effect.gate, FairSemaphore())
        if not await gate.take(effect.seconds):
            raise lock_timeout(effect)
        try:
            return await self.run(effect.plan)
        finally:
            gate.give_back()

    async def _together(self, plans: Sequence[Effects[Any]], limit: int) -> list[Any]:
        places = asyncio.Semaphore(limit)

        async def outcome(plan: Effects[Any]) -> Any:
            async with places:
                try:
                    return await self.run(plan)
                except Exception as error:
                    return error

        # Each task has a copy of the caller's context: a deadline holds for all of them. The group cancels all of them
        # when this task is cancelled, and waits until they have tidied up.
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(outcome(plan)) for plan in plans]
        return [one.result() for one in running]


async def _in_thread(work: Callable[[], Any]) -> Any:
    """Do work in a thread, to its end: it cannot be stopped, and what it does must not overtake the tidying up."""
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            try:
                await asyncio.wait([running])
            except asyncio.CancelledError:
                continue
        if not running.cancelled():
            running.exception()  # looked at, so that asyncio does not report it as forgotten
        raise

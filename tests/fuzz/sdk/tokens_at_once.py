"""Is one token enough for many calls at the same time? Threads and tasks whose token has just ended, or is refused."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import httpx
from toast_compute import AsyncToastCompute, ToastCompute, ToastComputeError
from toast_compute_mock import MockCloud
from toast_compute_mock.worlds import TOKEN_LIFETIME

from .clocks import SteppingClock
from .driver import CREDENTIALS
from .served import operation_of
from .story import WORLD
from .told import TOKEN

THREADS = 64
TASKS = 200
_LIST = "listFlavors"
_PATIENCE = 20.0  # real seconds that a thread waits for the others


class _Gathering(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Holds the first requests of all callers until everybody is there, and each token for a moment."""

    def __init__(self, cloud: MockCloud, callers: int) -> None:
        self._cloud, self._callers = cloud, callers
        self._barrier = threading.Barrier(callers)
        self._everybody = asyncio.Event()
        self._there = 0
        self._counting = threading.Lock()
        self.gathers = False

    def _is_first(self, request: httpx.Request) -> bool:
        if not self.gathers or operation_of(request.method, request.url.path) != _LIST:
            return False
        with self._counting:
            self._there += 1
            return self._there <= self._callers

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a request on when all are there."""
        if self._is_first(request):
            self._barrier.wait(_PATIENCE)
        return self._cloud.transport.handle_request(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a request on when all are there."""
        if self._is_first(request):
            if self._there == self._callers:
                self._everybody.set()
            await asyncio.wait_for(self._everybody.wait(), _PATIENCE)
        else:
            await asyncio.sleep(0)  # so that others come in between
        return await self._cloud.async_transport.handle_async_request(request)


def _threads(spoil: Callable[[MockCloud, SteppingClock], None], *, gathers: bool) -> str:
    clock = SteppingClock()
    cloud = MockCloud(clock=clock)
    wire = _Gathering(cloud, THREADS)
    together = threading.Barrier(THREADS)
    with ToastCompute(*CREDENTIALS, transport=wire, clock=clock) as toast:

        def work() -> None:
            together.wait(_PATIENCE)
            toast.flavors.list()

        toast.flavors.list()
        spoil(cloud, clock)
        wire.gathers = gathers
        with ThreadPoolExecutor(THREADS) as pool:
            errors = [done.exception() for done in [pool.submit(work) for _ in range(THREADS)]]
    return problem_of_tokens(cloud, errors, "threads")


def _tasks(spoil: Callable[[MockCloud, SteppingClock], None], *, gathers: bool) -> str:
    async def main() -> str:
        clock = SteppingClock()
        cloud = MockCloud(clock=clock)
        wire = _Gathering(cloud, TASKS)
        async with AsyncToastCompute(*CREDENTIALS, transport=wire, clock=clock) as toast:
            await toast.flavors.list()
            spoil(cloud, clock)
            wire.gathers = gathers
            came = await asyncio.gather(*(toast.flavors.list() for _ in range(TASKS)), return_exceptions=True)
        return problem_of_tokens(cloud, [one if isinstance(one, BaseException) else None for one in came], "tasks")

    return asyncio.run(main())


def problem_of_tokens(cloud: MockCloud, errors: list[BaseException | None], who: str) -> str:
    """Return what is wrong after one call and then many at the same time: failures, or more than one new token."""
    failed = [error for error in errors if error is not None]
    if failed:
        kind = "" if isinstance(failed[0], ToastComputeError) else ", which is no ToastComputeError"
        return f"{len(failed)} of {len(errors)} {who} failed, the first with {type(failed[0]).__name__}{kind}"
    issued = cloud.journal.count(operation=TOKEN) - 1
    return "" if issued == 1 else f"{issued} tokens were issued for {len(errors)} {who}, and one would do"


def _age(_: MockCloud, clock: SteppingClock) -> None:
    clock.advance(TOKEN_LIFETIME.total_seconds())


def _revoke(cloud: MockCloud, _: SteppingClock) -> None:
    cloud.worlds.revoke_tokens(WORLD.user_id)


CHECKS: Mapping[str, Callable[[], str]] = {
    f"{THREADS} threads when the token has ended": lambda: _threads(_age, gathers=False),
    f"{THREADS} threads whose token is refused": lambda: _threads(_revoke, gathers=True),
    f"{TASKS} tasks when the token has ended": lambda: _tasks(_age, gathers=False),
    f"{TASKS} tasks whose token is refused": lambda: _tasks(_revoke, gathers=True),
}
"""By name: returns what is wrong, empty for nothing."""

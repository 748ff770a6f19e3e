"""Check what shows over many calls only: limits, the retry budget, and failures that add up."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from toast_compute_mock import MockCloud, faults

from ..bench import LIFETIME, PATIENCE, USER, Bench, SteppingClock, Wire
from ..calls import NEW, RUNNING, usual
from ..contract import LIST, TOKEN, operation_of
from .table import check

_MANY = 24
_LIMIT = 3
_MOMENT = 0.005  # real seconds that each request takes, so that too many overlap
_CALLERS = {"sync": 64, "async": 200}
_ROUNDS = 40  # twice as many as there are retries at once
_SUCCESSES = 9  # of which five pay for a retry
_AT_ONCE = 25  # retries, at most, without a success
_LEAST_PAUSE = 0.1  # seconds before a retry, on average: at random from 0 to half a second
_TIMES = 5
_TOKENS = 2  # the first, and one to see whether that helps
_LONG = 600.0


class _Gathering(Wire):
    """Holds the first requests of an operation until so many have arrived, and counts those in flight."""

    operation = ""
    """The operation; empty as long as none is held."""

    def __init__(self, cloud: MockCloud, callers: int) -> None:
        super().__init__(cloud)
        self._callers, self._arrived, self._now, self.most = callers, 0, 0, 0
        self._barrier, self._lock = threading.Barrier(callers), threading.Lock()
        self._complete = asyncio.Event()

    @contextmanager
    def _counted(self, request: httpx.Request) -> Iterator[bool]:
        """Count a request, and give whether it is one of the first."""
        with self._lock:
            is_held = operation_of(request.method, request.url.path) == self.operation
            self._arrived += is_held
            self._now += 1
            self.most = max(self.most, self._now)
            is_first = is_held and self._arrived <= self._callers
        try:
            yield is_first
        finally:
            with self._lock:
                self._now -= 1

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with self._counted(request) as is_first:
            if is_first:
                self._barrier.wait(PATIENCE)
            time.sleep(_MOMENT if self.operation else 0.0)
            return super().handle_request(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        with self._counted(request) as is_first:
            if is_first and self._arrived == self._callers:
                self._complete.set()
            if is_first:
                await asyncio.wait_for(self._complete.wait(), PATIENCE)
            await asyncio.sleep(_MOMENT if self.operation else 0.0)
            return await super().handle_async_request(request)


@check()
def the_limit_of_a_batch(variant: str) -> Iterator[str]:
    clock = SteppingClock()
    cloud = MockCloud(clock=clock)
    wire = _Gathering(cloud, _LIMIT)
    with Bench(variant, cloud=cloud, clock=clock, wire=wire) as bench:
        ids = [bench.call(usual("instances.create", **NEW))[0].id for _ in range(_MANY)]
        wire.operation = LIST
        result, error = bench.call(usual("instances.map", method="get", ids=ids, limit=_LIMIT))
    if error is not None or len(result.ok) != _MANY:
        yield f"a batch of {_MANY} reads failed, or fewer than {_LIMIT} were in flight"
    if wire.most > _LIMIT:
        yield f"{wire.most} requests were in flight with a limit of {_LIMIT}"


@check(("has ended", "is refused"))
def many_calls_whose_token(variant: str, end: str) -> Iterator[str]:
    clock = SteppingClock()
    cloud = MockCloud(clock=clock)
    wire = _Gathering(cloud, _CALLERS[variant])
    with Bench(variant, cloud=cloud, clock=clock, wire=wire) as bench:
        if end == "has ended":
            clock.advance(LIFETIME)
        else:
            cloud.worlds.revoke_tokens(USER)
            wire.operation = "listFlavors"
        ends = bench.client.call_all([usual("flavors.list")] * _CALLERS[variant])
    yield from problems_of_tokens(cloud, ends)


def problems_of_tokens(cloud: MockCloud, ends: list[Any]) -> Iterator[str]:
    """Yield what is wrong after one call and then many at the same time: failures, or more than one new token."""
    failed = [end for end in ends if isinstance(end, Exception)]
    if failed:
        yield f"{len(failed)} of {len(ends)} calls failed, the first with {type(failed[0]).__name__}"
    issued = cloud.journal.count(operation=TOKEN) - 1
    if issued != 1:
        yield f"{issued} tokens were issued for {len(ends)} calls, and one would do"


@check()
def the_retry_budget_is_refilled(variant: str) -> Iterator[str]:
    with Bench(variant) as bench:
        for number in range(_ROUNDS):
            bench.cloud.faults.add(faults.http_status(LIST, 503))
            for _ in range(1 + _SUCCESSES):
                _, error = bench.call(usual("instances.list"))
                if error is not None:
                    yield f"failure {number + 1} was not tried again ({type(error).__name__})"
    mean = bench.clock.monotonic() / _ROUNDS
    if mean <= _LEAST_PAUSE:
        yield f"the pause before a retry is {mean:.3f} s on average"


@check()
def the_retry_budget_is_used_up(variant: str) -> Iterator[str]:
    with Bench(variant) as bench:
        bench.cloud.faults.add(faults.http_status(LIST, 503, budget=None))
        for _ in range(_ROUNDS):
            bench.call(usual("instances.list"))
    more = bench.cloud.journal.count(operation=LIST) - _ROUNDS
    if more > _AT_ONCE:
        yield f"{_ROUNDS} calls were tried again {more} times, and none succeeded"


@check()
def the_tokens_of_denied_calls(variant: str) -> Iterator[str]:
    with Bench(variant) as bench:
        bench.cloud.faults.add(faults.result_code("createKeypair", -3, budget=None))
        for _ in range(_TIMES):
            bench.call(usual("keypairs.create"))
    issued = bench.cloud.journal.count(operation=TOKEN)
    if issued > _TOKENS:
        yield f"{_TIMES} calls that are denied issued {issued} tokens"


@check()
def a_wait_outlives_failed_polls(variant: str) -> Iterator[str]:
    with Bench(variant, max_retries=0) as bench:
        bench.cloud.worlds.migrate(USER, RUNNING, _LONG)
        bench.cloud.faults.add(faults.http_status(LIST, 503, budget=None, every=2))
        wait = usual("instances.wait_for_status", id=RUNNING, status="ACTIVE", timeout=2 * _LONG)
        _, error = bench.call(wait)
    if error is not None:
        yield f"a wait in which every other poll failed ended as {type(error).__name__}"

"""Check what shows over many calls only: limits, the retry budget, and failures that add up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from toast_compute_mock import MockCloud, faults

from ..bench import USER, Bench, SteppingClock, Wire
from ..calls import NEW, RUNNING, usual
from ..contract import LIST, TOKEN
from .table import check

_MANY = 24
_LIMIT = 3
_MOMENT = 0.005  # real seconds that each request of a batch takes
_ROUNDS = 40  # twice as many as there are retries at once
_SUCCESSES = 9  # of which five pay for a retry
_AT_ONCE = 25  # retries, at most, without a success
_LEAST_PAUSE = 0.1  # seconds before a retry, on average: at random from 0 to half a second
_TIMES = 5
_TOKENS = 2  # the first, and one to see whether that helps
_LONG = 600.0


class _Counting(Wire):
    """Counts how many requests are in flight at the same time."""

    is_slow = False
    most = _now = 0

    @contextmanager
    def _counted(self) -> Iterator[float]:
        """Count a request, and give the real seconds that it is to take."""
        self._now += 1
        self.most = max(self.most, self._now)
        try:
            yield _MOMENT if self.is_slow else 0.0
        finally:
            self._now -= 1

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with self._counted() as seconds:
            time.sleep(seconds)
            return super().handle_request(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        with self._counted() as seconds:
            await asyncio.sleep(seconds)
            return await super().handle_async_request(request)


@check()
def the_limit_of_a_batch(variant: str) -> Iterator[str]:
    clock = SteppingClock()
    cloud = MockCloud(clock=clock)
    wire = _Counting(cloud)
    with Bench(variant, cloud=cloud, clock=clock, wire=wire) as bench:
        ids = [bench.call(usual("instances.create", **NEW))[0].id for _ in range(_MANY)]
        wire.is_slow = True
        result, error = bench.call(usual("instances.map", method="get", ids=ids, limit=_LIMIT))
    if error is not None or len(result.ok) != _MANY:
        yield f"a batch of {_MANY} reads failed"
    if wire.most != _LIMIT:
        yield f"{wire.most} requests were in flight with a limit of {_LIMIT}"


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

"""What shows over many calls only? The limit of a batch, the budget of retries, what denials and failures add up to."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping

import httpx
from toast_compute_mock import MockCloud, faults
from toast_compute_mock.worlds import default_seed_world

from .clocks import SteppingClock
from .driver import Driver
from .kinds import new_instance
from .story import COLOURS
from .told import TOKEN

_LIST = "listInstances"
_MANY = 24
_LIMIT = 3
_ROUNDS = 40  # twice as many as there are retries at once
_SUCCESSES = 9  # of which five pay for a retry
_AT_ONCE = 25  # retries, at most, without a success
_LEAST_PAUSE = 0.1  # seconds before a retry, on average: at random from 0 to half a second
_DENIED = "createKeypair"
_TIMES = 5
_TOKENS = 2  # the first, and one to see whether that helps
_LONG = 600.0


class _Counting(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Counts how many requests are under way, each of which takes a moment."""

    def __init__(self, cloud: MockCloud) -> None:
        self._cloud = cloud
        self._counting = threading.Lock()
        self._now = 0
        self.most = 0

    def _begin(self) -> None:
        with self._counting:
            self._now += 1
            self.most = max(self.most, self._now)

    def _end(self) -> None:
        with self._counting:
            self._now -= 1

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a request on."""
        self._begin()
        try:
            time.sleep(0.005)
            return self._cloud.transport.handle_request(request)
        finally:
            self._end()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a request on."""
        self._begin()
        try:
            await asyncio.sleep(0.005)
            return await self._cloud.async_transport.handle_async_request(request)
        finally:
            self._end()


def batch_keeps_its_limit(colour: str) -> str:
    """Return what is wrong with how many requests of a batch are under way at the same time."""
    clock = SteppingClock()
    cloud = MockCloud(clock=clock)
    wire = _Counting(cloud)
    driver = Driver(cloud, clock, colour)
    try:
        ids = _create(driver, _MANY)
        result, error = driver.call_as(lambda toast: toast.instances.map("get", ids, limit=_LIMIT), transport=wire)
    finally:
        driver.close()
    if error is not None or len(result.ok) != _MANY:
        return f"a batch of {_MANY} reads failed"
    return "" if wire.most == _LIMIT else f"{wire.most} requests were under way in a batch with a limit of {_LIMIT}"


def retries_are_paid_back(colour: str) -> str:
    """Return what is wrong with a client that has a failure now and then, for long."""
    clock = SteppingClock()
    cloud = MockCloud(clock=clock)
    driver = Driver(cloud, clock, colour)
    try:
        for number in range(_ROUNDS):
            cloud.faults.add(faults.http_status(_LIST, 503))
            for _ in range(1 + _SUCCESSES):
                _, error = driver.call(lambda toast: toast.instances.list())
                if error is not None:
                    return f"failure {number + 1} was not tried again ({type(error).__name__}), with successes between"
    finally:
        driver.close()
    mean = clock.monotonic() / _ROUNDS
    return "" if mean > _LEAST_PAUSE else f"the pause before a retry is {mean:.3f} s on average"


def retries_have_a_budget(colour: str) -> str:
    """Return what is wrong with a client whose calls fail all the time."""
    clock = SteppingClock()
    cloud = MockCloud(clock=clock)
    driver = Driver(cloud, clock, colour)
    try:
        driver.call(lambda toast: toast.flavors.list())
        cloud.faults.add(faults.http_status(_LIST, 503, budget=None))
        for _ in range(_ROUNDS):
            driver.call(lambda toast: toast.instances.list())
    finally:
        driver.close()
    more = cloud.journal.count(operation=_LIST) - _ROUNDS
    return "" if more <= _AT_ONCE else f"{_ROUNDS} calls that fail were tried again {more} times, and none succeeded"


def what_is_denied_costs_no_tokens(colour: str) -> str:
    """Return what is wrong with a client that asks again and again for what its user may not do."""
    clock = SteppingClock()
    cloud = MockCloud(clock=clock)
    driver = Driver(cloud, clock, colour)
    try:
        cloud.faults.add(faults.result_code(_DENIED, -3, budget=None))
        for _ in range(_TIMES):
            driver.call(lambda toast: toast.keypairs.create("not-for-you"))
    finally:
        driver.close()
    issued = cloud.journal.count(operation=TOKEN)
    return "" if issued <= _TOKENS else f"{_TIMES} calls that are denied issued {issued} tokens"


def a_long_wait_outlives_failures(colour: str) -> str:
    """Return what is wrong with a wait in which every other look fails."""
    clock = SteppingClock()
    cloud = MockCloud(clock=clock)
    world = default_seed_world()
    id, user = world.instances[0].id, world.accounts[0].user_id
    driver = Driver(cloud, clock, colour)
    try:
        driver.call(lambda toast: toast.flavors.list())
        cloud.worlds.migrate(user, id, _LONG)
        cloud.faults.add(faults.http_status(_LIST, 503, budget=None, every=2))
        _, error = driver.call_as(
            lambda toast: toast.instances.wait_for_status(id, "ACTIVE", timeout=2 * _LONG), max_retries=0
        )
    finally:
        driver.close()
    return "" if error is None else f"a wait in which every other look failed ended as {type(error).__name__}"


def _create(driver: Driver, number: int) -> list[str]:
    """Create so many instances one after the other, and return their ids."""
    for _ in range(number):
        driver.call(lambda toast: toast.instances.create(**new_instance()))
    listed, _ = driver.call(lambda toast: toast.instances.list())
    return [one.id for one in listed[-number:]]


CHECKS: Mapping[str, Callable[[], str]] = {
    f"{check.__name__.replace('_', ' ')}, {colour}": lambda check=check, colour=colour: check(colour)  # type: ignore[misc]
    for check in (
        batch_keeps_its_limit,
        retries_are_paid_back,
        retries_have_a_budget,
        what_is_denied_costs_no_tokens,
        a_long_wait_outlives_failures,
    )
    for colour in COLOURS
}
"""By name: returns what is wrong, empty for nothing."""

"""What shows over many calls only? The limit of a batch, waits that share their looks, the budget of retries."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx
from toast_compute import AsyncToastCompute, ToastCompute
from toast_compute_mock import MockCloud, ScaledClock, faults
from toast_compute_mock.worlds import default_seed_world

from .clocks import SteppingClock
from .driver import CREDENTIALS, Driver
from .story import COLOURS

_LIST = "listInstances"
_MANY = 24
_LIMIT = 3
_WAITS = 3
_LOOKS = 5
"""By so many lists, all waits use the same look."""
_ROUNDS = 40  # twice as many as there are retries at once
_SUCCESSES = 9  # of which five pay for a retry
_PATIENCE = 20.0  # real seconds
_SPEED = 50.0
_LONGEST = 600.0  # seconds of that clock


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
        ids = _create(driver.call, _MANY)
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
    return ""


def shared_waits_end(colour: str) -> str:
    """Return what is wrong with waits that share their looks, in one of which the token is refused."""
    cloud = MockCloud(clock=ScaledClock(_SPEED))
    ends = _tasks(cloud) if colour == "asyncio" else _threads(cloud)
    return "" if ends == ["ACTIVE"] * _WAITS else f"{_WAITS} waits for new instances ended as: {', '.join(ends)}"


def _threads(cloud: MockCloud) -> list[str]:
    ends = ["without end"] * _WAITS
    with ToastCompute(*CREDENTIALS, transport=cloud.transport, clock=cloud.clock) as toast:

        def wait(number: int, id: str) -> None:
            try:
                ends[number] = str(
                    toast.instances.wait_for_status(id, "ACTIVE", poll_interval=2, timeout=_LONGEST).status
                )
            except Exception as error:  # whatever it is, it is judged
                ends[number] = type(error).__name__

        ids = _create(lambda make: (make(toast), None), _WAITS)
        cloud.faults.add(faults.result_code(_LIST, -3, nth=_LOOKS))
        # Threads that do not end must not keep the process from ending.
        threads = [threading.Thread(target=wait, args=one, daemon=True) for one in enumerate(ids)]
        for thread in threads:
            thread.start()
        until = time.monotonic() + _PATIENCE
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
        return [*ends]


def _tasks(cloud: MockCloud) -> list[str]:
    async def main() -> list[str]:
        async with AsyncToastCompute(*CREDENTIALS, transport=cloud.async_transport, clock=cloud.clock) as toast:
            await toast.instances.create(**_spec(), count=_WAITS)
            ids = [one.id for one in (await toast.instances.list())[-_WAITS:]]
            cloud.faults.add(faults.result_code(_LIST, -3, nth=_LOOKS))
            waits = (toast.instances.wait_for_status(id, "ACTIVE", poll_interval=2, timeout=_LONGEST) for id in ids)
            ended = await asyncio.wait_for(asyncio.gather(*waits, return_exceptions=True), _PATIENCE)
        return [type(one).__name__ if isinstance(one, BaseException) else str(one.status) for one in ended]

    try:
        return asyncio.run(main())
    except TimeoutError:
        return ["without end"] * _WAITS


def _create(call: Callable[[Callable[[Any], Any]], tuple[Any, Exception | None]], number: int) -> list[str]:
    """Create so many instances one after the other, and return their ids."""
    for _ in range(number):
        call(lambda toast: toast.instances.create(**_spec()))
    listed, _ = call(lambda toast: toast.instances.list())
    return [one.id for one in listed[-number:]]


def _spec() -> dict[str, Any]:
    world = default_seed_world()
    return {
        "name": "one-of-many",
        "image": world.images[0].id,
        "flavor": world.flavors[0].id,
        "availability_zone": world.zones[0].name,
        "key_name": world.keypairs[0].name,
        "networks": [{"subnet_id": world.subnets[0].id}],
        "security_groups": [world.security_groups[0].name],
    }


CHECKS: Mapping[str, Callable[[], str]] = {
    f"{check.__name__.replace('_', ' ')}, {colour}": lambda check=check, colour=colour: check(colour)  # type: ignore[misc]
    for check in (batch_keeps_its_limit, retries_are_paid_back, shared_waits_end)
    for colour in COLOURS
}
"""By name: returns what is wrong, empty for nothing."""

"""Test that a thousand waits of one client send one list per tick."""

from __future__ import annotations

import asyncio
import gc
import random
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from toast_compute import APIConnectionError, APITimeoutError, AsyncToastCompute, Instance, WaitTimeoutError
from toast_compute_api.behaviour import LIFECYCLE
from toast_compute_mock import AutoJumpClock, MockCloud, RealClock, faults

from ..clients import BATCH, NEW, WEB, async_client, client, make_cloud, run, run_tasks

MANY = 1000
LIST, DETAILS = "listInstances", "listInstanceDetails"

Wait = Callable[[AsyncToastCompute], Awaitable[Any]]


def wait(id: str, status: str, timeout: float = 60, interval: float | None = 5, **options: Any) -> Wait:
    return lambda toast: toast.instances.wait_for_status(id, status, timeout=timeout, poll_interval=interval, **options)


class Waits:
    """Waits of one async client, each in a task of its own."""

    def __init__(self, cloud: MockCloud, **options: Any) -> None:
        self._cloud = cloud
        self._options = options
        self._began = 0.0

    def run(self, waits: Iterable[Wait], starts: Iterable[float] = ()) -> list[Any]:
        """Start each wait at its moment, and return what each returned or raised."""

        async def main() -> list[Any]:
            async with async_client(self._cloud, **self._options) as toast:
                return await self.run_with(toast, waits, starts)

        return run(main)

    async def run_with(
        self, toast: AsyncToastCompute, waits: Iterable[Wait], starts: Iterable[float] = ()
    ) -> list[Any]:
        async def start(wait: Wait, moment: float) -> Any:
            await self._cloud.clock.sleep_async(moment)
            return await wait(toast)

        await toast.flavors.list()  # issues the token
        self._began = self._cloud.clock.now()
        moments = iter(starts)
        tasks = [start(wait, next(moments, 0.0)) for wait in waits]
        return await asyncio.gather(*tasks, return_exceptions=True)

    def sent(self, operation: str = LIST) -> list[float]:
        """Return when an operation was answered, in seconds since the waits began."""
        moments = [entry.at - self._began for entry in self._cloud.journal.find(operation=operation)]
        return [moment for moment in moments if moment >= 0]


@pytest.mark.parametrize(("number", "latency", "last"), [(MANY, 0.05, 1), (100, 0, 2), (100, 2, 100)])
def test_thousand_waits_that_start_together_send_one_list_per_tick(
    cloud: MockCloud, number: int, latency: float, last: int
) -> None:
    cloud.faults.add(faults.delay(LIST, latency, budget=None))
    waits = Waits(cloud)
    results = waits.run([wait(WEB, "STOP", 30)] * number)
    assert {type(one) for one in results} == {WaitTimeoutError}
    polls = waits.sent()
    # The very first poll is begun by one of them before the others have come.
    assert len([moment for moment in polls if moment < 30]) <= 30 / 5 + 1
    # At the timeout the last wait may be alone; a list slower than the last second fails, and each wait reads again.
    assert len([moment for moment in polls if moment >= 30]) <= last


def test_waits_that_start_at_random_share_their_polls(cloud: MockCloud) -> None:
    cloud.faults.add(faults.delay(LIST, 0.05, budget=None))
    waits = Waits(cloud)
    starts = [random.Random(number).uniform(0, 2) for number in range(300)]
    waits.run([wait(WEB, "STOP", 300, None)] * len(starts), starts)
    # From 30 s on the interval is 15 s, less up to a quarter of jitter.
    in_step = [moment for moment in waits.sent() if 60 <= moment < 300]
    assert len(in_step) <= (300 - 60) / (15 * 0.75) + 1
    # A new wait needs a new poll, but one list answers all waits that came meanwhile.
    assert len([moment for moment in waits.sent() if moment < 2]) <= 2 / 0.05 + 1


def test_each_wait_returns_its_own_instance(cloud: MockCloud) -> None:
    cloud.faults.add(faults.delay(LIST, 0.05, budget=None))
    waits = Waits(cloud)
    with client(cloud) as toast:
        ids = [toast.instances.create(**NEW).id for _ in range(60)]
    all_waits = [wait(id, "ACTIVE", interval=1) for id in ids]
    all_waits.append(lambda toast: toast.instances.wait_for_all(ids, "ACTIVE", timeout=60, poll_interval=1))
    *singles, several = waits.run(all_waits)
    assert [one.id for one in singles] == ids
    assert [one.id for one in several] == ids
    assert {str(one.status) for one in (*singles, *several)} == {"ACTIVE"}
    assert len(waits.sent()) <= 12 + 2


def test_reads_that_confirm_pending_changes_are_shared(cloud: MockCloud) -> None:
    async def main() -> None:
        async with async_client(cloud) as toast:
            ids = [(await toast.instances.create(**NEW)).id for _ in range(20)]
            await cloud.clock.sleep_async(LIFECYCLE.operations["createInstance"].max_seconds)
            for id in ids:
                await toast.instances.reboot(id)
            began = cloud.clock.monotonic()
            done = await waits.run_with(toast, [wait(id, "ACTIVE", interval=1) for id in ids * 2])
            assert [one.id for one in done] == ids * 2
            assert cloud.clock.monotonic() - began >= LIFECYCLE.operations["reboot"].min_seconds

    cloud.faults.add(faults.stale_read(LIST, budget=2))
    waits = Waits(cloud)
    run(main)
    # One a second from 0 on; the first wait and the last one may be alone, and read their own instance.
    most = LIFECYCLE.operations["reboot"].max_seconds + 1 + 2
    assert len(waits.sent()) <= most
    assert 0 < len(waits.sent(DETAILS)) <= most


def test_single_wait_reads_its_instance_and_several_read_the_list(cloud: MockCloud) -> None:
    Waits(cloud).run([wait(WEB, "STOP", 30, 10), wait(BATCH, "ACTIVE", 10, 10)], [0.0, 1.0])
    by_id = [WEB in entry.target for entry in cloud.journal.find(operation=LIST)]
    assert by_id[0]  # at 0 s; the other one comes at 1 s and ends at 11 s
    assert not any(by_id[1:-2])
    assert by_id[-2:] == [True, True]  # at 20 and 30 s


def test_new_wait_does_not_use_an_old_poll(cloud: MockCloud) -> None:
    waits = Waits(cloud)
    *_, last = waits.run(
        [wait(WEB, "STOP", 25, 10), wait(BATCH, "ACTIVE", 25, 10), wait(BATCH, "STOP")], [0.0, 0.0, 1.0]
    )
    assert last.id == BATCH
    assert 1.0 in waits.sent()


def test_failure_of_a_shared_poll_is_an_error_of_its_own_for_each_wait(cloud: MockCloud) -> None:
    cloud.faults.add(faults.reset(LIST, budget=None))
    waits = Waits(cloud)
    errors = waits.run([wait(WEB, "STOP", 60, 1)] * 100)
    assert {type(error) for error in errors} == {APIConnectionError}
    assert len({id(error) for error in errors}) == 100
    assert all(len(error.__notes__) == 1 for error in errors)
    # Six polls of one attempt and two more.
    assert len(waits.sent()) <= 6 * 3 + 3


def test_timeout_of_the_shared_lock_is_tolerated() -> None:
    seen: list[Instance | None] = []
    # The attempts of the first shared poll take longer together than the other waits wait for the lock.
    cloud = MockCloud(clock=RealClock(), faults=[faults.delay(LIST, 60, budget=3)])
    waits = [wait(WEB, "ACTIVE", 600, 0.2, on_poll=seen.append)] * 3
    results = Waits(cloud, timeout=0.2).run(waits)
    assert [one.id for one in results] == [WEB] * 3
    assert None in seen


def test_wait_without_remaining_time_does_not_fail_the_others(cloud: MockCloud) -> None:
    class Slow(httpx.AsyncBaseTransport):
        """Answers no list within less than 20 s."""

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/instances") and request.extensions["timeout"]["read"] < 20:
                raise httpx.ReadTimeout("no answer")
            response: httpx.Response = await cloud.async_transport.handle_async_request(request)
            return response

    seen: list[Instance | None] = []
    hurried = [wait(WEB, "STOP", 2, 1)] * 5
    *others, patient = Waits(cloud, transport=Slow()).run([*hurried, wait(WEB, "ACTIVE", 60, 1, on_poll=seen.append)])
    assert patient.id == WEB
    assert None not in seen
    assert {type(one) for one in others} == {WaitTimeoutError}
    assert all(isinstance(one.__cause__, APITimeoutError) for one in others)


def test_shared_state_is_dropped_after_the_last_wait(cloud: MockCloud) -> None:
    async def main() -> None:
        async with async_client(cloud) as toast:
            await Waits(cloud).run_with(toast, [wait(WEB, "STOP", 5, 1, on_poll=seen.append)] * 3)
            await run_tasks()
            gc.collect()
            assert [gc.get_referrers(seen[number]) for number in range(len(seen))] == [[seen]] * len(seen)

    seen: list[Instance | None] = []
    run(main)


def most_polls_of_a_create() -> int:
    """Return how many polls every 2 s a create can take, and two more for the first waits."""
    return int(LIFECYCLE.operations["createInstance"].max_seconds / 2) + 1 + 2


def test_threads_share_their_polls() -> None:
    clock = AutoJumpClock(grace=60)
    cloud = make_cloud(clock=clock)
    begin = threading.Barrier(101)
    about_to_sleep = threading.Semaphore(0)
    with client(cloud) as toast, ThreadPoolExecutor(100) as pool:
        ids = [toast.instances.create(**NEW).id for _ in range(100)]

        def sleep_and_wait(id: str) -> Any:
            begin.wait()
            about_to_sleep.release()
            clock.sleep(0.5)
            return toast.instances.wait_for_status(id, "ACTIVE", poll_interval=2)

        with clock.busy():
            waits = [pool.submit(sleep_and_wait, id) for id in ids]
            begin.wait()
            for _ in ids:  # all sleep before time moves on, however busy the machine is
                assert about_to_sleep.acquire(timeout=30)
            time.sleep(0.2)
        done = [one.result(timeout=30) for one in waits]
    assert [(one.id, str(one.status)) for one in done] == [(id, "ACTIVE") for id in ids]
    assert cloud.journal.count(operation=LIST) <= most_polls_of_a_create()


def test_tasks_share_their_polls(cloud: MockCloud) -> None:
    with client(cloud) as toast:
        ids = [toast.instances.create(**NEW).id for _ in range(200)]
    done = Waits(cloud).run([wait(id, "ACTIVE", interval=2) for id in ids])
    assert [(one.id, str(one.status)) for one in done] == [(id, "ACTIVE") for id in ids]
    assert cloud.journal.count(operation=LIST) <= most_polls_of_a_create()

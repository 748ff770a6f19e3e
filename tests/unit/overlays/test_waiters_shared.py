"""Do a thousand waits on one client cost one list per tick, and is nobody worse off for it?"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from toast_compute import APIConnectionError, APITimeoutError, ToastCompute, WaitTimeoutError
from toast_compute._async_driver import AsyncDriver
from toast_compute._board import BOARDS
from toast_compute._core import Core
from toast_compute._driver import Sender
from toast_compute._effects import FaultKind, Plan, Reply, Send, TransportFault
from toast_compute._evidence import EXPECTATIONS
from toast_compute._waiters import wait_for_all, wait_for_status
from toast_compute_api.behaviour import LIFECYCLE
from toast_compute_mock import AutoJumpClock, MockCloud, faults
from toast_compute_mock.clock.clocks import FrozenClock

from .mocked import BATCH, NEW, WEB, client
from .plan_driver import PlanDriver

MANY = 1000


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def cloud(clock: FrozenClock) -> MockCloud:
    return MockCloud(clock=clock)


@pytest.fixture
def toast(cloud: MockCloud) -> Iterator[ToastCompute]:
    with client(cloud) as toast:
        yield toast


@pytest.fixture
def core(toast: ToastCompute) -> Core:
    return toast.instances._core


@pytest.fixture
def make_driver(toast: ToastCompute, clock: FrozenClock) -> Callable[..., PlanDriver]:
    def make(latency: float = 0.05, sender: Sender | None = None) -> PlanDriver:
        toast.flavors.list()  # a token is there
        return PlanDriver(sender or toast._sender, clock, latency=latency)

    return make


def wait(core: Core, id: str, status: str, timeout: float = 60, interval: float | None = 5) -> Plan[Any]:
    return wait_for_status(core, id, status, timeout=timeout, poll_interval=interval)


def sent(driver: PlanDriver, operation: str = "listInstances") -> list[float]:
    return [moment for moment, name in driver.sent if name == operation]


@pytest.mark.parametrize(("number", "latency"), [(MANY, 0.05), (100, 0), (100, 2)])
def test_a_thousand_waits_that_start_together_cost_one_list_a_tick(
    core: Core, make_driver: Callable[..., PlanDriver], number: int, latency: float
) -> None:
    driver = make_driver(latency)
    results = driver.run([wait(core, WEB, "STOP", 30) for _ in range(number)], [0.0] * number)
    assert {type(one) for one in results} == {WaitTimeoutError}
    ticks = 30 / 5 + 1
    # The very first look is begun by one of them before the others have come.
    assert len(sent(driver)) <= ticks + 1


def test_waits_that_start_anyhow_fall_into_step(core: Core, make_driver: Callable[..., PlanDriver]) -> None:
    driver = make_driver()
    starts = [random.Random(number).uniform(0, 2) for number in range(300)]
    driver.run([wait(core, WEB, "STOP", 300, None) for _ in starts], starts)
    # From 30 s on the interval is 15 s, and a quarter less for who draws the shortest.
    in_step = [moment for moment in sent(driver) if 60 <= moment < 300]
    assert len(in_step) <= (300 - 60) / (15 * 0.75) + 1
    # Whoever begins wants to see what is there now, but one list answers all that came meanwhile.
    assert len([moment for moment in sent(driver) if moment < 2]) <= 2 / 0.05 + 1


def test_each_gets_its_own_instance_as_it_got_there(
    toast: ToastCompute, core: Core, make_driver: Callable[..., PlanDriver]
) -> None:
    ids = [toast.instances.create(**NEW).id for _ in range(60)]
    driver = make_driver()
    plans: list[Plan[Any]] = [wait(core, id, "ACTIVE", interval=1) for id in ids]
    plans.append(wait_for_all(core, ids, "ACTIVE", timeout=60, poll_interval=1))
    *singles, several = driver.run(plans, [0.0] * len(plans))
    assert [one.id for one in singles] == ids
    assert [one.id for one in several] == ids
    assert {str(one.status) for one in (*singles, *several)} == {"ACTIVE"}
    assert len(sent(driver)) <= 12 + 2


def test_doubts_are_shared_too(
    cloud: MockCloud, toast: ToastCompute, core: Core, clock: FrozenClock, make_driver: Callable[..., PlanDriver]
) -> None:
    cloud.faults.add(faults.stale_read("listInstances", budget=2))
    driver = make_driver(0)
    ids = [toast.instances.create(**NEW).id for _ in range(20)]
    clock.advance(LIFECYCLE.operations["createInstance"].max_seconds)
    for id in ids:
        toast.instances.reboot(id)
        EXPECTATIONS.of(core).expect(id, "reboot", clock.monotonic())
    done = driver.run([wait(core, id, "ACTIVE", interval=1) for id in ids * 2], [0.0] * 40)
    assert [one.id for one in done] == ids * 2
    assert clock.monotonic() - driver.began >= LIFECYCLE.operations["reboot"].min_seconds
    looks = LIFECYCLE.operations["reboot"].max_seconds + 2
    assert len(sent(driver)) <= looks
    assert 0 < len(sent(driver, "listInstanceDetails")) <= looks


def test_a_wait_that_is_alone_asks_for_its_instance_and_in_company_for_the_list(
    cloud: MockCloud, core: Core, make_driver: Callable[..., PlanDriver]
) -> None:
    driver = make_driver(0)
    driver.run([wait(core, WEB, "STOP", 30, 10), wait(core, BATCH, "ACTIVE", 10, 10)], [0.0, 1.0])
    asked = [WEB in entry.target for entry in cloud.journal.find(operation="listInstances")]
    assert asked[0]  # at 0 s; the other one comes at 1 s and ends at 11 s
    assert not any(asked[1:-2])
    assert asked[-2:] == [True, True]  # at 20 and 30 s


def test_who_begins_does_not_take_an_old_look_for_a_new_one(core: Core, make_driver: Callable[..., PlanDriver]) -> None:
    driver = make_driver(0)
    waits = [wait(core, WEB, "STOP", 25, 10), wait(core, BATCH, "ACTIVE", 25, 10), wait(core, BATCH, "STOP")]
    *_, last = driver.run(waits, [0.0, 0.0, 1.0])
    assert last.id == BATCH
    assert 1.0 in sent(driver)


def test_a_failure_is_one_for_all_and_each_gets_its_own_error(
    cloud: MockCloud, core: Core, make_driver: Callable[..., PlanDriver]
) -> None:
    driver = make_driver(0)
    cloud.faults.add(faults.reset("listInstances", budget=None))
    errors = driver.run([wait(core, WEB, "STOP", 60, 1) for _ in range(100)], [0.0] * 100)
    assert {type(error) for error in errors} == {APIConnectionError}
    assert len({id(error) for error in errors}) == 100
    assert all(len(error.__notes__) == 1 for error in errors)
    # Six looks of one try and two more.
    assert len(sent(driver)) <= 6 * 3 + 3


def test_a_turn_that_does_not_come_is_put_up_with(core: Core, make_driver: Callable[..., PlanDriver]) -> None:
    driver = make_driver(latency=40)  # longer than the gate is waited for
    results = driver.run([wait(core, WEB, "ACTIVE", 600, 5) for _ in range(3)], [0.0] * 3)
    assert [one.id for one in results] == [WEB] * 3


def test_a_wait_that_has_no_time_left_does_not_fail_the_others(
    toast: ToastCompute, core: Core, make_driver: Callable[..., PlanDriver]
) -> None:
    class Slow:
        """Answers nobody who has less than 20 s."""

        def send(self, effect: Send) -> Reply:
            if effect.timeout < 20:
                raise TransportFault(FaultKind.TIMEOUT, "no answer", never_left=False)
            return toast._sender.send(effect)

    driver = make_driver(0, Slow())
    hurried = [wait(core, WEB, "STOP", 2, 1) for _ in range(5)]
    *others, patient = driver.run([*hurried, wait(core, WEB, "ACTIVE", 60, 1)], [0.0] * 6)
    assert patient.id == WEB
    assert {type(one) for one in others} == {WaitTimeoutError}
    assert all(isinstance(one.__cause__, APITimeoutError) for one in others)


def test_nothing_is_kept_when_the_last_wait_is_over(core: Core, make_driver: Callable[..., PlanDriver]) -> None:
    make_driver(0).run([wait(core, WEB, "STOP", 5, 1) for _ in range(3)], [0.0] * 3)
    board = BOARDS.of(core)
    assert not board.is_shared
    assert board.briefs._newest is None


class Direct:
    """Sends for tasks what a blocking client would send."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def send(self, effect: Send) -> Reply:
        await asyncio.sleep(0)
        return self._sender.send(effect)


def looks_at_creation() -> int:
    """How many looks at an instance every 2 s a create can take, and two more for those who come first."""
    return int(LIFECYCLE.operations["createInstance"].max_seconds / 2) + 1 + 2


def test_threads_share_their_looks() -> None:
    clock = AutoJumpClock(grace=60)
    cloud = MockCloud(clock=clock)
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
    assert cloud.journal.count(operation="listInstances") <= looks_at_creation()


def test_tasks_share_their_looks() -> None:
    cloud = MockCloud(clock=AutoJumpClock())
    with client(cloud) as toast:
        ids = [toast.instances.create(**NEW).id for _ in range(200)]
        core, driver = toast.instances._core, AsyncDriver(Direct(toast._sender), cloud.clock)

        async def wait_for_each() -> list[Any]:
            return await asyncio.gather(*(driver.run(wait(core, id, "ACTIVE", interval=2)) for id in ids))

        done = asyncio.run(wait_for_each())
    assert [(one.id, str(one.status)) for one in done] == [(id, "ACTIVE") for id in ids]
    assert cloud.journal.count(operation="listInstances") <= looks_at_creation()

"""Test that the async driver performs every effect and throws a cancellation into the waiting operation."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextvars import ContextVar

import pytest
from toast_compute import ConfigurationError
from toast_compute._drivers.asynchronous import AsyncDriver
from toast_compute._effects import (
    Effect,
    Effects,
    FaultKind,
    Gather,
    Random,
    ReadClock,
    Reply,
    RunInThread,
    Send,
    Sleep,
    TransportFault,
    WithLock,
)
from toast_compute.clock import RealClock
from toast_compute_api.api.flavors.list_flavors import list_flavors

from ..clients import run, run_tasks

SEND = Send(list_flavors("k"), None, 5.0, 5.0)
LONG = 60.0


class Sender:
    """Answers at once, or waits for `go`."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.under_way = 0
        self.sent: list[Send] = []

    async def send(self, effect: Send, /) -> Reply:
        self.sent.append(effect)
        self.under_way += 1
        try:
            await self.go.wait()
        finally:
            self.under_way -= 1
        return Reply(200, (), b"{}")


class Noting:
    """Operations that record how they end."""

    def __init__(self) -> None:
        self.ends: list[str] = []

    def plan(self, effect: Effect) -> Effects[object]:
        try:
            answer, _ = yield effect
        except BaseException as error:
            self.ends.append(type(error).__name__)
            raise
        self.ends.append("done")
        return answer


def one(effect: Effect) -> Effects[object]:
    answer, _ = yield effect
    return answer


def driver(sender: Sender | None = None) -> AsyncDriver:
    return AsyncDriver(sender or Sender(), RealClock())


def test_every_effect_is_answered() -> None:
    async def main() -> None:
        sender = Sender()
        sender.go.set()
        runs = driver(sender).run
        assert await runs(one(SEND)) == Reply(200, (), b"{}")
        assert await runs(one(ReadClock())) is None
        assert await runs(one(Sleep(0.001))) is None
        drawn = await runs(one(Random()))
        assert isinstance(drawn, float)
        assert 0 <= drawn < 1
        assert await runs(one(RunInThread(threading.get_ident))) != threading.get_ident()
        assert await runs(one(WithLock(one(RunInThread(lambda: 7)), 1.0))) == 7
        assert await runs(one(Gather([one(RunInThread(lambda: 1)), one(RunInThread(lambda: 2))], 2))) == [1, 2]

    run(main)


def test_failure_of_an_effect_is_thrown_into_the_operation() -> None:
    def plan() -> Effects[str]:
        try:
            yield RunInThread(lambda: 1 // 0)
        except ZeroDivisionError:
            return "handled"
        return "not reached"

    async def main() -> str:
        return await driver().run(plan())

    assert run(main) == "handled"


@pytest.mark.parametrize("make", [lambda: SEND, lambda: Sleep(LONG), lambda: WithLock(one(Sleep(LONG)), LONG)])
def test_cancellation_is_thrown_into_the_waiting_operation(make: Callable[[], Effect]) -> None:
    noting = Noting()

    async def main() -> None:
        task = asyncio.create_task(driver().run(noting.plan(make())))
        await run_tasks()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main)
    assert noting.ends == ["CancelledError"]


def test_cancelled_operation_can_run_effects_to_clean_up() -> None:
    def plan() -> Effects[None]:
        try:
            yield Sleep(LONG)
        finally:
            answer, _ = yield RunInThread(lambda: "tidied")
            tidied.append(answer)

    tidied: list[object] = []

    async def main() -> None:
        task = asyncio.create_task(driver().run(plan()))
        await run_tasks()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main)
    assert tidied == ["tidied"]


def test_operations_acquire_a_lock_in_order_of_arrival() -> None:
    order: list[int] = []

    def plan(number: int) -> Effects[None]:
        yield Sleep(0)
        order.append(number)
        yield Sleep(0)
        order.append(number)

    async def main() -> None:
        runs = driver().run
        await asyncio.gather(*(runs(one(WithLock(plan(number), LONG))) for number in range(5)))

    run(main)
    assert order == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


def test_locks_of_different_names_are_independent() -> None:
    async def main() -> object:
        runs = driver().run
        inner = one(WithLock(one(RunInThread(lambda: "both")), 0.0, "inner"))
        return await runs(one(WithLock(inner, 0.0, "outer")))

    assert run(main) == "both"


def test_operation_times_out_waiting_for_a_lock_and_the_next_one_runs() -> None:
    async def main() -> None:
        sender = Sender()
        runs = driver(sender).run
        first = asyncio.create_task(runs(one(WithLock(one(SEND), LONG))))
        await run_tasks()
        with pytest.raises(TransportFault, match=r"could not be had within 0.01 s") as caught:
            await runs(one(WithLock(one(SEND), 0.01)))
        assert (caught.value.kind, caught.value.not_sent) == (FaultKind.TIMEOUT, True)
        third = asyncio.create_task(runs(one(WithLock(one(SEND), LONG))))
        sender.go.set()
        assert list(await asyncio.gather(first, third)) == [Reply(200, (), b"{}")] * 2

    run(main)


@pytest.mark.parametrize("victim", ["who holds it", "who waits first", "who waits last"])
def test_cancellation_at_a_lock_lets_the_other_operations_run(victim: str) -> None:
    async def main() -> None:
        sender = Sender()
        runs = driver(sender).run
        tasks = [asyncio.create_task(runs(one(WithLock(one(SEND), LONG)))) for _ in range(3)]
        await run_tasks()
        assert sender.under_way == 1
        cancelled = tasks.pop(["who holds it", "who waits first", "who waits last"].index(victim))
        cancelled.cancel()
        await run_tasks()
        assert cancelled.cancelled()
        sender.go.set()
        assert await asyncio.gather(*tasks) == [Reply(200, (), b"{}")] * 2

    run(main)


def test_operation_cancelled_while_it_acquires_the_lock_passes_it_on() -> None:
    async def main() -> None:
        sender = Sender()
        runs = driver(sender).run

        def first() -> Effects[None]:
            yield SEND
            # In the same iteration of the loop in which the lock is passed on, before its next holder runs.
            asyncio.get_running_loop().call_soon(second.cancel)

        leading = asyncio.create_task(runs(one(WithLock(first(), LONG))))
        await run_tasks()
        second, third = [asyncio.create_task(runs(one(WithLock(one(SEND), LONG)))) for _ in range(2)]
        await run_tasks()
        sender.go.set()
        await asyncio.wait_for(asyncio.gather(leading, third), 5)
        assert second.cancelled()
        assert len(sender.sent) == 2

    run(main)


def test_gathered_operations_run_up_to_the_limit_with_an_outcome_each() -> None:
    most = 0
    now = 0

    def plan(number: int) -> Effects[int]:
        nonlocal most, now
        now += 1
        most = max(most, now)
        yield Sleep(0.001)
        now -= 1
        if number == 3:
            raise ValueError("three")
        return number

    async def main() -> list[object]:
        outcomes = await driver().run(one(Gather([plan(number) for number in range(10)], 4)))
        assert isinstance(outcomes, list)
        return outcomes

    outcomes = run(main)
    assert most == 4
    assert isinstance(outcomes.pop(3), ValueError)
    assert outcomes == [0, 1, 2, 4, 5, 6, 7, 8, 9]


def test_gathered_operations_have_the_context_of_their_caller() -> None:
    setting = ContextVar("setting", default="nothing")

    def plan() -> Effects[str]:
        yield Sleep(0)
        return setting.get()

    async def main() -> object:
        setting.set("the caller's")
        return await driver().run(one(Gather([plan(), plan()], 2)))

    assert run(main) == ["the caller's"] * 2


def test_cancellation_ends_all_gathered_operations_first() -> None:
    noting = Noting()

    async def main() -> None:
        sender = Sender()
        plans = [noting.plan(SEND) for _ in range(6)]
        task = asyncio.create_task(driver(sender).run(noting.plan(Gather(plans, 3))))
        await run_tasks()
        assert sender.under_way == 3
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert sender.under_way == 0

    run(main)
    assert noting.ends == ["CancelledError"] * 4


def test_work_in_a_thread_is_awaited_when_its_task_is_cancelled() -> None:
    started, finish = threading.Event(), threading.Event()
    order: list[str] = []

    def work() -> None:
        started.set()
        finish.wait(5)
        order.append("work")
        raise OSError("lost")

    def plan() -> Effects[None]:
        try:
            yield RunInThread(work)
        finally:
            order.append("tidied")

    async def main() -> None:
        task = asyncio.create_task(driver().run(plan()))
        await asyncio.to_thread(started.wait, 5)
        for _ in range(2):
            task.cancel()
            await run_tasks()
        assert not task.done()
        finish.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main)
    assert order == ["work", "tidied"]


def test_use_in_another_event_loop_is_rejected() -> None:
    async def make() -> AsyncDriver:
        made = driver()
        await made.run(one(ReadClock()))
        return made

    made = run(make)

    async def use() -> None:
        with pytest.raises(ConfigurationError, match=r"^This client belongs to another event loop: [^.]+\.run\)\.$"):
            await made.run(one(ReadClock()))

    run(use)


def test_use_without_asyncio_is_rejected() -> None:
    made = driver()
    program = made.run(one(ReadClock()))
    with pytest.raises(ConfigurationError, match="works in asyncio only"):
        program.send(None)

"""Check that time moves on when everybody waits, exactly to who is due next, and never while somebody works."""

from __future__ import annotations

import asyncio
import gc
import random
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest
import uvloop
from toast_compute_mock.clock.clocks import START_OF_FROZEN_TIME, AutoJumpClock

START = START_OF_FROZEN_TIME
NEVER = 60.0  # a grace in which no test ends: time has to move on without it
SHORT = 0.4  # and one in which a thread has all the time it needs
LOOPS: list[Callable[[], asyncio.AbstractEventLoop]] = [asyncio.new_event_loop, uvloop.new_event_loop]


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


@pytest.fixture
def clock() -> AutoJumpClock:
    """Return a clock that knows when everybody waits, or stands still."""
    return AutoJumpClock(grace=NEVER)


def in_threads(*works: Callable[[], None]) -> None:
    """Run each in a thread of its own, to the end; raise what one of them raises."""
    failures: list[BaseException] = []

    def run(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()
    for failure in failures:
        raise failure


# Threads


def test_lonely_sleeper_costs_no_time(clock: AutoJumpClock) -> None:
    began = time.thread_time()
    for _ in range(10_000):
        clock.sleep(1.0)
    assert time.thread_time() - began < 0.2
    assert clock.now() == START + 10_000
    assert clock.monotonic() == 10_000


def test_sleeps_add_up_without_rounding_to_what_their_sum_is(clock: AutoJumpClock) -> None:
    for seconds in (0.1, 0.2, 1.5, 2.25):
        clock.sleep(seconds)
    assert clock.monotonic() == 0.1 + 0.2 + 1.5 + 2.25
    deadline = clock.monotonic() + 0.7
    clock.sleep(deadline - clock.monotonic())
    assert clock.monotonic() >= deadline


def test_threads_wake_in_the_order_in_which_they_are_due_and_at_exactly_that_moment() -> None:
    clock = AutoJumpClock(grace=SHORT)
    together = threading.Barrier(10)
    woken: list[float] = []

    def sleep(step: int) -> Callable[[], None]:
        def work() -> None:
            clock.sleep(0.25)  # when all have done so, nobody sleeps alone
            together.wait(5)
            for due in range(100 + step, 200, step):
                clock.sleep(START + due - clock.now())
                woken.append(clock.now())
                assert woken[-1] == START + due

        return work

    in_threads(*map(sleep, range(1, 11)))
    assert woken == sorted(woken)


def test_time_stands_still_while_a_thread_works_that_sleeps_now_and_then() -> None:
    clock = AutoJumpClock(grace=SHORT)
    together = threading.Barrier(2)

    def work() -> None:
        clock.sleep(1)
        together.wait(5)
        before = clock.now()
        time.sleep(SHORT / 4)
        assert clock.now() == before
        clock.sleep(1)
        assert clock.now() == before + 1

    def sleep() -> None:
        clock.sleep(1)
        together.wait(5)
        clock.sleep(100)

    in_threads(work, sleep)


def test_ended_thread_is_not_waited_for(clock: AutoJumpClock) -> None:
    has_slept = threading.Event()

    def short() -> None:
        clock.sleep(1)
        has_slept.set()
        time.sleep(0.02)

    def long() -> None:
        has_slept.wait(5)
        began = time.monotonic()
        clock.sleep(1000)
        assert 0.01 <= time.monotonic() - began < 0.4

    in_threads(short, long)
    assert clock.monotonic() == 1001


def test_thread_that_waits_for_sleepers_holds_the_clock_for_the_grace_only() -> None:
    clock = AutoJumpClock(grace=0.02)
    clock.sleep(1)
    began = time.monotonic()
    in_threads(lambda: clock.sleep(100), lambda: clock.sleep(100))
    assert 0.02 <= time.monotonic() - began < 2
    assert clock.monotonic() == 101


def test_any_use_of_the_clock_extends_the_grace() -> None:
    clock = AutoJumpClock(grace=SHORT)
    clock.sleep(1)
    with ThreadPoolExecutor(1) as pool:
        sleeper = pool.submit(clock.sleep, 100)
        ends = time.monotonic() + SHORT * 1.5
        while time.monotonic() < ends:
            assert clock.now() == START + 1
            clock.monotonic()
            time.sleep(0.005)
        assert not sleeper.done()
        sleeper.result(timeout=5)


def test_thread_that_does_something_else_for_long_is_not_waited_for_until_it_comes_back(
    clock: AutoJumpClock,
) -> None:
    clock.sleep(1)
    began = time.monotonic()

    def work() -> None:
        for _ in range(100):
            clock.sleep(1)

    in_threads(work)
    assert time.monotonic() - began < 3
    assert clock.monotonic() == 101


def test_interrupted_sleeper_is_forgotten(clock: AutoJumpClock) -> None:
    class InterruptError(Exception):
        pass

    def interrupt(*_: object) -> None:
        raise InterruptError

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with clock.busy():
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            with pytest.raises(InterruptError):
                clock.sleep(10)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert clock.monotonic() == 0
    clock.sleep(20)
    assert clock.monotonic() == 20


def test_sleepers_due_within_a_move_wake_and_others_sleep_on() -> None:
    clock = AutoJumpClock(grace=NEVER)
    with clock.busy(), ThreadPoolExecutor(2) as pool:
        first, second = pool.submit(clock.sleep, 10), pool.submit(clock.sleep, 20)
        time.sleep(0.01)
        clock.advance(15)
        first.result(timeout=5)
        assert clock.now() == START + 15
        assert not second.done()
        clock.set(START + 100)
        second.result(timeout=5)
        assert clock.now() == START + 100


def test_busy_block_holds_the_clock_until_it_ends(clock: AutoJumpClock) -> None:
    with ThreadPoolExecutor(1) as pool:
        with clock.busy(), clock.busy():
            sleeper = pool.submit(clock.sleep, 10)
            time.sleep(0.02)
            assert not sleeper.done()
        sleeper.result(timeout=5)


def test_sleep_within_busy_ends_after_the_grace() -> None:
    clock = AutoJumpClock(grace=0.01)
    began = time.monotonic()
    with clock.busy():
        clock.sleep(1000)
    assert 0.01 <= time.monotonic() - began < 2


# Event loops


def test_thousand_tasks_wake_in_order_and_at_exactly_their_moments(clock: AutoJumpClock) -> None:
    lengths = [count / 4 for count in range(1, 1001)]
    random.Random(1).shuffle(lengths)
    woken: list[float] = []

    async def sleep(seconds: float) -> None:
        await clock.sleep_async(seconds)
        woken.append(clock.now() - START)
        assert woken[-1] == seconds

    async def run() -> None:
        await asyncio.gather(*map(sleep, lengths))

    began = time.thread_time()
    asyncio.run(run(), debug=False)
    assert time.thread_time() - began < 0.5
    assert woken == sorted(lengths)


def test_tasks_that_are_due_together_wake_together_in_the_order_in_which_they_fell_asleep(clock: AutoJumpClock) -> None:
    woken: list[int] = []

    async def sleep(number: int) -> None:
        await clock.sleep_async(5)
        woken.append(number)
        assert clock.now() == START + 5

    async def run() -> None:
        await asyncio.gather(*map(sleep, range(10)))

    asyncio.run(run())
    assert woken == list(range(10))


def test_time_stands_still_while_a_loop_has_anything_to_do(clock: AutoJumpClock) -> None:
    async def work() -> None:
        for _ in range(300):
            await asyncio.sleep(0)
        assert clock.now() == START

    async def run() -> None:
        await asyncio.gather(clock.sleep_async(10), work())

    asyncio.run(run())
    assert clock.now() == START + 10


def test_two_clocks_in_one_loop_do_not_stop_each_other(clock: AutoJumpClock) -> None:
    other = AutoJumpClock(grace=NEVER)

    async def run() -> None:
        await asyncio.gather(clock.sleep_async(10), other.sleep_async(20))

    began = time.monotonic()
    asyncio.run(run())
    assert time.monotonic() - began < 1
    assert (clock.monotonic(), other.monotonic()) == (10, 20)


def test_timeout_in_real_time_does_not_hold_the_clock(clock: AutoJumpClock) -> None:
    began = time.monotonic()
    asyncio.run(asyncio.wait_for(clock.sleep_async(1000), 5))
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("new_loop", LOOPS)
def test_loop_with_open_sockets_has_the_grace(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    clock = AutoJumpClock(grace=SHORT)
    near, far = socket.socketpair()

    async def run() -> float:
        reader, writer = await asyncio.open_connection(sock=near)
        sleeper = asyncio.create_task(clock.sleep_async(100))
        asyncio.get_running_loop().call_later(0.005, far.send, b"x")
        await reader.readexactly(1)
        answered = clock.now()
        await sleeper
        writer.close()
        await writer.wait_closed()
        return answered

    with near, far, asyncio.Runner(loop_factory=new_loop) as runner:
        began = time.monotonic()
        assert runner.run(run()) == START
        assert SHORT <= time.monotonic() - began < 2 + SHORT
    assert clock.now() == START + 100


def test_loop_that_does_not_show_its_work_has_the_grace() -> None:
    clock = AutoJumpClock(grace=0.01)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        began = time.monotonic()
        for _ in range(3):
            runner.run(clock.sleep_async(10))
        assert 0.03 <= time.monotonic() - began < 2
    clock.sleep(5)
    assert clock.monotonic() == 35


def test_cancelled_task_does_not_draw_time_to_its_end(clock: AutoJumpClock) -> None:
    async def run() -> None:
        tasks = [asyncio.create_task(clock.sleep_async(seconds)) for seconds in (10, 20)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        await tasks[1]
        assert tasks[0].cancelled()

    asyncio.run(run())
    assert clock.monotonic() == 20


def test_loop_that_is_closed_under_its_sleepers_does_no_harm(clock: AutoJumpClock) -> None:
    async def nap() -> None:
        await clock.sleep_async(10)

    loop = asyncio.new_event_loop()
    sleeper = nap()
    with clock.busy():
        handle = loop.call_soon(sleeper.send, None)
        loop.call_soon(loop.stop)
        loop.run_forever()
        loop.close()
        assert not handle.cancelled()
        clock.advance(50)
    sleeper.close()
    gc.collect()
    clock.sleep(5)
    assert clock.monotonic() == 55


# Threads and event loops


def test_threads_and_tasks_share_one_time() -> None:
    clock = AutoJumpClock(grace=SHORT)
    together = threading.Barrier(3)
    woken: list[float] = []

    def note(due: float) -> None:
        woken.append(clock.now())
        assert woken[-1] == START + due

    def thread() -> None:
        clock.sleep(1)
        together.wait(5)
        for due in range(100, 200, 10):
            clock.sleep(START + due - clock.now())
            note(due)

    async def task(first: int) -> None:
        for due in range(100 + first, 200, 10):
            await clock.sleep_async(START + due - clock.now())
            note(due)

    async def tasks(*firsts: int) -> None:
        await asyncio.gather(*map(task, firsts))

    def loop(*firsts: int) -> Callable[[], None]:
        def run() -> None:
            clock.sleep(1)
            together.wait(5)
            asyncio.run(tasks(*firsts))

        return run

    in_threads(thread, loop(1, 2, 3), loop(5, 7))
    assert woken == sorted(woken)
    assert len(woken) == 60


def test_loop_waits_for_a_thread_that_it_started() -> None:
    clock = AutoJumpClock(grace=0.02)

    async def run() -> None:
        await asyncio.to_thread(clock.sleep, 10)
        assert clock.monotonic() == 10
        await clock.sleep_async(10)

    asyncio.run(run())
    assert clock.monotonic() == 20


def test_blocking_sleep_in_a_loop_passes_the_tasks_that_it_blocks(clock: AutoJumpClock) -> None:
    async def run() -> None:
        task = asyncio.create_task(clock.sleep_async(10))
        await asyncio.sleep(0)
        clock.sleep(20)
        await task
        assert clock.monotonic() == 20
        await clock.sleep_async(5)

    asyncio.run(run())
    assert clock.monotonic() == 25


# The clock of a server whose clients sleep elsewhere


def idle(seconds: float = 0.02) -> None:
    time.sleep(seconds)


@pytest.fixture
def served() -> AutoJumpClock:
    """Return a clock that has events at 10, 20, ... seconds from its start."""
    clock = AutoJumpClock(grace=NEVER, idle_seconds=0.01)
    clock.next_event = lambda: START + (clock.monotonic() // 10 + 1) * 10
    return clock


def test_gap_between_two_questions_moves_time_to_the_next_event_once(served: AutoJumpClock) -> None:
    assert served.now() == START
    idle()
    assert [served.now() for _ in range(5)] == [START + 10] * 5
    idle()
    assert served.now() == START + 20


@pytest.mark.parametrize("event", [None, START - 5, START])
def test_gap_without_an_event_ahead_moves_nothing(served: AutoJumpClock, event: float | None) -> None:
    served.next_event = lambda: event
    idle()
    assert served.now() == START


def test_gap_moves_nothing_while_somebody_sleeps() -> None:
    clock = AutoJumpClock(grace=NEVER, idle_seconds=0.01)
    clock.next_event = lambda: START + 10
    with ThreadPoolExecutor(1) as pool:
        with clock.busy():
            sleeper = pool.submit(clock.sleep, 500)
            idle(0.03)
            assert clock.now() == START
        sleeper.result(timeout=5)


def test_without_idle_seconds_or_events_a_gap_is_nothing(clock: AutoJumpClock) -> None:
    clock.next_event = lambda: START + 10
    server = AutoJumpClock(idle_seconds=0.01)
    idle()
    assert clock.now() == server.now() == START


def test_next_event_may_hold_a_lock_and_read_the_clock(served: AutoJumpClock) -> None:
    lock = threading.RLock()

    def next_event() -> float:
        with lock:
            return served.now() + 10

    def ask() -> None:
        for _ in range(10):
            idle(0.012)
            with lock:
                served.now()

    served.next_event = next_event
    in_threads(ask, ask)
    assert served.monotonic() >= 10


@pytest.mark.parametrize("grace", [0, -1, float("nan"), float("inf")])
def test_grace_has_an_end(grace: float) -> None:
    with pytest.raises(ValueError, match=r"^grace: "):
        AutoJumpClock(grace=grace)
    with pytest.raises(ValueError, match=r"^idle_seconds: "):
        AutoJumpClock(idle_seconds=min(grace, 0))


class CountingLoop(asyncio.SelectorEventLoop):
    """Counts what is called in it later."""

    planned = 0

    def call_at(self, *arguments: Any, **options: Any) -> asyncio.TimerHandle:  # type: ignore[override]
        self.planned += 1
        return super().call_at(*arguments, **options)


def test_clocks_on_which_nobody_sleeps_any_more_cost_nothing() -> None:
    async def use_many() -> None:
        for _ in range(400):
            await AutoJumpClock().sleep_async(5)

    with asyncio.Runner(loop_factory=CountingLoop) as runner:
        loop = cast(CountingLoop, runner.get_loop())
        runner.run(use_many())
        assert loop.planned < 400 * 5

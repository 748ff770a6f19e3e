"""Check that the clocks keep their time, and wake sleepers in threads and in event loops."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from toast_compute_mock.clock.clocks import (
    FASTEST,
    START_OF_FROZEN_TIME,
    AutoJumpClock,
    Clock,
    FrozenClock,
    RealClock,
    ScaledClock,
    SettableClock,
    parse_clock,
)

START = START_OF_FROZEN_TIME
SLOW = 1e-6  # the factor of a scaled clock that practically stands still
SETTABLE: list[Callable[[], SettableClock]] = [FrozenClock, AutoJumpClock, lambda: ScaledClock(SLOW, START)]
ALL: list[Callable[[], Clock]] = [RealClock, *SETTABLE]
WAITS: list[Callable[[], SettableClock]] = [FrozenClock, lambda: ScaledClock(SLOW, START)]


def soon(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + 5
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.001)


# All clocks


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("seconds", [0, 0.0, -1, -1e300])
def test_sleep_of_zero_or_less_ends_at_once(make: Callable[[], Clock], seconds: float) -> None:
    clock, began = make(), time.monotonic()
    clock.sleep(seconds)
    asyncio.run(asyncio.wait_for(clock.sleep_async(seconds), 1))
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), 10**400])
def test_sleep_without_an_end_is_refused(make: Callable[[], Clock], seconds: float) -> None:
    clock = make()
    with pytest.raises(ValueError, match=r"^seconds: a clock needs a finite number$"):
        clock.sleep(seconds)
    with pytest.raises(ValueError, match=r"^seconds: a clock needs a finite number$"):
        asyncio.run(clock.sleep_async(seconds))


@pytest.mark.parametrize("make", ALL)
def test_sleep_of_zero_lets_other_tasks_run(make: Callable[[], Clock]) -> None:
    async def run() -> list[str]:
        seen: list[str] = []
        asyncio.get_running_loop().call_soon(seen.append, "other")
        await make().sleep_async(0)
        return seen

    assert asyncio.run(run()) == ["other"]


@pytest.mark.parametrize("make", ALL)
def test_monotonic_goes_with_now(make: Callable[[], Clock]) -> None:
    clock = make()
    distance = clock.now() - clock.monotonic()
    if isinstance(clock, SettableClock):
        clock.advance(1000)
    else:
        clock.sleep(0.001)
    assert clock.now() - clock.monotonic() == pytest.approx(distance, abs=0.1)


# Clocks that can be moved


@pytest.mark.parametrize("make", SETTABLE)
def test_settable_clock_is_advanced_and_set(make: Callable[[], SettableClock]) -> None:
    clock = make()
    assert clock.now() == pytest.approx(START, abs=0.01)
    clock.advance(2.5)
    assert clock.now() == pytest.approx(START + 2.5, abs=0.01)
    clock.set(START + 3600)
    assert clock.now() == pytest.approx(START + 3600, abs=0.01)
    clock.advance(0)
    clock.set(clock.now() + 1)


@pytest.mark.parametrize("make", SETTABLE)
@pytest.mark.parametrize(
    ("move", "sentence"),
    [
        (lambda clock: clock.advance(-1), "seconds: a clock cannot go back"),
        (lambda clock: clock.advance(float("nan")), "seconds: a clock needs a finite number"),
        (lambda clock: clock.advance(float("inf")), "seconds: a clock needs a finite number"),
        (lambda clock: clock.advance(10**400), "seconds: a clock needs a finite number"),
        (lambda clock: clock.advance(1e13), "seconds: a clock cannot go beyond the year 9000"),
        (lambda clock: clock.set(START - 0.001), "moment: a clock cannot go back"),
        (lambda clock: clock.set(float("nan")), "moment: a clock needs a finite number"),
        (lambda clock: clock.set(float("-inf")), "moment: a clock needs a finite number"),
        (lambda clock: clock.set(1e13), "moment: a clock cannot go beyond the year 9000"),
        (lambda clock: clock.sleep(1e13), "seconds: a clock cannot go beyond the year 9000"),
    ],
)
def test_settable_clock_refuses_what_no_clock_can_do_and_stays_where_it_is(
    make: Callable[[], SettableClock], move: Callable[[SettableClock], None], sentence: str
) -> None:
    clock = make()
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        move(clock)
    assert clock.now() == pytest.approx(START, abs=0.01)


@pytest.mark.parametrize("start", [float("nan"), float("inf"), -1.0, 1e13])
def test_invalid_start_is_refused(start: float) -> None:
    for make in (FrozenClock, AutoJumpClock, lambda start: ScaledClock(1, start)):
        with pytest.raises(ValueError, match=r"^start: "):
            make(start)


def test_real_clock_cannot_be_set() -> None:
    assert not isinstance(RealClock(), SettableClock)


@pytest.mark.parametrize("make", WAITS)
def test_moving_the_clock_wakes_threads_that_are_due(make: Callable[[], SettableClock]) -> None:
    clock, woken = make(), list[float]()

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        woken.append(seconds)

    threads = [threading.Thread(target=sleep, args=(seconds,)) for seconds in (30.0, 10.0, 20.0)]
    for thread in threads:
        thread.start()
    time.sleep(0.01)
    assert woken == []
    clock.advance(10)
    soon(lambda: woken == [10.0])
    clock.set(START + 20)
    soon(lambda: woken == [10.0, 20.0])
    clock.advance(1000)
    for thread in threads:
        thread.join(5)
    assert woken == [10.0, 20.0, 30.0]


@pytest.mark.parametrize("make", WAITS)
def test_moving_the_clock_wakes_tasks_in_all_threads_and_its_own_loop(
    make: Callable[[], SettableClock],
) -> None:
    clock = make()

    async def sleep_in_order() -> list[float]:
        woken: list[float] = []

        async def sleep(seconds: float) -> None:
            await clock.sleep_async(seconds)
            woken.append(seconds)

        await asyncio.gather(*(sleep(seconds) for seconds in (30.0, 10.0, 20.0)))
        return woken

    async def move() -> None:
        sleepers = asyncio.create_task(clock.sleep_async(5)), asyncio.create_task(clock.sleep_async(7))
        await asyncio.sleep(0.005)
        clock.advance(5)
        await sleepers[0]
        assert not sleepers[1].done()
        clock.advance(2)
        await sleepers[1]

    with ThreadPoolExecutor(1) as pool:
        elsewhere = pool.submit(asyncio.run, sleep_in_order())
        asyncio.run(move())
        time.sleep(0.01)
        assert not elsewhere.done()
        clock.advance(100)
        assert elsewhere.result(timeout=5) == [10.0, 20.0, 30.0]


@pytest.mark.parametrize("make", SETTABLE)
def test_task_that_is_cancelled_sleeps_no_longer(make: Callable[[], SettableClock]) -> None:
    clock = make()

    async def run() -> None:
        tasks = [asyncio.create_task(clock.sleep_async(1000)) for _ in range(200)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks)
        assert all(task.cancelled() for task in tasks)
        last = asyncio.create_task(clock.sleep_async(1))
        await asyncio.sleep(0)
        clock.advance(1)
        await asyncio.wait_for(last, 5)

    asyncio.run(run())
    assert clock.now() < START + 1000


# The real clock


def test_real_clock_shows_the_time_of_the_machine_and_sleeps_by_it() -> None:
    clock, began = RealClock(), time.monotonic()
    assert clock.now() == pytest.approx(time.time(), abs=1)
    clock.sleep(0.01)
    asyncio.run(clock.sleep_async(0.01))
    assert 0.02 <= time.monotonic() - began < 5


def test_real_clock_goes_on_when_the_machines_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = RealClock()
    before = clock.now()
    with monkeypatch.context() as machine:
        machine.setattr(time, "time", lambda: before - 3600)
        assert before <= clock.now() < before + 60


# The frozen clock


def test_frozen_clock_moves_only_when_it_is_moved() -> None:
    clock = FrozenClock(100.0)
    assert clock.now() == clock.now() == 100.0
    clock.advance(2.5)
    assert (clock.now(), clock.monotonic()) == (102.5, 2.5)


def test_wait_on_a_frozen_clock_ends_with_an_error() -> None:
    clock = FrozenClock(patience=0.01)
    clock.advance(1)
    sentence = "^the clock is frozen, and nobody advanced it by the 60 s that are missing within 0.01 real seconds$"
    with pytest.raises(TimeoutError, match=sentence):
        clock.sleep(60)
    with pytest.raises(TimeoutError, match=sentence):
        asyncio.run(clock.sleep_async(60))


@pytest.mark.parametrize("patience", [0, -1, float("nan"), float("inf")])
def test_patience_has_an_end(patience: float) -> None:
    with pytest.raises(ValueError, match=r"^patience: "):
        FrozenClock(patience=patience)


def test_steps_that_add_up_to_a_sleep_end_it_though_their_sum_is_not_exact() -> None:
    assert 0.7 + 0.1 < 0.8
    clock = FrozenClock()
    with ThreadPoolExecutor(1) as pool:
        sleeper = pool.submit(clock.sleep, 0.8)
        time.sleep(0.005)
        clock.advance(0.7)
        clock.advance(0.1)
        sleeper.result(timeout=5)
    assert clock.monotonic() == 0.8


# The scaled clock


def test_scaled_clock_starts_now_and_runs_faster() -> None:
    began, clock = time.time(), ScaledClock(1000)
    first = clock.now()
    assert first - began < 60
    time.sleep(0.01)
    assert clock.now() - first >= 10


def test_sleep_on_a_scaled_clock_takes_its_share_of_real_time() -> None:
    clock, began = ScaledClock(1000), time.monotonic()
    due = clock.now() + 10
    clock.sleep(10)
    assert clock.now() >= due
    asyncio.run(clock.sleep_async(10))
    assert clock.now() >= due + 10
    assert 0.02 <= time.monotonic() - began < 5


def test_scaled_clock_that_is_set_runs_on_from_there() -> None:
    clock = ScaledClock(1000)
    moment = clock.now() + 86_400
    clock.set(moment)
    first = clock.now()
    assert moment <= first < moment + 3600
    time.sleep(0.001)
    assert clock.now() > first


@pytest.mark.parametrize("factor", [0, -1, float("inf"), float("nan"), FASTEST * 2])
def test_scaled_clock_needs_a_usable_factor(factor: float) -> None:
    with pytest.raises(ValueError, match="above 0 and at most 100000"):
        ScaledClock(factor)


# What a command line says


@pytest.mark.parametrize(
    ("text", "kind", "start"),
    [
        ("frozen", FrozenClock, START),
        ("frozen@2030-06-01T12:00:00Z", FrozenClock, datetime(2030, 6, 1, 12, tzinfo=UTC).timestamp()),
        ("frozen@2030-06-01T21:00:00+09:00", FrozenClock, datetime(2030, 6, 1, 12, tzinfo=UTC).timestamp()),
        ("auto-jump", AutoJumpClock, START),
        ("auto-jump@2026-01-15T09:00:00.5Z", AutoJumpClock, START + 0.5),
        (f"scaled:{SLOW}@2026-01-15T09:00:00Z", ScaledClock, START),
    ],
)
def test_clock_is_parsed_from_text(text: str, kind: type, start: float) -> None:
    clock = parse_clock(text)
    assert type(clock) is kind
    assert clock.now() == pytest.approx(start, abs=0.01)


@pytest.mark.parametrize(
    ("text", "kind"), [("real", RealClock), ("scaled:60", ScaledClock), ("scaled:.5", ScaledClock)]
)
def test_parsed_clock_starts_now_unless_a_start_is_given(text: str, kind: type) -> None:
    clock = parse_clock(text)
    assert type(clock) is kind
    assert clock.now() == pytest.approx(time.time(), abs=60)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "fast",
        "scaled",
        "scaled:",
        "scaled:0",
        "scaled:-1",
        "scaled:nan",
        "scaled:1e12",
        "scaled:x",
        "scaled:" + "9" * 5000,
        "scaled@2026-01-15T09:00:00Z",
        "real:1",
        "frozen:1",
        "auto-jump:",
        "@2026-01-15T09:00:00Z",
    ],
)
def test_invalid_clock_text_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="real, frozen, scaled:N with a number N above 0 and at most 100000, or auto-"):
        parse_clock(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("real@2026-01-15T09:00:00Z", "a real clock cannot start at another moment"),
        ("frozen@", "a moment after @ must be a date and time with its offset"),
        ("frozen@2026-01-15T09:00:00", "with its offset"),
        ("auto-jump@tomorrow", "such as 2026-01-15T09:00:00Z"),
        ("auto-jump@9999-12-31T23:59:59Z", "start: a clock needs a moment between the years 1970 and 9000"),
        ("frozen@0001-01-01T00:00:00+14:00", "start: a clock needs a moment"),
    ],
)
def test_start_that_cannot_be_used_is_refused_in_one_sentence(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        parse_clock(text)
    assert "\n" not in str(caught.value)


def test_parsed_auto_jump_clock_moves_on_after_an_idle_time() -> None:
    clock = parse_clock("auto-jump")
    assert isinstance(clock, AutoJumpClock)
    clock.next_event = lambda: START + 7
    time.sleep(0.06)
    assert clock.now() == START + 7


def test_advance_of_a_scaled_clock_adds_nothing_but_itself() -> None:
    clock = ScaledClock(1000, START)
    time.sleep(0.2)
    before = clock.now()
    clock.advance(100)
    assert 100 <= clock.now() - before < 200

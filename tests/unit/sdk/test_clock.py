"""Test that the SDK and the mock share one clock: a wait of twenty minutes takes no real time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import httpx
import pytest
import toast_compute
from toast_compute import ToastCompute, WaitTimeoutError
from toast_compute_mock import MockCloud
from toast_compute_mock.clock import clocks as clock
from toast_compute_mock.clock.clocks import START_OF_FROZEN_TIME, AutoJumpClock, FrozenClock, RealClock, ScaledClock
from toast_compute_mock.world.seed import SeedWorld, default_seed_world
from toast_compute_mock.world.state import Transition

from .clients import CREDENTIALS

START = START_OF_FROZEN_TIME
TWENTY_MINUTES = 1200.0
INSTANCE = "125a0000-0000-4000-8000-000000000001"

# What mypy checks: each clock of the mock is one for the SDK and one for the mock.
CLOCKS_OF_THE_SDK: list[toast_compute.Clock] = [RealClock(), FrozenClock(), ScaledClock(1), AutoJumpClock()]
CLOCKS_OF_THE_MOCK: list[clock.Clock] = [RealClock(), FrozenClock(), ScaledClock(1), AutoJumpClock()]
SETTABLE_CLOCKS: list[clock.SettableClock] = [FrozenClock(), ScaledClock(1), AutoJumpClock()]


class Recording(httpx.BaseTransport):
    """Records when requests come, in seconds from the clock's start."""

    def __init__(self, inner: httpx.BaseTransport, clock: AutoJumpClock) -> None:
        self.polls: list[float] = []
        self.tokens: list[float] = []
        self._inner = inner
        self._clock = clock

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/instances"):
            self.polls.append(self._clock.monotonic())
        if request.url.path.endswith("/tokens"):
            self.tokens.append(self._clock.monotonic())
        return self._inner.handle_request(request)


def resizing_world(seconds: float) -> SeedWorld:
    """A world whose first instance began a resize of so many seconds when the clock started."""
    world = default_seed_world()
    began = datetime.fromtimestamp(START, UTC)
    (instance,) = (one for one in world.instances if one.id == INSTANCE)
    instance.transition = Transition(
        through=("RESIZING",), to="ACTIVE", started=began, due=began + timedelta(seconds=seconds)
    )
    return world


@pytest.fixture
def shared() -> AutoJumpClock:
    """The clock of both. No test needs the grace."""
    return AutoJumpClock(grace=60)


@pytest.fixture
def resize_seconds() -> float:
    """How long the resize takes."""
    return TWENTY_MINUTES


@pytest.fixture
def recorded(shared: AutoJumpClock, resize_seconds: float) -> Recording:
    """The transport of a mock in which the resize is under way."""
    return Recording(MockCloud(clock=shared, world=resizing_world(resize_seconds)).transport, shared)


@pytest.fixture
def toast(shared: AutoJumpClock, recorded: Recording) -> Iterator[ToastCompute]:
    """A client of it."""
    with ToastCompute(*CREDENTIALS, transport=recorded, clock=shared) as client:
        yield client


def test_wait_of_twenty_minutes_takes_no_real_time_and_polls_on_schedule(
    toast: ToastCompute, recorded: Recording
) -> None:
    toast.flavors.list()  # what is loaded and connected at the first call is not what is measured
    began = time.monotonic()
    instance = toast.instances.wait_for_status(INSTANCE, "ACTIVE", timeout=1800)
    assert time.monotonic() - began < 5
    assert instance.status == "ACTIVE"
    pauses = [after - before for before, after in pairwise(recorded.polls)]
    growing = [1, 1.5, 2.25, 3.375, 5.0625, 7.59375, 11.390625]
    most = growing + [15] * (len(pauses) - len(growing))
    assert all(0.75 * step < pause <= step for pause, step in zip(pauses, most, strict=True))
    assert recorded.polls[0] == 0
    assert recorded.polls[-2] < TWENTY_MINUTES <= recorded.polls[-1] < TWENTY_MINUTES + 15


def test_wait_polls_exactly_at_a_given_interval(toast: ToastCompute, recorded: Recording) -> None:
    toast.instances.wait_for_status(INSTANCE, "ACTIVE", timeout=1800, poll_interval=7)
    assert recorded.polls == list(range(0, 1205, 7))


def test_wait_ends_at_the_poll_that_coincides_with_the_end(toast: ToastCompute, recorded: Recording) -> None:
    toast.instances.wait_for_status(INSTANCE, "ACTIVE", timeout=1800, poll_interval=400)
    assert recorded.polls == [0, 400, 800, 1200]


def test_wait_ends_at_its_timeout(toast: ToastCompute, recorded: Recording, shared: AutoJumpClock) -> None:
    with pytest.raises(WaitTimeoutError, match="is RESIZING"):
        toast.instances.wait_for_status(INSTANCE, "ACTIVE", timeout=1000.1, poll_interval=300)
    assert recorded.polls == [0, 300, 600, 900, 1000.1]
    assert shared.monotonic() == 1000.1


@pytest.mark.parametrize("resize_seconds", [7200.0])
def test_tokens_expire_on_the_shared_clock_during_a_wait(toast: ToastCompute, recorded: Recording) -> None:
    toast.instances.wait_for_status(INSTANCE, "ACTIVE", timeout=8000, poll_interval=400)
    assert recorded.polls == list(range(0, 7600, 400))
    assert recorded.tokens == [0, 3600, 7200]


def test_threads_that_wait_together_share_the_time(shared: AutoJumpClock, toast: ToastCompute) -> None:
    def wait(interval: float) -> float:
        toast.instances.wait_for_status(INSTANCE, "ACTIVE", timeout=1800, poll_interval=interval)
        return shared.monotonic()

    began = time.monotonic()
    with shared.busy(), ThreadPoolExecutor(2) as pool:
        both = [pool.submit(wait, interval) for interval in (1200, 600)]
        time.sleep(0.02)
        shared.advance(TWENTY_MINUTES)
        assert [one.result(timeout=5) for one in both] == [1200, 1200]
    assert time.monotonic() - began < 5

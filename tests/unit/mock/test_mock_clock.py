"""Do the clocks go as they say?"""

from __future__ import annotations

import time

import pytest
from toast_compute_mock import FrozenClock, RealClock, ScaledClock


def test_a_frozen_clock_moves_only_when_it_is_advanced() -> None:
    clock = FrozenClock(100.0)
    assert clock.now() == clock.now() == 100.0
    clock.advance(2.5)
    assert clock.now() == 102.5


@pytest.mark.parametrize("seconds", [-1, float("nan")])
def test_a_frozen_clock_never_goes_back(seconds: float) -> None:
    clock = FrozenClock(100.0)
    with pytest.raises(ValueError, match="go back"):
        clock.advance(seconds)
    assert clock.now() == 100.0


def test_a_real_clock_shows_the_time_of_the_machine() -> None:
    before = time.time()
    assert before <= RealClock().now() <= time.time()


def test_a_scaled_clock_starts_now_and_runs_faster() -> None:
    began, clock = time.time(), ScaledClock(1000)
    first = clock.now()
    assert first - began < 60
    time.sleep(0.01)
    assert clock.now() - first >= 10


@pytest.mark.parametrize("factor", [0, -1, float("inf"), float("nan")])
def test_a_scaled_clock_needs_a_usable_factor(factor: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        ScaledClock(factor)

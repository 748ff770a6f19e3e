"""Check which calls a fault matches, and which of them it picks."""

from __future__ import annotations

from typing import Any

import pytest
from toast_compute_mock import faults
from toast_compute_mock.faults import CallContext, Fault, FaultPlan, Match

CREATE = CallContext("createInstance", world="alice", token_age=10.0, now=1000.0)
LIST = CallContext("listInstances", world="alice", token_age=10.0, now=1000.0, changed_ago=1.5)
START = CallContext("runInstanceAction", "start", world="bob", token_age=10.0, now=1000.0)
UNKNOWN = CallContext(now=1000.0)


def fires(call: CallContext, seed: int = 0, **match: Any) -> bool:
    """Return whether a fault with this match fires at its first call."""
    plan = FaultPlan(seed)
    plan.add(Fault(match=Match(**match), effect=faults.Reset()))
    return plan.choose(call) is not None


def hits(calls: int, seed: int = 0, name: str = "x", **match: Any) -> list[int]:
    """Return the numbers of the calls, from 1, at which an unlimited fault fires."""
    plan = FaultPlan(seed)
    plan.add(Fault(name=name, match=Match(**match), effect=faults.Reset(), budget=None))
    return [number for number in range(1, calls + 1) if plan.choose(CREATE) is not None]


@pytest.mark.parametrize("call", [CREATE, LIST, START, UNKNOWN])
def test_match_without_limits_fits_every_call(call: CallContext) -> None:
    assert fires(call)


def test_operation_fits_its_own_calls() -> None:
    assert fires(CREATE, operation="createInstance")
    assert not fires(LIST, operation="createInstance")
    assert not fires(UNKNOWN, operation="createInstance")


def test_action_fits_its_own_calls() -> None:
    assert fires(START, action="start")
    assert fires(START, operation="runInstanceAction", action="start")
    assert not fires(START, action="stop")
    assert not fires(CREATE, action="start")
    assert fires(START, operation="runInstanceAction")


def test_world_fits_its_own_calls() -> None:
    assert fires(CREATE, world="alice")
    assert not fires(START, world="alice")
    assert not fires(UNKNOWN, world="alice")


@pytest.mark.parametrize(("age", "fit"), [(4.9, False), (5.0, True), (7.0, True), (9.0, True), (9.1, False)])
def test_age_of_a_token_is_between_two_numbers_of_seconds(age: float, fit: bool) -> None:
    assert fires(CREATE._replace(token_age=age), token_age_min=5, token_age_max=9) is fit


def test_call_without_a_token_has_no_age() -> None:
    assert not fires(UNKNOWN, token_age_min=0)
    assert not fires(UNKNOWN, token_age_max=100)


@pytest.mark.parametrize(("now", "fit"), [(99.9, False), (100.0, True), (199.9, True), (200.0, False)])
def test_window_of_time_is_open_from_after_and_before_until(now: float, fit: bool) -> None:
    assert fires(CREATE._replace(now=now), after=100, until=200) is fit


def test_nth_call_is_counted_among_those_that_match_the_rest() -> None:
    plan = FaultPlan()
    plan.add(faults.reset("createInstance", nth=2, world="alice"))
    calls = [CREATE, LIST, CREATE._replace(world="bob"), CREATE, CREATE]
    assert [plan.choose(call) is not None for call in calls] == [False, False, False, True, False]


def test_nth_call_comes_once_whatever_the_budget() -> None:
    assert hits(10, nth=3) == [3]


def test_every_nth_call_is_picked() -> None:
    assert hits(10, every=3) == [3, 6, 9]
    assert hits(3, every=1) == [1, 2, 3]


def test_every_fault_counts_for_itself() -> None:
    plan = FaultPlan()
    plan.add(faults.reset("createInstance", nth=1, name="first"), faults.close(None, nth=2, name="second"))
    assert [plan.choose(call) for call in (LIST, CREATE)] == [
        None,
        faults.Chosen(("first",), 0.0, faults.Reset()),
    ], "the second call of all is the first create, which an earlier fault has taken"
    assert plan.unused() == ["second"]


def test_probability_comes_out_the_same_for_the_same_seed() -> None:
    assert hits(500, seed=7, probability=0.3) == hits(500, seed=7, probability=0.3)


def test_probability_differs_for_other_seeds_and_names() -> None:
    runs = [hits(200, seed=7, probability=0.3), hits(200, seed=8, probability=0.3)]
    runs.append(hits(200, seed=7, name="y", probability=0.3))
    assert len({tuple(run) for run in runs}) == 3


@pytest.mark.parametrize(("probability", "low", "high"), [(0.05, 70, 130), (0.5, 930, 1070), (0.9, 1750, 1850)])
def test_probability_is_the_share_of_calls(probability: float, low: int, high: int) -> None:
    assert low < len(hits(2000, probability=probability)) < high


def test_probability_has_its_two_ends() -> None:
    assert hits(200, probability=0) == []
    assert hits(200, probability=1) == list(range(1, 201))


def test_probability_and_every_hold_together() -> None:
    picked = hits(2000, every=10, probability=0.5)
    assert all(number % 10 == 0 for number in picked)
    assert 70 < len(picked) < 130


def test_stale_read_fits_only_what_can_be_stale() -> None:
    plan = FaultPlan()
    plan.add(faults.stale_read())
    assert plan.choose(CREATE) is None
    assert plan.choose(LIST._replace(changed_ago=None)) is None
    assert plan.list()[0].matched == 0
    assert plan.choose(LIST) == faults.Chosen(("stale-read",), 0.0, faults.StaleRead())


@pytest.mark.parametrize(("ago", "fit"), [(0.0, True), (1.9, True), (2.0, False), (60.0, False)])
def test_stale_read_can_last_for_some_seconds_after_the_write(ago: float, fit: bool) -> None:
    plan = FaultPlan()
    plan.add(faults.stale_read("listInstances", seconds=2))
    assert (plan.choose(LIST._replace(changed_ago=ago)) is not None) is fit
    assert plan.list()[0].remaining == (0 if fit else 1)


def test_only_calls_that_begin_a_change_of_status_can_end_in_error() -> None:
    plan = FaultPlan()
    plan.add(faults.end_in_error(budget=None))
    upload = START._replace(action="uploadImage")
    assert [plan.choose(call) for call in (LIST, UNKNOWN, upload, START._replace(action=""))] == [None] * 4
    assert plan.list()[0].matched == 0
    assert all(plan.choose(call) is not None for call in (CREATE, START, CallContext("deleteInstance")))


def test_end_in_error_on_the_operation_matches_every_action() -> None:
    plan = FaultPlan()
    plan.add(faults.end_in_error("runInstanceAction"))
    assert plan.choose(CREATE) is None
    assert plan.choose(START) is not None


def test_call_context_shows_whether_it_can_be_stale() -> None:
    assert LIST.can_be_stale
    assert not CREATE.can_be_stale

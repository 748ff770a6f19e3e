"""Check what the plan chooses, and what it counts of its faults."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from toast_compute_mock import faults
from toast_compute_mock.faults import CallContext, Chosen, FaultError, FaultPlan, FaultState

CREATE = CallContext("createInstance", world="alice", now=1000.0)
LIST = CallContext("listInstances", world="alice", now=1000.0, changed_ago=1.0)


def names(plan: FaultPlan, calls: int, call: CallContext = CREATE) -> list[tuple[str, ...]]:
    """Return the faults that fire at each of some calls."""
    return [() if chosen is None else chosen.names for chosen in [plan.choose(call) for _ in range(calls)]]


def test_empty_plan_chooses_nothing() -> None:
    plan = FaultPlan()
    assert plan.choose(CREATE) is None
    assert not plan
    assert plan.list() == []
    assert plan.unused() == []


def test_budget_of_one_is_the_rule() -> None:
    plan = FaultPlan()
    plan.add(faults.lose_reply("createInstance"))
    assert plan.choose(CREATE) == Chosen(("lose-reply-createInstance",), 0.0, faults.LoseReply())
    assert plan.choose(CREATE) is None


@pytest.mark.parametrize(("budget", "times"), [(2, 2), (3, 3), (None, 10)])
def test_fault_fires_as_often_as_its_budget(budget: int | None, times: int) -> None:
    plan = FaultPlan()
    plan.add(faults.reset(budget=budget))
    assert names(plan, 10) == [("reset",)] * times + [()] * (10 - times)


def test_plan_is_true_while_something_can_fire() -> None:
    plan = FaultPlan()
    plan.add(faults.reset())
    assert plan
    plan.choose(CREATE)
    assert not plan
    assert plan.list()[0].remaining == 0, "the spent fault can still be looked at"


def test_first_of_several_effects_wins_and_is_spent() -> None:
    plan = FaultPlan()
    plan.add(faults.reset(name="a"), faults.close(name="b"), faults.garbage(name="c"))
    assert names(plan, 4) == [("a",), ("b",), ("c",), ()]
    assert [(state.matched, state.used) for state in plan.list()] == [(1, 1), (2, 1), (3, 1)]


def test_delays_add_up_and_go_with_an_effect() -> None:
    plan = FaultPlan()
    plan.add(
        faults.delay(None, 2, name="a"),
        faults.reset(name="b"),
        faults.delay("createInstance", 0.5, name="c", budget=2),
        faults.delay("listInstances", 9, name="d"),
        faults.close(name="e"),
    )
    assert plan.choose(CREATE) == Chosen(("a", "b", "c"), 2.5, faults.Reset())
    assert plan.choose(CREATE) == Chosen(("c", "e"), 0.5, faults.Close())
    assert plan.choose(CREATE) is None
    assert plan.choose(LIST) == Chosen(("d",), 9.0, None)


def test_delays_by_chance_come_out_the_same_for_the_same_seed() -> None:
    def delays(seed: int) -> list[float]:
        plan = FaultPlan(seed)
        plan.add(faults.delay_log_normal(None, 1, 0.5, budget=None), faults.delay_uniform(None, 1, 2, budget=None))
        return [chosen.delay for chosen in [plan.choose(CREATE) for _ in range(50)] if chosen is not None]

    assert delays(3) == delays(3)
    assert delays(3) != delays(4)
    assert len(set(delays(3))) == 50


def test_random_delays_follow_their_distribution() -> None:
    plan = FaultPlan()
    plan.add(faults.delay_uniform("createInstance", 1, 3, budget=None))
    plan.add(faults.delay_log_normal("listInstances", 2, 0.5, max=4, budget=None))
    even = [chosen.delay for chosen in [plan.choose(CREATE) for _ in range(2000)] if chosen is not None]
    assert 1 <= min(even) < 1.01
    assert 2.99 < max(even) <= 3
    assert 1.95 < sum(even) / 2000 < 2.05
    skewed = sorted(chosen.delay for chosen in [plan.choose(LIST) for _ in range(2000)] if chosen is not None)
    assert 1.9 < skewed[1000] < 2.1
    assert 1.15 < skewed[318] < 1.3, "one standard deviation below: 2 / e ** 0.5"
    assert skewed[-1] == 4.0


def test_probability_does_not_decide_over_its_own_delay() -> None:
    plan = FaultPlan()
    plan.add(faults.delay_uniform(None, 0, 1, probability=0.1, budget=None))
    late = [chosen.delay for chosen in [plan.choose(CREATE) for _ in range(2000)] if chosen is not None]
    assert max(late) > 0.9


def test_default_names_hold_effect_and_operation_and_are_unique() -> None:
    plan = FaultPlan()
    assert plan.add(faults.reset(), faults.reset(), faults.lose_reply("createInstance")) == (
        "reset",
        "reset-2",
        "lose-reply-createInstance",
    )
    assert plan.add(
        faults.reset(), faults.delay("runInstanceAction", 1, action="start"), faults.html(action="stop")
    ) == (
        "reset-3",
        "delay-runInstanceAction-start",
        "html-stop",
    )
    plan.remove("reset-2")
    assert plan.add(faults.reset()) == ("reset-2",)


def test_name_that_was_given_can_be_used_once() -> None:
    plan = FaultPlan()
    plan.add(faults.reset(name="mine"))
    with pytest.raises(FaultError, match=r"^name: there is already a fault 'mine'$"):
        plan.add(faults.close(), faults.close(name="mine"))
    with pytest.raises(FaultError, match=r"^name: there is already a fault 'yours'$"):
        plan.add(faults.close(name="yours"), faults.close(name="yours"))
    assert [state.fault.name for state in plan.list()] == ["mine"], "nothing was added"


def test_preset_can_be_used_again() -> None:
    plan = FaultPlan()
    assert plan.use("throttled") == ("throttled",)
    assert plan.use("throttled") == ("throttled-2",)
    assert plan.add(*faults.preset("throttled")) == ("throttled-3",)


def test_only_faults_can_be_added() -> None:
    with pytest.raises(FaultError, match=r"^faults: must be faults, one by one; `use` takes the name of a preset$"):
        FaultPlan().add(faults.preset("throttled"))  # type: ignore[arg-type]


def test_list_holds_the_counts_of_each_fault() -> None:
    plan = FaultPlan()
    plan.add(faults.reset("createInstance", every=2, budget=3), faults.close("listInstances", budget=None))
    for call in (CREATE, CREATE, CREATE, CREATE, LIST):
        plan.choose(call)
    first, second = plan.list()
    assert first == FaultState(faults.reset("createInstance", every=2, budget=3, name="reset-createInstance"), 4, 2, 1)
    assert (second.fault.name, second.matched, second.used, second.remaining) == ("close-listInstances", 1, 1, None)


def test_unused_are_those_that_never_fired() -> None:
    plan = FaultPlan()
    plan.add(
        faults.reset("createInstance"),
        faults.close("listInstances", budget=None),
        faults.html("listFlavors", budget=None),
        faults.garbage("createInstance", nth=5),
    )
    names(plan, 3)
    plan.choose(LIST)
    assert plan.unused() == ["html-listFlavors", "garbage-createInstance"]


def test_removed_fault_fires_no_more() -> None:
    plan = FaultPlan()
    plan.add(faults.reset(name="a", budget=None), faults.close(name="b", budget=None))
    plan.remove("a")
    assert names(plan, 1) == [("b",)]
    with pytest.raises(FaultError, match=r"^name: there is no such fault$"):
        plan.remove("a")


def test_clear_forgets_everything() -> None:
    plan = FaultPlan()
    plan.add(faults.reset(), faults.stale_read(name="mine"))
    plan.choose(LIST)
    plan.clear()
    assert (plan.list(), plan.unused(), bool(plan), plan.wants_history) == ([], [], False, False)
    assert plan.add(faults.reset(), faults.stale_read(name="mine")) == ("reset", "mine")


def test_history_is_wanted_while_a_stale_read_can_come() -> None:
    plan = FaultPlan()
    plan.add(faults.reset("createInstance"))
    assert not plan.wants_history
    plan.add(faults.stale_read())
    assert plan.wants_history
    plan.choose(LIST)
    assert not plan.wants_history
    assert plan


def test_threads_share_a_budget_exactly() -> None:
    plan = FaultPlan()
    plan.add(faults.reset(budget=100), faults.delay(None, 1, budget=300))
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(8) as pool:
            runs = list(pool.map(lambda _: names(plan, 1000), range(8)))
    finally:
        sys.setswitchinterval(interval)
    fired = [name for run in runs for call in run for name in call]
    assert (fired.count("reset"), fired.count("delay")) == (100, 300)
    assert [(state.used, state.remaining) for state in plan.list()] == [(100, 0), (300, 0)]


def test_threads_add_and_remove_while_others_choose() -> None:
    plan = FaultPlan()

    def change(number: int) -> None:
        for _ in range(100):
            (name,) = plan.add(faults.reset("createInstance", budget=None))
            names(plan, 3)
            plan.remove(name)
        plan.add(faults.close("listInstances", name=str(number)))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(change, range(4)))
    assert sorted(state.fault.name for state in plan.list()) == ["0", "1", "2", "3"]


def _seconds(choose: Callable[[CallContext], object], calls: int = 2000) -> float:
    """Return the best of some runs of many calls: what they cost when nothing else is going on."""
    best = float("inf")
    for _ in range(15):
        begun = time.thread_time()
        for _ in range(calls):
            choose(CREATE)
        best = min(best, time.thread_time() - begun)
    return best


class Nothing:
    """What costs next to nothing: one method call that looks at one attribute, some 0.05 µs."""

    faults = ()

    def choose(self, _call: CallContext) -> None:
        """Choose nothing."""
        if not self.faults:
            return


def test_choosing_costs_next_to_nothing() -> None:
    one = _seconds(Nothing().choose)
    plan = FaultPlan()
    assert _seconds(plan.choose) < 3 * one
    plan.add(*(faults.reset("listInstances") for _ in range(5)))
    assert _seconds(plan.choose) < 80 * one
    plan.clear()
    plan.add(*(faults.reset(token_age_min=10, after=1, until=2) for _ in range(5)))
    assert _seconds(plan.choose) < 80 * one

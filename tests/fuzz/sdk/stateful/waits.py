"""Wait and read in a scenario: for a status, for all, for a deletion, within deadlines, and many at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import toast_compute as sdk
from hypothesis import strategies as st
from hypothesis.stateful import rule
from toast_compute_api.behaviour import LIFECYCLE
from toast_compute_mock import faults

from ..bench import GONE, Outcome, deadline, within
from ..calls import Make, usual
from ..contract import ACTION, DETAILS, LIST, SAFE
from .changes import FLAVORS
from .model import FAILED
from .scenario import NOT_THERE, Scenario, some_fault, some_instance

_GOALS = ("ACTIVE", "STOP", "ERROR")
_TIMEOUTS = (0.5, 6.0, 40.0)
# The time between two polls grows to so many seconds: what can be read for longer has to have been read.
_LONGEST_INTERVAL = 15.0
_EXACTNESS = 1e-3
_LAST_POLL = 1.0  # a poll that is in flight when the time is over may take so many seconds
_STALE = 1.5  # seconds after a write in which a list may be stale: shorter than any change of status


class Waits(Scenario):
    """Waits and reads."""

    @rule(
        which=some_instance,
        goal=st.sampled_from(_GOALS),
        timeout=st.sampled_from(_TIMEOUTS),
        fault=some_fault,
        together=st.booleans(),
    )
    def wait(self, which: int, goal: str, timeout: float, fault: str, together: bool) -> None:
        id, name = self.pick(which)
        how = "wait for all" if together else "wait"
        # Those that are there already are waited for as well; in the result, all stand where they were asked for.
        there = self.model.instances.values()
        ids = [id, *(one.id for one in there if one.possible(self.now) == {goal} and one.changed < self.now), id]
        case = self.step(how, f"{name} to be {goal}, {timeout:g} s at most", fault)
        make = usual("instances.wait_for_status", id=id, status=goal, timeout=timeout)
        if together:
            make = usual("instances.wait_for_all", ids=ids, status=goal, timeout=timeout)
        outcome = self.ask(LIST, make, case=case)
        self._hold_wait(outcome, id, goal, timeout)
        if together and outcome.error is None:
            self.require([one.id for one in outcome.value] == ids, "a wait for all returned them in another order")

    @rule(which=some_instance, timeout=st.sampled_from(_TIMEOUTS), deletes=st.booleans())
    def wait_until_deleted(self, which: int, timeout: float, deletes: bool) -> None:
        id, name = self.pick(which)
        if deletes:
            self.step("deleteInstance", name)
            self.ask_for_change("deleteInstance", id, {}, usual("instances.delete", id=id))
        self.step("wait until deleted", f"{name}, {timeout:g} s at most")
        self._wait(id, GONE, timeout)

    @rule(
        which=some_instance,
        power=st.sampled_from(["start", "stop", "reboot"]),
        stale=st.integers(0, 3),
        backwards=st.booleans(),
        fault=some_fault,
    )
    def change_and_wait(self, which: int, power: str, stale: int, backwards: bool, fault: str) -> None:
        id, name = self.pick(which, power)
        goal = LIFECYCLE.operations[power].accepted_in[0] if backwards else LIFECYCLE.operations[power].to
        case = self.step("change and wait", f"{power} {name}, with {stale} stale reads", fault)
        outcome = self.ask_for_change(
            power,
            id,
            {},
            usual(f"instances.{power}", id=id),
            case=case,
            faults=[faults.stale_read(None, seconds=_STALE, budget=stale)] if stale else [],
            keep=bool(stale),
        )
        if outcome.error is not None and not isinstance(outcome.error, sdk.AmbiguousOutcomeError):
            self.cloud.faults.clear()
            return
        self.taken.append(f"wait for {name} to be {goal}")
        if self._wait(id, goal, 40.0).is_faulty:
            self.stats.count("step", "stale read")

    @rule(which=some_instance, other=st.sampled_from(["", "resize", "deleteInstance"]), waits=st.booleans())
    def fail(self, which: int, other: str, waits: bool) -> None:
        id, name = self.pick(which, "addSecurityGroup")  # allowed at rest, which is what can fail
        one = self.model.instances.get(id)
        is_stopped = one is not None and one.status == "STOP"
        move = other or ("start" if is_stopped else "reboot" if which % 2 else "stop")
        flavor = next(flavor for flavor in FLAVORS if one is None or flavor != one.flavor)
        calls: Mapping[str, Make] = {
            "resize": usual("instances.resize", id=id, flavor=flavor),
            "deleteInstance": usual("instances.delete", id=id),
        }
        self.step("failing change", f"{move} {name}")
        outcome = self.ask_for_change(
            move,
            id,
            {"flavor": flavor} if move == "resize" else {},
            calls.get(move, usual(f"instances.{move}", id=id)),
            fails=True,
            faults=[faults.end_in_error()],
        )
        if waits and outcome.error is None:
            to = LIFECYCLE.operations[move].to
            goal = to if to in (GONE, *LIFECYCLE.states) else "STOP" if is_stopped else "ACTIVE"
            self.step("wait for what fails", f"{name} to be {goal}")
            self._wait(id, goal, 90.0)

    @rule(which=some_instance, seconds=st.sampled_from([0.3, 2.0]), goal=st.sampled_from(_GOALS[:2]))
    def wait_within_a_deadline(self, which: int, seconds: float, goal: str) -> None:
        id, name = self.pick(which)
        self.step("deadline", f"{seconds:g} s for a wait for {name} to be {goal}, after a late read")
        make = within(usual("instances.wait_for_status", id=id, status=goal), deadline(seconds))
        took = self.ask(LIST, make, faults=[faults.delay(LIST, 0.2)]).took
        self.require(took <= seconds + _EXACTNESS, f"a wait took {took:g} s, and the deadline was {seconds:g} s")

    @rule(power=st.sampled_from(["start", "stop"]))
    def change_many(self, power: str) -> None:
        ids = [*self.model.instances, NOT_THERE]
        self.step("map", f"{power} of {len(ids)} instances, one of which is not there")
        outcome = self.ask(ACTION, usual("instances.map", method=power, ids=ids, limit=1), action=power)
        self.require(outcome.error is None, f"{outcome.ended_as} of map")
        result = outcome.value
        self.require(not result.skipped, "map has skipped some for the failure of one")
        for id in ids:
            entries = [entry for entry in outcome.own if f"/{id}/" in entry.target]
            self.replay(replace(outcome, entries=entries), power, id, {})
            self.require((id in result.ok) == any(entry.applied for entry in entries), f"map is wrong about {id}")
            self.hold_error(result.failed.get(id))

    @rule(which=some_instance, fault=some_fault, detailed=st.booleans())
    def read(self, which: int, fault: str, detailed: bool) -> None:
        id, name = self.pick(which)
        operation, method = (DETAILS, "instances.get_details") if detailed else (LIST, "instances.get")
        case = self.step("get details" if detailed else "get", name, fault)
        outcome = self.ask(operation, usual(method, id=id), case=case)
        self._hold_read(outcome)
        one = self.model.instances.get(id)
        possible = {GONE} if one is None else one.possible(self.now)
        if outcome.error is None:
            self.require(one is not None and outcome.value.id == id, "another instance was returned")
            self.require(str(outcome.value.status) in possible, f"{name} was read as {outcome.value.status}")
        elif isinstance(outcome.error, sdk.NotFoundError):
            self.require(GONE in possible, f"{name} was not found")

    def _wait(self, id: str, goal: str, timeout: float) -> Outcome:
        make = usual("instances.wait_for_status", id=id, status=goal, timeout=timeout)
        if goal == GONE:
            make = usual("instances.wait_until_deleted", id=id, timeout=timeout)
        outcome = self.ask(LIST, make)
        self._hold_wait(outcome, id, goal, timeout)
        return outcome

    def _hold_wait(self, outcome: Outcome, id: str, goal: str, timeout: float) -> None:
        error, took, truth = outcome.error, outcome.took, self.bench.status(id)
        one = self.model.instances.get(id)
        changed = one.changed if one is not None else 0.0
        self.require(took <= timeout + _LAST_POLL + _EXACTNESS, f"a wait of {timeout:g} s took {took:g} s")
        if error is None:
            self.require(truth == goal, f"a wait for {goal} ended, and the instance is {truth}")
        elif isinstance(error, sdk.WaitTimeoutError):
            self.require(took >= timeout - _EXACTNESS, f"a wait of {timeout:g} s gave up after {took:g} s")
            is_certain = one is None or self.now > changed + _EXACTNESS
            is_missed = truth == goal and is_certain and not outcome.is_faulty
            self.require(not is_missed, f"a wait timed out, and the instance is {goal}")
            has_failed = truth == FAILED != goal and goal != GONE and one is not None
            since = min(self.now - changed, took) if has_failed else 0.0
            self.require(since <= 2 * _LONGEST_INTERVAL, f"a wait for {goal} went on for {since:g} s after the failure")
        elif isinstance(error, sdk.InstanceFailedError):
            self.require(truth not in (goal, *_may_become(goal)), f"a wait for {goal} failed, and it is {truth}")
            is_undeleted = one is not None and one.is_undeleted
            self.require(goal != GONE or is_undeleted, "a wait for a deletion failed, and no deletion did")
        elif isinstance(error, sdk.NotFoundError):
            self.require(truth == GONE, f"a wait did not find an instance that is {truth}")
        else:
            self._hold_read(outcome)

    def _hold_read(self, outcome: Outcome) -> None:
        error, case = outcome.error, outcome.case
        if error is None or isinstance(error, sdk.NotFoundError):
            return
        ended = type(error).__name__
        self.require(outcome.is_faulty, f"{ended} of a read, and no fault struck")
        self.require(case is None or SAFE not in case.survived, f"{ended} of a read, which could be tried again")
        if not isinstance(error, sdk.APIConnectionError | sdk.MalformedResponseError | sdk.ServerError):
            code = getattr(error, "result_code", None)
            self.require(case is not None and code == case.code, f"{ended} for {case}")


def _may_become(goal: str) -> set[str]:
    """Return the statuses from which a status can be reached without going through a failure."""
    before, more = set[str](), {goal}
    while more:
        before |= more
        more = {name for name, state in LIFECYCLE.states.items() if name != FAILED and before & {*state.next}} - before
    return before - {goal}

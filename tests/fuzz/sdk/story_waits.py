"""How does a story wait, and how does it look? Waits for a status, for all, for a deletion; deadlines; many at once."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule
from toast_compute import (
    AmbiguousOutcomeError,
    APIConnectionError,
    InstanceFailedError,
    MalformedResponseError,
    NotFoundError,
    ServerError,
    WaitTimeoutError,
)
from toast_compute_api.behaviour import LIFECYCLE
from toast_compute_mock import faults
from toast_compute_mock.faults import Fault

from .driver import Make, deadline, within
from .model import FAILED, GONE
from .story import NEVER, WORLD, Story, shown_status, some_instance, some_trouble
from .story_changes import FLAVORS
from .told import Outcome

LIST = "listInstances"
_GOALS = ("ACTIVE", "STOP", "ERROR")
_TIMEOUTS = (0.5, 6.0, 40.0)
# The time between two looks grows to so many seconds: what can be seen for longer has to have been seen.
_LONGEST_INTERVAL = 15.0
_EXACTNESS = 1e-3
_LAST_LOOK = 1.0  # a look that is under way when the time is over may take so many seconds
_STALE = 1.5  # seconds after a write in which a list may lag behind: shorter than any change of status


class Waits(Story):
    """Waits and looks."""

    @rule(
        which=some_instance,
        goal=st.sampled_from(_GOALS),
        timeout=st.sampled_from(_TIMEOUTS),
        trouble=some_trouble,
        together=st.booleans(),
    )
    def wait(self, which: int, goal: str, timeout: float, trouble: str, together: bool) -> None:
        """Wait for a status of one instance, or as one of several."""
        id, name = self.pick(which)
        how = "wait for all" if together else "wait"
        now = self.clock.monotonic()
        # Those that are there already are waited for as well; in the result, all stand where they were asked for.
        ready = [one.id for one in self.model.instances.values() if one.possible(now) == {goal} and one.changed < now]
        ids = [id, *ready, id]
        more = f" and {len(ready)} that are" if together else ""
        wrong = self.say(how, f"{how}: {name}{more} to be {goal}, {timeout:g} s at most", trouble)

        def make(toast: Any) -> Any:
            if together:
                return toast.instances.wait_for_all(ids, goal, timeout=timeout)
            return toast.instances.wait_for_status(id, goal, timeout=timeout)

        outcome = self.ask(LIST, make, trouble=wrong)
        self.hold_wait(outcome, id, goal, timeout)
        if together and outcome.error is None:
            self.require([one.id for one in outcome.value] == ids, "a wait for all returned them in another order")

    @rule(which=some_instance, timeout=st.sampled_from(_TIMEOUTS), deletes=st.booleans())
    def wait_until_deleted(self, which: int, timeout: float, deletes: bool) -> None:
        """Delete an instance, or not, and wait until it is gone."""
        id, name = self.pick(which)
        if deletes:
            self.say("delete", f"delete {name}")
            self.ask_for_change("deleteInstance", id, {}, lambda toast: toast.instances.delete(id), trouble=None)
        self.say("wait until deleted", f"wait until {name} is deleted, {timeout:g} s at most")
        outcome = self.ask(LIST, lambda toast: toast.instances.wait_until_deleted(id, timeout=timeout))
        self.hold_wait(outcome, id, GONE, timeout)

    @rule(
        which=some_instance,
        power=st.sampled_from(["start", "stop", "reboot"]),
        stale=st.integers(0, 3),
        goes_wrong=st.booleans(),
        trouble=some_trouble,
    )
    def change_and_wait(self, which: int, power: str, stale: int, goes_wrong: bool, trouble: str) -> None:
        """Change the power and wait for the end, or for what was before, while the first reads are from before."""
        id, name = self.pick(which, power)
        rule_of_power = LIFECYCLE.operations[power]
        goal = rule_of_power.accepted_in[0] if goes_wrong else rule_of_power.to
        after = f", with {stale} old reads after it" if stale else ""
        wrong = self.say("change and wait", f"{power} {name}{after}", trouble)
        old: list[Fault] = [faults.stale_read(None, seconds=_STALE, budget=stale)] if stale else []
        outcome = self.ask_for_change(
            power, id, {}, lambda toast: getattr(toast.instances, power)(id), trouble=wrong, more=old, keep=bool(stale)
        )
        if outcome.error is not None and not isinstance(outcome.error, AmbiguousOutcomeError):
            self.cloud.faults.clear()
            return
        self.told.append(f"wait for {name} to be {goal}")
        waited = self.ask(LIST, lambda toast: toast.instances.wait_for_status(id, goal, timeout=40.0))
        if any(entry.faults for entry in waited.entries):
            self.telling.steps["old read"] += 1
        self.hold_wait(waited, id, goal, 40.0)

    @rule(which=some_instance, other=st.sampled_from(["", "resize", "deleteInstance"]), waits=st.booleans())
    def fail(self, which: int, other: str, waits: bool) -> None:
        """Begin a change that ends in ERROR, and wait for its end or not."""
        id, name = self.pick(which, "addSecurityGroup")  # allowed at rest, which is what can fail
        one = self.model.instances.get(id)
        is_stopped = one is not None and one.status == "STOP"
        move = other or ("start" if is_stopped else "reboot" if which % 2 else "stop")
        flavor = next(flavor for flavor in FLAVORS if one is None or flavor != one.flavor)
        calls: dict[str, Make] = {
            "resize": lambda toast: toast.instances.resize(id, flavor),
            "deleteInstance": lambda toast: toast.instances.delete(id),
        }
        self.say("failing change", f"{move} {name}, and it is going to fail")
        outcome = self.ask_for_change(
            move,
            id,
            {"flavor": flavor} if move == "resize" else {},
            calls.get(move, lambda toast: getattr(toast.instances, move)(id)),
            trouble=None,
            fails=True,
            more=[faults.end_in_error()],
        )
        if waits and outcome.error is None:
            to = LIFECYCLE.operations[move].to
            goal = to if to in (GONE, *LIFECYCLE.states) else "STOP" if is_stopped else "ACTIVE"
            self.say("wait for what fails", f"wait for {name} to be {goal}")
            if goal == GONE:
                deleted = self.ask(LIST, lambda toast: toast.instances.wait_until_deleted(id, timeout=90.0))
                self.hold_wait(deleted, id, GONE, 90.0)
                return
            waited = self.ask(LIST, lambda toast: toast.instances.wait_for_status(id, goal, timeout=90.0))
            self.hold_wait(waited, id, goal, 90.0)

    @rule(which=some_instance, seconds=st.sampled_from([0.3, 2.0]), goal=st.sampled_from(_GOALS[:2]))
    def wait_within_a_deadline(self, which: int, seconds: float, goal: str) -> None:
        """Wait in a block with a deadline."""
        id, name = self.pick(which)
        self.say("deadline", f"with a deadline of {seconds:g} s: wait for {name} to be {goal}, after a late read")

        make = within(lambda toast: toast.instances.wait_for_status(id, goal), deadline(seconds))
        outcome = self.ask(LIST, make, more=[faults.delay(LIST, 0.2)])
        took = outcome.ended - outcome.began
        self.require(took <= seconds + _EXACTNESS, f"a wait took {took:g} s, and the deadline was {seconds:g} s")

    @rule(power=st.sampled_from(["start", "stop"]))
    def change_many(self, power: str) -> None:
        """Do the same to all instances, and to one that never was."""
        ids = [*self.model.instances, self.pick(NEVER)[0]]
        self.say("map", f"map {power} over {len(ids)} instances, one of which is not there")
        outcome = self.ask("runInstanceAction", lambda toast: toast.instances.map(power, ids, limit=1), action=power)
        self.require(outcome.error is None, f"{type(outcome.error).__name__} of map")
        result = outcome.value
        self.require(not result.skipped, "map has skipped some for the failure of one")
        for id in ids:
            entries = [entry for entry in outcome.own if f"/{id}/" in entry.target]
            one = Outcome(
                outcome.operation, power, result.ok.get(id), result.failed.get(id), entries, outcome.began,
                outcome.ended, None,
            )  # fmt: skip
            self.replay(one, power, id, {})
            self.require((id in result.ok) == any(entry.applied for entry in entries), f"map is wrong about {id}")
            self.hold_error(result.failed.get(id))

    @rule(which=some_instance, trouble=some_trouble, detailed=st.booleans())
    def look(self, which: int, trouble: str, detailed: bool) -> None:
        """Read one instance while something goes wrong."""
        id, name = self.pick(which)
        operation = "listInstanceDetails" if detailed else LIST
        wrong = self.say("get details" if detailed else "get", f"read {name}", trouble)

        def make(toast: Any) -> Any:
            return toast.instances.get_details(id) if detailed else toast.instances.get(id)

        outcome = self.ask(operation, make, trouble=wrong)
        self.hold_read(outcome)
        if outcome.error is None:
            one = self.model.instances.get(id)
            self.require(one is not None and outcome.value.id == id, "another instance was returned")
            possible = set() if one is None else one.possible(self.clock.monotonic())
            self.require(str(outcome.value.status) in possible, f"{name} was read as {outcome.value.status}")
        elif isinstance(outcome.error, NotFoundError):
            one = self.model.instances.get(id)
            self.require(one is None or GONE in one.possible(self.clock.monotonic()), f"{name} was not found")

    def hold_wait(self, outcome: Outcome, id: str, goal: str, timeout: float) -> None:
        """Hold the end of a wait against the truth at that moment."""
        now, error, took = self.clock.monotonic(), outcome.error, outcome.ended - outcome.began
        world = self.cloud.worlds.get(WORLD.user_id)
        truth = shown_status(world, id) if id in world.instances else GONE
        one = self.model.instances.get(id)
        self.require(took <= timeout + _LAST_LOOK + _EXACTNESS, f"a wait of {timeout:g} s took {took:g} s")
        if error is None:
            self.require(truth == goal, f"a wait for {goal} ended, and the instance is {truth}")
        elif isinstance(error, WaitTimeoutError):
            self.require(took >= timeout - _EXACTNESS, f"a wait of {timeout:g} s gave up after {took:g} s")
            is_sure = one is None or now > one.changed + _EXACTNESS
            self.require(
                outcome.is_troubled or truth != goal or not is_sure, f"a wait timed out, and the instance is {goal}"
            )
            is_lost = truth == FAILED != goal and goal != GONE and one is not None
            since = now - one.changed if is_lost and one is not None else 0.0
            self.require(
                min(since, took) <= 2 * _LONGEST_INTERVAL,
                f"a wait for {goal} went on for {since:g} s after the failure",
            )
        elif isinstance(error, InstanceFailedError):
            self.require(truth not in (goal, *_may_become(goal)), f"a wait for {goal} failed, and it is {truth}")
            self.require(
                goal != GONE or (one is not None and one.is_undeleted),
                "a wait for a deletion failed, and no deletion did",
            )
        elif isinstance(error, NotFoundError):
            self.require(truth == GONE, f"a wait did not find an instance that is {truth}")
        else:
            self.hold_read(outcome)

    def hold_read(self, outcome: Outcome) -> None:
        """Hold a failure of something that only reads: it has to have a reason."""
        error, trouble = outcome.error, outcome.trouble
        if error is None or isinstance(error, NotFoundError):
            return
        self.require(outcome.is_troubled, f"{type(error).__name__} of a read, and nothing went wrong")
        if trouble is not None and "safe" in trouble.survived:
            self.tell_of([f"{type(error).__name__} of a read, which could be tried again"])
        if not isinstance(error, APIConnectionError | MalformedResponseError | ServerError):
            code = getattr(error, "result_code", None)
            self.require(trouble is not None and code == trouble.code, f"{type(error).__name__} for {trouble}")


def _may_become(goal: str) -> set[str]:
    """The statuses from which a status can be reached without going through a failure."""
    before = {goal}
    while True:
        more = {
            name
            for name, state in LIFECYCLE.states.items()
            if name not in before and name != FAILED and before & set(state.next)
        }
        if not more:
            return before - {goal}
        before |= more

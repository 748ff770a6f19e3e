"""Test that scenarios find a wrong model, a mock that does things twice, and broken promises."""

from __future__ import annotations

from typing import Any

import pytest
from toast_compute import AmbiguousOutcomeError, APIConnectionError, APIError, Attempt
from toast_compute_mock import faults

from ..bench import GONE, VARIANTS, Bench, Entry, Outcome
from ..calls import CALLS, usual
from ..faults import FAULTS
from ..judge import problems_of_outcome, problems_of_tokens
from ..matrix.faults import problems_of_sequence
from ..report import FindingError
from .machine import TO_REACH, Machine, not_reached, run_scenarios
from .model import Given, Instance, Model
from .scenario import RunStats


def machine(variant: str = "sync") -> Machine:
    made: Machine = type("OneMachine", (Machine,), {"stats": RunStats()})()
    made.begin(variant)
    return made


class StopIsReboot(Machine):
    """A scenario whose model is wrong: it believes that what is stopped is rebooted."""

    def replay(self, outcome: Outcome, move: str, id: str, given: Given, *, fails: bool = False) -> None:
        super().replay(outcome, "reboot" if move == "stop" else move, id, given, fails=fails)


def test_wrong_model_is_found_and_the_scenario_is_short() -> None:
    finding = run_scenarios(4, RunStats(), scenarios=100, steps=8, kind=StopIsReboot)
    assert finding is not None
    # The mock, and the one step that shows it.
    assert len(finding.steps) == 2
    assert finding.steps[-1].startswith(("stop", "map: stop"))


def test_same_seed_gives_the_same_run() -> None:
    first, second = RunStats(), RunStats()
    for stats in (first, second):
        assert run_scenarios(7, stats, scenarios=4, steps=10) is None
    assert first.reached == second.reached


@pytest.mark.parametrize("variant", VARIANTS)
def test_right_sdk_and_mock_are_not_blamed(variant: str) -> None:
    scenario = machine(variant)
    id, _ = scenario.pick(0, "stop")
    scenario.all_agree()
    scenario.step("stop", "stop it", "reply lost")
    scenario.ask_for_change("stop", id, {}, usual("instances.stop", id=id), case=FAULTS["reply lost"])
    scenario.all_agree()
    scenario.wait(0, "STOP", 40.0, "", False)
    scenario.pass_time(90_000.0)
    scenario.all_agree()
    scenario.wait_until_deleted(0, 40.0, True)
    scenario.all_agree()
    assert scenario.stats.reached["fault", "reply lost"] == 1
    scenario.teardown()


def test_change_that_is_carried_out_twice_is_found() -> None:
    scenario = machine()
    id, _ = scenario.pick(0, "uploadImage")
    scenario.step("uploadImage", "make an image")
    make, twice = usual("instances.upload_image", id=id, name="x"), faults.apply_twice("runInstanceAction")
    with pytest.raises(FindingError, match="uploadImage was carried out 2 times"):
        scenario.ask_for_change("uploadImage", id, {}, make, faults=[twice])
    scenario.teardown()


def test_change_that_nobody_asked_for_is_found() -> None:
    scenario = machine()
    with Bench("sync", cloud=scenario.cloud, clock=scenario.clock) as other:
        other.call(usual("instances.add_security_group", id=scenario.pick(0, "start")[0], name="web"))
    with pytest.raises(FindingError, match="has to have"):
        scenario.all_agree()
    scenario.teardown()


def outcome(*entries: dict[str, Any], error: Exception | None = None, name: str = "keypairs.create") -> Outcome:
    call = CALLS[name]
    usual: dict[str, Any] = {"operation": call.operation, "result_code": 0, "applied": 0, "faults": ()}
    made = [Entry(1, 0.0, "", action="", method="", target="", status=200, leaks=(), request_body=b"", reply_body=b"",
                  **{**usual, **entry}) for entry in entries]  # fmt: skip
    return Outcome(call, None, error, made, 0.0, 1.0, FAULTS["reply lost"])


def unsent(attempts: int) -> APIConnectionError:
    error = APIConnectionError("no", operation="x", never_sent=True, retryable=True)
    error.attempts = (Attempt("deleteKeypair", 0.0, 1.0, "APIConnectionError", None, None, "given up"),) * attempts
    return error


DONE: dict[str, Any] = {"applied": 1}
LOST: dict[str, Any] = {"applied": 1, "faults": ("f",)}
DELETE = "keypairs.delete"
REFUSED = APIError("no", operation="x", result_code=-4, result_message="", kind="invalid-parameters")
AMBIGUOUS = AmbiguousOutcomeError("?")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (outcome(LOST, DONE), "was sent 2 times"),
        (outcome({"applied": 2}), "was carried out 2 times"),
        (outcome({}), "reported done, and it was not carried out"),
        (outcome(LOST, error=REFUSED), "reported refused"),
        (outcome(LOST, error=unsent(0)), "reported never sent"),
        (outcome(DONE, error=AMBIGUOUS), "reported ambiguous, and it is not"),
        (outcome(LOST, error=AMBIGUOUS), "the error reports 0 attempts"),
        (outcome(LOST, LOST, error=REFUSED, name=DELETE), "reported refused"),
        (outcome(LOST, error=unsent(0), name=DELETE), "though deleteKeypair could be sent again"),
        (outcome(DONE), ""),
        # A token that was refused is no reason not to send a create once more: it was not carried out.
        (outcome({"result_code": -3, "faults": ("f",)}, DONE), ""),
    ],
)
def test_outcome_is_held_against_the_truth(given: Outcome, problem: str) -> None:
    found = list(problems_of_outcome(given))
    assert any(problem in one for one in found) if problem else not found


@pytest.mark.parametrize(
    ("given", "steps", "attempts", "problem"),
    [
        (outcome(DONE, error=REFUSED), ["reply lost", "refused"], 2, "reported refused"),
        (outcome(error=unsent(1), name=DELETE), ["not connected"] * 2, 2, "the error reports 1"),
        (outcome(error=unsent(1), name=DELETE), ["not connected", ""], 1, "another attempt"),
        (outcome(error=unsent(1), name=DELETE), [""], 1, "another attempt"),
        (outcome(DONE, name=DELETE), [""], 1, ""),
    ],
)
def test_outcome_of_several_faults_is_held_against_the_truth(
    given: Outcome, steps: list[str], attempts: int, problem: str
) -> None:
    found = list(problems_of_sequence(given, steps, attempts))
    assert any(problem in one for one in found) if problem else not found


def test_needless_token_is_found() -> None:
    issue = {"operation": "issueToken"}
    assert not list(problems_of_tokens(outcome(issue), None, 0))
    assert not list(problems_of_tokens(outcome({"result_code": -3}, issue), 0.0, 0))
    assert list(problems_of_tokens(outcome(issue), 0.0, 0))
    assert list(problems_of_tokens(outcome(issue, issue), None, 0))


def model() -> Model:
    known: dict[str, set[str]] = {"volume": {"v", "w"}, "address": {"1.1.1.1"}, "group": {"web"}}
    held: dict[str, set[str]] = {"volume": set(), "address": set(), "group": set()}
    one = Instance("one", "one", "ACTIVE", "a", "f", "i", "k", "10.0.0.1", 20, held)
    return Model({"v": "a", "w": "b"}, {"off"}, {"f", "g", "off"}, {}, known, {"one": one})


@pytest.mark.parametrize(
    ("move", "given", "wanted"),
    [
        ("start", {}, {"conflict"}),
        ("stop", {}, {"success"}),
        ("resize", {"flavor": "g"}, {"success"}),
        ("resize", {"flavor": "f"}, {"conflict"}),
        ("resize", {"flavor": "off"}, {"conflict"}),
        ("resize", {"flavor": "?"}, {"not-found"}),
        ("attachVolume", {"volume": "v"}, {"success"}),
        ("attachVolume", {"volume": "w"}, {"conflict"}),
        ("attachVolume", {"volume": "?"}, {"not-found"}),
        ("detachVolume", {"volume": "v"}, {"not-found"}),
        ("removeSecurityGroup", {"group": "web"}, {"not-found"}),
        ("addFloatingIp", {"address": "1.1.1.1", "ip": "10.0.0.1"}, {"success"}),
        ("addFloatingIp", {"address": "1.1.1.1", "ip": "10.0.0.2"}, {"conflict"}),
        ("uploadImage", {}, {"conflict"}),
    ],
)
def test_model_knows_how_a_request_ends(move: str, given: Given, wanted: set[str]) -> None:
    assert model().outcomes(move, "one", given, 0.0) == wanted
    assert model().outcomes(move, "two", given, 0.0) == {"not-found"}


@pytest.mark.parametrize(
    ("move", "back", "given"),
    [
        ("attachVolume", "detachVolume", {"volume": "v"}),
        ("addFloatingIp", "removeFloatingIp", {"address": "1.1.1.1", "ip": "10.0.0.1"}),
        ("addSecurityGroup", "removeSecurityGroup", {"group": "web"}),
    ],
)
def test_model_knows_whether_a_change_is_done(move: str, back: str, given: Given) -> None:
    made = model()
    assert not made.is_done(move, "one", given)
    made.carry_out(move, "one", given, 0.0)
    assert made.is_done(move, "one", given)
    assert not made.is_done(back, "one", given)
    made.carry_out(back, "one", given, 0.0)
    assert made.is_done(back, "one", given)


def test_model_knows_what_an_instance_may_show_and_when() -> None:
    made = model()
    made.carry_out("stop", "one", {}, 100.0)
    one = made.instances["one"]
    assert one.possible(101.0) == {"POWERING_OFF"}
    assert one.possible(103.0) == {"POWERING_OFF", "STOP"}
    assert one.possible(106.0) == {"STOP"}
    assert made.outcomes("start", "one", {}, 103.0) == {"success", "conflict"}
    assert next(made.confirm(106.0, {"one": "ACTIVE"})) == "one is ACTIVE and has to be STOP"
    assert list(made.confirm(106.0, {"one": "STOP"})) == []
    assert list(made.confirm(106.0, {"one": "STOP", "two": "STOP"})) == [
        "there is an instance two that nobody has created"
    ]
    made.carry_out("deleteInstance", "one", {}, 200.0)
    assert GONE in one.possible(203.0)
    assert list(made.confirm(210.0, {})) == []
    assert made.buried == ["one"]


def test_incomplete_run_is_reported() -> None:
    stats = RunStats()
    assert "status RESIZING" in not_reached(stats)
    stats.reached.update(TO_REACH - {("status", "ERROR"), ("success", "start")})
    assert not_reached(stats) == ["status ERROR", "success start"]

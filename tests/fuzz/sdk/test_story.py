"""Would the story part notice? Stories with a wrong model, a cloud that does things twice, and broken promises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest
from toast_compute import AmbiguousOutcomeError, APIConnectionError, APIError, Attempt, ToastCompute
from toast_compute_mock import FrozenClock, MockCloud, faults
from toast_compute_mock.journal import Entry

from . import each_sequence
from .clocks import EndlessError, SteppingClock
from .driver import CREDENTIALS
from .junit import Case, write_junit
from .model import GONE, Instance, Model
from .story import COLOURS, FindingError, Telling
from .story_command import CHECKS, KINDS, not_reached
from .story_machine import StoryMachine, tell_stories
from .summary import write_summary
from .tokens_at_once import problem_of_tokens
from .told import Outcome, problems_of_outcome, problems_of_tokens
from .troubles import TROUBLES

LOST = TROUBLES["reply lost"]


def machine(colour: str = "blocking", kind: type[StoryMachine] = StoryMachine) -> StoryMachine:
    """A story that a test tells by itself."""
    made = type("Story", (kind,), {"telling": Telling()})()
    made.begin(colour)
    return made  # type: ignore[no-any-return]


class StopIsReboot(StoryMachine):
    """A story whose model is wrong: it believes that what is stopped is rebooted."""

    def replay(self, outcome: Outcome, move: str, id: str, given: Mapping[str, str], *, fails: bool = False) -> None:
        super().replay(outcome, "reboot" if move == "stop" else move, id, given, fails=fails)


def test_a_wrong_model_is_found_out_and_the_story_is_short() -> None:
    finding = tell_stories(4, Telling(), stories=100, steps=8, kind=StopIsReboot)
    assert finding is not None
    # The cloud, and the one step that shows it.
    assert len(finding.steps) == 2
    assert finding.steps[-1].startswith(("stop", "map stop"))


def test_a_story_takes_the_same_course_each_time() -> None:
    first, second = Telling(), Telling()
    for telling in (first, second):
        assert tell_stories(7, telling, stories=4, steps=10) is None
    assert first.steps == second.steps
    assert first.troubles == second.troubles


@pytest.mark.parametrize("colour", COLOURS)
def test_a_story_in_which_all_is_well(colour: str) -> None:
    story = machine(colour)
    story.change_power(0, "start", "")
    story.all_agree()
    story.change_power(0, "stop", "reply lost")
    story.all_agree()
    story.wait(1, "STOP", 40.0, "", False)
    story.pass_time(90_000.0)
    story.all_agree()
    story.delete(0, "")
    story.wait_until_deleted(0, 40.0, False)
    story.all_agree()
    assert story.telling.troubles == {"reply lost": 1}
    story.teardown()


def test_a_change_that_is_carried_out_twice_is_found_out() -> None:
    story = machine()
    id, _ = story.pick(0, "uploadImage")
    story.say("uploadImage", "make an image")
    with pytest.raises(FindingError, match="uploadImage was carried out 2 times"):
        story.ask_for_change(
            "uploadImage",
            id,
            {},
            lambda toast: toast.instances.upload_image(id, "x"),
            trouble=None,
            more=[faults.apply_twice("runInstanceAction")],
        )
    story.teardown()


def test_a_change_that_nobody_asked_for_is_found_out() -> None:
    story = machine()
    with ToastCompute(*CREDENTIALS, transport=story.cloud.transport, clock=story.clock) as other:
        other.instances.add_security_group(story.pick(0, "start")[0], "web")
        with pytest.raises(FindingError, match="has the security groups"):
            story.all_agree()
        other.keypairs.create("k")
    story.teardown()


def test_a_wait_without_end_is_found_out() -> None:
    clock = SteppingClock()
    clock.limit = 10.0
    for _ in range(10):
        clock.sleep(1.0)
    with pytest.raises(EndlessError):
        clock.sleep(1.0)


def entry(*, applied: int = 0, code: int | None = 0, operation: str = "createInstance", fault: str = "") -> Entry:
    return Entry(1, 0.0, "", operation, "", "POST", "/", 200, code, applied, (fault,) if fault else (), (), b"", b"")


def outcome(entries: Sequence[Entry], error: Exception | None, operation: str = "createInstance") -> Outcome:
    return Outcome(operation, "", None, error, entries, 0.0, 1.0, LOST)


REFUSED = APIError("no", operation="x", result_code=-4, result_message="", kind="invalid-parameters")
TRY = Attempt("createInstance", 0.0, 1.0, "APIConnectionError", None, None, "given up")
LOST_ERROR = APIConnectionError("no", operation="x", never_sent=True, retryable=False)


@pytest.mark.parametrize(
    ("entries", "error", "operation", "told"),
    [
        ([entry(applied=1, fault="f"), entry(applied=1)], None, "createInstance", "was sent 2 times"),
        ([entry(applied=2)], None, "createInstance", "was carried out 2 times"),
        ([entry()], None, "createInstance", "told to have succeeded, and it was not carried out"),
        ([entry(applied=1, fault="f")], REFUSED, "createInstance", "told to be refused"),
        ([entry(applied=1, fault="f")], LOST_ERROR, "createInstance", "told never to have been sent"),
        ([entry(applied=1)], AmbiguousOutcomeError("?"), "createInstance", "told to be ambiguous, and it is not"),
        ([entry(fault="f")], AmbiguousOutcomeError("?"), "createInstance", "the error tells of 0 tries"),
        (
            [entry(applied=1, operation="deleteInstance", fault="f")] * 2,
            REFUSED,
            "deleteInstance",
            "told to be refused",
        ),
        (
            [entry(operation="deleteInstance", fault="f")],
            LOST_ERROR,
            "deleteInstance",
            "though deleteInstance could be sent again",
        ),
    ],
)
def test_a_caller_who_is_told_something_else_is_noticed(
    entries: list[Entry], error: Exception | None, operation: str, told: str
) -> None:
    assert any(told in found for found in problems_of_outcome(outcome(entries, error, operation)))


def test_a_caller_who_is_told_the_truth_is_not_blamed() -> None:
    assert not list(problems_of_outcome(outcome([entry(applied=1)], None)))
    lost = AmbiguousOutcomeError("?")
    lost.attempts = (TRY,)
    assert not list(problems_of_outcome(outcome([entry(applied=1, fault="f")], lost)))
    # A token that was refused is no reason not to send a create once more: it was not carried out.
    assert not list(problems_of_outcome(outcome([entry(code=-3, fault="f"), entry(applied=1)], None)))


UNSENT = APIConnectionError("no", operation="x", never_sent=True, retryable=True)
UNSENT.attempts = (TRY,)


@pytest.mark.parametrize(
    ("entries", "error", "operation", "steps", "tries", "told"),
    [
        ([entry(), entry(applied=1)], None, "createInstance", ["HTTP 503", ""], 2, "was sent 2 times"),
        ([entry()], None, "deleteInstance", [""], 1, "and was not carried out"),
        ([entry(applied=1)], REFUSED, "deleteInstance", ["reply lost", "refused"], 2, "told to be refused"),
        ([entry()], AmbiguousOutcomeError("?"), "deleteInstance", ["reply lost"], 1, "told to be ambiguous"),
        ([entry(applied=1)], LOST_ERROR, "createInstance", ["reply lost"], 1, "hides"),
        ([entry()], UNSENT, "createInstance", ["reply lost", "no connection"], 2, "told never to have been sent"),
        ([], UNSENT, "createInstance", ["no connection", "no connection"], 2, "the error tells of 1"),
        ([], UNSENT, "deleteInstance", ["no connection", ""], 1, "another try"),
        ([], UNSENT, "deleteInstance", [""], 1, "another try"),
        ([], UNSENT, "createInstance", ["no connection"], 1, ""),
        ([entry(applied=1)], None, "deleteInstance", [""], 1, ""),
    ],
)
def test_what_comes_of_several_troubles_is_held_against_the_truth(
    entries: list[Entry], error: Exception | None, operation: str, steps: list[str], tries: int, told: str
) -> None:
    own = [msgspec.structs.replace(one, operation=operation) for one in entries]
    found = list(each_sequence.problems_of(outcome(own, error, operation), steps, tries))
    assert any(told in problem for problem in found) if told else not found


def test_tokens_beyond_need_are_noticed() -> None:
    issue = entry(operation="issueToken")
    assert not list(problems_of_tokens([issue], 0.0, 1.0, None, 0))
    assert not list(problems_of_tokens([entry(code=-3), issue], 0.0, 1.0, 0.0, 0))
    assert list(problems_of_tokens([issue], 0.0, 1.0, 0.0, 0))
    assert list(problems_of_tokens([issue, issue], 0.0, 1.0, None, 0))


@pytest.mark.parametrize("name", CHECKS)
def test_each_check_before_the_stories_is_content(name: str) -> None:
    assert CHECKS[name]() == ""


def test_a_summary_shows_what_was_found_and_what_was_tried(tmp_path: Path) -> None:
    cases = [Case("all well"), Case("a story", problem="It broke.\n  replay: ...")]
    write_summary(tmp_path / "story.md", "Stories", "story: 1 finding", cases, {"Steps": {"stop": 2, "a|b": 1}})
    page = (tmp_path / "story.md").read_text()
    assert page.splitlines()[:3] == ["# Stories", "", "story: 1 finding"]
    assert "## Found: a story\n\n```\nIt broke.\n  replay: ...\n```\n" in page
    assert "all well" not in page
    assert page.endswith("| steps | how often |\n|---|---|\n| a\\|b | 1 |\n| stop | 2 |\n")


def test_a_token_for_each_of_many_is_found_out() -> None:
    cloud = MockCloud(clock=FrozenClock())
    for _ in range(3):
        with ToastCompute(*CREDENTIALS, transport=cloud.transport, clock=cloud.clock) as toast:
            toast.flavors.list()
    assert problem_of_tokens(cloud, [None] * 2, "threads") == "2 tokens were issued for 2 threads, and one would do"
    assert problem_of_tokens(cloud, [KeyError()], "tasks").endswith("KeyError, which is no ToastComputeError")


def model(**given: Any) -> Model:
    made = Model({"v": "a", "w": "b"}, frozenset({"off"}), frozenset({"f", "g", "off"}), 2, 2, frozenset({"web"}))
    made.floating_ips = {"1.1.1.1": None}
    values = {"status": "ACTIVE", "zone": "a", "flavor": "f", "image": "i", "key": "k", "address": "10.0.0.1"}
    made.instances["one"] = Instance("one", "one", **{**values, **given}, groups=set(), root=20)
    return made


@pytest.mark.parametrize(
    ("move", "given", "wanted"),
    [
        ("start", {}, {"conflict"}),
        ("stop", {}, {"success"}),
        ("resize", {"flavor": "g"}, {"success"}),
        ("resize", {"flavor": "f"}, {"conflict"}),
        ("resize", {"flavor": "off"}, {"conflict"}),
        ("attachVolume", {"volume": "v"}, {"success"}),
        ("attachVolume", {"volume": "w"}, {"conflict"}),
        ("detachVolume", {"volume": "v"}, {"not-found"}),
        ("removeSecurityGroup", {"group": "web"}, {"not-found"}),
        ("addFloatingIp", {"address": "1.1.1.1", "ip": "10.0.0.1"}, {"success"}),
        ("uploadImage", {}, {"conflict"}),
    ],
)
def test_the_model_says_how_a_request_ends(move: str, given: dict[str, str], wanted: set[str]) -> None:
    assert model().outcomes(move, "one", given, 0.0) == wanted
    assert model().outcomes(move, "two", given, 0.0) == {"not-found"}


def test_the_model_knows_what_an_instance_may_show_and_when() -> None:
    made = model()
    made.carry_out("stop", "one", {}, 100.0)
    one = made.instances["one"]
    assert one.possible(101.0) == {"POWERING_OFF"}
    assert one.possible(103.0) == {"POWERING_OFF", "STOP"}
    assert one.possible(106.0) == {"STOP"}
    assert made.outcomes("start", "one", {}, 103.0) == {"success", "conflict"}
    assert list(made.settle(106.0, {"one": "ACTIVE"})) == ["one is ACTIVE and has to be STOP"]
    assert list(made.settle(106.0, {"one": "STOP"})) == []
    assert list(made.settle(106.0, {"one": "STOP", "two": "STOP"})) == [
        "there is an instance two that nobody has created"
    ]
    made.carry_out("deleteInstance", "one", {}, 200.0)
    assert GONE in one.possible(203.0)
    assert list(made.settle(210.0, {})) == []
    assert made.buried == ["one"]


def test_a_run_in_which_something_did_not_happen_says_so() -> None:
    telling = Telling()
    assert "RESIZING" in not_reached(telling)
    telling.steps.update(KINDS)
    telling.troubles.update(TROUBLES)
    telling.colours.update(COLOURS)
    from toast_compute_api.behaviour import LIFECYCLE

    telling.statuses.update(LIFECYCLE.states.keys() - {"ERROR"})
    telling.carried_out.update(LIFECYCLE.operations.keys() - {"start"})
    assert not_reached(telling) == ["ERROR", "a success of start"]


def test_a_report_counts_its_findings_and_holds_any_text(tmp_path: Path) -> None:
    write_junit(tmp_path / "r.xml", "story", [Case("a", 0.5), Case("b", 0.25, "bad \x00\ud800\nmore")])
    suite = ElementTree.parse(tmp_path / "r.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("time")) == ("2", "1", "0.750")
    failure = suite[1][0]
    assert failure.get("message") == "bad ??"
    assert failure.text == "bad ??\nmore"

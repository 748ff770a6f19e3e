"""Do the reports say what was found and how to see it again, and no secret?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ..check.samples import SPEC, success
from ..mock_target import MockTarget
from ..run import Run
from ..session import Outcome, Plan
from .reports import describe, write_reports

REPLAY = "python -m tests.fuzz service"
PLAN = Plan(seed=7, examples=1, scenarios=1)


@pytest.fixture
def outcome() -> Outcome:
    """The outcome of a run in which a create of eleven instances was accepted."""
    run = Run(MockTarget(7))
    _ = run.token
    run.call("listFlavors")
    request = run.request("createInstance", body={"instance": {**SPEC, "count": 11}})
    reply = success(instance={"id": "i", "name": "web", "status": "BUILD"})
    run.judge(request, reply, phase="coverage")
    run.judge(request, reply, phase="coverage")
    return Outcome(PLAN, run, ("no request to resize was accepted",), (), ("missing",), 1.0)


def test_a_finding_says_what_broke_and_how_to_see_it_again(outcome: Outcome) -> None:
    finding = outcome.run.findings["broken_request_is_refused", "createInstance"]
    first, *rest = describe(outcome, finding, REPLAY)
    assert first == "createInstance is accepted although instance.count breaks maximum (2 times)"
    assert f"  replay:  {REPLAY} --seed 7 --until 3" in rest
    assert any('curl -X POST "$URL/v1.0/appkeys/$APPKEY/instances"' in line for line in rest)


def test_the_reports_hold_findings_coverage_and_no_secret(outcome: Outcome, tmp_path: Path) -> None:
    write_reports(tmp_path / "new" / "folder", [outcome], REPLAY)
    page = (tmp_path / "new/folder/service.md").read_text(encoding="utf-8")
    suite = ElementTree.parse(tmp_path / "new/folder/service.xml").getroot()[0]
    assert int(suite.attrib["failures"]) == len(outcome.run.findings) + 1
    failed = {case.attrib["name"] for case in suite if case.find("failure") is not None}
    assert {"broken_request_is_refused", "reached"} <= failed
    for wanted in (
        "--seed 7 --until 3",
        "| listFlavors | 0: 1 |",
        "no request to resize was accepted",
        "| missing | 0 |",
    ):
        assert wanted in page
    for secret in (outcome.run.token, outcome.run.target.credentials.password, outcome.run.target.credentials.appkey):
        assert secret not in page
        assert secret not in (tmp_path / "new/folder/service.xml").read_text(encoding="utf-8")


def test_a_good_run_has_no_failure_in_its_report(tmp_path: Path) -> None:
    run = Run(MockTarget(7))
    run.call("listFlavors")
    write_reports(tmp_path, [Outcome(PLAN, run, (), (), (), 1.0)], REPLAY)
    suite = ElementTree.parse(tmp_path / "service.xml").getroot()[0]
    assert suite.attrib["failures"] == "0"
    assert int(suite.attrib["tests"]) > 10
    assert "Nothing was found." in (tmp_path / "service.md").read_text(encoding="utf-8")


def test_what_was_missed_or_went_wrong_makes_a_run_no_good_one(outcome: Outcome) -> None:
    clean = Outcome(PLAN, Run(MockTarget(7)), (), (), (), 1.0)
    assert clean.is_good
    assert not replace(clean, missed=("x",)).is_good
    assert not replace(clean, errors=("x",)).is_good
    assert not outcome.is_good

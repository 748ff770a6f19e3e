"""The report has what was found and how to repeat it, and no secret."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ..check.samples import SPEC, success
from ..run import Run
from ..session import Outcome, Plan
from ..target import MockTarget
from .junit import describe, write_junit

REPLAY = "python -m tests.fuzz service"
PLAN = Plan(seed=7, examples=1, scenarios=1)


@pytest.fixture
def outcome() -> Outcome:
    """The outcome of a run in which a create of eleven instances was accepted."""
    run = Run(MockTarget(7))
    run.call("listFlavors")
    request = run.request("createInstance", body={"instance": {**SPEC, "count": 11}})
    for _ in range(2):
        run.judge(request, success(instance={"id": "i", "name": "web", "status": "BUILD"}), phase="coverage")
    return Outcome(PLAN, run, ("no request to resize was accepted",), (), 1.0)


def test_finding_has_what_broke_and_how_to_repeat_it(outcome: Outcome) -> None:
    text = describe(outcome, outcome.run.findings["broken_request_is_refused", "createInstance"], REPLAY)
    assert text.startswith("createInstance is accepted although instance.count breaks maximum (2 times)\n")
    assert f"\n  replay:  {REPLAY} --seed 7 --until 3\n" in text
    assert 'curl -X POST "$URL/v1.0/appkeys/$APPKEY/instances"' in text


def test_report_has_findings_and_no_secret(outcome: Outcome, tmp_path: Path) -> None:
    text = write_junit(tmp_path, [outcome], REPLAY).read_text(encoding="utf-8")
    failed = {case.attrib["name"] for case in ElementTree.fromstring(text).iter("testcase") if len(case)}
    assert {"seed 7: broken_request_is_refused of createInstance", "seed 7: reached"} == failed
    assert "--seed 7 --until 3" in text
    assert "no request to resize was accepted" in text
    for secret in outcome.run.ledger.secrets:
        assert secret not in text


def test_report_of_a_good_run_has_no_failure(tmp_path: Path) -> None:
    run = Run(MockTarget(7))
    run.call("listFlavors")
    good = Outcome(PLAN, run, (), (), 1.0)
    assert good.is_good
    assert not replace(good, missed=("x",)).is_good
    assert not replace(good, errors=("x",)).is_good
    suite = ElementTree.parse(write_junit(tmp_path, [good], REPLAY)).getroot()[0]
    assert (suite.attrib["failures"], suite.attrib["errors"]) == ("0", "0")
    assert int(suite.attrib["tests"]) > 30

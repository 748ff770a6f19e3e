"""Is a run decided by its seed, does it reach what it says, and does it find what is wrong?"""

from __future__ import annotations

import json
from dataclasses import replace

from .exchange import JSON, Reply, Request
from .mock_target import MockTarget
from .report.coverage import link_names, links_missed, not_reached
from .run import PHASES, Run
from .session import Plan, fuzz

SHORT = Plan(seed=3, examples=2, scenarios=1, phases=("examples", "stateful"), only=("createKeypair", "listKeypairs"))


class Full(MockTarget):
    """A mock that refuses every create for want of addresses."""

    def send(self, request: Request) -> Reply:
        reply = super().send(request)
        if reply.accepted and request.method == "POST" and request.target.endswith("/instances"):
            header = {"isSuccessful": False, "resultCode": 20001, "resultMessage": "No available IP"}
            return Reply(200, JSON, json.dumps({"header": header}).encode())
        return reply


def test_a_seed_decides_everything_that_is_asked() -> None:
    first, again = (fuzz(MockTarget(3), SHORT) for _ in range(2))
    other = fuzz(MockTarget(4), replace(SHORT, seed=4))
    assert first.run.fingerprint == again.run.fingerprint
    assert first.run.number == again.run.number
    assert first.run.fingerprint != other.run.fingerprint
    for outcome in (first, other):
        assert outcome.is_good, (outcome.run.findings, outcome.missed, outcome.errors)


def test_a_run_up_to_an_exchange_ends_there_and_finds_nothing_behind_it() -> None:
    outcome = fuzz(MockTarget(3), replace(SHORT, until=100))
    assert outcome.run.is_over
    assert not outcome.missed


def test_a_run_that_is_stopped_while_the_engine_works_was_not_interrupted() -> None:
    plan = replace(SHORT, phases=("coverage",))
    tally = fuzz(MockTarget(3), plan).run.tally
    middle = sum(tally.phases.values()) - tally.phases["coverage"] // 2 - tally.phases["own"] // 3
    outcome = fuzz(MockTarget(3), replace(plan, until=middle))
    assert 0 < outcome.run.tally.phases["coverage"] < tally.phases["coverage"]
    assert not outcome.was_interrupted
    assert outcome.is_good


def test_where_nothing_is_tried_nothing_is_reached() -> None:
    run = Run(MockTarget(1))
    sentences = list(not_reached(run, ("missing",), PHASES, (), ()))
    assert len(sentences) == len(run.contract.names) + len(link_names(run)) + 1
    assert "no request to runInstanceAction.resize was accepted" in sentences
    assert "the link createInstance -> deleteInstance was never followed" in sentences
    assert "no request was sent with a token of the kind 'missing'" in sentences


def test_of_a_part_of_the_phases_it_is_told_whether_it_got_anywhere() -> None:
    run = Run(MockTarget(1))
    assert list(not_reached(run, ("missing",), ("examples",), (), ())) == ["no request was accepted"]
    run.tally.accepted.add("listFlavors")
    assert not list(not_reached(run, ("missing",), ("examples",), (), ()))


def test_without_an_operation_that_needs_a_token_none_is_missed() -> None:
    run = Run(MockTarget(1))
    run.tally.accepted.update(("issueToken", "listFlavors"))
    assert not list(not_reached(run, ("missing",), PHASES, ("issueToken",), ()))
    assert list(not_reached(run, ("missing",), PHASES, ("listFlavors",), ()))


def test_what_may_be_missed_is_not_told() -> None:
    run = Run(MockTarget(1))
    sentences = list(not_reached(run, (), PHASES, (), ("attachVolume", "detachVolume")))
    assert sentences
    assert not [sentence for sentence in sentences if "Volume" in sentence]


def test_a_link_that_was_followed_is_not_missed() -> None:
    run = Run(MockTarget(1))
    name = link_names(run)[0]
    run.tally.links[name] += 1
    assert name not in list(links_missed(run))


def test_a_mock_on_which_nothing_can_be_made_is_not_good() -> None:
    outcome = fuzz(Full(1), replace(SHORT, phases=("examples",)))
    assert not outcome.is_good
    assert "cannot create an instance" in outcome.errors[0]

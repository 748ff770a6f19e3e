"""A seed decides a run, and a run reports what it did not reach."""

from __future__ import annotations

import json
from dataclasses import replace

from .contract import contract
from .exchange import JSON, Reply, Request
from .generate.document import links_of
from .run import Counters
from .session import Plan, fuzz, not_reached
from .target import MockTarget

SHORT = Plan(seed=3, examples=2, scenarios=1, phases=("examples", "stateful"), only=("createKeypair", "listKeypairs"))
WHOLE = Plan(seed=3, examples=2, scenarios=1)


class Full(MockTarget):
    """A mock that refuses every create for lack of addresses."""

    def send(self, request: Request) -> Reply:
        reply = super().send(request)
        if reply.accepted and request.method == "POST" and request.target.endswith("/instances"):
            header = {"isSuccessful": False, "resultCode": 20001, "resultMessage": "No available IP"}
            return Reply(200, JSON, json.dumps({"header": header}).encode())
        return reply


def test_seed_decides_everything_that_is_asked() -> None:
    first, again = (fuzz(MockTarget(3), SHORT) for _ in range(2))
    other = fuzz(MockTarget(4), replace(SHORT, seed=4))
    assert (first.run.fingerprint, first.run.number) == (again.run.fingerprint, again.run.number)
    assert first.run.fingerprint != other.run.fingerprint
    for outcome in (first, other):
        assert outcome.is_good, (outcome.run.findings, outcome.missed, outcome.errors)


def test_run_ends_at_an_exchange_of_the_engine_without_being_interrupted() -> None:
    plan = replace(SHORT, phases=("coverage",))
    phases = fuzz(MockTarget(3), plan).run.counters.phases
    middle = sum(phases.values()) - phases["coverage"] // 2 - phases["own"] // 3
    outcome = fuzz(MockTarget(3), replace(plan, until=middle))
    assert 0 < outcome.run.counters.phases["coverage"] < phases["coverage"]
    assert outcome.run.is_over
    assert not outcome.was_interrupted
    assert outcome.is_good


def missed(counters: Counters, plan: Plan, *probes: str) -> list[str]:
    return list(not_reached(counters, contract(), probes, plan))


def test_everything_is_missed_where_nothing_is_tried() -> None:
    sentences = missed(Counters(), WHOLE, "missing")
    assert len(sentences) == len(contract().names) + len(links_of(contract())) + 1
    assert {
        "no request to runInstanceAction.resize was accepted",
        "the link createInstance -> deleteInstance was never followed",
        "no request was sent with a token of the kind 'missing'",
    } <= set(sentences)


def test_only_what_was_planned_can_be_missed() -> None:
    counters = Counters()
    part = replace(WHOLE, phases=("examples",))
    assert missed(counters, part, "missing") == ["no request was accepted"]
    counters.accepted.update(("issueToken", "listFlavors"))
    assert not missed(counters, part, "missing")
    assert not missed(counters, replace(WHOLE, only=("issueToken",)), "missing")
    assert missed(counters, replace(WHOLE, only=("listFlavors",)), "missing")
    sentences = missed(counters, replace(WHOLE, may_miss=frozenset({"attachVolume", "detachVolume"})))
    assert sentences
    assert not [sentence for sentence in sentences if "Volume" in sentence]
    counters.links.update(links_of(contract()))
    assert not [sentence for sentence in missed(counters, WHOLE) if "link" in sentence]


def test_mock_on_which_nothing_can_be_created_is_an_error() -> None:
    outcome = fuzz(Full(1), replace(SHORT, phases=("examples",)))
    assert not outcome.is_good
    assert "cannot create an instance" in outcome.errors[0]

"""Check that the presets do what their explanations state."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import msgspec
import pytest
from toast_compute_mock import faults
from toast_compute_mock.exchange import Break, Reply
from toast_compute_mock.faults import EXPLANATIONS, PRESETS, CallContext, Chosen, FaultPlan, read_faults

OPERATIONS = ("listInstances", "createInstance", "issueToken", "")
NOTHING = Reply(200, (), b"")


def planned(name: str, **options: Any) -> FaultPlan:
    """Return a plan with one preset."""
    plan = FaultPlan()
    plan.use(name, **options)
    return plan


def reply(chosen: Chosen | None) -> Reply:
    """Return what a call gets that is not carried out."""
    assert chosen is not None
    assert chosen.effect is not None
    assert not chosen.effect.commits
    return chosen.effect.apply(NOTHING)


def header(chosen: Chosen | None) -> Any:
    """Return the header of the envelope that a call gets."""
    return json.loads(reply(chosen).body)["header"]


def test_every_preset_has_an_explanation() -> None:
    assert list(PRESETS) == ["flaky-network", "token-expires-mid-wait", "zone-full", "throttled", "bad-gateway"]
    assert EXPLANATIONS.keys() == PRESETS.keys()
    assert all(text.endswith(".") for text in EXPLANATIONS.values())


@pytest.mark.parametrize("name", PRESETS)
def test_preset_is_made_of_rules_that_survive_json(name: str) -> None:
    assert read_faults(msgspec.json.encode(PRESETS[name])) == list(PRESETS[name]) == list(faults.preset(name))


def test_flaky_network_breaks_any_call_now_and_then() -> None:
    plan = planned("flaky-network")
    seen: Counter[str] = Counter()
    late = []
    for number in range(2000):
        chosen = plan.choose(CallContext(OPERATIONS[number % len(OPERATIONS)]))
        if chosen is not None:
            seen.update(chosen.names)
            if chosen.delay:
                late.append(chosen.delay)
            if chosen.effect is not None:
                wire = chosen.effect.apply(NOTHING).wire
                assert chosen.effect.commits
                assert wire is not None
                assert wire.kind in {Break.RESET, Break.CLOSE}
    assert set(seen) == {"flaky-network-reset", "flaky-network-close", "flaky-network-late"}
    assert all(60 < count < 140 for count in seen.values())
    assert all(0 < seconds <= 5 for seconds in late)
    assert plan, "it has no end"


def test_flaky_network_can_be_worse_and_in_one_place_only() -> None:
    plan = planned("flaky-network", probability=1, operation="listFlavors", budget=3)
    assert plan.choose(CallContext("listInstances")) is None
    chosen = plan.choose(CallContext("listFlavors"))
    assert chosen is not None
    assert chosen.names == ("flaky-network-reset", "flaky-network-late")
    assert [state.remaining for state in plan.list()] == [2, 3, 2]


def test_token_is_refused_in_the_middle_of_a_wait_and_a_fresh_one_is_not() -> None:
    plan = planned("token-expires-mid-wait")
    assert plan.choose(CallContext("createInstance", token_age=0.0)) is None
    looks = [plan.choose(CallContext("listInstances", token_age=age)) for age in (0.0, 1.0, 2.5)]
    assert looks[:2] == [None, None]
    assert header(looks[2]) == {
        "isSuccessful": False,
        "resultCode": -3,
        "resultMessage": "Permission denied : token",
    }
    assert [plan.choose(CallContext("listInstances", token_age=age)) for age in (0.0, 2.2, 5.6)] == [None] * 3


def test_old_token_is_not_refused_at_the_first_poll() -> None:
    plan = planned("token-expires-mid-wait")
    assert [plan.choose(CallContext("listInstances", token_age=900.0)) is None for _ in range(3)] == [True, False, True]


def test_token_can_be_refused_elsewhere_and_later() -> None:
    plan = planned("token-expires-mid-wait", operation="listInstanceDetails", nth=None, token_age_min=60)
    assert plan.choose(CallContext("listInstances", token_age=100.0)) is None
    assert plan.choose(CallContext("listInstanceDetails", token_age=59.0)) is None
    assert plan.choose(CallContext("listInstanceDetails", token_age=60.0)) is not None


def test_full_zone_takes_no_instance_until_there_is_room() -> None:
    plan = planned("zone-full")
    assert plan.choose(CallContext("listInstances")) is None
    for _ in range(20):
        assert header(plan.choose(CallContext("createInstance"))) == {
            "isSuccessful": False,
            "resultCode": 12409,
            "resultMessage": "Conflict : availability zone is full",
        }
    plan.remove("zone-full")
    assert plan.choose(CallContext("createInstance")) is None


def test_zone_can_be_full_for_one_call() -> None:
    plan = planned("zone-full", budget=1)
    assert plan.choose(CallContext("createInstance")) is not None
    assert plan.choose(CallContext("createInstance")) is None


def test_two_calls_are_throttled() -> None:
    plan = planned("throttled")
    for operation in ("listInstances", "createInstance"):
        answer = reply(plan.choose(CallContext(operation)))
        assert answer.status == 429
        assert ("retry-after", "1") in answer.headers
    assert plan.choose(CallContext("listInstances")) is None


def test_bad_gateway_preset_fails_one_call() -> None:
    plan = planned("bad-gateway")
    answer = reply(plan.choose(CallContext("createInstance")))
    assert answer.status == 502
    assert dict(answer.headers)["content-type"].startswith("text/html")
    assert plan.choose(CallContext("createInstance")) is None


def test_preset_that_met_nothing_is_unused() -> None:
    plan = planned("zone-full")
    plan.use("bad-gateway")
    plan.choose(CallContext("listInstances"))
    assert plan.unused() == ["zone-full"]

"""Check which faults are read from JSON, and how invalid JSON is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from toast_compute_mock import faults
from toast_compute_mock.faults import PRESETS, FaultError, read_faults


def read(content: Any) -> list[faults.Fault]:
    """Read what is written as JSON."""
    return read_faults(json.dumps(content).encode())


def test_rule_is_read_with_all_members() -> None:
    (fault,) = read(
        {
            "name": "late",
            "match": {
                "operation": "runInstanceAction",
                "action": "resize",
                "world": "w",
                "every": 2,
                "probability": 0.5,
                "tokenAgeMin": 1,
                "tokenAgeMax": 2,
                "after": 3,
                "until": 4,
            },
            "effect": {"kind": "delay-log-normal", "median": 1, "sigma": 0.5, "max": 3},
            "budget": None,
        }
    )
    assert fault == faults.delay_log_normal(
        "runInstanceAction",
        1,
        0.5,
        max=3,
        name="late",
        budget=None,
        action="resize",
        world="w",
        every=2,
        probability=0.5,
        token_age_min=1,
        token_age_max=2,
        after=3,
        until=4,
    )


def test_rule_needs_only_its_effect() -> None:
    assert read([{"effect": {"kind": "reset"}}]) == [faults.reset()]


def test_presets_and_rules_stand_side_by_side() -> None:
    assert read([{"preset": "flaky-network"}, {"effect": {"kind": "reset"}}, {"preset": "throttled"}]) == [
        *PRESETS["flaky-network"],
        faults.reset(),
        *PRESETS["throttled"],
    ]
    assert read({"preset": "zone-full"}) == list(PRESETS["zone-full"])
    assert read([]) == []


def test_preset_is_read_with_options() -> None:
    assert read({"preset": "throttled", "budget": None, "operation": "listFlavors", "tokenAgeMin": 3}) == list(
        faults.preset("throttled", budget=None, operation="listFlavors", token_age_min=3)
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (3, "faults: must be an object"),
        ([{"effect": {"kind": "reset"}}, "reset"], "faults[1]: must be an object"),
        ({}, "faults.effect: is missing"),
        ([{"name": "x"}], "faults[0].effect: is missing"),
        ([{"effect": {}}], "faults[0].effect.kind: is missing"),
        ([{"effect": {"kind": ["reset"]}}], "faults[0].effect.kind: must be a string"),
        ([{"effect": {"kind": None}}], "faults[0].effect.kind: must be a string"),
        ({"effect": {"kind": "delay", "seconds": 10**400}}, "faults.effect.seconds: Number out of range"),
        ([{"effect": 3}], "faults[0].effect: must be an object"),
        ({"effect": {"kind": "reset"}, "shade": 1}, "faults.shade: is not a known member"),
        ({"effect": {"kind": "reset", "at": 1}}, "faults.effect.at: is not a known member"),
        (
            {"effect": {"kind": "reset"}, "match": {"token_age_min": 1}},
            "faults.match.token_age_min: is not a known member",
        ),
        (
            {"effect": {"kind": "reset"}, "match": {"tokenAgeMin": -1}},
            "faults.match.tokenAgeMin: must be a number of seconds, and not negative",
        ),
        (
            {"effect": {"kind": "reset"}, "match": {"tokenAgeMin": "1"}},
            "faults.match.tokenAgeMin: must be a number or null",
        ),
        ([{"effect": {"kind": "reset"}, "match": {"nth": 1.5}}], "faults[0].match.nth: must be an integer or null"),
        ({"effect": {"kind": "reset"}, "budget": "2"}, "faults.budget: must be an integer or null"),
        ({"effect": {"kind": "reset"}, "budget": 0}, "faults.budget: must be an integer of at least 1"),
        ({"effect": {"kind": "reset"}, "name": None}, "faults.name: must be a string"),
        ({"effect": {"kind": "reset", "commit": 1}}, "faults.effect.commit: must be true or false"),
        ({"effect": {"kind": "http-status", "status": 418}}, "faults.effect.status: must be 429, 500, 502, 503 or 504"),
        (
            {"effect": {"kind": "http-status", "status": 503, "retryAfter": -1}},
            "faults.effect.retryAfter: must be an integer of at least 0",
        ),
        (
            {"effect": {"kind": "http-status", "status": 503, "retryAfter": 0.5}},
            "faults.effect.retryAfter: must be an integer or a string or null",
        ),
        ({"effect": {"kind": "result-code", "code": 0}}, "faults.effect.code: 0 means success, and is not a refusal"),
        (
            {"effect": {"kind": "stale-read"}, "match": {"operation": "createInstance"}},
            "faults.match.operation: createInstance does not read, so it cannot be stale",
        ),
        ({"preset": 3}, "faults.preset: must be a string"),
        ([{"preset": "throttled", "budget": 0}], "faults[0].budget: must be an integer of at least 1"),
        ([{"preset": "throttled", "probability": 2}], "faults[0].probability: must be a number from 0 to 1"),
        ([{"preset": "throttled", "shade": 2}], "faults[0].shade: is not a known member"),
        (
            [{"preset": "storm"}],
            "faults[0].preset: there is no 'storm', only flaky-network, token-expires-mid-wait, zone-full, throttled, "
            "bad-gateway",
        ),
    ],
)
def test_error_names_its_place(content: Any, sentence: str) -> None:
    with pytest.raises(FaultError) as refused:
        read(content)
    assert str(refused.value) == sentence


def test_unknown_kind_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(FaultError, match=r"^faults\[0\]\.effect\.kind: there is no 'zap', only result-code, .*normal$"):
        read([{"effect": {"kind": "zap"}}])


@pytest.mark.parametrize("content", [b"", b"[", b"\xff", b'"\xff"', b"[1,]", b"{} {}", '{"é"'.encode("latin-1")])
def test_content_that_is_not_json_is_refused(content: bytes) -> None:
    with pytest.raises(FaultError, match=r"^faults: is not JSON in UTF-8$"):
        read_faults(content)


def test_deeply_nested_json_is_refused() -> None:
    with pytest.raises(FaultError, match=r"^faults: is nested too deeply$"):
        read_faults(b"[" * 100_000)


def test_long_member_name_is_cut() -> None:
    with pytest.raises(FaultError) as refused:
        read({"effect": {"kind": "reset"}, "x" * 10_000: 1})
    assert len(str(refused.value)) < 100

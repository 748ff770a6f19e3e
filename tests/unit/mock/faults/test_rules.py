"""Check which rules are refused, how they are built, and how they are described."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from toast_compute_mock import faults
from toast_compute_mock.faults import EFFECTS, Fault, FaultError, Match, describe, read_faults

NAN = float("nan")
untyped: Any = faults  # for what a type checker would refuse, too
SOME = [
    faults.result_code("listInstances", -6, nth=2),
    faults.result_code(None, 12409, "Conflict : x", budget=None),
    faults.unsuccessful_without_code(),
    faults.missing_header("listFlavors", every=3),
    faults.wrong_type("createInstance", "instance.status", probability=0.25),
    faults.http_status(None, 503, retry_after="Thu, 15 Jan 2026 09:00:05 GMT", commit=True),
    faults.http_status(None, 429, retry_after=3),
    faults.html(commit=True),
    faults.reset(commit=False, token_age_min=1, token_age_max=2.5),
    faults.close(world="alice"),
    faults.garbage(after=1768467600, until=1768467660.5),
    faults.short_body(),
    faults.bad_chunk(),
    faults.dribble(piece=1, pause=0.01),
    faults.slow(),
    faults.stall(),
    faults.lose_reply("runInstanceAction", how="reset", action="start"),
    faults.lose_request(action="stop", how="stall"),
    faults.apply_twice("createInstance", name="twins", budget=7),
    faults.end_in_error("createInstance", nth=2),
    faults.stale_read("listInstances", seconds=2),
    faults.delay("listInstances", 2),
    faults.delay_uniform(None, 1, 2),
    faults.delay_log_normal(None, 1, 0.5, max=9),
]


@pytest.mark.parametrize("fault", SOME, ids=lambda fault: fault.effect.kind)
def test_rule_survives_json(fault: Fault) -> None:
    assert read_faults(msgspec.json.encode(fault)) == [fault]


def test_many_rules_survive_json_together() -> None:
    assert read_faults(msgspec.json.encode(SOME)) == SOME


def test_every_effect_has_a_function_of_its_own() -> None:
    assert {fault.effect.kind for fault in SOME} == set(EFFECTS)
    for kind in EFFECTS:
        assert inspect.isfunction(getattr(faults, kind.replace("-", "_")))


def test_json_is_in_camel_case_and_without_defaults() -> None:
    fault = faults.http_status("createInstance", 503, retry_after=1, token_age_min=2.5)
    assert msgspec.to_builtins(fault) == {
        "match": {"operation": "createInstance", "tokenAgeMin": 2.5},
        "effect": {"kind": "http-status", "status": 503, "retryAfter": 1},
    }
    assert msgspec.to_builtins(faults.reset(budget=None, name="x")) == {
        "name": "x",
        "match": {},
        "effect": {"kind": "reset"},
        "budget": None,
    }


def test_builders_return_the_effects_of_the_classes() -> None:
    assert faults.lose_reply("createInstance") == Fault(
        match=Match(operation="createInstance"), effect=faults.LoseReply(), budget=1
    )
    assert faults.stale_read(name="old", budget=None, world="w", after=3) == Fault(
        name="old", match=Match(world="w", after=3), effect=faults.StaleRead(), budget=None
    )
    assert faults.reset(name=None) == faults.reset()


def test_rule_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        faults.reset().budget = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        (
            faults.lose_reply("createInstance", nth=2),
            "the 2nd createInstance: carried out, then the reply is lost, once",
        ),
        (faults.lose_reply(how="reset"), "any call: carried out, then the reply is lost by a reset, once"),
        (faults.lose_request(how="stall"), "any call: lost before it is carried out in a stall, once"),
        (faults.apply_twice(nth=1, budget=2), "the 1st call: carried out twice, with one reply, twice"),
        (
            faults.result_code("runInstanceAction", 10409, action="start", every=3, budget=None),
            "every 3rd runInstanceAction start: refused with 10409 Conflict, unlimited",
        ),
        (
            faults.reset(action="stop", probability=0.05, budget=4),
            "stop in 5 % of cases: carried out, and the connection is reset, 4 times",
        ),
        (
            faults.close(None, nth=11, world="alice", token_age_min=5, token_age_max=60, commit=False),
            "the 11th call in world alice with a token of 5 s or older with a token of 60 s or younger: "
            "not carried out, and the connection is closed without a reply, once",
        ),
        (
            faults.garbage(after=1768467600, until=1768467660, every=22),
            "every 22nd call from 2026-01-15T09:00:00Z on until 2026-01-15T09:01:00Z: "
            "carried out, and what comes back is not HTTP, once",
        ),
        (
            faults.http_status("listFlavors", 503, retry_after=7),
            "listFlavors: not carried out, answered with 503 Service Unavailable and Retry-After: 7, once",
        ),
        (
            faults.http_status(None, 500, commit=True),
            "any call: carried out, answered with 500 Internal Server Error, once",
        ),
        (faults.html(), "any call: not carried out, answered with an HTML page under 200, once"),
        (faults.missing_header(), "any call: carried out, and the reply has no header, once"),
        (faults.wrong_type(), "any call: carried out, and the payload has the wrong type in the reply, once"),
        (
            faults.wrong_type(None, "instance.id"),
            "any call: carried out, and instance.id has the wrong type in the reply, once",
        ),
        (
            faults.unsuccessful_without_code(),
            "any call: not carried out, and the reply is unsuccessful under code 0, once",
        ),
        (faults.short_body(), "any call: carried out, and the reply's body ends too early, once"),
        (faults.bad_chunk(), "any call: carried out, and the reply's chunks are broken, once"),
        (faults.stall(), "any call: carried out, and the reply stalls half way, once"),
        (faults.dribble(), "any call: carried out, and the reply comes in pieces of 16 bytes, once"),
        (
            faults.slow(),
            "any call: carried out, and the reply comes slowly, in pieces of 64 bytes every 0.05 s, once",
        ),
        (faults.end_in_error(action="resize"), "resize: carried out, and the instance ends in ERROR, once"),
        (faults.stale_read(), "any call: answered from before the last write, once"),
        (faults.stale_read(seconds=2), "any call: answered from before the last write, up to 2 s after it, once"),
        (faults.delay(None, 2), "any call: answered 2 s late, once"),
        (faults.delay_uniform(None, 1, 2.5), "any call: answered 1 to 2.5 s late, once"),
        (faults.delay_log_normal(None, 0.8, 1), "any call: answered late, by 0.8 s in the median, once"),
        (
            faults.delay_log_normal(None, 0.8, 1, max=5),
            "any call: answered late, by 0.8 s in the median, at most 5 s, once",
        ),
    ],
)
def test_rule_reads_as_one_line(fault: Fault, line: str) -> None:
    assert describe(fault) == line


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Match(nth=0), "nth: must be an integer of at least 1"),
        (lambda: Match(nth=True), "nth: must be an integer of at least 1"),
        (lambda: Match(every=-1), "every: must be an integer of at least 1"),
        (lambda: Match(nth=1, every=2), "every: cannot go together with nth"),
        (lambda: Match(probability=1.5), "probability: must be a number from 0 to 1"),
        (lambda: Match(probability=-0.1), "probability: must be a number from 0 to 1"),
        (lambda: Match(probability=NAN), "probability: must be a number from 0 to 1"),
        (lambda: Match(token_age_min=-1), "token_age_min: must be a number of seconds, and not negative"),
        (lambda: Match(token_age_max=NAN), "token_age_max: must be a number of seconds, and not negative"),
        (lambda: Match(token_age_min=3, token_age_max=2), "token_age_max: must not be below token_age_min"),
        (lambda: Match(after=-1), "after: must be a number of seconds, and not negative"),
        (lambda: Match(until=1e12), "until: must be at most 253402300799 seconds"),
        (lambda: Match(after=3, until=2), "until: must not be below after"),
        (lambda: Match(after=3, until=3), "until: must be later than after"),
        (lambda: Match(world=""), "world: must be a text of 1 to 255 printable characters"),
        (lambda: Match(operation="createInstance", action="start"), "action: createInstance has no actions"),
        (
            lambda: Match(action="fly"),
            "action: there is no 'fly', only start, stop, reboot, resize, uploadImage, addFloatingIp, "
            "removeFloatingIp, addSecurityGroup, removeSecurityGroup",
        ),
        (lambda: untyped.reset(budget=0), "budget: must be an integer of at least 1"),
        (lambda: untyped.reset(budget=1.5), "budget: must be an integer of at least 1"),
        (lambda: untyped.reset(name="a\nb"), "name: must be a text of 1 to 100 printable characters"),
        (lambda: untyped.reset(name="x" * 101), "name: must be a text of 1 to 100 printable characters"),
        (lambda: untyped.reset(commit=1), "commit: must be true or false"),
        (lambda: untyped.html(commit="no"), "commit: must be true or false"),
        (lambda: untyped.Fault(effect=3), "effect: must be one of the effects"),
        (lambda: untyped.Fault(effect=faults.Reset(), match=None), "match: must be a Match"),
        (lambda: untyped.result_code(None, 0), "code: 0 means success, and is not a refusal"),
        (lambda: untyped.result_code(None, "-6"), "code: must be an integer"),
        (lambda: untyped.result_code(None, -6, ""), "message: must be a text of 1 to 1000 printable characters"),
        (lambda: untyped.wrong_type(None, "a..b"), "member: must be names with single dots between them"),
        (lambda: untyped.http_status(None, 418), "status: must be 429, 500, 502, 503 or 504"),
        (lambda: untyped.http_status(None, 503, retry_after=-1), "retry_after: must be an integer of at least 0"),
        (lambda: untyped.http_status(None, 503, retry_after=1.5), "retry_after: must be an integer of at least 0"),
        (
            lambda: untyped.http_status(None, 503, retry_after="tomorrow"),
            "retry_after: must be whole seconds or a date such as 'Thu, 15 Jan 2026 09:00:05 GMT'",
        ),
        (
            lambda: untyped.http_status(None, 503, retry_after="2026-01-15T09:00:05Z"),
            "retry_after: must be whole seconds or a date such as 'Thu, 15 Jan 2026 09:00:05 GMT'",
        ),
        (lambda: untyped.dribble(piece=0), "piece: must be an integer of at least 1"),
        (lambda: untyped.slow(pause=-1), "pause: must be a number of seconds, and not negative"),
        (lambda: untyped.lose_reply(how="slowly"), "how: must be close, reset or stall"),
        (lambda: untyped.lose_request(how=None), "how: must be close, reset or stall"),
        (lambda: untyped.stale_read(seconds=0), "seconds: must be above 0"),
        (lambda: untyped.stale_read(seconds=-2), "seconds: must be a number of seconds, and not negative"),
        (
            lambda: untyped.stale_read("createInstance"),
            "match.operation: createInstance does not read, so it cannot be stale",
        ),
        (
            lambda: untyped.stale_read(action="start"),
            "match.action: cannot go together with a stale read, since no action reads",
        ),
        (
            lambda: untyped.end_in_error("listInstances"),
            "match.operation: listInstances begins no change of status that could end in ERROR",
        ),
        (
            lambda: untyped.end_in_error("runInstanceAction", action="uploadImage"),
            "match.action: uploadImage begins no change of status that could end in ERROR",
        ),
        (lambda: untyped.delay(None, -1), "seconds: must be a number of seconds, and not negative"),
        (lambda: untyped.delay(None, "1"), "seconds: must be a number of seconds, and not negative"),
        (lambda: untyped.delay(None, 10**400), "seconds: must be at most 86400 seconds"),
        (lambda: untyped.delay_uniform(None, 2, 1), "max: must be at least min"),
        (lambda: untyped.delay_log_normal(None, 2, 1, max=1), "max: must be at least median"),
        (lambda: untyped.delay_log_normal(None, 2, 11), "sigma: must be a number from 0 to 10"),
        (
            lambda: untyped.preset("storm"),
            "preset: there is no 'storm', only flaky-network, token-expires-mid-wait, zone-full, throttled, "
            "bad-gateway",
        ),
    ],
)
def test_invalid_rule_is_refused_in_one_sentence(make: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(FaultError) as refused:
        make()
    assert str(refused.value) == sentence


def test_unknown_operation_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(
        FaultError, match=r"^operation: there is no 'createinstance', only issueToken, .*deleteKeypair$"
    ):
        faults.reset("createinstance")


def test_echoed_values_are_cut() -> None:
    with pytest.raises(FaultError) as refused:
        faults.reset("x" * 10_000)
    assert len(str(refused.value)) < 400

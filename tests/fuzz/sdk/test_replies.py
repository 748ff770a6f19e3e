"""Would the replies part notice? Calls that do the wrong thing on purpose, and what is said of them."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toast_compute import AmbiguousOutcomeError, APIError, MalformedResponseError, ToastCompute, ToastComputeError

from .calls import Call, calls, public_methods
from .facts import operations, schema_named
from .replies_command import main, not_reached
from .reply_checks import Told, is_refusal, is_success, problems, success_schema
from .reply_leniency import LENIENCIES
from .reply_mutations import MUTATIONS, encode
from .reply_run import Tally, kinds
from .reply_runs import COLOURS, PASSWORD, SECRETS, SENSITIVE, TOKEN, Bench, open_bench
from .reply_values import comparable, timestamps, values
from .served import Served, operation_of

CALLS = {call.name: call for call in calls()}
FLAVORS, CREATE, START = CALLS["flavors.list"], CALLS["instances.create"], CALLS["instances.start"]
OK = {"isSuccessful": True, "resultCode": 0, "resultMessage": "SUCCESS"}
NO = {"isSuccessful": False, "resultCode": 10409, "resultMessage": "Conflict"}
FLAVOR = {
    "disabled": False,
    "ephemeral": 0,
    "type": "general",
    "id": "f-1",
    "name": "m2",
    "isPublic": True,
    "ram": 1,
    "vcpus": 1,
}
REPLY: dict[str, Any] = {"header": OK, "flavors": [FLAVOR, {**FLAVOR, "id": "f-2"}]}
CREATED: dict[str, Any] = {"header": OK, "instance": {"id": "i-1", "name": "web-02", "status": "BUILD"}}


@pytest.fixture
def bench() -> Iterator[Bench]:
    with open_bench() as made:
        yield made


def instead(call: Call, make: Callable[[Any], Any]) -> Call:
    """A call of an SDK that does something else."""
    return Call(call.method, call.operation, make, call.returns, call.action)


def raising(error: BaseException) -> Callable[[Any], Any]:
    def make(_: Any) -> None:
        raise error

    return make


def sending_twice(toast: ToastCompute) -> Any:
    CREATE.make(toast)
    return CREATE.make(toast)


def logging_a_secret(toast: ToastCompute) -> Any:
    logging.getLogger("toast_compute").debug("asking with %s", PASSWORD)
    return toast.flavors.list()


def leaving_one_out(toast: ToastCompute) -> Any:
    return toast.flavors.list()[1:]


class UnpicklableError(ToastComputeError):
    def __reduce__(self) -> Any:
        raise TypeError("no")


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("call", [FLAVORS, CREATE, START], ids=lambda call: str(call.method))
def test_a_right_sdk_is_not_blamed(bench: Bench, call: Call, colour: str) -> None:
    reply = {"flavors.list": REPLY, "instances.create": CREATED, "instances.start": {"header": OK}}[call.method]
    assert bench.find(call, Served(encode(reply)), colour, is_success(reply, reply)) == ""
    assert bench.find(call, Served(encode({"header": NO})), colour, is_refusal(10409, "Conflict")) == ""
    assert bench.find(call, Served(b"<html>"), colour) == ""


@pytest.mark.parametrize(
    ("call", "reply", "told"),
    [
        (instead(FLAVORS, raising(KeyError("header"))), REPLY, "KeyError is no ToastComputeError"),
        (instead(FLAVORS, raising(ToastComputeError(f"no {TOKEN}"))), REPLY, "shows a secret"),
        (instead(FLAVORS, raising(ToastComputeError("x" * 2001))), REPLY, "has a text of 2001 characters"),
        (instead(FLAVORS, raising(ToastComputeError("a\nb"))), REPLY, "has a text of several lines"),
        (instead(FLAVORS, raising(UnpicklableError("no"))), REPLY, "cannot be pickled"),
        (instead(FLAVORS, logging_a_secret), REPLY, "a log record shows a secret"),
        (instead(FLAVORS, leaving_one_out), REPLY, "what the method returned is not what the reply says"),
        (instead(CREATE, sending_twice), CREATED, "createInstance was sent 2 times"),
        (
            instead(CREATE, raising(MalformedResponseError("no", operation=CREATE.operation))),
            CREATED,
            "hides that createInstance may have been carried out",
        ),
        (
            instead(START, raising(AmbiguousOutcomeError("?", operation=START.operation))),
            {"header": OK},
            "AmbiguousOutcomeError for runInstanceAction, which may be sent twice",
        ),
    ],
)
def test_a_wrong_sdk_is_found_out(bench: Bench, call: Call, reply: dict[str, Any], told: str) -> None:
    assert told in bench.find(call, Served(encode(reply)), "blocking", is_success(reply, reply))


def decoded(call: Call, reply: dict[str, Any]) -> Any:
    """A reply as a lenient SDK may have understood it."""
    from toast_compute_api import models

    return msgspec.json.decode(encode(reply), type=getattr(models, success_schema(call)), strict=False)


@pytest.mark.parametrize(
    ("reply", "status", "told"),
    [
        (REPLY, 500, "HTTP status 500"),
        ({"header": {**OK, "resultCode": 5}, "flavors": []}, 200, "breaks the contract at header/resultCode"),
        ({"header": {**OK, "isSuccessful": False}, "flavors": []}, 200, "breaks the contract at header/isSuccessful"),
    ],
)
def test_what_is_taken_for_a_success_and_is_none_is_found_out(reply: dict[str, Any], status: int, told: str) -> None:
    parsed = decoded(FLAVORS, reply)
    served = Served(encode(reply), status=status)
    found = list(problems(FLAVORS, served, Told(value=parsed.flavors, parsed=parsed), SECRETS))
    assert len(found) == 1
    assert told in found[0]
    assert not list(problems(FLAVORS, Served(), Told(value=[], parsed=decoded(FLAVORS, REPLY)), SECRETS))


def test_an_error_that_says_another_thing_than_the_reply_is_found_out() -> None:
    def error(code: int, kind: str) -> APIError:
        return APIError("no", operation="listFlavors", result_code=code, result_message="Conflict", kind=kind)

    check = is_refusal(10409, "Conflict")
    assert any("of kind other" in found for found in check(FLAVORS, Told(error=error(10409, "other"))))
    assert any("result_code is 7" in found for found in check(FLAVORS, Told(error=error(7, "conflict"))))
    assert any("NoneType for the refusal" in found for found in check(FLAVORS, Told(value=[])))


def test_a_time_that_is_read_in_another_zone_is_found_out() -> None:
    schema = schema_named("Timestamp")
    assert comparable("2026-01-15T09:00:00.500000", schema) == comparable("2026-01-15T09:00:00.5Z", schema)
    assert comparable("2026-01-15T09:00:00", schema) != comparable("2026-01-15T09:00:00.5Z", schema)
    assert comparable("2026-01-15T09:00:00", schema) != comparable("2026-01-15T09:00:00+09:00", schema)


def test_every_public_method_has_a_call_and_every_operation_and_action_is_asked_for() -> None:
    assert {call.method for call in CALLS.values()} == public_methods()
    assert {call.operation for call in CALLS.values()} == {*operations(), "request"}
    for facts in operations().values():
        asked = {call.action for call in CALLS.values() if call.operation == facts.id}
        assert asked >= facts.action_retries.keys()


def test_a_run_that_leaves_something_out_says_so() -> None:
    tally = Tally()
    assert "truncated" in not_reached(tally)
    tally.kinds.update(kinds())
    tally.methods.update(f"{method} {colour}" for method in public_methods() for colour in COLOURS)
    assert not_reached(tally) == []
    del tally.methods["keypairs.get asyncio"]
    assert not_reached(tally) == ["keypairs.get asyncio"]


@settings(max_examples=5, database=None, deadline=None)
@given(st.data())
def test_what_is_generated_obeys_the_contract(data: st.DataObject) -> None:
    from .reply_checks import _validator_of

    for call in (FLAVORS, CALLS["instances.list_details"], CALLS["tokens.issue"], CALLS["instances.upload_image"]):
        reply = data.draw(values(schema_named(success_schema(call)), SENSITIVE))
        assert _validator_of(encode({"$ref": f"#/components/schemas/{success_schema(call)}"}).decode()).is_valid(reply)
    moment = data.draw(timestamps())
    assert comparable(moment, schema_named("Timestamp")).endswith("+00:00")


@pytest.mark.parametrize("kind", MUTATIONS)
def test_every_mutation_serves_something_else(kind: str) -> None:
    served = [MUTATIONS[kind](REPLY, random.Random(number)) for number in range(20)]
    assert any(one != Served(encode(REPLY)) for one in served)
    assert all(one == MUTATIONS[kind](REPLY, random.Random(number)) for number, one in enumerate(served))


@pytest.mark.parametrize("kind", LENIENCIES)
def test_every_unusual_reply_is_understood(bench: Bench, kind: str) -> None:
    unusual = LENIENCIES[kind](REPLY, schema_named("FlavorsSuccess"), random.Random(1))
    assert unusual is not None
    assert unusual.served != Served(encode(REPLY))
    expected = is_success(unusual.meaning, unusual.literal)
    assert bench.find(FLAVORS, unusual.served, "blocking", expected) == ""


def test_every_operation_is_known_by_its_url() -> None:
    for facts in operations().values():
        assert (
            operation_of(facts.method, "/compute" + facts.path.format_map({"appkey": "a", "instanceId": "b"}))
            == facts.id
        )
    assert operation_of("GET", "/compute/v1.0/appkeys/a/quotas") == "request"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--seed", "x"], "argument --seed: expected a whole number from 0 to 2147483647, got 'x'"),
        (["--minutes", "0"], "argument --minutes: expected a number above 0, got '0'"),
        (["--only", "nonesuch"], "argument --only: there is no call 'nonesuch'"),
        (["--reports", "/dev/null/x"], "--reports: /dev/null/x cannot be made: Not a directory"),
    ],
)
def test_bad_use_is_told_in_one_sentence(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--reports", str(tmp_path), *arguments])
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"python -m tests.fuzz replies: {told}\n"

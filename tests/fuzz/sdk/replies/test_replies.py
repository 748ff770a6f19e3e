"""Test that the replies part finds SDKs that do the wrong thing on purpose, and blames no right one."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toast_compute import AmbiguousOutcomeError, APIError, MalformedResponseError, ToastCompute, ToastComputeError
from toast_compute_api import models

from ..bench import VARIANTS
from ..calls import CALLS, Call, public_methods
from ..contract import reply_validator, schema_named
from ..replies_command import main, not_reached
from ..report import Report
from .checks import Result, is_refusal, is_success, problems
from .mutations import LENIENCIES, MUTATIONS, encode
from .run import KINDS, Run, open_run
from .service import OWN_TOKEN, PASSWORD, SENSITIVE, Served
from .values import comparable, timestamps, values

FLAVORS, CREATE, START = CALLS["flavors.list"], CALLS["instances.create"], CALLS["instances.start"]
OK = {"isSuccessful": True, "resultCode": 0, "resultMessage": "SUCCESS"}
NO = {"isSuccessful": False, "resultCode": 10409, "resultMessage": "Conflict"}
FLAVOR = {
    "disabled": False, "ephemeral": 0, "type": "general", "id": "f-1", "name": "m2", "isPublic": True, "ram": 1,
    "vcpus": 1,
}  # fmt: skip
REPLY: dict[str, Any] = {"header": OK, "flavors": [FLAVOR, {**FLAVOR, "id": "f-2"}]}
CREATED: dict[str, Any] = {"header": OK, "instance": {"id": "i-1", "name": "web-02", "status": "BUILD"}}


@pytest.fixture
def run() -> Iterator[Run]:
    with open_run() as made:
        yield made


def instead(call: Call, make: Callable[[Any], Any]) -> Call:
    """A call of an SDK that does something else."""
    return replace(call, make=make)


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


class UnpicklableError(ToastComputeError):
    def __reduce__(self) -> Any:
        raise TypeError("no")


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("call", "reply"), [(FLAVORS, REPLY), (CREATE, CREATED), (START, {"header": OK})])
def test_right_sdk_is_not_blamed(run: Run, call: Call, reply: dict[str, Any], variant: str) -> None:
    assert run.find(call, Served(encode(reply)), variant, is_success(reply, reply)) == ""
    assert run.find(call, Served(encode({"header": NO})), variant, is_refusal(10409, "Conflict")) == ""
    assert run.find(call, Served(b"<html>"), variant) == ""


@pytest.mark.parametrize(
    ("call", "reply", "problem"),
    [
        (instead(FLAVORS, raising(KeyError("header"))), REPLY, "KeyError is not a ToastComputeError"),
        (instead(FLAVORS, raising(ToastComputeError(f"no {OWN_TOKEN}"))), REPLY, "shows a secret"),
        (instead(FLAVORS, raising(ToastComputeError("x" * 2001))), REPLY, "has a text of 2001 characters"),
        (instead(FLAVORS, raising(ToastComputeError("a\nb"))), REPLY, "has a text of several lines"),
        (instead(FLAVORS, raising(UnpicklableError("no"))), REPLY, "cannot be pickled"),
        (instead(FLAVORS, logging_a_secret), REPLY, "a log record shows a secret"),
        (instead(FLAVORS, lambda toast: toast.flavors.list()[1:]), REPLY, "is not what the reply holds"),
        (instead(CREATE, sending_twice), CREATED, "createInstance was sent 2 times"),
        (
            instead(CREATE, raising(MalformedResponseError("no", operation=CREATE.operation))),
            CREATED,
            "hides that createInstance may have been carried out",
        ),
        (
            instead(START, raising(AmbiguousOutcomeError("?", operation=START.operation))),
            {"header": OK},
            "AmbiguousOutcomeError for runInstanceAction, which is safe to retry",
        ),
    ],
)
def test_wrong_sdk_is_found(run: Run, call: Call, reply: dict[str, Any], problem: str) -> None:
    assert problem in run.find(call, Served(encode(reply)), "sync", is_success(reply, reply))


@pytest.mark.parametrize(
    ("reply", "status", "problem"),
    [
        (REPLY, 500, "HTTP status 500"),
        ({"header": {**OK, "resultCode": 5}, "flavors": []}, 200, "breaks the contract at header/resultCode"),
        ({"header": {**OK, "isSuccessful": False}, "flavors": []}, 200, "breaks the contract at header/isSuccessful"),
        (REPLY, 200, ""),
    ],
)
def test_reply_that_is_no_success_is_found(reply: dict[str, Any], status: int, problem: str) -> None:
    parsed = msgspec.json.decode(encode(reply), type=getattr(models, FLAVORS.success), strict=False)
    served = Served(encode(reply), status=status)
    found = list(problems(FLAVORS, served, Result(value=parsed.flavors, parsed=parsed)))
    assert [problem in one for one in found] == [True] * bool(problem)


def test_error_that_contradicts_the_reply_is_found() -> None:
    def error(code: int, kind: str) -> APIError:
        return APIError("no", operation="listFlavors", result_code=code, result_message="Conflict", kind=kind)

    check = is_refusal(10409, "Conflict")
    assert any("of kind other" in found for found in check(FLAVORS, Result(error=error(10409, "other"))))
    assert any("result_code is 7" in found for found in check(FLAVORS, Result(error=error(7, "conflict"))))
    assert any("NoneType for the refusal" in found for found in check(FLAVORS, Result(value=[])))


def test_time_in_another_zone_is_found() -> None:
    schema = schema_named("Timestamp")
    assert comparable("2026-01-15T09:00:00.500000", schema) == comparable("2026-01-15T09:00:00.5Z", schema)
    assert comparable("2026-01-15T09:00:00", schema) != comparable("2026-01-15T09:00:00.5Z", schema)
    assert comparable("2026-01-15T09:00:00", schema) != comparable("2026-01-15T09:00:00+09:00", schema)


def test_incomplete_run_is_reported(run: Run) -> None:
    assert "truncated" in not_reached(run)
    run.kinds.update(KINDS)
    run.methods.update(f"{method} {variant}" for method in public_methods() for variant in VARIANTS)
    assert not_reached(run) == []
    del run.methods["keypairs.get async"]
    assert not_reached(run) == ["keypairs.get async"]


@settings(max_examples=5, database=None, deadline=None)
@given(st.data())
def test_generated_reply_obeys_the_contract(data: st.DataObject) -> None:
    for call in (FLAVORS, CALLS["instances.list_details"], CALLS["tokens.issue"], CALLS["instances.upload_image"]):
        assert reply_validator(call.success).is_valid(data.draw(values(schema_named(call.success), SENSITIVE)))
    assert comparable(data.draw(timestamps()), schema_named("Timestamp")).endswith("+00:00")


@pytest.mark.parametrize("kind", MUTATIONS)
def test_mutation_serves_something_else_and_is_repeatable(kind: str) -> None:
    served = [MUTATIONS[kind](REPLY, random.Random(number)) for number in range(20)]
    assert any(one != Served(encode(REPLY)) for one in served)
    assert served == [MUTATIONS[kind](REPLY, random.Random(number)) for number in range(20)]


@pytest.mark.parametrize("kind", LENIENCIES)
def test_unusual_reply_is_understood(run: Run, kind: str) -> None:
    unusual = LENIENCIES[kind](REPLY, schema_named("FlavorsSuccess"), random.Random(1))
    assert unusual is not None
    assert unusual.served != Served(encode(REPLY))
    assert run.find(FLAVORS, unusual.served, "sync", is_success(unusual.meaning, unusual.literal)) == ""


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--seed", "x"], "argument --seed: expected a whole number from 0 to 2147483647, got 'x'"),
        (["--minutes", "0"], "argument --minutes: expected a number above 0, got '0'"),
        (["--only", "nonesuch"], "argument --only: there is no call 'nonesuch'"),
        (["--reports", "/dev/null/x"], "--reports: /dev/null/x cannot be made: Not a directory"),
    ],
)
def test_bad_use_is_reported_in_one_sentence(
    arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--reports", str(tmp_path), *arguments])
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"python -m tests.fuzz replies: {problem}\n"


def test_report_counts_findings_and_holds_any_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = Report("story")
    report.add("a")
    report.add("b", "bad \x00\ufffe\nmore")
    assert report.finish(tmp_path, "2 checks") == 1
    assert "story: 2 checks, 1 findings, " in capsys.readouterr().out
    suite = ElementTree.parse(tmp_path / "story.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert (suite[1][0].get("message"), suite[1][0].text) == ("bad ??", "bad ??\nmore")

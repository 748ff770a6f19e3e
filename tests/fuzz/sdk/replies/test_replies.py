"""Test that the replies part finds SDKs that do the wrong thing on purpose, and blames no right one."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toast_compute import AmbiguousOutcomeError, MalformedResponseError, ToastComputeError

from ..bench import VARIANTS
from ..calls import CALLS, Call, public_methods
from ..contract import schema_named, validator
from ..replies_command import main, not_reached
from ..report import Report
from .checks import is_refusal, is_success
from .mutations import LENIENCIES, MUTATIONS, encode
from .run import KINDS, Run, open_run
from .service import OWN_TOKEN, PASSWORD, SENSITIVE, Served
from .values import comparable, values

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


def raising(call: Call, error: BaseException) -> Call:
    """A call of an SDK that raises something else."""

    def make(_: Any) -> None:
        raise error

    return replace(call, make=make)


def doing(call: Call, *acts: Callable[[Any], Any]) -> Call:
    """A call of an SDK that does something else."""
    return replace(call, make=lambda toast: [act(toast) for act in acts][-1])


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("call", "reply"), [(FLAVORS, REPLY), (CREATE, CREATED), (START, {"header": OK})])
def test_right_sdk_is_not_blamed(run: Run, call: Call, reply: dict[str, Any], variant: str) -> None:
    assert run.find(call, Served(encode(reply)), variant, is_success(reply, reply)) == ""
    assert run.find(call, Served(encode({"header": NO})), variant, is_refusal(10409, "Conflict")) == ""
    assert run.find(call, Served(b"<html>"), variant) == ""


@pytest.mark.parametrize(
    ("call", "reply", "problem"),
    [
        (raising(FLAVORS, KeyError("header")), REPLY, "KeyError is not a ToastComputeError"),
        (raising(FLAVORS, ToastComputeError(f"no {OWN_TOKEN}")), REPLY, "shows a secret"),
        (raising(FLAVORS, ToastComputeError("x" * 2001)), REPLY, "has a text of 2001 characters"),
        (raising(FLAVORS, ToastComputeError("a\nb")), REPLY, "has a text of several lines"),
        (
            raising(CREATE, MalformedResponseError("no", operation="x")),
            CREATED,
            "hides that createInstance may have been carried out",
        ),
        (raising(START, AmbiguousOutcomeError("?")), {"header": OK}, "AmbiguousOutcomeError for runInstanceAction"),
        (doing(FLAVORS, lambda toast: toast.flavors.list()[1:]), REPLY, "is not what the reply holds"),
        (doing(CREATE, CREATE.make, CREATE.make), CREATED, "createInstance was sent 2 times"),
        (
            doing(FLAVORS, lambda _: logging.getLogger("toast_compute").debug(PASSWORD), FLAVORS.make),
            REPLY,
            "a log record shows a secret",
        ),
    ],
)
def test_wrong_sdk_is_found(run: Run, call: Call, reply: dict[str, Any], problem: str) -> None:
    assert problem in run.find(call, Served(encode(reply)), "sync", is_success(reply, reply))


def test_error_that_contradicts_the_reply_is_found(run: Run) -> None:
    served = Served(encode({"header": NO}))
    assert "result_code is 10409 for 11409" in run.find(FLAVORS, served, "sync", is_refusal(11409, "Conflict"))
    assert "result_message is not" in run.find(FLAVORS, served, "sync", is_refusal(10409, "Conflicts"))
    assert "of kind conflict for 10404" in run.find(FLAVORS, served, "sync", is_refusal(10404, "Conflict"))
    assert "NoneType for" in run.find(FLAVORS, Served(encode(REPLY)), "sync", is_refusal(10409, "Conflict"))


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
    for name in ("flavors.list", "instances.list_details", "tokens.issue", "instances.upload_image"):
        reply = data.draw(values(schema_named(CALLS[name].success), SENSITIVE))
        assert validator(schema_named(CALLS[name].success)).is_valid(reply)


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
        (["--seed", "x"], "argument --seed: invalid int value: 'x'"),
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
    report = Report("stateful")
    report.add("a")
    report.add("b", "bad \x00\ufffe\nmore")
    assert report.finish(tmp_path, "2 checks") == 1
    assert "stateful: 2 checks, 1 findings, " in capsys.readouterr().out
    suite = ElementTree.parse(tmp_path / "stateful.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert (suite[1][0].get("message"), suite[1][0].text) == ("bad ??", "bad ??\nmore")

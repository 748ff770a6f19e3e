"""Check the reply after each effect of the reply family."""

from __future__ import annotations

import json
from typing import Any

import pytest
from toast_compute_mock import faults
from toast_compute_mock.contract.operations import contract
from toast_compute_mock.exchange import CONTENT_TYPE, Reply
from toast_compute_mock.rules import RefusedError, Rule

OK = {"isSuccessful": True, "resultCode": 0, "resultMessage": "SUCCESS"}
INSTANCE = {"id": "i-1", "name": "web", "status": "BUILD", "count": 3, "up": True, "tags": ["a"], "none": None}
JSON_HEADERS = (("content-type", CONTENT_TYPE),)
NOTHING = Reply(200, (), b"")


def honest(**payload: Any) -> Reply:
    """Return the reply that would have been given."""
    return Reply(200, JSON_HEADERS, json.dumps({"header": OK, **payload}).encode())


def applied(effect: faults.Effect, reply: Reply = NOTHING) -> Any:
    """Return the decoded body of what becomes of a reply, which has to be an envelope's content type."""
    faulty = effect.apply(reply)
    assert (faulty.status, faulty.headers, faulty.wire) == (200, JSON_HEADERS, None)
    return json.loads(faulty.body)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (-1, "FAIL"),
        (-2, "UNKNOWN EXCEPTION"),
        (-3, "Permission denied"),
        (-6, "Failed to query internal db"),
        (20001, "No available IP"),
        (12409, "Conflict"),
        (50401, "Unauthorized"),
        (10404, "Nonexistent"),
        (40400, "Invalid parameters"),
        (30403, "Permission denied"),
        (10450, "FAIL"),
        (99999, "FAIL"),
        (-77, "FAIL"),
    ],
)
def test_result_code_fault_has_the_contracts_message(code: int, message: str) -> None:
    effect = faults.ResultCode(code)
    assert applied(effect) == {"header": {"isSuccessful": False, "resultCode": code, "resultMessage": message}}
    assert (effect.commits, effect.times, effect.stale) == (False, 1, False)


@pytest.mark.parametrize("rule", Rule)
def test_result_code_fault_has_the_message_of_the_services_own_refusals(rule: Rule) -> None:
    details: dict[str, str | int] = {
        "path": "x",
        "reason": "x",
        "status": "x",
        "member": "x",
        "limit": 1,
        "min_disk": 1,
    }
    refused = RefusedError(rule, **details)
    assert refused.message.startswith(applied(faults.ResultCode(refused.code))["header"]["resultMessage"] + " : ")


def test_result_code_is_refused_with_the_message_that_is_given() -> None:
    content = applied(faults.ResultCode(-3, "Permission denied : token"))
    assert content["header"]["resultMessage"] == "Permission denied : token"


def test_refusal_by_result_code_keeps_the_contract() -> None:
    for operation in contract().operations:
        assert operation.failure.schema.problem(applied(faults.ResultCode(10409)), "body") is None


def test_unsuccessful_reply_has_code_0() -> None:
    effect = faults.UnsuccessfulWithoutCode()
    assert applied(effect) == {"header": {"isSuccessful": False, "resultCode": 0, "resultMessage": "FAIL"}}
    assert (effect.commits, effect.times, effect.stale) == (False, 1, False)


def test_header_is_missing_and_the_payload_is_there() -> None:
    effect = faults.MissingHeader()
    assert applied(effect, honest(instance=INSTANCE)) == {"instance": INSTANCE}
    assert applied(effect, honest()) == {}
    assert (effect.commits, effect.times, effect.stale) == (True, 1, False)


@pytest.mark.parametrize(
    ("member", "distorted"),
    [
        (None, {"instance": "wrong type"}),
        ("instance", {"instance": "wrong type"}),
        ("instance.status", {"instance": {**INSTANCE, "status": ["BUILD"]}}),
        ("instance.count", {"instance": {**INSTANCE, "count": [3]}}),
        ("instance.up", {"instance": {**INSTANCE, "up": [True]}}),
        ("instance.tags", {"instance": {**INSTANCE, "tags": "wrong type"}}),
        ("instance.none", {"instance": {**INSTANCE, "none": [None]}}),
        ("instance.nowhere", {"instance": "wrong type"}),
        ("instance.status.deeper", {"instance": "wrong type"}),
        ("nowhere.deeper", {"instance": "wrong type"}),
    ],
)
def test_wrong_type_changes_one_member(member: str | None, distorted: Any) -> None:
    effect = faults.WrongType(member)
    assert applied(effect, honest(instance=INSTANCE)) == {"header": OK, **distorted}
    assert (effect.commits, effect.times, effect.stale) == (True, 1, False)


def test_header_can_have_a_member_of_the_wrong_type() -> None:
    content = applied(faults.WrongType("header.resultCode"), honest(instance=INSTANCE))
    assert content == {"header": {**OK, "resultCode": [0]}, "instance": INSTANCE}


def test_in_an_array_the_first_entry_has_the_wrong_type() -> None:
    effect = faults.WrongType("instances.status")
    two = honest(instances=[{"status": "ACTIVE"}, {"status": "STOP"}])
    assert applied(effect, two)["instances"] == [{"status": ["ACTIVE"]}, {"status": "STOP"}]
    assert applied(effect, honest(instances=[]))["instances"] == "wrong type"
    assert applied(faults.WrongType(), two)["instances"] == "wrong type"


def test_wrong_type_changes_the_header_without_a_payload() -> None:
    assert applied(faults.WrongType(), honest()) == {"header": "wrong type"}
    assert applied(faults.WrongType("instance"), honest()) == {"header": "wrong type"}


@pytest.mark.parametrize(("status", "phrase"), [(429, "Too Many Requests"), (500, "Internal Server Error")])
def test_gateway_answers_with_json_that_has_no_envelope(status: int, phrase: str) -> None:
    faulty = faults.HttpStatus(status).apply(NOTHING)
    assert faulty == Reply(status, (("content-type", "application/json"),), f'{{"message":"{phrase}"}}'.encode())


@pytest.mark.parametrize(
    ("status", "title"), [(502, "502 Bad Gateway"), (503, "503 Service Unavailable"), (504, "504 Gateway Timeout")]
)
def test_proxy_answers_with_a_page(status: int, title: str) -> None:
    faulty = faults.HttpStatus(status).apply(NOTHING)
    page = f"<!DOCTYPE html>\n<html>\n<head><title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n</body>\n</html>\n"
    assert faulty == Reply(status, (("content-type", "text/html; charset=utf-8"),), page.encode())


@pytest.mark.parametrize(
    ("retry_after", "header"),
    [(0, "0"), (30, "30"), ("Thu, 15 Jan 2026 09:00:05 GMT", "Thu, 15 Jan 2026 09:00:05 GMT")],
)
@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_retry_after_is_a_header(status: int, retry_after: int | str, header: str) -> None:
    plain = faults.HttpStatus(status).apply(NOTHING)
    faulty = faults.HttpStatus(status, retry_after).apply(NOTHING)
    assert faulty.headers == (*plain.headers, ("retry-after", header))
    assert faulty.body == plain.body


def test_html_page_comes_under_200() -> None:
    faulty = faults.Html().apply(honest(instance=INSTANCE))
    assert (faulty.status, faulty.headers) == (200, (("content-type", "text/html; charset=utf-8"),))
    assert faulty.body.startswith(b"<!DOCTYPE html>")
    assert b"header" not in faulty.body


def test_gateway_errors_execute_nothing_unless_commit_is_set() -> None:
    assert not faults.HttpStatus(502).commits
    assert faults.HttpStatus(502, commit=True).commits
    assert not faults.Html().commits
    assert faults.Html(commit=True).commits


def test_effects_keep_delay_and_wire_of_the_reply() -> None:
    late = Reply(200, JSON_HEADERS, honest().body, delay=3.0)
    for effect in (faults.ResultCode(-1), faults.MissingHeader(), faults.HttpStatus(503), faults.Reset()):
        assert effect.apply(late).delay == 3.0

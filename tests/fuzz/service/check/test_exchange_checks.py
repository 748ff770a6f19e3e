"""Each check of one exchange reports what is wrong and nothing else, and each result code has its meaning."""

from __future__ import annotations

from dataclasses import replace

import pytest
from toast_compute_api.behaviour import RESULT_CODES, STATUS_KINDS, SUBSYSTEM_RANGES

from ..exchange import JSON, Reply, Request
from . import exchange_checks as checks
from .exchange_checks import EXCHANGE_CHECKS, Check
from .ledger import Ledger
from .result_codes import Family, family_of, kind_of, subsystem_of, virtual_status
from .samples import INSTANCE, SPEC, TOKEN, action, create, failure, problems, request, success

FLAVORS = request("listFlavors")
LIST = success(flavors=[])
LARGE = replace(FLAVORS, target=FLAVORS.target + "?x=" + "a" * checks.LARGEST_HEAD)
IMAGE = success(createdImage={"id": "i", "name": "n"})
TWICE = replace(FLAVORS, target=request("listInstances").target + "?id=a&id=b")
KEYPAIR = request("createKeypair", body={"keypair": {"name": "n"}})
UPLOAD = request("createKeypair", body={"keypair": {"name": "n", "publicKey": "not a key"}})
LOGIN = request("issueToken", body={"auth": {"username": "u", "password": "p"}}, token=None)
BROKEN = [
    create(count=11),
    create(more=1),
    create(name="a" * 21),
    action("unknown"),
    action("reboot"),
    replace(action("start"), target=action("start").target.replace(INSTANCE, "%FF")),
    request("deleteInstance"),
    request("listInstances", {"id": ""}),
    replace(KEYPAIR, body=b"{"),
    replace(KEYPAIR, body=b'{"keypair": {"name": NaN}}'),
    replace(KEYPAIR, body='{"keypair": {"name": "n"}}'.encode("utf-16")),
]
NOT_FOUND = [(replace(FLAVORS, target=FLAVORS.target + "/"), -7), (replace(FLAVORS, method="PUT"), -7)]
OTHER_APPKEY = replace(FLAVORS, target=FLAVORS.target.replace("demo-appkey", "other"))
BOTH = request("deleteInstance", token="unknown")
VALID = checks.valid_request_fails_only_for_the_state

# The request, replies that the check reports, and replies that it does not.
CASES: list[tuple[Check, Request, list[Reply], list[Reply]]] = [
    (
        checks.every_reply_is_http_200_and_json,
        FLAVORS,
        [
            Reply(500, JSON, LIST.body),
            Reply(404, JSON, failure(-5).body),
            Reply(413, JSON, b"{}"),
            Reply(200, "text/html", LIST.body),
            *(Reply(200, JSON, body) for body in (b"<html>", b"[]", b"{}", b'{"header": {"resultCode": true}}')),
        ],
        [LIST, failure(-4), Reply(200, f"{JSON}; charset=utf-8", LIST.body)],
    ),
    (
        checks.every_reply_is_http_200_and_json,
        LARGE,
        [Reply(500, "text/plain", b"")],
        [Reply(431, "text/plain", b"")],
    ),
    (checks.every_reply_is_http_200_and_json, replace(FLAVORS, method="HEAD"), [], [Reply(200, JSON, b"")]),
    (
        checks.reply_keeps_its_schema,
        FLAVORS,
        [
            *(success(), success(flavors=[], more=1), success(flavors=None), success(flavors=[{"id": "f1"}])),
            Reply(200, JSON, LIST.body.replace(b'"resultCode": 0', b'"resultCode": 5')),
            Reply(200, JSON, LIST.body.replace(b'"resultCode": 0', b'"resultCode": "0"')),
            Reply(200, JSON, failure(-4).body.replace(b"}}", b'}, "flavors": []}')),
            failure(0),
        ],
        [LIST, failure(-3)],
    ),
    (checks.reply_keeps_its_schema, action("uploadImage", name="n"), [success()], [IMAGE]),
    (checks.reply_keeps_its_schema, action("start"), [IMAGE], [success()]),
    (checks.code_is_known, FLAVORS, [failure(777)], [failure(10404)]),
    (checks.service_does_not_fail, FLAVORS, [failure(-2)], [failure(-4)]),
    *((checks.broken_request_is_refused, one, [success(), failure(10409)], [failure(-4)]) for one in BROKEN),
    *((checks.broken_request_is_refused, one, [LIST], [failure(code)]) for one, code in NOT_FOUND),
    (checks.broken_request_is_refused, OTHER_APPKEY, [LIST], [failure(-3)]),
    (checks.broken_request_is_refused, BOTH, [success()], [failure(-3), failure(-4)]),
    (checks.broken_request_is_refused, TWICE, [], [success(instances=[])]),
    *(
        (checks.bad_token_is_refused, asked, [LIST, failure(10404)], [failure(-3), failure(50401)])
        for asked in (request("listFlavors", token=token) for token in (None, "unknown", TOKEN + "x"))
    ),
    (checks.bad_token_is_refused, FLAVORS, [], [LIST]),
    (checks.bad_token_is_refused, request("getToken", {"id": "x"}, token=None), [], [success()]),
    (
        VALID,
        action("start"),
        [failure(code) for code in (-3, -4, -7, 50401)],
        [failure(code) for code in (-1, -5, 10404, 10409, 10403, 20001)],
    ),
    (VALID, TWICE, [], [failure(-4)]),
    (VALID, create(), [], [failure(-4)]),
    (VALID, UPLOAD, [], [failure(-4)]),
    (VALID, KEYPAIR, [failure(-4)], []),
    (VALID, LOGIN, [failure(-4)], [failure(50401)]),
]


@pytest.mark.parametrize(("check", "asked", "wrong", "right"), CASES)
def test_check_reports_wrong_replies_only(check: Check, asked: Request, wrong: list[Reply], right: list[Reply]) -> None:
    assert all(problems(check, asked, reply) for reply in wrong)
    assert not [problem for reply in right for problem in problems(check, asked, reply)]


def test_prepared_request_has_to_be_accepted() -> None:
    check, stop = checks.prepared_request_is_accepted, action("stop")
    assert problems(check, stop, failure(10409), prepared=True)
    assert not problems(check, stop, failure(10409))
    assert not problems(check, stop, success(), prepared=True)
    assert not problems(check, action("unknown"), failure(-4), prepared=True)


def test_finding_never_holds_a_value() -> None:
    keypair = {"name": "n", "publicKey": "p", "fingerprint": "f", "privateKey": ["very secret"]}
    (sentence,) = problems(checks.reply_keeps_its_schema, KEYPAIR, success(keypair=keypair))
    assert "very secret" not in sentence


@pytest.mark.parametrize("secret", ["the-password", TOKEN, "other-appkey"])
def test_refusal_that_holds_a_secret_is_reported(secret: str) -> None:
    check, ledger = checks.refusal_holds_no_secret, Ledger(is_exact=True)
    ledger.secrets |= {"the-password", TOKEN, "other-appkey", "no"}
    assert problems(check, FLAVORS, failure(-3, f"Permission denied : {secret}"), ledger)
    assert problems(check, FLAVORS, Reply(500, "text/plain", secret.encode()), ledger)
    assert not problems(check, FLAVORS, failure(-3, "Permission denied : token, no more"), ledger)
    assert not problems(check, FLAVORS, success(access=secret), ledger)


def test_every_check_has_a_test() -> None:
    tested = {check for check, _, _, _ in CASES}
    assert set(EXCHANGE_CHECKS) - tested == {checks.prepared_request_is_accepted, checks.refusal_holds_no_secret}


def test_required_members_of_the_sample_are_those_of_the_contract() -> None:
    assert not problems(checks.broken_request_is_refused, create(**SPEC), success())


@pytest.mark.parametrize("code", RESULT_CODES)
def test_documented_code_has_a_family_and_only_0_is_a_success(code: int) -> None:
    assert family_of(code) is not Family.UNKNOWN
    assert (virtual_status(code) == 200) == (code == 0)


@pytest.mark.parametrize("status", STATUS_KINDS)
def test_code_of_a_range_has_the_status_of_its_last_digits(status: int) -> None:
    for area in SUBSYSTEM_RANGES:
        code = area.first // 1000 * 1000 + status
        assert virtual_status(code) == status
        assert (kind_of(code), subsystem_of(code)) == (STATUS_KINDS[status], area.subsystem)


def test_family_is_the_reason_that_the_contract_gives() -> None:
    reasons = {-1: "STATE", -2: "SERVER", -3: "ACCESS", -4: "INPUT", -5: "STATE", -7: "UNSUPPORTED", -8: "INPUT"}
    for code, name in {**reasons, 20001: "STATE", 50401: "ACCESS"}.items():
        assert family_of(code) is Family[name]


@pytest.mark.parametrize("code", [1, -99, 10499, 99404])
def test_unknown_code_counts_as_an_error_of_the_service(code: int) -> None:
    assert family_of(code) is Family.UNKNOWN
    assert virtual_status(code) == 500

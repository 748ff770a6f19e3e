"""Does each check of one exchange bite where it should, and only there?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ..contract import contract
from ..exchange import JSON, Reply, Request
from . import exchange_checks as checks
from .exchange_checks import CHECKS
from .samples import INSTANCE, SPEC, TOKEN, action, exchange, failure, judged, request, success
from .secret_checks import refusal_tells_no_secret

FLAVORS = request("listFlavors")
LIST = success(flavors=[])


def said(check: object, asked: Request, reply: Reply, *, prepared: bool = False) -> list[str]:
    return judged(check, contract(), asked, reply, prepared=prepared)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500, JSON, LIST.body),
        Reply(404, JSON, failure(-5).body),
        Reply(413, JSON, b"{}"),
        Reply(200, "text/html", LIST.body),
        Reply(200, JSON, b"<html>"),
        Reply(200, JSON, b"[]"),
        Reply(200, JSON, b"{}"),
        Reply(200, JSON, b'{"header": {"resultCode": true}}'),
    ],
)
def test_what_is_not_http_200_with_an_envelope_in_json_is_found(reply: Reply) -> None:
    assert said(checks.every_reply_is_http_200_and_json, FLAVORS, reply)


@pytest.mark.parametrize("reply", [LIST, failure(-4), Reply(200, f"{JSON}; charset=utf-8", LIST.body)])
def test_an_envelope_in_json_is_fine(reply: Reply) -> None:
    assert not said(checks.every_reply_is_http_200_and_json, FLAVORS, reply)


def test_what_is_too_large_may_be_refused_by_http_itself() -> None:
    large = replace(FLAVORS, target=FLAVORS.target + "?x=" + "a" * checks.LARGEST_HEAD)
    assert not said(checks.every_reply_is_http_200_and_json, large, Reply(431, "text/plain", b""))
    assert said(checks.every_reply_is_http_200_and_json, large, Reply(500, "text/plain", b""))


def test_the_reply_to_head_has_no_body_to_judge() -> None:
    assert not said(checks.every_reply_is_http_200_and_json, replace(FLAVORS, method="HEAD"), Reply(200, JSON, b""))


@pytest.mark.parametrize(
    "reply",
    [
        success(),
        success(flavors=[], more=1),
        success(flavors=None),
        success(flavors=[{"id": "f1"}]),
        Reply(200, JSON, LIST.body.replace(b'"resultCode": 0', b'"resultCode": 5')),
        Reply(200, JSON, failure(0).body),
        Reply(200, JSON, failure(-4).body.replace(b"}}", b'}, "flavors": []}')),
        Reply(200, JSON, LIST.body.replace(b'"resultCode": 0', b'"resultCode": "0"')),
    ],
)
def test_a_reply_that_is_not_exactly_its_schema_is_found(reply: Reply) -> None:
    assert said(checks.reply_keeps_its_schema, FLAVORS, reply)


@pytest.mark.parametrize("reply", [LIST, failure(-3)])
def test_a_reply_of_its_schema_is_fine(reply: Reply) -> None:
    assert not said(checks.reply_keeps_its_schema, FLAVORS, reply)


def test_each_action_has_a_success_of_its_own() -> None:
    image = success(createdImage={"id": "i", "name": "n"})
    upload = action("uploadImage", name="n")
    assert not said(checks.reply_keeps_its_schema, upload, image)
    assert said(checks.reply_keeps_its_schema, upload, success())
    assert not said(checks.reply_keeps_its_schema, action("start"), success())
    assert said(checks.reply_keeps_its_schema, action("start"), image)


def test_a_finding_never_says_a_value() -> None:
    secret = success(keypair={"name": "n", "publicKey": "p", "fingerprint": "f", "privateKey": ["very secret"]})
    sentences = said(checks.reply_keeps_its_schema, request("createKeypair", body={"keypair": {"name": "n"}}), secret)
    assert sentences
    assert "very secret" not in sentences[0]


def test_a_code_that_the_contract_does_not_know_is_found() -> None:
    assert said(checks.code_is_known, FLAVORS, failure(777))
    assert not said(checks.code_is_known, FLAVORS, failure(10404))


def test_an_error_of_the_service_is_found() -> None:
    assert said(checks.service_does_not_fail, FLAVORS, failure(-2))
    assert not said(checks.service_does_not_fail, FLAVORS, failure(-4))


BROKEN = [
    request("createInstance", body={"instance": {**SPEC, "count": 11}}),
    request("createInstance", body={"instance": {**SPEC, "more": 1}}),
    request("createInstance", body={"instance": {**SPEC, "name": "a" * 21}}),
    action("unknown"),
    action("reboot"),
    request("deleteInstance"),
    request("listInstances", {"id": ""}),
    replace(request("createKeypair"), body=b"{"),
    replace(request("createKeypair"), body=b'{"keypair": {"name": NaN}}'),
    replace(request("createKeypair"), body='{"keypair": {"name": "n"}}'.encode("utf-16")),
]


@pytest.mark.parametrize("asked", BROKEN)
def test_a_request_that_breaks_the_contract_is_to_be_refused_as_such(asked: Request) -> None:
    assert said(checks.broken_request_is_refused, asked, success())
    assert said(checks.broken_request_is_refused, asked, failure(10409))
    assert not said(checks.broken_request_is_refused, asked, failure(-4))
    assert not said(checks.broken_request_is_refused, asked, failure(-8))


def test_an_unknown_path_or_method_or_appkey_is_to_be_refused_as_such() -> None:
    for asked, code in (
        (replace(FLAVORS, target=FLAVORS.target + "/"), -7),
        (replace(FLAVORS, method="PUT"), -7),
        (replace(FLAVORS, target=FLAVORS.target.replace("demo-appkey", "other")), -3),
    ):
        assert said(checks.broken_request_is_refused, asked, LIST)
        assert not said(checks.broken_request_is_refused, asked, failure(code))


def test_of_several_faults_any_may_be_named() -> None:
    both = request("deleteInstance", token="unknown")
    assert not said(checks.broken_request_is_refused, both, failure(-3))
    assert not said(checks.broken_request_is_refused, both, failure(-4))
    assert said(checks.broken_request_is_refused, both, success())


def test_a_parameter_given_twice_is_not_judged() -> None:
    twice = replace(FLAVORS, target=request("listInstances").target + "?id=a&id=b")
    assert not said(checks.broken_request_is_refused, twice, success(instances=[]))
    assert not said(checks.good_request_fails_only_for_the_state, twice, failure(-4))


@pytest.mark.parametrize("token", [None, "unknown", TOKEN + "x"])
def test_a_bad_token_is_to_be_refused_for_that(token: str | None) -> None:
    asked = request("listFlavors", token=token)
    assert said(checks.bad_token_is_refused, asked, LIST)
    assert said(checks.bad_token_is_refused, asked, failure(10404))
    assert not said(checks.bad_token_is_refused, asked, failure(-3))
    assert not said(checks.bad_token_is_refused, asked, failure(50401))


def test_a_valid_token_and_none_where_none_is_due_are_fine() -> None:
    assert not said(checks.bad_token_is_refused, FLAVORS, LIST)
    assert not said(checks.bad_token_is_refused, request("getToken", {"id": "x"}, token=None), success())


@pytest.mark.parametrize("code", [-3, -4, -7, 50401])
def test_a_good_request_is_not_to_be_refused_for_its_form_or_its_sender(code: int) -> None:
    assert said(checks.good_request_fails_only_for_the_state, action("start"), failure(code))


@pytest.mark.parametrize("code", [-1, -5, 10404, 10409, 10403, 20001])
def test_a_good_request_may_be_refused_for_what_is_there(code: int) -> None:
    assert not said(checks.good_request_fails_only_for_the_state, action("start"), failure(code))


def test_a_rule_that_the_schemas_cannot_say_may_refuse_a_request_for_its_form() -> None:
    create = request("createInstance", body={"instance": SPEC})
    upload = request("createKeypair", body={"keypair": {"name": "n", "publicKey": "no key"}})
    plain = request("createKeypair", body={"keypair": {"name": "n"}})
    assert not said(checks.good_request_fails_only_for_the_state, create, failure(-4))
    assert not said(checks.good_request_fails_only_for_the_state, upload, failure(-4))
    assert said(checks.good_request_fails_only_for_the_state, plain, failure(-4))


def test_a_login_may_be_refused_for_the_password() -> None:
    login = request("issueToken", body={"auth": {"username": "u", "password": "p"}}, token=None)
    assert not said(checks.good_request_fails_only_for_the_state, login, failure(50401))
    assert said(checks.good_request_fails_only_for_the_state, login, failure(-4))


def test_a_request_for_which_all_is_ready_is_to_be_accepted() -> None:
    stop = action("stop")
    assert said(checks.prepared_request_is_accepted, stop, failure(10409), prepared=True)
    assert not said(checks.prepared_request_is_accepted, stop, failure(10409))
    assert not said(checks.prepared_request_is_accepted, stop, success(), prepared=True)
    assert not said(checks.prepared_request_is_accepted, action("unknown"), failure(-4), prepared=True)


@pytest.mark.parametrize("secret", ["the-password", TOKEN, "other-appkey"])
def test_a_refusal_that_tells_a_secret_is_found(secret: str) -> None:
    known = {"the-password", TOKEN, "other-appkey", "no"}

    def told(reply: Reply) -> list[str]:
        return list(refusal_tells_no_secret(known, exchange(FLAVORS, reply)))

    assert told(failure(-3, f"Permission denied : {secret}"))
    assert told(Reply(500, "text/plain", secret.encode()))
    assert not told(failure(-3, "Permission denied : token, no more"))
    assert not told(success(access=secret))


def test_no_check_is_without_a_test() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in CHECKS if f"checks.{name}" not in text] == []


def test_an_id_in_a_path_is_judged_decoded() -> None:
    odd = replace(action("start"), target=action("start").target.replace(INSTANCE, "%FF"))
    assert said(checks.broken_request_is_refused, odd, success())

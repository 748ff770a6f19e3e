"""Test captures of exchanges, and raw requests that the contract does not know."""

from __future__ import annotations

import json

import pytest
from toast_compute import AmbiguousOutcomeError, InvalidRequestError, MalformedResponseError, NotFoundError
from toast_compute_mock import MockCloud, faults

from ..clients import BATCH, WEB, client


def test_capture_holds_the_exchange_as_received(cloud: MockCloud) -> None:
    with client(cloud) as toast:
        toast.flavors.list()
        with toast.capture() as exchanges:
            listed = toast.flavors.list()
        toast.flavors.list()
    (exchange,) = exchanges
    assert (exchange.operation, exchange.status) == ("listFlavors", 200)
    assert ("content-type", "application/json;charset=UTF-8") in exchange.headers
    assert [one["name"] for one in json.loads(exchange.body)["flavors"]] == [one.name for one in listed]
    assert exchange.parsed.flavors == listed
    assert exchange.parsed.header.result_code == 0
    assert [attempt.outcome for attempt in exchange.attempts] == ["success"]


def test_capture_holds_refusals_and_attempts(cloud: MockCloud) -> None:
    cloud.faults.add(faults.http_status("listInstances", 502))
    with client(cloud) as toast, toast.capture() as exchanges, pytest.raises(NotFoundError):
        toast.instances.get("nobody")
    token, gateway, refusal = exchanges
    assert (token.operation, gateway.status, refusal.status) == ("issueToken", 502, 200)
    assert gateway.body.startswith(b"<")
    assert json.loads(refusal.body)["header"]["resultCode"] == 10404
    assert refusal.parsed is None
    assert len(refusal.attempts) == 2


def test_capture_shows_no_secret(cloud: MockCloud) -> None:
    with client(cloud) as toast, toast.capture() as exchanges:
        toast.keypairs.create("mine")
    shown = repr(exchanges)
    assert "PRIVATE KEY" not in shown
    assert "-4000-8000-" not in shown


def test_exchanges_of_another_client_are_not_captured(cloud: MockCloud) -> None:
    with client(cloud) as toast, client(cloud) as other, toast.capture() as exchanges:
        other.flavors.list()
    assert exchanges == []


def test_request_sends_an_operation_unknown_to_the_contract(cloud: MockCloud) -> None:
    with client(cloud) as toast:
        reply = toast.request("GET", "/instances", query={"id": WEB})
        assert reply["header"]["resultCode"] == 0
        assert [one["name"] for one in reply["instances"]] == ["web-01"]
        toast.request("POST", f"/instances/{BATCH}/action", body={"action": "start"})
        assert toast.instances.get(BATCH).status == "POWERING_ON"


def test_refusal_of_a_raw_request_is_the_usual_error(cloud: MockCloud) -> None:
    with client(cloud) as toast, pytest.raises(NotFoundError, match=r"^request was refused: Nonexistent : instance"):
        toast.request("GET", "/instances", query={"id": "nobody"})


def test_raw_request_is_never_resent_by_default(cloud: MockCloud) -> None:
    cloud.faults.add(faults.http_status("listFlavors", 502, budget=2))
    with client(cloud) as toast:
        with pytest.raises(AmbiguousOutcomeError):
            toast.request("GET", "/flavors")
        toast.request("GET", "/flavors", retry="safe")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("get", "/flavors"), "method: expected one of GET"),
        (("GET", "flavors"), "path: expected a path such as"),
        (("GET", "/flavors?id=1"), "path: "),
        (("GET", "/../tokens"), "path: "),
        (("GET", "/a/%2e%2E/b"), "path: "),
        (("GET", "/a//b"), "path: "),
        (("GET", "/{appkey}"), "path: "),
        (("GET", "/a\nb"), "path: "),
        (("GET", None), "path: "),
    ],
)
def test_raw_request_outside_of_the_appkey_is_rejected(
    cloud: MockCloud, arguments: tuple[str, str], message: str
) -> None:
    with client(cloud) as toast, pytest.raises(InvalidRequestError, match=f"^request was not sent: {message}"):
        toast.request(*arguments)
    assert cloud.journal.count() == 0


@pytest.mark.parametrize("body", [{"a": {1, 2}}, {"a": [b"x"]}, {1: "x"}, [object()]])
def test_raw_body_that_is_not_plain_json_is_rejected(cloud: MockCloud, body: object) -> None:
    with client(cloud) as toast, pytest.raises(InvalidRequestError, match=r"^request was not sent: body: "):
        toast.request("POST", "/instances", body=body)
    assert cloud.journal.count() == 0


def test_client_with_request_in_allow_sends_a_raw_change(cloud: MockCloud) -> None:
    with client(cloud, allow={"request"}) as toast:
        toast.request("POST", f"/instances/{BATCH}/action", body={"action": "start"})


def test_read_only_client_sends_no_raw_change(cloud: MockCloud) -> None:
    with client(cloud, read_only=True) as toast, pytest.raises(Exception, match="read-only"):
        toast.request("POST", "/instances", body={})


def test_raw_reply_without_an_envelope_is_malformed(cloud: MockCloud) -> None:
    cloud.faults.add(faults.html("listFlavors"))
    with client(cloud) as toast, pytest.raises(MalformedResponseError):
        toast.request("GET", "/flavors", retry="safe")

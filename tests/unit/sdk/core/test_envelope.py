"""Test that every malformed reply ends in one typed error that names the place."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from toast_compute import (
    AmbiguousOutcomeError,
    APIConnectionError,
    APITimeoutError,
    MalformedResponseError,
    ToastCompute,
)

from ..clients import NEW

OK = {"isSuccessful": True, "resultCode": 0, "resultMessage": "SUCCESS"}
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


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"<html>Bad gateway</html>", None),
        (b"", None),
        (b"null", ""),
        (b"[]", ""),
        (b'"text"', ""),
        (b"{}", "header"),
        (b'{"header": null}', "header"),
        (b'{"header": {"isSuccessful": true, "resultCode": 0}}', "header.resultMessage"),
        (b'{"header": {"isSuccessful": "perhaps", "resultCode": 0, "resultMessage": ""}}', "header.isSuccessful"),
        (b'{"header": {"isSuccessful": true, "resultCode": NaN, "resultMessage": ""}}', None),
        (b'{"header": {"isSuccessful": true, "resultCode": 1e400, "resultMessage": ""}}', "header.resultCode"),
        (b'{"header": {"isSuccessful": true, "resultCode": 0, "resultMessage": "\xff"}}', None),
        (json.dumps({"header": OK}).encode(), "flavors"),
        (json.dumps({"header": OK, "flavors": None}).encode(), "flavors"),
        (json.dumps({"header": OK, "flavors": {}}).encode(), "flavors"),
        (json.dumps({"header": OK, "flavors": [FLAVOR, FLAVOR | {"ram": "much"}]}).encode(), "flavors[1].ram"),
        (json.dumps({"header": OK, "flavors": [{"id": "f-1"}]}).encode(), "flavors[0].disabled"),
        (json.dumps({"header": OK | {"resultCode": -4}, "flavors": []}).encode(), "header"),
        (json.dumps({"header": OK | {"isSuccessful": False}, "flavors": []}).encode(), "header"),
        (b"[" * 100_000, ""),
        (b'{"new": ' + b"[" * 100_000, None),
        (b'{"header":' * 100_000, None),
        (json.dumps({"header": OK, "flavors": [FLAVOR]}).encode() + b" trailing", None),
    ],
)
def test_malformed_reply_error_names_the_place_and_not_the_text(
    toast: ToastCompute, service: Any, body: bytes, path: str | None
) -> None:
    service.on("GET flavors", body)
    with pytest.raises(MalformedResponseError) as caught:
        toast.flavors.list()
    error = caught.value
    assert error.path == path
    assert (error.operation, error.status) == ("listFlavors", 200)
    message = str(error)
    assert message.startswith("listFlavors: the reply ")
    assert "gateway" not in message
    assert "much" not in message
    assert "perhaps" not in message
    assert "\n" not in message


def test_invalid_date_is_a_malformed_reply(toast: ToastCompute, service: Any) -> None:
    for written in ("yesterday", "0001-01-01T00:00:00+14:00", 1e300):
        keypair = {"name": "k", "publicKey": "p", "fingerprint": "f", "createdAt": written}
        service.on("GET keypairs", service.yes(keypairs=[keypair]))
        with pytest.raises(MalformedResponseError):
            toast.keypairs.get("k")


@pytest.mark.parametrize("status", [201, 204, 301, 302, 307, 400, 401, 404, 500])
def test_http_status_other_than_200_is_a_malformed_reply(toast: ToastCompute, service: Any, status: int) -> None:
    service.on("GET flavors", service.http(status, location="https://elsewhere.invalid/secret-place"))
    with pytest.raises(MalformedResponseError, match=f"HTTP status {status} instead of 200") as caught:
        toast.flavors.list()
    assert caught.value.status == status
    assert "elsewhere" not in str(caught.value)
    assert len(service.asked("GET flavors")) == 1


def test_numbers_and_booleans_written_as_strings_are_read(toast: ToastCompute, service: Any) -> None:
    header = {"isSuccessful": "true", "resultCode": "0", "resultMessage": "SUCCESS"}
    service.on("GET flavors", {"header": header, "flavors": [FLAVOR | {"ram": "2048", "disabled": "false"}]})
    (flavor,) = toast.flavors.list()
    assert (flavor.ram, flavor.disabled) == (2048, False)


def test_compressed_reply_is_read(toast: ToastCompute, service: Any) -> None:
    body = gzip.compress(json.dumps({"header": OK, "flavors": [FLAVOR]}).encode())
    service.on("GET flavors", service.http(200, body, content_encoding="gzip"))
    assert toast.flavors.list()[0].id == "f-1"


def test_reply_that_cannot_be_decompressed_is_malformed(toast: ToastCompute, service: Any) -> None:
    service.on("GET flavors", service.http(200, b"no gzip at all", content_encoding="gzip"))
    with pytest.raises(MalformedResponseError, match="cannot be decompressed"):
        toast.flavors.list()


@pytest.mark.parametrize("fault", ["reset", "truncated"])
def test_broken_connection_is_an_error_of_a_request_that_may_have_been_sent(
    toast: ToastCompute, service: Any, fault: str
) -> None:
    service.on("GET flavors", getattr(service, fault)())
    with pytest.raises(APIConnectionError, match="was lost before the whole reply came") as caught:
        toast.flavors.list()
    assert not isinstance(caught.value, APITimeoutError)
    assert not caught.value.never_sent
    assert caught.value.retryable
    assert caught.value.__context__ is None or "httpx" not in type(caught.value.__context__).__module__


def test_reply_that_is_not_http_is_malformed(toast: ToastCompute, service: Any) -> None:
    service.on("GET flavors", service.no_http(b"SSH-2.0-server\r\n\r\n"))
    with pytest.raises(MalformedResponseError, match="is not HTTP"):
        toast.flavors.list()


@pytest.mark.parametrize("fault", ["silence", "trickle", "head_trickle"])
def test_service_that_does_not_answer_in_time_is_a_timeout(
    make_client: Callable[..., ToastCompute], service: Any, fault: str
) -> None:
    service.on("GET flavors", getattr(service, fault)(0.6))
    with pytest.raises(APITimeoutError, match=r"did not answer within 0\.2 s") as caught:
        make_client(timeout=0.2).flavors.list()
    assert not caught.value.never_sent


def test_unreachable_service_is_an_error_of_an_unsent_request(
    make_client: Callable[..., ToastCompute],
) -> None:
    toast = make_client(base_url="http://127.0.0.1:1/compute")
    with pytest.raises(APIConnectionError) as caught:
        toast.flavors.list()
    assert str(caught.value) == "issueToken: 127.0.0.1:1 could not be reached: Connection refused"
    assert caught.value.never_sent
    assert caught.value.retryable


@pytest.mark.parametrize(
    "script",
    [
        lambda service: service.reset(),
        lambda service: service.truncated(),
        lambda service: service.silence(0.6),
        lambda service: service.http(502),
        lambda service: service.http(302, location="/"),
        lambda _: b"<html>",
        lambda service: service.yes(),
        lambda service: service.http(200, b"no gzip", content_encoding="gzip"),
    ],
    ids=["reset", "truncated", "silence", "502", "redirect", "html", "no payload", "no gzip"],
)
def test_create_with_an_unknown_outcome_is_ambiguous_and_sent_once(
    make_client: Callable[..., ToastCompute], service: Any, script: Callable[[Any], Any]
) -> None:
    service.on("POST instances", script(service))
    with pytest.raises(AmbiguousOutcomeError) as caught:
        make_client(timeout=0.3).instances.create(**NEW)
    error = caught.value
    assert str(error).startswith("createInstance may or may not have been carried out")
    assert error.operation == "createInstance"
    assert not error.retryable
    assert isinstance(error.__cause__, APIConnectionError | MalformedResponseError)
    assert not error.__cause__.retryable
    assert len(service.asked("POST instances")) == 1


def test_idempotent_action_is_never_ambiguous(toast: ToastCompute, service: Any) -> None:
    service.on("POST action", service.reset())
    with pytest.raises(APIConnectionError) as caught:
        toast.instances.start("i-1")
    assert caught.value.retryable
    with pytest.raises(AmbiguousOutcomeError):
        toast.instances.reboot("i-1")

"""Test which error a refusal becomes, and that every error can be pickled and copied."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import toast_compute
from toast_compute import (
    AmbiguousOutcomeError,
    APIConnectionError,
    APIError,
    APITimeoutError,
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    InstanceFailedError,
    InvalidParametersError,
    InvalidRequestError,
    MalformedResponseError,
    NotAllowedError,
    NotFoundError,
    NotSupportedError,
    PermissionDeniedError,
    ServerError,
    ToastCompute,
    ToastComputeError,
    WaitTimeoutError,
)
from toast_compute_api.models import Instance, InstanceStatus

INSTANCE = Instance(id="i-1", name="web", status=InstanceStatus("BUILD"))
API_FIELDS: dict[str, Any] = {"operation": "x", "result_code": -4, "result_message": "m", "kind": "k", "subsystem": "s"}
EVERY_ERROR: list[ToastComputeError] = [
    ToastComputeError("message"),
    ConfigurationError("message"),
    NotAllowedError("message", operation="deleteInstance"),
    InvalidRequestError("message", path="instance.name", operation="createInstance"),
    APIConnectionError("message", operation="x", never_sent=True, retryable=True),
    APITimeoutError("message", operation="x", never_sent=False, retryable=False),
    MalformedResponseError("message", operation="x", status=500, path="header"),
    AmbiguousOutcomeError("message", operation="createInstance"),
    WaitTimeoutError("message", last=INSTANCE, timeout=3.0, operation="listInstances"),
    InstanceFailedError("message", last=INSTANCE, operation="listInstances"),
    *(
        kind("message", **API_FIELDS)
        for kind in (
            APIError,
            PermissionDeniedError,
            AuthenticationError,
            InvalidParametersError,
            NotFoundError,
            ConflictError,
            NotSupportedError,
            ServerError,
        )
    ),
]


def test_list_of_errors_holds_every_public_error() -> None:
    public = {getattr(toast_compute, name) for name in toast_compute.__all__ if name.endswith("Error")}
    assert {type(error) for error in EVERY_ERROR} == public


@pytest.mark.parametrize("error", EVERY_ERROR, ids=lambda error: type(error).__name__)
def test_error_survives_pickling_and_copying(error: ToastComputeError) -> None:
    error.add_note("a note")
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(twin) is type(error)
        assert str(twin) == "message"
        assert twin.__dict__ == error.__dict__
        assert twin.__notes__ == ["a note"]


@pytest.mark.parametrize(
    ("code", "kind", "subsystem"),
    [
        (-1, ServerError, None),
        (-2, ServerError, None),
        (-4, InvalidParametersError, None),
        (-5, NotFoundError, None),
        (-6, ServerError, None),
        (-7, NotSupportedError, None),
        (-8, APIError, None),
        (10400, InvalidParametersError, "instance"),
        (13403, PermissionDeniedError, "keypair"),
        (40404, NotFoundError, "volume"),
        (22409, ConflictError, "floating-ip"),
        (10418, APIError, "instance"),
        (20001, APIError, "network"),
        (20004, APIError, "network"),
        (60404, APIError, None),
        (777, APIError, None),
        (404, APIError, None),
        (10500, APIError, None),
    ],
)
def test_result_code_selects_the_class_and_the_subsystem(
    toast: ToastCompute, service: Any, code: int, kind: type[APIError], subsystem: str | None
) -> None:
    service.on("GET flavors", service.no(code, "Reason : detail"))
    with pytest.raises(APIError) as caught:
        toast.flavors.list()
    error = caught.value
    assert type(error) is kind
    assert (error.result_code, error.result_message) == (code, "Reason : detail")
    assert (error.operation, error.subsystem) == ("listFlavors", subsystem)
    assert str(error) == f"listFlavors was refused: Reason : detail (result code {code})"


@pytest.mark.parametrize("code", [-6, -4, 10409, 777])
def test_refusal_is_not_retryable(toast: ToastCompute, service: Any, code: int) -> None:
    service.on("GET flavors", service.no(code, "Reason"))
    with pytest.raises(APIError) as caught:
        toast.flavors.list()
    assert not caught.value.retryable


def test_wrong_password_is_an_authentication_error_of_the_token_operation(toast: ToastCompute, service: Any) -> None:
    service.on("POST tokens", service.no(50401, "Unauthorized : wrong username or password"))
    with pytest.raises(AuthenticationError) as caught:
        toast.flavors.list()
    assert str(caught.value) == (
        "issueToken was refused: Unauthorized : wrong username or password (result code 50401)"
    )
    assert [one.decision for one in caught.value.attempts] == ["given up: the credentials were refused"]
    assert [one.resource for one in service.received] == ["POST tokens"]


def test_message_of_the_service_is_cut_to_one_short_line(toast: ToastCompute, service: Any) -> None:
    written = "first\nsecond\x1b[31m\t" + "long " * 200
    service.on("GET flavors", service.no(-4, written))
    with pytest.raises(InvalidParametersError) as caught:
        toast.flavors.list()
    message = str(caught.value)
    assert message.startswith("listFlavors was refused: first second [31m long")
    assert message.isprintable()
    assert len(message) < 400
    assert caught.value.result_message == written


def test_empty_message_is_replaced_in_the_error(toast: ToastCompute, service: Any) -> None:
    service.on("GET flavors", service.no(-4, ""))
    with pytest.raises(InvalidParametersError, match="no reason given"):
        toast.flavors.list()

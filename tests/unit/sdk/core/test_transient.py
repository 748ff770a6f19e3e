"""One table says which failures are transient, for calls, polls and renewals, and the three follow it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from toast_compute import APIError, MalformedResponseError, ToastCompute, ToastComputeError
from toast_compute._core.retry import Use, is_transient
from toast_compute.errors import APIConnectionError, APITimeoutError, ConflictError, PermissionDeniedError, ServerError
from toast_compute_mock import AutoJumpClock, MockCloud

OPERATION = "listInstances"
HEADER = {"isSuccessful": True, "resultCode": 0, "resultMessage": "SUCCESS"}


def refused(kind: type[APIError], code: int) -> APIError:
    return kind("refused", operation=OPERATION, result_code=code, result_message="", kind="server-error")


def malformed(status: int | None, path: str | None = None) -> MalformedResponseError:
    return MalformedResponseError("odd", operation=OPERATION, status=status, path=path)


def lost(*, never_sent: bool) -> APIConnectionError:
    return APITimeoutError("late", operation=OPERATION, never_sent=never_sent, retryable=True)


@pytest.mark.parametrize(
    ("error", "transient_for"),
    [
        (lost(never_sent=True), "safe idempotent never poll renewal"),
        (lost(never_sent=False), "safe idempotent poll renewal"),
        (malformed(None), "safe idempotent poll renewal"),
        (malformed(503), "safe idempotent poll renewal"),
        (malformed(429), "safe idempotent poll renewal"),
        (malformed(404), "poll renewal"),
        (malformed(200), "poll renewal"),
        (malformed(200, "instances"), "renewal"),
        (malformed(None, "access.token.id"), "renewal"),
        (refused(ServerError, -1), "safe poll renewal"),
        (refused(ServerError, -2), "safe idempotent poll renewal"),
        (refused(ServerError, -6), "poll renewal"),
        (refused(PermissionDeniedError, -3), ""),
        (refused(ConflictError, 10409), ""),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{type(value).__name__} {vars(value)}"[:60],
)
def test_failure_is_transient_for(error: ToastComputeError, transient_for: str) -> None:
    uses: list[Use] = ["safe", "idempotent", "never", "poll", "renewal"]
    assert " ".join(use for use in uses if is_transient(error, use)) == transient_for


class Odd(httpx.BaseTransport):
    """A cloud that answers `times` requests for the list of instances with something else."""

    def __init__(self, cloud: MockCloud, answer: Callable[[], httpx.Response], times: int) -> None:
        self._cloud = cloud
        self._answer = answer
        self.left = times

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/instances") and self.left:
            self.left -= 1
            return self._answer()
        return self._cloud.transport.handle_request(request)


def page() -> httpx.Response:
    return httpx.Response(404, text="<html>gone</html>")


def wrong_shape() -> httpx.Response:
    return httpx.Response(200, json={"header": HEADER, "instances": "none"})


@pytest.mark.parametrize(("answer", "is_absorbed"), [(page, True), (wrong_shape, False)])
def test_wait_absorbs_a_page_and_not_an_envelope_of_the_wrong_shape(
    answer: Callable[[], httpx.Response], is_absorbed: bool
) -> None:
    clock = AutoJumpClock()
    cloud = MockCloud(clock=clock)
    transport = Odd(cloud, answer, times=2)
    account: tuple[Any, ...] = ("demo-appkey", "demo@example.com", "demo-password")
    with ToastCompute(*account, transport=transport, clock=clock) as toast:
        with pytest.raises(MalformedResponseError):
            toast.instances.list()
        assert transport.left == 1
        web = toast.instances.list_details()[0]
        transport.left = 1
        if is_absorbed:
            assert toast.instances.wait_for_status(web.id, web.status, timeout=60).id == web.id
        else:
            with pytest.raises(MalformedResponseError):
                toast.instances.wait_for_status(web.id, web.status, timeout=60)

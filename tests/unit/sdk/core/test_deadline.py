"""Test that one deadline applies to everything in its block, and that its error reports where the time went."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from toast_compute import (
    AmbiguousOutcomeError,
    APIConnectionError,
    APIError,
    APITimeoutError,
    InvalidRequestError,
    MalformedResponseError,
    ToastCompute,
    WaitTimeoutError,
)
from toast_compute_mock import MockCloud, faults

from ..clients import BATCH, NEW, client
from ..conftest import FakeClock


def test_slow_reply_is_cut_off_at_the_deadline(cloud: MockCloud) -> None:
    cloud.faults.add(faults.delay("listFlavors", seconds=20))
    began = cloud.clock.now()
    with client(cloud) as toast, toast.deadline(3), pytest.raises(APITimeoutError) as caught:
        toast.flavors.list()
    assert cloud.clock.now() - began == pytest.approx(3)
    assert "the deadline of 3 s is over (attempts 3.0 s)" in caught.value.attempts[-1].decision
    assert caught.value.__notes__ == ["the deadline of 3 s is over (attempts 3.0 s)"]


def test_backoff_ends_within_the_deadline(cloud: MockCloud) -> None:
    cloud.faults.add(faults.http_status("listFlavors", 503, retry_after=10, budget=None))
    began = cloud.clock.now()
    with client(cloud) as toast, toast.deadline(15), pytest.raises(MalformedResponseError) as caught:
        toast.flavors.list()
    assert cloud.clock.now() - began == pytest.approx(10, abs=1)
    assert caught.value.attempts[-1].decision.endswith("but the deadline leaves no time for another attempt")


def test_time_for_a_token_counts_against_the_deadline(cloud: MockCloud) -> None:
    cloud.faults.add(faults.delay("issueToken", seconds=4))
    with client(cloud) as toast, toast.deadline(6):
        toast.flavors.list()
        cloud.faults.add(faults.delay("listFlavors", seconds=4))
        with pytest.raises(APITimeoutError) as caught:
            toast.flavors.list()
    assert "token 4.0 s, attempts 2.0 s" in caught.value.attempts[-1].decision


def test_request_is_not_sent_after_the_deadline(cloud: MockCloud) -> None:
    with client(cloud) as toast:
        toast.flavors.list()
        with toast.deadline(5):
            cloud.clock.sleep(5)
            with pytest.raises(
                APITimeoutError, match=r"^createInstance was not sent: the deadline of 5 s is over"
            ) as caught:
                toast.instances.create(**NEW)
    assert caught.value.never_sent
    assert "elsewhere 5.0 s" in str(caught.value)
    assert cloud.journal.count(operation="createInstance") == 0


def test_create_cut_off_by_the_deadline_is_ambiguous(cloud: MockCloud) -> None:
    cloud.faults.add(faults.delay("createInstance", seconds=20))
    with client(cloud) as toast, toast.deadline(3), pytest.raises(AmbiguousOutcomeError):
        toast.instances.create(**NEW)


def test_earlier_of_two_deadlines_applies(cloud: MockCloud) -> None:
    cloud.faults.add(faults.delay("listFlavors", seconds=20, budget=None))
    with client(cloud) as toast, toast.deadline(2), toast.deadline(10):
        began = cloud.clock.now()
        with pytest.raises(APITimeoutError):
            toast.flavors.list()
        assert cloud.clock.now() - began == pytest.approx(2)


def test_deadline_applies_to_its_block_client_and_thread_only(cloud: MockCloud) -> None:
    with client(cloud) as toast, client(cloud) as other:
        with toast.deadline(1):
            cloud.clock.sleep(2)
            other.flavors.list()
            outcome: list[int] = []
            thread = threading.Thread(target=lambda: outcome.append(len(toast.flavors.list())))
            thread.start()
            thread.join()
            assert outcome == [6]
        toast.flavors.list()


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), "5", None, True])
def test_deadline_that_is_not_a_number_of_seconds_is_rejected(cloud: MockCloud, seconds: float) -> None:
    with (
        client(cloud) as toast,
        pytest.raises(InvalidRequestError, match=r"seconds: expected a finite number of seconds over 0"),
        toast.deadline(seconds),
    ):
        raise AssertionError


class Suspended(FakeClock):
    """A clock of a machine that is suspended for an hour during each sleep."""

    def sleep(self, seconds: float, /) -> None:
        super().sleep(seconds + 3600)


def test_request_sent_before_the_deadline_is_not_reported_as_unsent(
    make_client: Callable[..., ToastCompute], service: Any
) -> None:
    service.on("DELETE instances", service.reset())
    toast = make_client(clock=Suspended())
    with (
        toast.deadline(5),
        pytest.raises(
            APITimeoutError, match=r"^deleteInstance was not sent again: the deadline of 5 s is over"
        ) as caught,
    ):
        toast.instances.delete("i-1")
    assert not caught.value.never_sent
    assert [one.outcome for one in caught.value.attempts] == ["APIConnectionError"]


def test_request_not_sent_before_the_deadline_is_reported_as_unsent(cloud: MockCloud) -> None:
    class Unreachable(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if not request.url.path.endswith("/tokens"):
                raise httpx.ConnectError("no")
            return cloud.transport.handle_request(request)

    with (
        client(cloud, transport=Unreachable(), clock=Suspended()) as toast,
        toast.deadline(5),
        pytest.raises(APITimeoutError, match=r"^createKeypair was not sent: ") as caught,
    ):
        toast.keypairs.create("new")
    assert caught.value.never_sent
    assert [one.outcome for one in caught.value.attempts] == ["APIConnectionError"]


@pytest.mark.parametrize("unreachable", [True, False])
def test_failed_token_request_of_a_retry_keeps_the_earlier_attempts(
    make_client: Callable[..., ToastCompute], service: Any, unreachable: bool
) -> None:
    service.on("DELETE instances", service.reset())
    service.on("POST tokens", service.token(), service.reset() if unreachable else service.no(-3, "Permission denied"))
    toast = make_client(clock=Suspended(), max_retries=1)
    with pytest.raises(APIConnectionError if unreachable else APIError) as caught:
        toast.instances.delete("i-1")
    tried = [(one.operation, round(one.started / 3600)) for one in caught.value.attempts]
    assert tried[:2] == [("deleteInstance", 0), ("issueToken", 1)]
    assert caught.value.__notes__[-1] == "deleteInstance was sent before, and may have been carried out."
    assert not getattr(caught.value, "never_sent", False)


def test_time_of_a_wait_is_counted_once(cloud: MockCloud) -> None:
    cloud.faults.add(faults.delay("listInstances", seconds=3, budget=None))
    with client(cloud) as toast:
        toast.flavors.list()
        began = cloud.clock.now()
        with toast.deadline(30):
            with pytest.raises((WaitTimeoutError, APITimeoutError)):
                toast.instances.wait_for_status(BATCH, "ACTIVE", timeout=600, poll_interval=5)
            took = cloud.clock.now() - began
            cloud.clock.sleep(40)
            with pytest.raises(APITimeoutError) as caught:
                toast.flavors.list()
    spent = dict(re.findall(r"([a-z-]+) ([0-9.]+) s", str(caught.value).partition("(")[2]))
    assert float(spent.pop("elsewhere")) == pytest.approx(40, abs=0.2)
    assert sum(map(float, spent.values())) == pytest.approx(took, abs=0.2)
    assert spent.keys() == {"waits", "attempts"}  # the last poll is cut off by the deadline


def test_read_sent_before_the_deadline_gets_no_note(make_client: Callable[..., ToastCompute], service: Any) -> None:
    service.on("GET flavors", service.reset())
    toast = make_client(clock=Suspended())
    with toast.deadline(5), pytest.raises(APITimeoutError, match="was not sent again") as caught:
        toast.flavors.list()
    assert not hasattr(caught.value, "__notes__")

"""Test which failures a wait tolerates, what its callback gets, and how it keeps its deadline."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import pytest
from toast_compute import (
    APIConnectionError,
    APITimeoutError,
    InstanceFailedError,
    InvalidRequestError,
    MalformedResponseError,
    NotFoundError,
    PermissionDeniedError,
    ServerError,
    ToastCompute,
    ToastComputeError,
    WaitTimeoutError,
)
from toast_compute_api.models import Instance
from toast_compute_mock import MockCloud, faults
from toast_compute_mock.faults import Fault

from ..clients import NEW, WEB, client

PASSING: dict[str, tuple[type[ToastComputeError], Callable[[], Fault]]] = {
    "reset": (APIConnectionError, lambda: faults.reset("listInstances", budget=None)),
    "stall": (APITimeoutError, lambda: faults.stall("listInstances", budget=None)),
    "bad gateway": (MalformedResponseError, lambda: faults.http_status("listInstances", 502, budget=None)),
    "page": (MalformedResponseError, lambda: faults.html("listInstances", budget=None)),
    "server error": (ServerError, lambda: faults.result_code("listInstances", -2, budget=None)),
}
LASTING: dict[str, tuple[type[ToastComputeError], Callable[[], Fault]]] = {
    "no permission": (PermissionDeniedError, lambda: faults.result_code("listInstances", 10403, budget=None)),
    "wrong shape": (MalformedResponseError, lambda: faults.missing_header("listInstances", budget=None)),
}


@pytest.mark.parametrize("name", PASSING)
def test_transient_failures_are_tolerated_five_times_in_a_row(cloud: MockCloud, name: str) -> None:
    error, make = PASSING[name]
    with client(cloud, max_retries=0) as toast:
        vm = toast.instances.create(**NEW)
        cloud.faults.add(make())
        with pytest.raises(error) as caught:
            toast.instances.wait_for_status(vm.id, "ACTIVE", poll_interval=1)
    note = caught.value.__notes__[-1]
    assert f"of waiting for {vm.id} to be ACTIVE; nothing was seen (6 polls, the last 6 failed)" in note
    assert cloud.journal.count(operation="listInstances") == 6


def test_successful_poll_resets_the_count_of_failures(make_client: Callable[..., ToastCompute], service: Any) -> None:
    bad, here = [service.http(502)] * 5, service.instances(("i-1", "BUILD"))
    service.on("GET instances", *bad, here, *bad, here, *bad, service.instances(("i-1", "ACTIVE")))
    assert make_client(max_retries=0).instances.wait_for_status("i-1", "ACTIVE").status == "ACTIVE"


@pytest.mark.parametrize("name", LASTING)
def test_permanent_failures_are_raised_at_once_with_a_note(cloud: MockCloud, name: str) -> None:
    error, make = LASTING[name]
    with client(cloud) as toast:
        vm = toast.instances.create(**NEW)
        cloud.faults.add(make())
        with pytest.raises(error) as caught:
            toast.instances.wait_for_status(vm.id, "ACTIVE")
    note = f"After 0.0 s of waiting for {vm.id} to be ACTIVE; nothing was seen (1 poll)"
    assert caught.value.__notes__[-1] == note


def test_failure_at_the_deadline_is_the_cause_of_the_timeout(cloud: MockCloud) -> None:
    with client(cloud, max_retries=0) as toast:
        cloud.faults.add(faults.reset("listInstances", budget=None))
        with pytest.raises(WaitTimeoutError, match=r"nothing was seen \(4 polls\)") as caught:
            toast.instances.wait_for_status(WEB, "STOP", timeout=3, poll_interval=1)
    assert isinstance(caught.value.__cause__, APIConnectionError)
    assert [one.outcome for one in caught.value.attempts] == ["APIConnectionError"]
    assert caught.value.last is None


def test_wait_ends_in_time_however_slow_the_service_is(cloud: MockCloud) -> None:
    cloud.faults.add(faults.stall("listInstances", budget=None))
    with client(cloud) as toast, pytest.raises(WaitTimeoutError):
        toast.instances.wait_for_status(WEB, "STOP", timeout=100, poll_interval=7)
    assert cloud.clock.monotonic() <= 101


def test_failed_instance_is_reported_with_the_statuses_seen(toast: ToastCompute, service: Any) -> None:
    service.on("GET instances", *(service.instances(("i-1", status)) for status in ("BUILD", "ACTIVE", "DELETING")))
    with pytest.raises(InstanceFailedError) as caught:
        toast.instances.wait_for_status("i-1", "STOP")
    assert str(caught.value) == (
        "Instance i-1 is DELETING and can no longer become STOP; seen: BUILD -> ACTIVE -> DELETING; "
        "DELETING leads to ERROR, and from there never to STOP"
    )
    assert caught.value.last.status == "DELETING"


def test_operations_that_leave_a_failed_status_are_reported(toast: ToastCompute, service: Any) -> None:
    service.on("GET instances", service.instances(("i-1", "ERROR")))
    with pytest.raises(InstanceFailedError, match=r"ERROR is left by stop or deleteInstance only$"):
        toast.instances.wait_for_status("i-1", "ACTIVE")


def test_long_history_of_statuses_is_cut_in_the_middle(toast: ToastCompute, service: Any) -> None:
    flips = ["BUILD", *["ACTIVE", "POWERING_OFF", "STOP", "POWERING_ON"] * 10, "DELETING"]
    service.on("GET instances", *(service.instances(("i-1", status)) for status in flips))
    with pytest.raises(InstanceFailedError) as caught:
        toast.instances.wait_for_status("i-1", "RESIZING", timeout=6000)
    assert "seen: BUILD -> " in str(caught.value)
    assert "POWERING_ON -> DELETING; " in str(caught.value)
    assert str(caught.value).count("->") < 14


def test_unknown_status_is_logged_once_and_waited_out(
    toast: ToastCompute, service: Any, caplog: pytest.LogCaptureFixture
) -> None:
    script = [service.instances(("i-1", status)) for status in ("SHELVED", "SHELVED", "SHELVED", "ACTIVE")]
    service.on("GET instances", *script)
    with caplog.at_level(logging.WARNING, "toast_compute"):
        toast.instances.wait_for_status("i-1", "ACTIVE")
        service.on("GET instances", *script)
        toast.instances.wait_for_status("i-1", "ACTIVE")
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == ["Instance i-1 is 'SHELVED', a status that this version does not know: the wait goes on"]


class TestOnPoll:
    """The callback is called after every poll."""

    def test_callback_gets_the_instance_or_none(self, cloud: MockCloud) -> None:
        seen: list[Instance | None] = []
        with client(cloud, max_retries=0) as toast:
            vm = toast.instances.create(**NEW)
            cloud.faults.add(faults.reset("listInstances"))
            toast.instances.wait_for_status(vm.id, "ACTIVE", on_poll=seen.append)
            toast.instances.delete(vm.id)
            toast.instances.wait_until_deleted(vm.id, on_poll=seen.append)
        statuses = [None if one is None else str(one.status) for one in seen]
        assert statuses[:2] == [None, "BUILD"]
        assert statuses[-2:] == ["DELETING", None]
        assert "ACTIVE" in statuses

    def test_callback_gets_the_instances_still_waited_for(self, toast: ToastCompute, service: Any) -> None:
        seen: list[Instance | None] = []
        service.on(
            "GET instances",
            service.instances(("i-1", "ACTIVE"), ("i-2", "BUILD")),
            service.instances(("i-1", "ACTIVE"), ("i-2", "ACTIVE")),
        )
        toast.instances.wait_for_all(["i-1", "i-2"], "ACTIVE", on_poll=seen.append)
        assert [(one.id, str(one.status)) for one in seen if one] == [
            ("i-1", "ACTIVE"),
            ("i-2", "BUILD"),
            ("i-2", "ACTIVE"),
        ]

    def test_callback_runs_before_an_error_is_raised(self, toast: ToastCompute, service: Any) -> None:
        seen: list[Any] = []
        service.on("GET instances", service.instances(("i-1", "ERROR")))
        with pytest.raises(InstanceFailedError):
            toast.instances.wait_for_status("i-1", "ACTIVE", on_poll=seen.append)
        service.on("GET instances", service.instances())
        with pytest.raises(NotFoundError):
            toast.instances.wait_for_status("i-1", "ACTIVE", on_poll=seen.append)
        assert [getattr(one, "status", None) for one in seen] == ["ERROR", None]

    @pytest.mark.parametrize(
        "error", [KeyError("enough"), APIConnectionError("own", operation="", never_sent=True, retryable=True)]
    )
    def test_exception_of_the_callback_ends_the_wait(self, toast: ToastCompute, service: Any, error: Exception) -> None:
        def stop(_: Instance | None) -> None:
            raise error

        service.on("GET instances", service.instances(("i-1", "BUILD")))
        with pytest.raises(type(error)):
            toast.instances.wait_for_status("i-1", "ACTIVE", on_poll=stop)
        assert len(service.asked("GET instances")) == 1

    def test_callback_that_is_not_callable_is_rejected(self, toast: ToastCompute, service: Any) -> None:
        wrong: Any = "print"
        with pytest.raises(InvalidRequestError) as caught:
            toast.instances.wait_for_status("i-1", "ACTIVE", on_poll=wrong)
        assert caught.value.path == "on_poll"
        assert service.received == []


class TestDeadline:
    """A deadline of the client holds for waits too."""

    def test_last_poll_is_within_the_deadline(self, cloud: MockCloud) -> None:
        with client(cloud) as toast:
            toast.flavors.list()
            with toast.deadline(90), pytest.raises(WaitTimeoutError) as caught:
                toast.instances.wait_for_status(WEB, "STOP", timeout=600, poll_interval=40)
        assert cloud.clock.monotonic() == 89
        assert str(caught.value) == (
            f"Waited 89 s for {WEB} to be STOP; last seen: {WEB} is ACTIVE (4 polls, and the deadline of the block "
            "leaves no time for another)"
        )
        assert caught.value.timeout == 89

    def test_shorter_timeout_applies_within_the_deadline(self, cloud: MockCloud) -> None:
        with client(cloud) as toast, toast.deadline(90), pytest.raises(WaitTimeoutError, match="Waited 30 s"):
            toast.instances.wait_for_status(WEB, "STOP", timeout=30)
        assert cloud.clock.monotonic() == 30

    def test_wait_ends_in_time_when_a_poll_takes_longer_than_the_deadline(self, cloud: MockCloud) -> None:
        cloud.faults.add(faults.stall("listInstances", budget=None))
        with client(cloud) as toast, toast.deadline(0.5), pytest.raises(WaitTimeoutError):
            toast.instances.wait_for_status(WEB, "STOP")
        assert cloud.clock.monotonic() == pytest.approx(0.5)

    def test_wait_sends_nothing_after_the_deadline(self, cloud: MockCloud) -> None:
        with client(cloud) as toast, toast.deadline(5):
            cloud.clock.sleep(6)
            with pytest.raises(WaitTimeoutError, match=r"^Waited 0 s .*nothing was seen"):
                toast.instances.wait_for_status(WEB, "STOP")
        assert cloud.journal.count(operation="listInstances") == 0

    def test_deadline_error_counts_the_time_of_waits(self, cloud: MockCloud) -> None:
        with client(cloud) as toast, toast.deadline(20):
            with pytest.raises(WaitTimeoutError):
                toast.instances.wait_for_status(WEB, "STOP", timeout=15)
            cloud.clock.sleep(6)
            with pytest.raises(APITimeoutError, match=r"waits 15\.0 s"):
                toast.flavors.list()


def test_wait_on_a_real_clock_ends_at_its_timeout(make_client: Callable[..., ToastCompute], service: Any) -> None:
    service.on("GET instances", service.silence(3))
    began = time.monotonic()
    with pytest.raises(WaitTimeoutError):
        make_client(clock=None).instances.wait_for_status("i-1", "ACTIVE", timeout=0.3)
    assert time.monotonic() - began < 2.8

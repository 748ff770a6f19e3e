"""Test when a wait ends, how often it polls and how it fails."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from toast_compute import (
    InstanceFailedError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    ToastCompute,
    WaitTimeoutError,
)


def script(service: Any, *statuses: str) -> None:
    service.on("GET instances", *(service.instances(("i-1", status)) for status in statuses))


def test_wait_ends_when_the_status_is_reached(toast: ToastCompute, service: Any, clock: Any) -> None:
    script(service, "BUILD", "BUILD", "ACTIVE")
    instance = toast.instances.wait_for_status("i-1", "ACTIVE")
    assert (instance.id, instance.status) == ("i-1", "ACTIVE")
    assert len(clock.slept) == 2
    assert all(one.query == {"id": ["i-1"]} for one in service.asked("GET instances"))


def test_wait_takes_real_time_without_a_clock(make_client: Callable[..., ToastCompute], service: Any) -> None:
    script(service, "BUILD", "ACTIVE")
    started = time.monotonic()
    make_client(clock=None).instances.wait_for_status("i-1", "ACTIVE", poll_interval=0.05)
    assert 0.05 <= time.monotonic() - started < 5


def test_status_already_reached_takes_one_poll(toast: ToastCompute, service: Any, clock: Any) -> None:
    script(service, "STOP")
    toast.instances.wait_for_status("i-1", "STOP")
    assert clock.slept == []


def test_interval_grows_to_fifteen_seconds_and_the_last_poll_is_at_the_deadline(
    toast: ToastCompute, service: Any, clock: Any
) -> None:
    script(service, "BUILD")
    with pytest.raises(WaitTimeoutError) as caught:
        toast.instances.wait_for_status("i-1", "ACTIVE", timeout=90)
    steps = [1.0, 1.5, 2.25, 3.375, 5.0625, 7.59375, 11.390625, *[15.0] * 10]
    assert len(clock.slept) <= len(steps)
    for slept, step in zip(clock.slept[:-1], steps, strict=False):
        assert 0.75 * step < slept <= step
    assert clock.slept[-1] <= 15
    assert sum(clock.slept) == pytest.approx(90)
    assert len(service.asked("GET instances")) == len(clock.slept) + 1
    polls = len(clock.slept) + 1
    assert str(caught.value) == f"Waited 90 s for i-1 to be ACTIVE; last seen: i-1 is BUILD ({polls} polls)"
    assert caught.value.last.status == "BUILD"
    assert caught.value.timeout == 90


def test_given_interval_does_not_grow(toast: ToastCompute, service: Any, clock: Any) -> None:
    script(service, "BUILD", "BUILD", "BUILD", "ACTIVE")
    toast.instances.wait_for_status("i-1", "ACTIVE", poll_interval=4)
    assert clock.slept == [4, 4, 4]


def test_interval_is_cut_at_the_deadline(toast: ToastCompute, service: Any, clock: Any) -> None:
    script(service, "BUILD")
    with pytest.raises(WaitTimeoutError):
        toast.instances.wait_for_status("i-1", "ACTIVE", timeout=5, poll_interval=1e14)
    assert clock.slept == [5]


@pytest.mark.parametrize(
    ("goal", "seen"),
    [("ACTIVE", "ERROR"), ("STOP", "ERROR"), ("ACTIVE", "DELETING"), ("BUILD", "ACTIVE"), ("DELETING", "ERROR")],
)
def test_unreachable_status_fails_at_once(toast: ToastCompute, service: Any, clock: Any, goal: str, seen: str) -> None:
    script(service, seen)
    with pytest.raises(InstanceFailedError) as caught:
        toast.instances.wait_for_status("i-1", goal)
    assert str(caught.value).startswith(
        f"Instance i-1 is {seen} and can no longer become {goal}; seen: {seen}; {seen} "
    )
    assert caught.value.last.status == seen
    assert clock.slept == []


@pytest.mark.parametrize(
    ("goal", "seen"),
    [("ACTIVE", "STOP"), ("STOP", "ACTIVE"), ("ACTIVE", "POWERING_OFF"), ("STOP", "BUILD"), ("ACTIVE", "SHELVED")],
)
def test_stable_or_unknown_status_is_polled_again(toast: ToastCompute, service: Any, goal: str, seen: str) -> None:
    script(service, seen, seen, goal)
    assert toast.instances.wait_for_status("i-1", goal).status == goal


def test_error_can_be_waited_for(toast: ToastCompute, service: Any) -> None:
    script(service, "BUILD", "ERROR")
    assert toast.instances.wait_for_status("i-1", "ERROR").status == "ERROR"


def test_instance_that_disappears_is_not_found(toast: ToastCompute, service: Any) -> None:
    service.on("GET instances", service.instances(("i-1", "BUILD")), service.instances())
    with pytest.raises(NotFoundError):
        toast.instances.wait_for_status("i-1", "ACTIVE")


@pytest.mark.parametrize("status", ["RUNNING", "active", "", None, 7, ["ACTIVE"]])
def test_invalid_status_is_rejected_with_the_valid_ones(toast: ToastCompute, service: Any, status: Any) -> None:
    for wait in (toast.instances.wait_for_status, toast.instances.wait_for_all):
        with pytest.raises(InvalidRequestError, match="expected one of BUILD, POWERING_ON, STOP") as caught:
            wait("i-1", status)
        assert caught.value.path == "status"
    assert service.received == []


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan"), True, "5", 10**400])
@pytest.mark.parametrize("option", ["timeout", "poll_interval"])
def test_time_that_is_not_finite_is_rejected(toast: ToastCompute, service: Any, option: str, seconds: Any) -> None:
    waits: list[Callable[..., object]] = [
        lambda **options: toast.instances.wait_for_status("i-1", "ACTIVE", **options),
        lambda **options: toast.instances.wait_until_deleted("i-1", **options),
        lambda **options: toast.instances.wait_for_all(["i-1"], "ACTIVE", **options),
    ]
    for wait in waits:
        with pytest.raises(InvalidRequestError, match="expected a finite number of seconds") as caught:
            wait(**{option: seconds})
        assert caught.value.path == option
    assert service.received == []


def test_timeout_of_none_is_rejected(toast: ToastCompute, service: Any) -> None:
    forever: Any = None
    with pytest.raises(InvalidRequestError, match="timeout"):
        toast.instances.wait_for_status("i-1", "ACTIVE", timeout=forever)
    assert service.received == []


def test_wait_ends_in_time_when_a_poll_takes_too_long(
    make_client: Callable[..., ToastCompute], service: Any, clock: Any
) -> None:
    def pass_time_in_silence(_: object) -> Any:
        clock.now += 3
        return service.silence(0.5)

    service.on("GET instances", pass_time_in_silence)
    with pytest.raises(WaitTimeoutError, match="nothing was seen"):
        make_client(timeout=0.2).instances.wait_for_status("i-1", "ACTIVE", timeout=3)


@pytest.mark.parametrize("gone", ["refused", "empty"])
def test_deletion_is_over_when_the_instance_is_gone(toast: ToastCompute, service: Any, gone: str) -> None:
    end = service.no(10404, "Nonexistent : instance") if gone == "refused" else service.instances()
    service.on("GET instances", service.instances(("i-1", "ACTIVE")), service.instances(("i-1", "DELETING")), end)
    service.on("GET instances-detail", service.instances())
    toast.instances.wait_until_deleted("i-1")
    assert len(service.asked("GET instances")) == 3
    assert len(service.asked("GET instances-detail")) == 1


@pytest.mark.parametrize("code", [20404, 30404, 40404, 50404])
def test_not_found_of_something_else_does_not_confirm_a_deletion(toast: ToastCompute, service: Any, code: int) -> None:
    service.on("GET instances", service.no(code, "Nonexistent"))
    with pytest.raises(NotFoundError) as caught:
        toast.instances.wait_until_deleted("i-1")
    assert caught.value.result_code == code


def test_deletion_of_a_failed_instance_is_waited_for(toast: ToastCompute, service: Any) -> None:
    service.on("GET instances", service.instances(("i-1", "ERROR")), service.instances())
    service.on("GET instances-detail", service.instances())
    toast.instances.wait_until_deleted("i-1")
    assert len(service.asked("GET instances")) == 2


def test_failed_deletion_is_raised(toast: ToastCompute, service: Any) -> None:
    script(service, "DELETING", "ERROR")
    with pytest.raises(InstanceFailedError, match="Instance i-1 is ERROR: its deletion failed"):
        toast.instances.wait_until_deleted("i-1")


def test_deletion_that_takes_too_long_times_out(toast: ToastCompute, service: Any) -> None:
    script(service, "DELETING")
    with pytest.raises(WaitTimeoutError, match="for i-1 to be deleted; last seen: i-1 is DELETING"):
        toast.instances.wait_until_deleted("i-1", timeout=10)


def test_token_not_found_does_not_confirm_a_deletion(toast: ToastCompute, service: Any) -> None:
    service.on("POST tokens", service.no(50404, "Nonexistent : user"))
    with pytest.raises(NotFoundError):
        toast.instances.wait_until_deleted("i-1")


def test_refusal_while_waiting_for_a_deletion_is_raised(toast: ToastCompute, service: Any) -> None:
    service.on("GET instances", service.no(10403, "Forbidden"))
    with pytest.raises(PermissionDeniedError):
        toast.instances.wait_until_deleted("i-1")


def test_wait_for_several_sends_one_list_per_poll(toast: ToastCompute, service: Any, clock: Any) -> None:
    service.on(
        "GET instances",
        service.instances(("i-1", "BUILD"), ("i-2", "ACTIVE"), ("other", "ERROR")),
        service.instances(("i-1", "ACTIVE"), ("i-2", "STOP"), ("other", "ERROR")),
    )
    instances = toast.instances.wait_for_all(["i-2", "I-1", "i-2"], "ACTIVE")
    assert [(one.id, str(one.status)) for one in instances] == [
        ("i-2", "ACTIVE"),
        ("i-1", "ACTIVE"),
        ("i-2", "ACTIVE"),
    ]
    assert [one.query for one in service.asked("GET instances")] == [{}, {}]
    assert len(clock.slept) == 1


def test_instance_seen_at_the_status_counts_after_it_disappears(toast: ToastCompute, service: Any) -> None:
    service.on(
        "GET instances",
        service.instances(("i-1", "BUILD"), ("i-2", "ACTIVE")),
        service.instances(("i-1", "ACTIVE")),
    )
    instances = toast.instances.wait_for_all(["i-1", "i-2"], "ACTIVE")
    assert [(one.id, str(one.status)) for one in instances] == [("i-1", "ACTIVE"), ("i-2", "ACTIVE")]


def test_wait_ends_in_time_when_no_token_is_issued(make_client: Callable[..., ToastCompute], service: Any) -> None:
    service.on("POST tokens", service.silence(4.0))
    toast = make_client(timeout=5.0, clock=None)
    began = time.monotonic()
    with pytest.raises(WaitTimeoutError):
        toast.instances.wait_for_status("i-1", "ACTIVE", timeout=0.3)
    assert time.monotonic() - began < 3


def test_wait_for_an_empty_list_sends_nothing(toast: ToastCompute, service: Any) -> None:
    assert toast.instances.wait_for_all([], "ACTIVE") == []
    assert service.received == []


def test_failed_instance_among_several_is_raised(toast: ToastCompute, service: Any) -> None:
    service.on("GET instances", service.instances(("i-1", "BUILD"), ("i-2", "ERROR")))
    with pytest.raises(InstanceFailedError, match="Instance i-2 is ERROR"):
        toast.instances.wait_for_all(["i-1", "i-2"], "ACTIVE")


def test_missing_instances_among_several_are_named(toast: ToastCompute, service: Any) -> None:
    service.on("GET instances", service.instances(("i-1", "BUILD")))
    with pytest.raises(NotFoundError, match="found no instance i-2, i-3") as caught:
        toast.instances.wait_for_all(["i-1", "i-2", "i-3"], "ACTIVE")
    assert [attempt.operation for attempt in caught.value.attempts] == ["listInstances"] * 3
    assert [one.query.get("id") for one in service.asked("GET instances")] == [None, ["i-2"], ["i-3"]]


def test_timeout_of_three_names_all(toast: ToastCompute, service: Any) -> None:
    service.on("GET instances", service.instances(("i-1", "BUILD"), ("i-2", "BUILD"), ("i-3", "BUILD")))
    with pytest.raises(WaitTimeoutError, match=r"i-2 is BUILD, i-3 is BUILD \(2 polls\)") as caught:
        toast.instances.wait_for_all(["i-1", "i-2", "i-3"], "ACTIVE", timeout=1, poll_interval=1)
    # The attempts are those of the last poll.
    (attempt,) = caught.value.attempts
    assert (attempt.operation, attempt.outcome, attempt.decision) == ("listInstances", "success", "done")


def test_timeout_of_several_names_the_pending_ones(toast: ToastCompute, service: Any) -> None:
    rows = [(f"i-{number}", "BUILD") for number in range(6)]
    service.on("GET instances", service.instances(*rows, ("done", "ACTIVE")))
    with pytest.raises(WaitTimeoutError) as caught:
        toast.instances.wait_for_all(["done", *(id for id, _ in rows)], "ACTIVE", timeout=2, poll_interval=1)
    assert str(caught.value) == (
        "Waited 2 s for 7 instances to be ACTIVE; last seen: i-0 is BUILD, i-1 is BUILD, i-2 is BUILD and 3 more "
        "(3 polls)"
    )
    assert len(caught.value.last) == 7


@pytest.mark.parametrize("ids", ["i-1", ["i-1", ""], ["a/b"], [None]])
def test_invalid_ids_are_rejected_for_several(toast: ToastCompute, service: Any, ids: Any) -> None:
    with pytest.raises(InvalidRequestError):
        toast.instances.wait_for_all(ids, "ACTIVE")
    assert service.received == []

"""Test that a status is trusted only when it cannot be from before the change."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import httpx
import pytest
from toast_compute import (
    AmbiguousOutcomeError,
    APIConnectionError,
    ConflictError,
    InstanceFailedError,
    InvalidRequestError,
    NotFoundError,
    ToastCompute,
    ToastComputeError,
    WaitTimeoutError,
)
from toast_compute._lifecycle.staleness import PendingChanges
from toast_compute_api.behaviour import LIFECYCLE
from toast_compute_mock import MockCloud, faults
from toast_compute_mock.faults import Fault

from ..clients import BATCH, NEW, WEB, client, make_cloud

BEFORE, DURING, AFTER = "2026-01-15T09:00:00Z", "2026-01-15T10:00:00Z", "2026-01-15T10:00:05Z"
REBOOT_SECONDS = LIFECYCLE.operations["reboot"].max_seconds
CREATE_SECONDS = LIFECYCLE.operations["createInstance"].max_seconds


CHANGES: dict[str, tuple[str, Callable[[ToastCompute], object]]] = {
    "createInstance": ("POST instances", lambda toast: toast.instances.create(**NEW)),
    "deleteInstance": ("DELETE instances", lambda toast: toast.instances.delete("i-1")),
    "reboot": ("POST action", lambda toast: toast.instances.reboot("i-1")),
    "start": ("POST action", lambda toast: toast.instances.start("i-1")),
    "stop": ("POST action", lambda toast: toast.instances.stop("i-1")),
}


def change(toast: ToastCompute, service: Any, operation: str, id: str = "i-1") -> None:
    """Make a change of an instance that the service accepts."""
    resource, call = CHANGES[operation]
    service.on(resource, service.yes(instance={"id": id, "name": f"name-{id}", "status": "BUILD"}))
    call(toast)


def briefs(service: Any, *statuses: str) -> None:
    service.on("GET instances", *(service.instances(("i-1", status)) for status in statuses))


def detail(service: Any, status: str, updated: str, launched: str = BEFORE) -> Any:
    root = {"size": 20, "type": "General SSD"}
    return service.yes(
        instances=[
            {
                "id": "i-1",
                "name": "name-i-1",
                "status": status,
                "addresses": [],
                "availabilityZone": "kr-pub-a",
                "flavor": {"id": "f-1", "name": "t2.c1m1", "cpu": 1, "ram": 1024},
                "image": "image-1",
                "metadata": {},
                "keyName": "key",
                "volumes": {"root": root, "attachments": []},
                "securityGroups": [],
                "createdAt": BEFORE,
                "updatedAt": updated,
                "launchedAt": launched,
            }
        ]
    )


def details(service: Any, *views: tuple[str, str]) -> None:
    service.on("GET instances-detail", *(detail(service, *view) for view in views))


def test_reboot_is_waited_for_when_the_list_is_stale(cloud: MockCloud) -> None:
    cloud.faults.add(faults.stale_read("listInstances", budget=None, seconds=2.9))
    with client(cloud) as toast:
        before = toast.instances.get_details(WEB)
        toast.instances.reboot(WEB)
        toast.instances.wait_for_status(WEB, "ACTIVE", poll_interval=0.1)
        after = toast.instances.get_details(WEB)
    assert after.status == "ACTIVE"
    assert before.launched_at is not None
    assert after.launched_at is not None
    assert after.launched_at > before.launched_at
    assert "stale-read" in str(cloud.journal.find(operation="listInstances")[0].faults)


def test_reboot_is_waited_for_when_list_and_details_are_stale(cloud: MockCloud) -> None:
    cloud.faults.add(faults.stale_read(budget=None, seconds=2.5))
    with client(cloud) as toast:
        toast.instances.reboot(WEB)
        began = cloud.clock.monotonic()
        toast.instances.wait_for_status(WEB, "ACTIVE", poll_interval=1)
        assert toast.instances.get(WEB).status == "ACTIVE"
    assert cloud.clock.monotonic() - began >= LIFECYCLE.operations["reboot"].min_seconds


@pytest.mark.parametrize("probability", [0.2, 0.5])
@pytest.mark.parametrize("seed", range(5))
def test_wait_does_not_end_early_when_some_lists_are_stale(seed: int, probability: float) -> None:
    cloud = MockCloud(clock=make_cloud().clock, seed=seed)
    cloud.faults.add(faults.stale_read("listInstances", budget=None, probability=probability))
    with client(cloud) as toast:
        toast.instances.reboot(WEB)
        toast.instances.wait_for_status(WEB, "ACTIVE", poll_interval=0.5)
        assert toast.instances.get_details(WEB).status == "ACTIVE"


def test_resize_back_to_the_same_status_is_waited_for(cloud: MockCloud) -> None:
    cloud.faults.add(faults.stale_read("listInstances", budget=2))
    with client(cloud) as toast:
        (other,) = [one.id for one in toast.flavors.list() if one.id != toast.instances.get_details(BATCH).flavor.id][
            :1
        ]
        toast.instances.resize(BATCH, other)
        toast.instances.wait_for_status(BATCH, "STOP")
        assert toast.instances.get_details(BATCH).flavor.id == other


def test_status_is_trusted_without_a_change_of_this_client(cloud: MockCloud) -> None:
    with client(cloud) as toast:
        toast.instances.wait_for_status(WEB, "ACTIVE")
    assert cloud.journal.count(operation="listInstances") == 1
    assert cloud.journal.count(operation="listInstanceDetails") == 0


def test_status_that_cannot_be_stale_is_trusted(toast: ToastCompute, service: Any) -> None:
    change(toast, service, "start")
    briefs(service, "STOP", "ACTIVE")
    toast.instances.wait_for_status("i-1", "ACTIVE")
    assert service.asked("GET instances-detail") == []


def test_unobserved_change_is_trusted_when_its_time_is_over(toast: ToastCompute, service: Any, clock: Any) -> None:
    change(toast, service, "reboot")
    briefs(service, "ACTIVE")
    details(service, ("ACTIVE", AFTER))
    toast.instances.wait_for_status("i-1", "ACTIVE", poll_interval=1)
    assert sum(clock.slept) == REBOOT_SECONDS


def test_wait_polls_once_when_the_time_of_the_change_is_over(toast: ToastCompute, service: Any, clock: Any) -> None:
    change(toast, service, "reboot")
    clock.now += REBOOT_SECONDS
    briefs(service, "ACTIVE")
    toast.instances.wait_for_status("i-1", "ACTIVE")
    assert clock.slept == []


def test_newer_timestamps_confirm_a_change(toast: ToastCompute, service: Any, clock: Any) -> None:
    change(toast, service, "reboot")
    briefs(service, "ACTIVE")
    details(service, ("ACTIVE", BEFORE), ("ACTIVE", BEFORE), ("ACTIVE", AFTER))
    toast.instances.wait_for_status("i-1", "ACTIVE", poll_interval=1)
    assert sum(clock.slept) == 2


def test_transient_status_confirms_a_change_with_one_more_read(toast: ToastCompute, service: Any, clock: Any) -> None:
    change(toast, service, "reboot")
    briefs(service, "REBOOTING", "ACTIVE")
    details(service, ("ACTIVE", AFTER))
    toast.instances.wait_for_status("i-1", "ACTIVE", poll_interval=1)
    assert sum(clock.slept) == 1
    assert len(service.asked("GET instances-detail")) == 1


def test_details_without_the_instance_do_not_confirm_a_change(toast: ToastCompute, service: Any, clock: Any) -> None:
    change(toast, service, "reboot")
    briefs(service, "ACTIVE")
    service.on("GET instances-detail", service.instances(), detail(service, "REBOOTING", DURING))
    service.scripts["GET instances-detail"].append(detail(service, "ACTIVE", AFTER))
    toast.instances.wait_for_status("i-1", "ACTIVE", poll_interval=1)
    assert sum(clock.slept) == 2


def test_confirmed_change_is_trusted_by_the_next_wait(toast: ToastCompute, service: Any) -> None:
    change(toast, service, "reboot")
    briefs(service, "REBOOTING", "ACTIVE")
    details(service, ("ACTIVE", AFTER))
    toast.instances.wait_for_status("i-1", "ACTIVE", poll_interval=1)
    toast.instances.wait_for_status("i-1", "ACTIVE", poll_interval=1)
    assert len(service.asked("GET instances")) == 3
    assert len(service.asked("GET instances-detail")) == 1


def test_details_reveal_a_stale_list(toast: ToastCompute, service: Any, clock: Any) -> None:
    change(toast, service, "reboot")
    briefs(service, "ACTIVE")
    details(service, ("REBOOTING", DURING), ("REBOOTING", DURING), ("ACTIVE", AFTER))
    toast.instances.wait_for_status("i-1", "ACTIVE", poll_interval=1)
    assert sum(clock.slept) == 2


def test_details_older_than_earlier_ones_are_stale(toast: ToastCompute, service: Any, clock: Any) -> None:
    change(toast, service, "reboot")
    briefs(service, "ACTIVE")
    details(service, ("REBOOTING", DURING), ("ACTIVE", BEFORE), ("ACTIVE", AFTER))
    toast.instances.wait_for_status("i-1", "ACTIVE", poll_interval=1)
    assert sum(clock.slept) == 2


def test_details_older_than_the_transient_status_are_stale(toast: ToastCompute, service: Any, clock: Any) -> None:
    change(toast, service, "reboot")
    briefs(service, "ACTIVE", "REBOOTING", "ACTIVE")
    details(service, ("ACTIVE", BEFORE), ("ACTIVE", BEFORE), ("ACTIVE", AFTER))
    toast.instances.wait_for_status("i-1", "ACTIVE", poll_interval=1)
    assert sum(clock.slept) == 3


def test_stale_error_does_not_fail_a_stop(toast: ToastCompute, service: Any) -> None:
    change(toast, service, "stop")
    briefs(service, "ERROR", "POWERING_OFF", "STOP")
    details(service, ("ERROR", BEFORE))
    assert toast.instances.wait_for_status("i-1", "STOP").status == "STOP"


def test_error_after_a_stop_is_raised_once_confirmed(toast: ToastCompute, service: Any, clock: Any) -> None:
    change(toast, service, "stop")
    briefs(service, "ERROR")
    details(service, ("ERROR", BEFORE), ("ERROR", AFTER))
    with pytest.raises(InstanceFailedError):
        toast.instances.wait_for_status("i-1", "STOP", poll_interval=1)
    assert sum(clock.slept) == 1


def test_stale_error_does_not_fail_a_deletion(toast: ToastCompute, service: Any) -> None:
    change(toast, service, "deleteInstance")
    service.on(
        "GET instances",
        service.instances(("i-1", "DELETING")),
        service.instances(("i-1", "ERROR")),
        service.instances(),
    )
    details(service, ("DELETING", DURING))
    service.scripts["GET instances-detail"].append(service.instances())
    toast.instances.wait_until_deleted("i-1")


def test_instance_missing_from_one_list_is_not_deleted(toast: ToastCompute, service: Any) -> None:
    service.on("GET instances", service.instances(), service.instances(("i-1", "DELETING")), service.instances())
    details(service, ("DELETING", DURING))
    service.scripts["GET instances-detail"].append(service.instances())
    seen: list[str | None] = []
    toast.instances.wait_until_deleted("i-1", on_poll=lambda one: seen.append(None if one is None else str(one.status)))
    assert seen == ["DELETING", "DELETING", None]


@pytest.mark.parametrize("code", [-5, 10404])
def test_single_refusal_does_not_confirm_a_deletion(toast: ToastCompute, service: Any, code: int) -> None:
    refusal = service.no(code, "Nonexistent : instance")
    service.on("GET instances", refusal)
    service.on("GET instances-detail", detail(service, "DELETING", DURING), refusal)
    seen: list[bool] = []
    toast.instances.wait_until_deleted("i-1", on_poll=lambda one: seen.append(one is not None))
    assert seen == [True, False]


def test_created_instance_not_listed_yet_is_not_deleted(toast: ToastCompute, service: Any) -> None:
    change(toast, service, "createInstance")
    service.on("GET instances", service.instances(), service.instances(("i-1", "BUILD")), service.instances())
    service.on("GET instances-detail", service.instances())
    seen: list[bool] = []
    toast.instances.wait_until_deleted("i-1", poll_interval=5, on_poll=lambda one: seen.append(one is not None))
    assert seen[:2] == [False, True]


def test_created_instance_not_listed_yet_is_waited_for(cloud: MockCloud) -> None:
    cloud.faults.add(faults.stale_read("listInstances", budget=3))
    with client(cloud) as toast:
        vm = toast.instances.create(**NEW)
        assert toast.instances.wait_for_status(vm.id, "ACTIVE").id == vm.id
        cloud.faults.add(faults.stale_read("listInstances", budget=3))
        other = toast.instances.create(**NEW)
        assert len(toast.instances.wait_for_all([vm.id, other.id], "ACTIVE")) == 2
    assert cloud.faults.unused() == []


def test_instance_missing_from_one_poll_is_waited_for(toast: ToastCompute, service: Any) -> None:
    here, gone = service.instances(("i-1", "BUILD")), service.instances()
    service.on("GET instances", here, gone, here, gone, service.instances(("i-1", "ACTIVE")))
    assert toast.instances.wait_for_status("i-1", "ACTIVE").status == "ACTIVE"


def test_created_instance_that_never_appears_is_not_found(toast: ToastCompute, service: Any, clock: Any) -> None:
    change(toast, service, "createInstance")
    service.on("GET instances", service.no(10404, "Nonexistent : instance"))
    with pytest.raises(NotFoundError) as caught:
        toast.instances.wait_for_status("i-1", "ACTIVE", poll_interval=1)
    assert caught.value.result_code == 10404
    assert sum(clock.slept) == CREATE_SECONDS


def test_timeout_reports_a_status_that_may_be_stale(toast: ToastCompute, service: Any) -> None:
    change(toast, service, "reboot")
    briefs(service, "ACTIVE")
    details(service, ("ACTIVE", BEFORE))
    with pytest.raises(WaitTimeoutError, match="i-1 is ACTIVE, which may be from before the action"):
        toast.instances.wait_for_status("i-1", "ACTIVE", timeout=4)


def test_timeout_of_several_reports_instances_never_seen(toast: ToastCompute, service: Any) -> None:
    change(toast, service, "createInstance", "i-2")
    service.on("GET instances", service.instances(("i-1", "BUILD")))
    with pytest.raises(WaitTimeoutError, match="last seen: i-1 is BUILD, i-2 was not seen"):
        toast.instances.wait_for_all(["i-1", "i-2"], "ACTIVE", timeout=4)


def test_pending_changes_of_several_are_confirmed_with_one_request(cloud: MockCloud) -> None:
    with client(cloud) as toast:
        ids = [toast.instances.create(**NEW).id for _ in range(5)]
        toast.instances.wait_for_all(ids, "ACTIVE")
        for id in ids:
            toast.instances.reboot(id)
        cloud.faults.add(faults.stale_read("listInstances", budget=1))
        cloud.journal.clear()
        toast.instances.wait_for_all(ids, "ACTIVE", poll_interval=1)
        polls = cloud.journal.count(operation="listInstances")
        assert all(toast.instances.get_details(id).status == "ACTIVE" for id in ids)
    assert polls <= REBOOT_SECONDS + 1
    assert cloud.journal.count(operation="listInstanceDetails") - len(ids) <= polls


class TestSince:
    """A change made elsewhere is compared with an earlier detail."""

    @pytest.fixture
    def known(self, toast: ToastCompute, service: Any) -> Any:
        details(service, ("ACTIVE", BEFORE))
        return toast.instances.get_details("i-1")

    def test_unchanged_timestamps_never_confirm_a_change(self, toast: ToastCompute, service: Any, known: Any) -> None:
        briefs(service, "ACTIVE")
        with pytest.raises(WaitTimeoutError, match="may be from before"):
            toast.instances.wait_for_status("i-1", "ACTIVE", timeout=1000, poll_interval=50, since=known)

    def test_newer_timestamps_confirm_a_change_at_once(
        self, toast: ToastCompute, service: Any, known: Any, clock: Any
    ) -> None:
        briefs(service, "ACTIVE")
        details(service, ("ACTIVE", AFTER))
        toast.instances.wait_for_status("i-1", "ACTIVE", since=known)
        toast.instances.wait_for_all(["i-1"], "ACTIVE", since=[known])
        assert clock.slept == []

    def test_different_status_is_trusted_without_details(self, toast: ToastCompute, service: Any, known: Any) -> None:
        briefs(service, "STOP")
        toast.instances.wait_for_status("i-1", "STOP", since=known)
        assert len(service.asked("GET instances-detail")) == 1

    @pytest.mark.parametrize("wrong", ["yesterday", 5, [], {}])
    def test_since_that_is_not_a_detail_is_rejected(self, toast: ToastCompute, wrong: Any) -> None:
        calls: list[Callable[[], object]] = [
            lambda: toast.instances.wait_for_status("i-1", "ACTIVE", since=wrong),
            lambda: toast.instances.wait_for_all(["i-1"], "ACTIVE", since=[wrong]),
        ]
        for call in calls:
            with pytest.raises(InvalidRequestError) as caught:
                call()
            assert caught.value.path == "since"

    def test_since_that_is_not_a_list_is_rejected(self, toast: ToastCompute) -> None:
        with pytest.raises(InvalidRequestError, match="since"):
            toast.instances.wait_for_all(["i-1"], "ACTIVE", since=5)  # type: ignore[arg-type]

    def test_since_of_another_instance_is_rejected(self, toast: ToastCompute, known: Any) -> None:
        with pytest.raises(InvalidRequestError, match="another instance"):
            toast.instances.wait_for_status("i-2", "ACTIVE", since=known)


@pytest.mark.parametrize(
    ("fault", "error", "is_pending"),
    [
        (None, None, True),
        (faults.lose_reply("runInstanceAction"), AmbiguousOutcomeError, True),
        (faults.result_code("runInstanceAction", 10409), ConflictError, False),
    ],
    ids=["accepted", "ambiguous", "refused"],
)
def test_change_is_pending_when_it_may_have_been_accepted(
    cloud: MockCloud, fault: Fault | None, error: type[ToastComputeError] | None, is_pending: bool
) -> None:
    with client(cloud) as toast:
        if fault is not None:
            cloud.faults.add(fault)
        with nullcontext() if error is None else pytest.raises(error):
            toast.instances.reboot(WEB)
        assert cloud.journal.count(operation="listInstanceDetails") == 0
        toast.instances.wait_for_status(WEB, "ACTIVE")
    assert (cloud.journal.count(operation="listInstanceDetails") > 0) is is_pending


@pytest.mark.parametrize("how", [faults.lose_reply, faults.reset, faults.garbage])
def test_lost_idempotent_change_is_pending(cloud: MockCloud, how: Callable[..., Fault]) -> None:
    cloud.faults.add(faults.end_in_error("runInstanceAction"))
    with client(cloud, max_retries=0) as toast:
        toast.instances.start(BATCH)
        cloud.clock.sleep(600)
        cloud.faults.add(how("runInstanceAction"), faults.stale_read(None, seconds=2, budget=None))
        with pytest.raises(ToastComputeError):
            toast.instances.stop(BATCH)
        assert toast.instances.wait_for_status(BATCH, "STOP").status == "STOP"


def test_unsent_change_is_not_pending(cloud: MockCloud) -> None:
    class Unreachable(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if request.method == "POST" and not request.url.path.endswith("/tokens"):
                raise httpx.ConnectError("no")
            return cloud.transport.handle_request(request)

    with client(cloud, transport=Unreachable(), max_retries=0) as toast:
        with pytest.raises(APIConnectionError):
            toast.instances.reboot(WEB)
        with pytest.raises(APIConnectionError):
            toast.instances.stop(WEB)
        began = cloud.clock.now()
        assert toast.instances.wait_for_status(WEB, "ACTIVE").status == "ACTIVE"
        assert cloud.clock.now() == began


def test_pending_changes_are_bounded_and_the_latest_stay() -> None:
    expectations = PendingChanges(limit=3)
    for number in range(5):
        expectations.add(f"I-{number}", "reboot", 0.0)
    expectations.add("i-2", "stop", 0.0)
    expectations.add("i-5", "reboot", 0.0)
    assert [expectations.get(f"i-{number}") is not None for number in range(6)] == [0, 0, 1, 0, 1, 1]


@pytest.mark.parametrize("operation", ["uploadImage", "addFloatingIp", "attachVolume", "listInstances", "unheard-of"])
def test_operation_that_changes_no_status_is_not_pending(operation: str) -> None:
    expectations = PendingChanges()
    expectations.add("i-1", operation, 0.0)
    assert expectations.get("i-1") is None


def test_later_change_is_not_confirmed_with_an_earlier_one() -> None:
    expectations = PendingChanges()
    expectations.add("i-1", "stop", 0.0)
    earlier = expectations.get("i-1")
    expectations.add("i-1", "start", 5.0)
    assert earlier is not None
    expectations.remove("i-1", earlier)
    assert expectations.get("i-1") is not None

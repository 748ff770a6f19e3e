"""Test that the instance of a create whose reply was lost is found, and the create never resent."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from toast_compute import AmbiguousOutcomeError, InvalidRequestError
from toast_compute_mock import MockCloud, faults

from ..clients import NEW, client


def test_create_returns_its_instance_when_the_reply_is_lost(cloud: MockCloud) -> None:
    cloud.faults.add(faults.lose_reply("createInstance"))
    with client(cloud) as toast:
        made = toast.instances.create(**NEW, on_ambiguous="reconcile")
        assert made.name == "new-01"
        assert [one.id for one in toast.instances.list()].count(made.id) == 1
    assert cloud.journal.count(operation="createInstance") == 1


def test_older_matching_instance_is_not_returned(cloud: MockCloud) -> None:
    with client(cloud) as toast:
        older = toast.instances.create(**NEW)
        cloud.faults.add(faults.lose_reply("createInstance"))
        made = toast.instances.create(**NEW, on_ambiguous="reconcile")
        assert made.id != older.id


def test_lost_create_reports_that_no_instance_was_found(cloud: MockCloud) -> None:
    cloud.faults.add(faults.lose_request("createInstance"))
    with (
        client(cloud) as toast,
        pytest.raises(AmbiguousOutcomeError, match="no new instance like this can be seen") as caught,
    ):
        toast.instances.create(**NEW, on_ambiguous="reconcile")
    assert caught.value.candidates == ()
    assert cloud.journal.count(operation="createInstance") == 1


def test_stale_list_is_read_again(cloud: MockCloud) -> None:
    cloud.faults.add(faults.lose_reply("createInstance"), faults.stale_read("listInstanceDetails", seconds=2))
    with client(cloud) as toast:
        assert toast.instances.create(**NEW, on_ambiguous="reconcile").name == "new-01"


def lost_in_the_middle(cloud: MockCloud, meanwhile: Callable[[], object]) -> Callable[..., Any]:
    """A transport that loses the request of a create, after somebody else has done something."""

    class Losing(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if request.method == "POST" and request.url.path.endswith("/instances"):
                meanwhile()
                raise httpx.ReadError("lost")
            return cloud.transport.handle_request(request)

    return lambda: Losing()


@pytest.mark.parametrize(
    "difference",
    [
        {"availability_zone": "kr-pub-b"},
        {"name": "new-02"},
        {"flavor": "f1a00000-0000-4000-8000-000000000002"},
        {"security_groups": ["web"]},
        {"volume": {"size": 50}},
    ],
)
def test_different_instance_created_meanwhile_is_not_returned(cloud: MockCloud, difference: dict[str, Any]) -> None:
    with client(cloud) as other:
        transport = lost_in_the_middle(
            cloud, lambda: other.instances.create(**NEW | {"volume": {"size": 20}} | difference)
        )
        with client(cloud, transport=transport()) as toast, pytest.raises(AmbiguousOutcomeError) as caught:
            toast.instances.create(**NEW | {"volume": {"size": 20}}, on_ambiguous="reconcile")
    assert caught.value.candidates == ()


def test_two_matching_instances_are_candidates(cloud: MockCloud) -> None:
    def twins() -> None:
        other.instances.create(**NEW)
        other.instances.create(**NEW)

    with client(cloud) as other:
        transport = lost_in_the_middle(cloud, twins)
        with client(cloud, transport=transport()) as toast, pytest.raises(AmbiguousOutcomeError) as caught:
            toast.instances.create(**NEW, on_ambiguous="reconcile")
    assert len(caught.value.candidates) == 2
    assert "2 new instances like this can be seen, 1 were asked for" in str(caught.value)
    assert len(caught.value.attempts) == 1


def test_instance_is_returned_to_one_call_only(cloud: MockCloud) -> None:
    cloud.faults.add(faults.lose_reply("createInstance", nth=1), faults.lose_request("createInstance", nth=2))
    outcomes: list[object] = []
    together = threading.Barrier(2)

    def create() -> None:
        together.wait(5)
        try:
            outcomes.append(toast.instances.create(**NEW, on_ambiguous="reconcile").id)
        except AmbiguousOutcomeError as error:
            outcomes.append(type(error))

    with client(cloud) as toast:
        threads = [threading.Thread(target=create) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(toast.instances.list()) == 3
    assert outcomes.count(AmbiguousOutcomeError) == 1


def test_failed_read_is_not_the_outcome(cloud: MockCloud) -> None:
    broken = faults.http_status("listInstanceDetails", 500, budget=None, after=cloud.clock.now() + 1)
    cloud.faults.add(faults.lose_reply("createInstance", how="stall"), broken)
    with client(cloud, timeout=5) as toast, pytest.raises(AmbiguousOutcomeError) as caught:
        toast.instances.create(**NEW, on_ambiguous="reconcile")
    assert not caught.value.retryable
    assert "the last read failed: listInstanceDetails" in str(caught.value)
    assert cloud.journal.count(operation="createInstance") == 1


def test_create_is_ambiguous_when_the_deadline_ends_during_recovery(cloud: MockCloud) -> None:
    cloud.faults.add(faults.lose_reply("createInstance", how="stall"))
    with client(cloud) as toast, toast.deadline(5), pytest.raises(AmbiguousOutcomeError):
        toast.instances.create(**NEW, on_ambiguous="reconcile")


def test_found_instance_is_waited_for_when_the_list_is_stale(cloud: MockCloud) -> None:
    cloud.faults.add(faults.lose_reply("createInstance"))
    with client(cloud) as toast:
        made = toast.instances.create(**NEW, on_ambiguous="reconcile")
        cloud.faults.add(faults.stale_read("listInstances"))
        assert toast.instances.wait_for_status(made.id, "ACTIVE").status == "ACTIVE"


@pytest.mark.parametrize("count", [2, 10])
def test_create_of_several_finds_all_instances(cloud: MockCloud, count: int) -> None:
    cloud.faults.add(faults.lose_reply("createInstance"))
    with client(cloud) as toast:
        made = toast.instances.create(**NEW, count=count, on_ambiguous="reconcile")
        assert len([one for one in toast.instances.list() if one.name == made.name]) == count


def test_invalid_on_ambiguous_is_rejected(cloud: MockCloud) -> None:
    with (
        client(cloud) as toast,
        pytest.raises(InvalidRequestError, match="on_ambiguous: expected one of raise, reconcile"),
    ):
        toast.instances.create(**NEW, on_ambiguous="retry")  # type: ignore[arg-type]

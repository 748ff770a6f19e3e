"""Test that a batch reports an outcome for each instance."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest
from toast_compute import ConflictError, InvalidRequestError, NotAllowedError, NotFoundError, PermissionDeniedError
from toast_compute_mock import MockCloud, faults

from ..clients import BATCH, NEW, WEB, client


def test_outcome_is_reported_for_each_instance(cloud: MockCloud) -> None:
    with client(cloud) as toast:
        result = toast.instances.map("stop", [WEB, BATCH, "nobody", WEB, "NOBODY"])
    assert dict(result.ok) == {WEB: None}
    assert list(result.failed) == [BATCH, "nobody"]
    assert isinstance(result.failed[BATCH], ConflictError)
    assert isinstance(result.failed["nobody"], NotFoundError)
    assert result.skipped == ()
    with pytest.raises(ConflictError) as caught:
        result.raise_for_failures()
    with pytest.raises(ConflictError):
        result.raise_for_failures()
    assert caught.value.__notes__ == [f"instance {BATCH}; 1 other failed, 0 were not tried"]


def test_arguments_are_passed_for_each_instance(cloud: MockCloud) -> None:
    with client(cloud) as toast:
        assert not toast.instances.map("resize", [BATCH], flavor="f1a00000-0000-4000-8000-000000000002").failed
        assert not toast.instances.map("reboot", [WEB]).failed
        assert toast.instances.map("get", [WEB]).ok[WEB].name == "web-01"


def test_calls_of_a_batch_run_up_to_the_limit(cloud: MockCloud) -> None:
    with client(cloud) as toast:
        ids = [toast.instances.create(**NEW).id for _ in range(12)]
        result = toast.instances.map("delete", ids, limit=4)
        assert list(result.ok) == ids


def test_remaining_ids_are_skipped_after_a_failure_common_to_all(cloud: MockCloud) -> None:
    cloud.faults.add(faults.result_code("runInstanceAction", -3, budget=None))
    with client(cloud) as toast:
        result = toast.instances.map("stop", [WEB, BATCH, "third"], limit=1)
    assert isinstance(result.failed[WEB], PermissionDeniedError)
    assert result.skipped == (BATCH, "third")


def test_batch_that_is_not_allowed_is_rejected_as_a_whole(cloud: MockCloud) -> None:
    with client(cloud, read_only=True) as toast:
        for method in ("stop", "delete"):
            with pytest.raises(NotAllowedError):
                toast.instances.map(method, [WEB, BATCH])
        assert len(toast.instances.map("get", [WEB, BATCH]).ok) == 2


def test_deadline_applies_to_the_whole_batch(cloud: MockCloud) -> None:
    cloud.faults.add(faults.delay("runInstanceAction", seconds=4, budget=None))
    with client(cloud) as toast:
        ids = [toast.instances.create(**NEW).id for _ in range(5)]
        cloud.clock.sleep(600)
        toast.flavors.list()
        with toast.deadline(10):
            result = toast.instances.map("stop", ids, limit=1)
    assert len(result.ok) == 2
    assert len(result.ok) + len(result.failed) + len(result.skipped) == 5
    assert result.skipped


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "explode", "ids": []}, "method: expected one of add_floating_ip"),
        ({"method": "stop", "ids": "abc"}, "ids: expected a list of ids, got one string"),
        ({"method": "stop", "ids": ["a/b"]}, "id: "),
        ({"method": "stop", "ids": [""]}, "id: "),
        ({"method": "stop", "ids": [None]}, r"ids\[0\]: expected a string"),
        ({"method": "stop", "ids": [], "limit": 0}, "limit: expected an integer from 1 to 100"),
        ({"method": "stop", "ids": 5}, "ids: expected a list of ids, got a value of type int"),
        ({"method": "resize", "ids": [WEB]}, "parameters.flavor: is missing"),
        ({"method": "resize", "ids": [WEB], "flavour": "x"}, r"parameters.flavour: .*did you mean flavor\?"),
        ({"method": "get", "ids": [], "flavor": "x"}, "flavor: get takes no arguments"),
    ],
)
def test_invalid_arguments_are_rejected_before_anything_is_sent(
    cloud: MockCloud, arguments: dict[str, Any], message: str
) -> None:
    with client(cloud) as toast, pytest.raises(InvalidRequestError, match=message):
        toast.instances.map(**arguments)
    assert cloud.journal.count() == 0


def test_calls_do_not_start_after_an_interrupt(cloud: MockCloud) -> None:
    class Interrupting(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if request.method == "DELETE":
                asked.append(request)
                if len(asked) == 2:
                    raise KeyboardInterrupt
                time.sleep(0.02)
            return cloud.transport.handle_request(request)

    asked: list[httpx.Request] = []
    with client(cloud, transport=Interrupting()) as toast:
        ids = [toast.instances.create(**NEW).id for _ in range(20)]
        with pytest.raises(KeyboardInterrupt):
            toast.instances.map("delete", ids, limit=1)
    assert len(asked) < 5

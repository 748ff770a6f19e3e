"""Test the requests and the errors of many waits of one client."""

from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from toast_compute import NotFoundError, ToastCompute, WaitTimeoutError
from toast_compute_mock import MockCloud, ScaledClock, faults

from ..clients import BATCH, NEW, WEB, async_client, client, make_cloud

LIST, DETAILS = "listInstances", "listInstanceDetails"


def by_id(cloud: MockCloud) -> int:
    """Return how often an instance was asked for by its id."""
    return sum("id=" in entry.target for entry in cloud.journal.find(operation=LIST))


def test_hundred_deletions_share_the_lists_of_each_poll() -> None:
    async def wait_for_all_of_them() -> None:
        async with async_client(cloud) as toast:
            ids = [(await toast.instances.create(**NEW)).id for _ in range(100)]
            await toast.instances.wait_for_all(ids, "ACTIVE")
            assert len((await toast.instances.map("delete", ids)).ok) == 100
            before.update({name: cloud.journal.count(operation=name) for name in (LIST, DETAILS)})
            await asyncio.gather(*(toast.instances.wait_until_deleted(id) for id in ids))

    before: dict[str, int] = {}
    cloud = make_cloud()
    asyncio.run(wait_for_all_of_them())
    assert by_id(cloud) <= 100 + 1  # the wait that is the first is alone for a moment
    assert cloud.journal.count(operation=LIST) - before[LIST] - by_id(cloud) <= 10
    assert cloud.journal.count(operation=DETAILS) - before[DETAILS] <= 5


def test_failed_shared_poll_gets_one_note_for_each_wait() -> None:
    async def wait_for_all_of_them() -> list[object]:
        async with async_client(cloud) as toast:
            ids = [(await toast.instances.create(**NEW)).id for _ in range(3)]
            cloud.faults.add(faults.result_code(LIST, -3, budget=None))
            waits = (toast.instances.wait_for_status(id, "ACTIVE") for id in ids)
            return list(await asyncio.gather(*waits, return_exceptions=True))

    cloud = make_cloud()
    for error in asyncio.run(wait_for_all_of_them()):
        assert len([note for note in getattr(error, "__notes__", []) if "of waiting for" in note]) == 1


def test_threads_that_share_a_poll_replace_the_token_without_a_deadlock() -> None:
    cloud = MockCloud(clock=ScaledClock(50))
    with client(cloud) as toast, ThreadPoolExecutor(3) as pool:
        ids = [toast.instances.create(**NEW).id for _ in range(3)]
        together = threading.Barrier(3)

        def wait(id: str) -> str:
            together.wait(5)
            return str(toast.instances.wait_for_status(id, "ACTIVE", poll_interval=2).status)

        # By the fifth list, all of them use the same one.
        cloud.faults.add(faults.result_code(LIST, -3, nth=5))
        waits = [pool.submit(wait, id) for id in ids]
        assert {wait.result(timeout=10) for wait in waits} == {"ACTIVE"}
    assert cloud.journal.count(operation="issueToken") == 2


@pytest.mark.parametrize("written", ["I-1", "i-1"])
@pytest.mark.parametrize("asked", ["I-1", "i-1"])
def test_ids_are_compared_without_case(toast: ToastCompute, service: Any, written: str, asked: str) -> None:
    service.on("GET instances", service.instances((written, "ACTIVE"), ("i-2", "ACTIVE")))
    assert toast.instances.wait_for_status(asked, "ACTIVE", timeout=2).id == written
    assert [one.id for one in toast.instances.wait_for_all([asked, "i-2"], "ACTIVE", timeout=2)] == [written, "i-2"]


class CutShort(httpx.AsyncBaseTransport):
    """Leaves some instances out of each list that is not about one of them, as a service with a limit does."""

    def __init__(self, cloud: MockCloud, *hidden: str) -> None:
        self._cloud = cloud
        self.hidden = set(hidden)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response: httpx.Response = await self._cloud.async_transport.handle_async_request(request)
        body = json.loads(await response.aread())
        if "instances" in body and "id" not in request.url.params:
            body["instances"] = [one for one in body["instances"] if one["id"] not in self.hidden]
        return httpx.Response(200, json=body)


def test_instance_missing_from_an_incomplete_list_is_not_deleted() -> None:
    async def main() -> Any:
        async with async_client(cloud, transport=CutShort(cloud, WEB)) as toast:
            waits = (
                toast.instances.wait_until_deleted(WEB, timeout=30),
                toast.instances.wait_for_status(BATCH, "ACTIVE", timeout=30),
            )
            return await asyncio.gather(*waits, return_exceptions=True)

    cloud = make_cloud()
    raised = asyncio.run(main())
    assert [type(one) for one in raised] == [WaitTimeoutError, WaitTimeoutError]
    assert f"{WEB} is ACTIVE" in str(raised[0])


def test_instance_missing_from_an_incomplete_list_is_read_by_its_id() -> None:
    async def main() -> None:
        async with async_client(cloud, transport=CutShort(cloud, WEB)) as toast:
            assert [one.id for one in await toast.instances.wait_for_all([WEB, WEB.upper()], "ACTIVE")] == [WEB, WEB]
            await toast.instances.stop(WEB)
            assert [one.id for one in await toast.instances.wait_for_all([WEB, BATCH], "STOP")] == [WEB, BATCH]

    cloud = make_cloud()
    asyncio.run(main())


def test_missing_instances_are_read_and_named_up_to_a_limit() -> None:
    async def main() -> None:
        async with async_client(cloud) as toast:
            await toast.instances.wait_for_all([WEB, *missing], "ACTIVE")

    missing = [f"nobody-{number}" for number in range(20)]
    cloud = make_cloud()
    with pytest.raises(NotFoundError) as caught:
        asyncio.run(main())
    assert str(caught.value).endswith("found no instance nobody-0, nobody-1, nobody-2")
    assert caught.value.__notes__ == ["The list does not show 17 more of those that are waited for."]
    assert by_id(cloud) == 3
    assert [one.operation for one in caught.value.attempts] == [LIST] * 4

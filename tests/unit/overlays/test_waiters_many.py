"""What do many waits of one client cost, and does each of them tell its own story?"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from toast_compute import AsyncToastCompute, ToastCompute
from toast_compute_mock import MockCloud, ScaledClock, faults

from .mocked import NEW, client, fresh_cloud

LIST, DETAILS = "listInstances", "listInstanceDetails"


def async_client(cloud: MockCloud) -> AsyncToastCompute:
    return AsyncToastCompute(
        "demo-appkey", "demo@example.com", "demo-password", transport=cloud.async_transport, clock=cloud.clock
    )


def test_a_hundred_deletions_cost_two_lists_for_each_look() -> None:
    async def wait_for_all_of_them() -> None:
        async with async_client(cloud) as toast:
            ids = [(await toast.instances.create(**NEW)).id for _ in range(100)]
            await toast.instances.wait_for_all(ids, "ACTIVE")
            assert len((await toast.instances.map("delete", ids)).ok) == 100
            before.update({name: cloud.journal.count(operation=name) for name in (LIST, DETAILS)})
            await asyncio.gather(*(toast.instances.wait_until_deleted(id) for id in ids))

    before: dict[str, int] = {}
    cloud = fresh_cloud()
    asyncio.run(wait_for_all_of_them())
    assert cloud.journal.count(operation=LIST) - before[LIST] <= 10
    assert cloud.journal.count(operation=DETAILS) - before[DETAILS] <= 5


def test_each_wait_tells_its_own_story_of_a_look_that_failed_for_all() -> None:
    async def wait_for_all_of_them() -> list[object]:
        async with async_client(cloud) as toast:
            ids = [(await toast.instances.create(**NEW)).id for _ in range(3)]
            cloud.faults.add(faults.result_code(LIST, -3, budget=None))
            waits = (toast.instances.wait_for_status(id, "ACTIVE") for id in ids)
            return list(await asyncio.gather(*waits, return_exceptions=True))

    cloud = fresh_cloud()
    for error in asyncio.run(wait_for_all_of_them()):
        assert len([note for note in getattr(error, "__notes__", []) if "of waiting for" in note]) == 1


def test_threads_whose_token_ends_while_they_share_a_look_do_not_wait_for_each_other() -> None:
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
def test_an_id_is_the_same_in_another_case(toast: ToastCompute, service: Any, written: str, asked: str) -> None:
    service.on("GET instances", service.instances((written, "ACTIVE"), ("i-2", "ACTIVE")))
    assert toast.instances.wait_for_status(asked, "ACTIVE", timeout=2).id == written
    assert [one.id for one in toast.instances.wait_for_all([asked, "i-2"], "ACTIVE", timeout=2)] == [written, "i-2"]

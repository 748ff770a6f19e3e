"""Test that many tasks share one client, which stays usable when some of them are cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from toast_compute import APIConnectionError, AsyncToastCompute, NotFoundError, ToastComputeError
from toast_compute_mock import MockCloud, RealClock, ScaledClock, faults

from ..clients import CREDENTIALS, async_client, make_cloud, run, run_tasks, until

WEB = "125a0000-0000-4000-8000-000000000001"


@asynccontextmanager
async def on_socket(mock: MockCloud, **options: Any) -> AsyncIterator[AsyncToastCompute]:
    """A client that reaches a cloud over sockets."""
    with mock.serve() as server:
        async with async_client(mock, transport=None, base_url=server.base_url, **options) as toast:
            yield toast


@asynccontextmanager
async def in_process(mock: MockCloud, **options: Any) -> AsyncIterator[AsyncToastCompute]:
    """A client that reaches a cloud in this process."""
    async with async_client(mock, **options) as toast:
        yield toast


PLACES = pytest.mark.parametrize("place", [in_process, on_socket])
Place = Callable[..., Any]


@PLACES
def test_five_hundred_tasks_issue_one_token(place: Place) -> None:
    mock = MockCloud(clock=RealClock())

    async def main() -> None:
        async with place(mock) as toast:
            lists = await asyncio.gather(*(toast.flavors.list() for _ in range(500)))
        assert all(lists)

    run(main)
    assert mock.journal.count(operation="issueToken") == 1
    assert mock.journal.count(operation="listFlavors") == 500


def test_tasks_share_one_error_when_no_token_can_be_issued() -> None:
    mock = make_cloud(faults=[faults.result_code("issueToken", 50401, budget=None)])

    async def main() -> None:
        async with async_client(mock) as toast:
            outcomes = await asyncio.gather(*(toast.flavors.list() for _ in range(50)), return_exceptions=True)
        assert {type(one).__name__ for one in outcomes} == {"AuthenticationError"}

    run(main)


async def cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@PLACES
def test_next_task_issues_the_token_when_the_first_is_cancelled(place: Place) -> None:
    mock = MockCloud(clock=RealClock(), faults=[faults.delay("issueToken", 30)])

    async def main() -> None:
        async with place(mock) as toast:
            first = asyncio.create_task(toast.flavors.list())
            await until(lambda: mock.journal.count(operation="issueToken") >= 1)
            others = [asyncio.create_task(toast.flavors.list()) for _ in range(5)]
            await run_tasks()
            await cancel(first)
            assert all(await asyncio.wait_for(asyncio.gather(*others), 10))

    run(main)
    assert mock.journal.count(operation="issueToken") == 2


@PLACES
def test_task_cancelled_while_it_waits_for_the_token_does_not_affect_others(place: Place) -> None:
    mock = MockCloud(clock=RealClock(), faults=[faults.delay("issueToken", 0.1)])

    async def main() -> None:
        async with place(mock) as toast:
            tasks = [asyncio.create_task(toast.flavors.list()) for _ in range(6)]
            await run_tasks()
            for waiting in (tasks.pop(3), tasks.pop(1)):
                await cancel(waiting)
            assert all(await asyncio.wait_for(asyncio.gather(*tasks), 10))

    run(main)
    assert mock.journal.count(operation="issueToken") == 1


@PLACES
@pytest.mark.parametrize("operation", ["createKeypair", "listFlavors"])
def test_client_is_usable_after_a_call_is_cancelled(place: Place, operation: str) -> None:
    mock = MockCloud(clock=RealClock(), faults=[faults.delay(operation, 30)])

    def call(toast: AsyncToastCompute) -> Any:
        return toast.flavors.list() if operation == "listFlavors" else toast.keypairs.create("mine")

    async def main() -> None:
        async with place(mock) as toast:
            await toast.availability_zones.list()
            task = asyncio.create_task(call(toast))
            await until(lambda: mock.journal.count(operation=operation) >= 1)
            await cancel(task)
            assert await toast.flavors.list()
            assert await toast.keypairs.list()

    run(main)
    # It was not sent again.
    assert mock.journal.count(operation="createKeypair") == (operation == "createKeypair")


@PLACES
def test_client_is_usable_after_a_call_is_cancelled_while_its_reply_is_read(place: Place) -> None:
    mock = MockCloud(clock=RealClock(), faults=[faults.stall("listFlavors")])

    async def main() -> None:
        async with place(mock) as toast:
            task = asyncio.create_task(toast.flavors.list())
            await until(lambda: mock.journal.count(operation="listFlavors") >= 1)
            await asyncio.sleep(0.02)
            await cancel(task)
            assert await toast.flavors.list()

    run(main)


def test_client_is_usable_after_a_wait_is_cancelled() -> None:
    mock = MockCloud(clock=ScaledClock(1))

    async def main() -> None:
        async with async_client(mock) as toast:
            await toast.instances.stop(WEB)
            task = asyncio.create_task(toast.instances.wait_for_status(WEB, "ACTIVE"))
            await run_tasks()
            await cancel(task)
            assert (await toast.instances.get(WEB)).id == WEB

    run(main)


def test_client_is_usable_after_random_cancellations() -> None:
    mock = MockCloud(clock=RealClock(), faults=[faults.delay_uniform(None, 0.0, 0.01, budget=None)])

    async def main() -> None:
        async with on_socket(mock) as toast:
            await toast.flavors.list()
            tasks = [asyncio.create_task(toast.flavors.list()) for _ in range(120)]
            for number, task in enumerate(tasks):
                if number % 3 == 0:
                    task.cancel()
                    await asyncio.sleep(0)
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            kinds = {type(one) for one in outcomes}
            assert kinds <= {list, asyncio.CancelledError}
            assert sum(isinstance(one, list) for one in outcomes) >= 80
            lists = await asyncio.wait_for(asyncio.gather(*(toast.flavors.list() for _ in range(110))), 20)
            assert all(lists)

    run(main)
    assert mock.journal.count(operation="issueToken") == 1


@pytest.mark.parametrize(
    "error",
    [httpx.ConnectError("no"), httpx.ConnectTimeout("slow"), httpx.PoolTimeout("full"), httpx.ProxyError("407")],
    ids=lambda error: type(error).__name__,
)
def test_request_that_was_not_sent_is_not_ambiguous(error: Exception) -> None:
    class Broken(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if not request.url.path.endswith("/tokens"):
                raise error
            answer: httpx.Response = await mock.async_transport.handle_async_request(request)
            return answer

    mock = make_cloud()

    async def main() -> None:
        async with AsyncToastCompute(*CREDENTIALS, transport=Broken(), clock=mock.clock) as toast:
            with pytest.raises(APIConnectionError) as caught:
                await toast.keypairs.create("mine")
            assert caught.value.never_sent
            raised: BaseException | None = caught.value
            while raised is not None:
                assert not type(raised).__module__.startswith("httpx")
                raised = raised.__cause__ or raised.__context__

    run(main)


def test_errors_do_not_cross_between_tasks() -> None:
    async def main() -> None:
        async with async_client(make_cloud()) as toast:
            calls: list[Any] = []
            for number in range(40):
                calls.append(toast.flavors.list() if number % 2 else toast.instances.get(f"nobody-{number}"))
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
        for number, outcome in enumerate(outcomes):
            if number % 2:
                assert isinstance(outcome, list)
            else:
                assert isinstance(outcome, NotFoundError)

    run(main)


@PLACES
def test_calls_end_in_an_error_of_this_package_when_the_client_is_closed(place: Place) -> None:
    mock = MockCloud(clock=RealClock(), faults=[faults.delay("listFlavors", 0.2, budget=None)])

    async def main() -> None:
        async with place(mock, timeout=2) as toast:
            await toast.availability_zones.list()
            tasks = [asyncio.create_task(toast.flavors.list()) for _ in range(5)]
            await until(lambda: mock.journal.count(operation="listFlavors") >= 5)
            await toast.close()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(one, ToastComputeError | list) for one in outcomes), outcomes

    run(main)

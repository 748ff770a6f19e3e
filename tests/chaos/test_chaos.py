"""Test that no fault creates an instance twice, loses an outcome or raises an untyped error."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from operator import attrgetter

import msgspec
import pytest
from toast_compute import AsyncToastCompute, ToastCompute
from toast_compute_api.api.instances import create_instance
from toast_compute_mock import AutoJumpClock, FrozenClock, MockCloud, RealClock

from .random_faults import CREATE, Outcomes, Worker, false_outcomes, faulty_cloud

OPERATIONS = 10_000
THREADS = 8
TASKS = 50
MANY = 30
SEED = 20260115
# A client uses all but the last two minutes of a token's hour.
LIFETIME = 3600 - 120


def client(cloud: MockCloud) -> ToastCompute:
    return ToastCompute(
        "demo-appkey", "demo@example.com", "demo-password", transport=cloud.transport, clock=cloud.clock
    )


def async_client(cloud: MockCloud) -> AsyncToastCompute:
    return AsyncToastCompute(
        "demo-appkey", "demo@example.com", "demo-password", transport=cloud.async_transport, clock=cloud.clock
    )


def random_calls(operations: int, threads: int, seed: int = SEED) -> tuple[MockCloud, Outcomes]:
    """Let threads send random calls in-process, on a clock that moves on when all of them wait."""
    cloud, outcomes = faulty_cloud(seed), Outcomes()
    with client(cloud) as toast:
        run_workers(toast, outcomes, operations, threads, seed)
    return cloud, outcomes


def run_workers(toast: ToastCompute, outcomes: Outcomes, operations: int, threads: int, seed: int) -> None:
    def work(number: int) -> None:
        worker = Worker(number, seed, outcomes)
        for _ in range(operations // threads):
            step = worker.next_step()
            method, arguments, options = step
            try:
                outcome = attrgetter(method)(toast)(*arguments, **options)
            except Exception as error:
                outcome = error
            worker.record(step, outcome)

    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(work, number) for number in range(threads)]:
            done.result()


def test_threads_get_true_outcomes_under_random_faults() -> None:
    cloud, outcomes = random_calls(OPERATIONS, THREADS)
    assert outcomes.operations == OPERATIONS
    assert false_outcomes(cloud, outcomes) == []
    # Every fault occurred often, and calls ended in every way.
    rare = {state.fault.name: state.used for state in cloud.faults.list() if state.used < MANY}
    assert rare == {}
    assert outcomes.kinds["ok"] > OPERATIONS * 0.2
    assert outcomes.kinds["AmbiguousOutcomeError"] > OPERATIONS * 0.02
    # Reconciling finds most of the lost ones.
    assert outcomes.ambiguous_share(reconciled=True) < outcomes.ambiguous_share(reconciled=False) / 2
    print(f"\n{outcomes.operations} operations, {cloud.journal.count()} requests: {dict(outcomes.kinds)}")


@pytest.fixture
def _create_may_be_repeated() -> Iterator[None]:
    """A wrong rule on purpose: a create counts as idempotent."""
    right = create_instance.OPERATION
    create_instance.OPERATION = msgspec.structs.replace(right, retry="idempotent")
    yield
    create_instance.OPERATION = right


@pytest.mark.usefixtures("_create_may_be_repeated")
def test_wrong_retry_rule_is_detected() -> None:
    cloud, outcomes = random_calls(OPERATIONS // 5, THREADS)
    assert any("requests were carried out" in line for line in false_outcomes(cloud, outcomes))


def test_sixty_four_threads_issue_one_token_per_lifetime() -> None:
    clock = FrozenClock()
    cloud = MockCloud(clock=clock)
    threads, reads, start = 64, 36, clock.now()
    # Time moves on only between two rounds: no call is under way, however busy the machine is.
    round_is_over = threading.Barrier(threads, action=lambda: clock.advance(600), timeout=60)

    def work() -> None:
        for _ in range(reads):
            toast.flavors.list()
            round_is_over.wait()

    with client(cloud) as toast, ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(work) for _ in range(threads)]:
            done.result()
    assert cloud.journal.count(operation="listFlavors") == threads * reads
    lifetimes = (clock.now() - start) / LIFETIME
    assert lifetimes > 6
    assert cloud.journal.count(operation="issueToken") <= lifetimes + 1


def test_five_hundred_tasks_issue_one_token_per_lifetime() -> None:
    cloud = MockCloud(clock=AutoJumpClock())
    reads, start = 12, cloud.clock.now()

    async def work(toast: AsyncToastCompute) -> None:
        for _ in range(reads):
            await toast.flavors.list()
            await cloud.clock.sleep_async(600)

    async def all_of_them() -> None:
        async with async_client(cloud) as toast:
            await asyncio.gather(*(work(toast) for _ in range(500)))

    asyncio.run(all_of_them())
    assert cloud.journal.count(operation="listFlavors") == 500 * reads
    lifetimes = (cloud.clock.now() - start) / LIFETIME
    assert lifetimes > 2
    assert cloud.journal.count(operation="issueToken") <= lifetimes + 1


def test_tasks_get_true_outcomes_under_random_faults() -> None:
    cloud, outcomes = faulty_cloud(SEED + 1), Outcomes()

    async def work(toast: AsyncToastCompute, number: int) -> None:
        worker = Worker(number, SEED + 1, outcomes)
        for _ in range(OPERATIONS // 4 // TASKS):
            step = worker.next_step()
            method, arguments, options = step
            try:
                outcome = await attrgetter(method)(toast)(*arguments, **options)
            except Exception as error:
                outcome = error
            worker.record(step, outcome)

    async def all_of_them() -> None:
        async with async_client(cloud) as toast:
            await asyncio.gather(*(work(toast, number) for number in range(TASKS)))

    asyncio.run(all_of_them())
    assert outcomes.operations == OPERATIONS // 4
    assert false_outcomes(cloud, outcomes) == []


def test_threads_get_true_outcomes_on_real_sockets_under_random_faults() -> None:
    cloud, outcomes = faulty_cloud(SEED + 2, clock=RealClock()), Outcomes()
    with (
        cloud.serve() as server,
        ToastCompute("demo-appkey", "demo@example.com", "demo-password", base_url=server.base_url) as toast,
    ):
        run_workers(toast, outcomes, OPERATIONS // 5, THREADS, SEED + 2)
    assert outcomes.operations == OPERATIONS // 5
    assert false_outcomes(cloud, outcomes) == []


def test_journal_counts_the_creates_of_the_whole_run() -> None:
    cloud, outcomes = random_calls(400, 2)
    assert len(cloud.journal.find()) == cloud.journal.count()
    made = [outcome for outcome in outcomes.creates.values() if not outcome.endswith("Error")]
    assert cloud.journal.count(operation=CREATE) >= len(made) > 10

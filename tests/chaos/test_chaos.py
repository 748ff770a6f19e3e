"""Is nothing created twice, nothing lost without a word, and no error untyped, whatever goes wrong?"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from operator import attrgetter

import msgspec
import pytest
from toast_compute import ToastCompute
from toast_compute_api.api.instances import create_instance
from toast_compute_mock import AutoJumpClock, MockCloud

from .storm import CREATE, Story, Worker, lies, stormy_cloud

OPERATIONS = 10_000
THREADS = 8
SEED = 20260115


def client(cloud: MockCloud) -> ToastCompute:
    return ToastCompute(
        "demo-appkey", "demo@example.com", "demo-password", transport=cloud.transport, clock=cloud.clock
    )


def storm(operations: int, threads: int, seed: int = SEED) -> tuple[MockCloud, Story]:
    cloud, story = stormy_cloud(seed), Story()

    def work(number: int) -> None:
        worker = Worker(number, seed, story)
        for _ in range(operations // threads):
            step = worker.next_step()
            method, arguments, options = step
            try:
                outcome = attrgetter(method)(toast)(*arguments, **options)
            except Exception as error:
                outcome = error
            worker.note(step, outcome)

    with client(cloud) as toast, ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(work, number) for number in range(threads)]:
            done.result()
    return cloud, story


def test_in_a_storm_the_client_is_told_the_truth() -> None:
    cloud, story = storm(OPERATIONS, THREADS)
    assert story.operations == OPERATIONS
    assert lies(cloud, story) == []
    # It was a storm: every fault struck often, and calls ended in every way.
    assert all(state.used > OPERATIONS * 0.01 for state in cloud.faults.list())
    assert story.outcomes["ok"] > OPERATIONS * 0.2
    assert story.outcomes["AmbiguousOutcomeError"] > OPERATIONS * 0.02
    print(f"\n{story.operations} operations, {cloud.journal.count()} requests: {dict(story.outcomes)}")


@pytest.fixture
def _create_may_be_repeated() -> Iterator[None]:
    """A rule that is wrong on purpose: the contract says that a create may be sent twice."""
    right = create_instance.OPERATION
    create_instance.OPERATION = msgspec.structs.replace(right, retry="idempotent")
    yield
    create_instance.OPERATION = right


@pytest.mark.usefixtures("_create_may_be_repeated")
def test_a_wrong_rule_is_found_out() -> None:
    cloud, story = storm(OPERATIONS // 5, THREADS)
    assert any("requests were carried out" in lie for lie in lies(cloud, story))


def test_sixty_four_threads_issue_one_token_for_each_life() -> None:
    cloud = MockCloud(clock=AutoJumpClock())
    hours = 6

    def work() -> None:
        for _ in range(hours * 6):
            toast.flavors.list()
            cloud.clock.sleep(600)

    with client(cloud) as toast, ThreadPoolExecutor(64) as pool:
        for done in [pool.submit(work) for _ in range(64)]:
            done.result()
    assert cloud.journal.count(operation="listFlavors") == 64 * hours * 6
    assert hours <= cloud.journal.count(operation="issueToken") <= hours + 1


def test_creates_are_counted_by_the_journal_of_the_whole_storm() -> None:
    cloud, story = storm(400, 2)
    assert len(cloud.journal.find()) == cloud.journal.count()
    assert cloud.journal.count(operation=CREATE) >= len(story.creates)

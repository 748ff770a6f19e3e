"""Check what a cloud goes on with after a restore, and what a reset goes back to then."""

from __future__ import annotations

import json
from typing import Any

import pytest
from toast_compute_mock import FrozenClock, MockCloud, faults
from toast_compute_mock.exchange import Request

from .conftest import BATCH, SEED_TOKEN, new_instance

DEMO = "05e40000-0000-4000-8000-000000000001"


@pytest.fixture
def mock() -> MockCloud:
    return MockCloud(clock=FrozenClock())


def send(
    mock: MockCloud, method: str, path: str, body: Any = None, token: str = SEED_TOKEN, appkey: str = "demo-appkey"
) -> Any:
    content = b"" if body is None else json.dumps(body).encode()
    target = f"/compute/v1.0/appkeys/{appkey}/{path}"
    return json.loads(mock.handle(Request(method, target, {"x-auth-token": token}, content)).body)


def create(mock: MockCloud, name: str, **where: str) -> str:
    made: str = send(mock, "POST", "instances", new_instance(name=name), **where)["instance"]["id"]
    return made


def names(mock: MockCloud, world: str = DEMO) -> list[str]:
    return [instance.name for instance in mock.worlds.get(world).instances.values()]


def fork(mock: MockCloud) -> tuple[str, dict[str, str]]:
    """Return a fork, and how to ask for something in it."""
    world = mock.worlds.fork(DEMO, appkey="fork-appkey", username="fork@example.com", password="forked-password")
    credentials = {"auth": {"username": "fork@example.com", "password": "forked-password"}}
    token = send(mock, "POST", "tokens", credentials, appkey="fork-appkey")["access"]["token"]["id"]
    return world, {"token": token, "appkey": "fork-appkey"}


def test_after_a_restore_a_world_begins_with_what_the_snapshot_held(mock: MockCloud) -> None:
    create(mock, "kept")
    taken = mock.snapshot()
    created = create(mock, "later")
    mock.restore(taken)
    create(mock, "last")
    mock.worlds.reset(DEMO)
    assert names(mock) == ["web-01", "batch-01", "kept"]
    assert create(mock, "later") == created


def test_after_a_restore_a_fork_begins_with_what_the_snapshot_held(mock: MockCloud) -> None:
    world, there = fork(mock)
    create(mock, "forked", **there)
    mock.restore(mock.snapshot())
    create(mock, "last", **there)
    mock.worlds.reset(world)
    assert names(mock, world) == ["web-01", "batch-01", "forked"]


def test_reset_of_all_goes_back_to_the_seed_world_and_the_first_seed(mock: MockCloud) -> None:
    first = create(mock, "one")
    other = MockCloud(seed=7, clock=FrozenClock())
    create(other, "kept")
    mock.restore(other.snapshot())
    assert create(mock, "one") != first
    mock.worlds.reset()
    assert names(mock) == ["web-01", "batch-01"]
    assert mock.worlds.snapshot().seed == 0
    assert create(mock, "one") == first


def test_restore_forgets_what_stale_reads_would_show(mock: MockCloud) -> None:
    mock.faults.add(faults.stale_read("listInstances"))
    taken = mock.snapshot()
    create(mock, "gone")
    create(mock, "gone-too")
    mock.restore(taken)
    listed = send(mock, "GET", "instances")["instances"]
    assert [instance["name"] for instance in listed] == ["web-01", "batch-01"]
    assert mock.faults.unused() == [state.fault.name for state in mock.faults.list()]


def test_reset_forgets_what_stale_reads_would_show(mock: MockCloud) -> None:
    mock.faults.add(faults.stale_read("listInstances"))
    create(mock, "gone")
    create(mock, "gone-too")
    mock.worlds.reset(DEMO)
    assert len(send(mock, "GET", "instances")["instances"]) == 2
    assert mock.faults.unused() != []


def test_snapshot_is_of_worlds_as_they_are_at_its_time() -> None:
    clock = FrozenClock()
    mock = MockCloud(clock=clock)
    made = create(mock, "new")
    assert send(mock, "POST", f"instances/{BATCH}/action", {"action": "start"})["header"]["resultCode"] == 0
    clock.advance(3600)
    (world,) = mock.worlds.snapshot().worlds
    assert [world.instances[one].transition for one in (made, BATCH)] == [None, None]
    assert [world.instances[one].status for one in (made, BATCH)] == ["ACTIVE", "ACTIVE"]


def test_snapshot_shares_nothing_with_the_cloud(mock: MockCloud) -> None:
    taken = mock.worlds.snapshot()
    mock.worlds.restore(taken)
    taken.worlds[0].instances.clear()
    assert names(mock) == ["web-01", "batch-01"]
    mock.worlds.snapshot().worlds[0].instances.clear()
    assert names(mock) == ["web-01", "batch-01"]


def test_faults_and_journal_and_evolution_stay_as_they_are(mock: MockCloud) -> None:
    taken = mock.snapshot()
    mock.faults.add(faults.result_code("listFlavors", -6))
    mock.evolution = ("nulls",)
    send(mock, "GET", "instances")
    mock.restore(taken)
    assert (len(mock.faults.list()), mock.evolution, mock.journal.count()) == (1, ("nulls",), 1)


def test_fork_goes_on_counting_where_its_source_was(mock: MockCloud) -> None:
    create(mock, "one")
    create(mock, "two")
    before = mock.worlds.get(DEMO)
    world, there = fork(mock)
    forked = mock.worlds.get(world)
    counted = {kind: number for kind, number in forked.mint.counters.items() if kind != "token"}
    assert counted == before.mint.counters
    create(mock, "three", **there)
    addresses = [
        interface.mac_address
        for instance in mock.worlds.get(world).instances.values()
        for interface in instance.interfaces
    ]
    assert len(set(addresses)) == len(addresses)
    assert mock.worlds.get(DEMO).mint.counters == before.mint.counters


def test_secrets_of_a_snapshot_are_secrets(mock: MockCloud) -> None:
    other = MockCloud(clock=FrozenClock())
    _, there = fork(other)
    mock.restore(other.snapshot())
    for secret in ("forked-password", "fork-appkey", there["token"]):
        send(mock, "GET", f"instances?id={secret}")
        entry = mock.journal.find()[-1]
        assert entry.leaks == ("query",)
        assert secret not in entry.target


def test_tokens_of_a_snapshot_are_secrets_when_its_worlds_are_gone(mock: MockCloud) -> None:
    other = MockCloud(clock=FrozenClock())
    _, there = fork(other)
    mock.restore(other.snapshot())
    mock.worlds.reset()
    send(mock, "GET", f"instances?id={there['token']}")
    assert mock.journal.find()[-1].leaks == ("query",)


def test_secret_in_a_name_of_a_snapshot_is_redacted_in_replies(mock: MockCloud) -> None:
    send(mock, "POST", "keypairs", {"keypair": {"name": "forked-password"}})
    fork(mock)
    other = MockCloud(clock=FrozenClock())
    other.restore(mock.snapshot())
    send(other, "GET", "keypairs")
    assert "forked-password" not in other.journal.find()[-1].reply

"""Check that the differences between two worlds are complete, and nothing else is listed."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from toast_compute_mock.operations import HANDLERS, Call
from toast_compute_mock.world.diff import Change, as_text, diff
from toast_compute_mock.world.seed import default_seed_world, start_world
from toast_compute_mock.world.state import World, issue_token

from ..conftest import BATCH, SEED_TOKEN, WEB, new_instance

NOW = datetime(2026, 1, 15, 9, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
VOLUME = "b10c0000-0000-4000-8000-000000000001"
KINDS = ("zones", "flavors", "images", "networks", "subnets", "security_groups", "keypairs", "volumes", "floating_ips")


@pytest.fixture
def world() -> World:
    seed_world = default_seed_world()
    return start_world(seed_world, seed_world.accounts[0], 0, NOW)


def copy_of(world: World) -> World:
    return copy.deepcopy(world)


def ask(world: World, operation: str, body: Any = None, now: datetime = NOW, **parameters: str) -> Any:
    return HANDLERS[operation](world, Call(operation, now, parameters, body or {}))


def act(world: World, instance: str, action: str, **parameters: str) -> None:
    ask(world, "runInstanceAction", {"action": action, "parameters": parameters}, instanceId=instance)


def members(changes: list[Change]) -> dict[str, tuple[Any, Any]]:
    return {change.member: (change.before, change.after) for change in changes}


def test_equal_worlds_have_no_differences(world: World) -> None:
    act(world, BATCH, "start")
    assert diff(world, world, NOW) == []
    assert diff(world, copy_of(world), LATER) == []


def test_created_and_deleted_resources_are_listed_as_a_whole(world: World) -> None:
    after = copy_of(world)
    new = ask(after, "createInstance", new_instance())["instance"]["id"]
    ask(after, "deleteKeypair", name="demo-key")
    created, deleted = sorted(diff(world, after, NOW), key=lambda change: change.kind)
    assert (created.kind, created.resource, created.id, created.member) == ("created", "instances", new, "")
    assert created.before is None
    assert (created.after["name"], created.after["status"]) == ("test-01", "BUILD")
    assert (deleted.kind, deleted.resource, deleted.id) == ("deleted", "keypairs", "demo-key")
    assert deleted.after is None
    assert deleted.before["createdAt"] == "2026-01-12T09:00:00Z"


def test_status_is_that_which_shows_at_the_time(world: World) -> None:
    after = copy_of(world)
    act(after, BATCH, "start")
    assert members(diff(world, after, NOW))["status"] == ("STOP", "POWERING_ON")
    assert members(diff(world, after, LATER)).keys() == {"status", "updatedAt", "launchedAt"}
    assert members(diff(world, after, LATER))["status"] == ("STOP", "ACTIVE")


def test_instance_that_is_gone_by_then_is_deleted(world: World) -> None:
    after = copy_of(world)
    ask(after, "deleteInstance", id=BATCH)
    assert members(diff(world, after, NOW))["status"] == ("STOP", "DELETING")
    assert [(change.kind, change.id) for change in diff(world, after, LATER)] == [("deleted", BATCH)]


def test_change_of_flavor_shows_when_it_ends(world: World) -> None:
    after = copy_of(world)
    act(after, WEB, "resize", flavor="f1a00000-0000-4000-8000-000000000002")
    assert "flavor" not in members(diff(world, after, NOW))
    assert members(diff(world, after, LATER))["flavor"][1] == "f1a00000-0000-4000-8000-000000000002"


def test_worlds_are_not_touched(world: World) -> None:
    after = copy_of(world)
    act(after, BATCH, "start")
    ask(after, "deleteInstance", id=WEB)
    before = copy_of(after)
    diff(after, world, LATER)
    diff(world, after, LATER)
    assert after == before
    assert list(after.instances) == list(before.instances)


def test_member_is_named_by_its_path(world: World) -> None:
    after = copy_of(world)
    act(after, WEB, "removeFloatingIp", address="203.0.113.12")
    ask(after, "attachVolume", {"attachment": {"volumeId": VOLUME}}, instanceId=WEB)
    after.instances[WEB].metadata = {"role": "db", "tier": "1"}
    found = {(change.resource, change.member): (change.before, change.after) for change in diff(world, after, NOW)}
    assert found[("instances", "interfaces[0].floatingIpAddress")] == ("203.0.113.12", None)
    assert found[("instances", f"attachments.{VOLUME}")][0] is None
    assert found[("instances", "metadata.role")] == ("web", "db")
    assert found[("instances", "metadata.tier")] == (None, "1")
    assert found[("floating_ips", "attachedTo")] == (WEB, None)
    assert found[("volumes", "attachedTo")] == (None, WEB)


def test_added_and_removed_list_entries_are_listed_by_index(world: World) -> None:
    after = copy_of(world)
    world.instances[WEB].security_groups = ["default"]
    after.instances[WEB].security_groups = ["default", "web"]
    assert members(diff(world, after, NOW)) == {"securityGroups[1]": (None, "web")}
    assert members(diff(after, world, NOW)) == {"securityGroups[1]": ("web", None)}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_resource_is_compared(world: World, kind: str) -> None:
    after = copy_of(world)
    resources = getattr(after, kind)
    id = next(iter(resources))
    del resources[id]
    assert [(c.kind, c.resource, c.id) for c in diff(world, after, NOW)] == [("deleted", kind, id)]
    assert [(c.kind, c.resource, c.id) for c in diff(after, world, NOW)] == [("created", kind, id)]


def test_every_kind_of_resource_is_tested() -> None:
    assert {*KINDS, "instances"} == set(World.__struct_fields__) - {"account", "mint", "quotas", "tokens"}


def test_tokens_differ_by_the_number_of_valid_ones_never_by_id(world: World) -> None:
    after = copy_of(world)
    issue_token(after, "the-secret-token", NOW + timedelta(minutes=30))
    assert diff(world, after, NOW) == [Change("changed", "tokens", "", "count", 1, 2)]
    assert diff(world, after, NOW + timedelta(minutes=70)) == [Change("changed", "tokens", "", "count", 0, 1)]
    assert diff(world, after, NOW + timedelta(hours=3)) == []


def test_quotas_are_compared(world: World) -> None:
    after = copy_of(world)
    after.quotas.instances = 5
    assert diff(world, after, NOW) == [Change("changed", "quotas", "", "instances", None, 5)]


def test_differences_hold_no_secret_of_an_account(world: World) -> None:
    after = copy_of(world)
    after.account.password, after.account.appkey = "another-password", "another-appkey"
    after.tokens.clear()
    ask(after, "createInstance", new_instance())
    changes = diff(world, after, NOW)
    shown = repr(changes) + as_text(changes) + msgspec.json.encode(changes).decode()
    for secret in ("demo-password", "another-password", "demo-appkey", "another-appkey", SEED_TOKEN):
        assert secret not in shown


def test_change_that_was_undone_is_not_a_difference(world: World) -> None:
    after = copy_of(world)
    new = ask(after, "createInstance", new_instance())["instance"]["id"]
    ask(after, "deleteInstance", now=LATER, id=new)
    assert after != world
    assert diff(world, after, LATER + timedelta(minutes=5)) == []


def test_differences_are_plain_json(world: World) -> None:
    after = copy_of(world)
    act(after, BATCH, "start")
    ask(after, "createInstance", new_instance())
    changes = diff(world, after, LATER)
    assert json.loads(json.dumps(msgspec.to_builtins(changes))) == msgspec.to_builtins(changes)


def test_people_get_one_line_for_each(world: World) -> None:
    after = copy_of(world)
    act(after, BATCH, "start")
    after.keypairs["two\nlines"] = after.keypairs.pop("demo-key")
    after.instances[WEB].metadata["a\nb"] = "c\nd"
    lines = as_text(diff(world, after, NOW)).split("\n")
    assert lines == [
        "keypairs demo-key: deleted",
        'keypairs "two\\nlines": created, name "demo-key"',
        f'instances {WEB}: "metadata.a\\nb" nothing -> "c\\nd"',
        f'instances {BATCH}: status "STOP" -> "POWERING_ON"',
        f'instances {BATCH}: updatedAt "2026-01-14T18:00:00Z" -> "2026-01-15T09:00:00Z"',
    ]
    assert as_text([]) == ""
    assert as_text([Change("changed", "tokens", "", "count", 1, 2)]) == "tokens: count 1 -> 2"

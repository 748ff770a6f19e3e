"""Check what a world begins with, who may see it, and that results are deterministic."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

import msgspec
import pytest
from toast_compute_mock import FrozenClock, MockCloud
from toast_compute_mock.engine.engine import Engine
from toast_compute_mock.engine.replies import BrokenReplyError
from toast_compute_mock.exchange import Request
from toast_compute_mock.operations import HANDLERS, OPEN_HANDLERS
from toast_compute_mock.operations.actions import ACTIONS
from toast_compute_mock.rules import OTHER_BEHAVIOURS, Rule
from toast_compute_mock.world.lifecycle import find_all
from toast_compute_mock.world.seed import (
    SeedWorld,
    default_seed_world,
    serialize_seed_world,
    start_world,
)
from toast_compute_mock.world.seed_file import WorldFileError, read_seed_world
from toast_compute_mock.world.state import Account, issue_token

from ..conftest import APPKEY, BATCH, SEED_TOKEN, START, WEB, Cloud

DOCUMENT: dict[str, Any] = json.loads(files("toast_compute_api").joinpath("strict.json").read_text(encoding="utf-8"))
NOW = datetime(2026, 1, 15, 9, tzinfo=UTC)
OTHER_TOKEN = "00000000-0000-4000-8000-00000000000f"


def seed_world_with(*accounts: Account) -> SeedWorld:
    seed_world = default_seed_world()
    seed_world.accounts.extend(accounts)
    return seed_world


def account(appkey: str, username: str) -> Account:
    return Account(
        appkey=appkey, username=username, password="another", user_id="u", roles=["member"], token=OTHER_TOKEN
    )


@pytest.mark.parametrize(
    "other", [account("other-appkey", "demo@example.com"), account("demo-appkey", "other@example.com")]
)
def test_users_do_not_see_each_others_changes(other: Account) -> None:
    engine = Engine(seed_world=seed_world_with(other))
    mine, theirs = Cloud(engine), Cloud(engine, token=OTHER_TOKEN, appkey=other.appkey)
    mine.create()
    mine.code("DELETE", "keypairs", query="name=demo-key")
    mine.act(BATCH, "start")
    assert [one["id"] for one in theirs.send("GET", "instances")["instances"]] == [WEB, BATCH]
    assert theirs.code("GET", "keypairs", query="name=demo-key") == 0
    assert theirs.status(BATCH) == "STOP"


def test_token_opens_only_the_appkey_that_it_was_issued_for() -> None:
    engine = Engine(seed_world=seed_world_with(account("other-appkey", "other@example.com")))
    stranger = Cloud(engine, token=SEED_TOKEN, appkey="other-appkey")
    assert stranger.message("GET", "flavors") == "Permission denied : token"
    assert stranger.code("GET", "tokens", query=f"id={SEED_TOKEN}") == 50404


def test_worlds_of_one_seed_have_different_ids() -> None:
    engine = Engine(seed_world=seed_world_with(account("other-appkey", "demo@example.com")))
    mine, theirs = Cloud(engine), Cloud(engine, token=OTHER_TOKEN, appkey="other-appkey")
    assert mine.create()["instance"]["id"] != theirs.create()["instance"]["id"]


def test_world_starts_when_its_first_request_comes(cloud: Cloud) -> None:
    cloud.now += 7200
    assert cloud.code("GET", "flavors") == 0
    token = cloud.send("GET", "tokens", query=f"id={SEED_TOKEN}")["access"]["token"]
    assert token["issued_at"] == "2026-01-15T11:00:00.000000"


def test_token_ends_at_the_second_that_it_shows(cloud: Cloud) -> None:
    cloud.now += 0.75
    token = cloud.send("GET", "tokens", query=f"id={SEED_TOKEN}")["access"]["token"]
    assert token == {
        "expires": "2026-01-15T10:00:00Z",
        "id": SEED_TOKEN,
        "issued_at": "2026-01-15T09:00:00.750000",
    }
    cloud.now = START + 3599.999
    assert cloud.code("GET", "flavors") == 0
    cloud.now = START + 3600
    assert cloud.code("GET", "flavors") == -3
    assert cloud.code("GET", "tokens", query=f"id={SEED_TOKEN}") == 50404


def test_same_requests_give_the_same_bytes_whoever_reads_in_between() -> None:
    def transcript(*, reads: bool) -> bytes:
        cloud = Cloud()
        made = cloud.create(count=2)["instance"]["id"]
        for _ in range(20):
            cloud.now += 1
            if reads:
                cloud.send("GET", "instances-detail")
        cloud.act(made, "reboot", type="HARD")
        cloud.code("DELETE", "instances", query=f"id={WEB}")
        cloud.now += 60
        target = "/compute/v1.0/appkeys/demo-appkey/instances-detail"
        return cloud.engine.handle(Request("GET", target, {"x-auth-token": SEED_TOKEN}), cloud.now).body

    assert transcript(reads=True) == transcript(reads=False)


def test_expired_tokens_are_forgotten_and_valid_ones_kept() -> None:
    seed_world = default_seed_world()
    world = start_world(seed_world, seed_world.accounts[0], 0, NOW)
    for minutes in range(0, 24 * 60, 10):
        issue_token(world, f"token-{minutes}", NOW + timedelta(minutes=minutes))
    assert len(world.tokens) == 6


def test_started_world_can_be_written_down_and_read_again() -> None:
    seed_world = default_seed_world()
    world = start_world(seed_world, seed_world.accounts[0], 0, NOW)
    again = msgspec.json.decode(msgspec.json.encode(world), type=type(world))
    assert again == world
    assert [one.id for one in find_all(again, NOW)] == [WEB, BATCH]


def test_records_show_no_secret() -> None:
    seed_world = default_seed_world()
    world = start_world(seed_world, seed_world.accounts[0], 0, NOW)
    shown = repr([world, world.mint, world.account, *world.tokens.values(), Request("GET", "/demo-appkey", {})])
    for secret in ("demo-password", "demo-appkey", SEED_TOKEN):
        assert secret not in shown


def in_file(change: Callable[[dict[str, Any]], object]) -> bytes:
    """Return the default seed world with a change, as a file."""
    content: dict[str, Any] = msgspec.to_builtins(default_seed_world())
    change(content)
    return json.dumps(content).encode()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda world: world["images"][0].update(minimum=1), "images[0]: Object contains unknown field `minimum`"),
        (lambda world: world.pop("zones"), "Object missing required field `zones`"),
        (lambda world: world["flavors"][1].update(ram="4096"), "flavors[1].ram: Expected `int`, got `str`"),
        (lambda world: world.update(accounts=[]), "accounts: needs at least one entry"),
        (lambda world: world["accounts"].append(world["accounts"][0]), "accounts: two have the same userId"),
        (lambda world: world["volumes"].append(world["volumes"][0]), "volumes: two have the same id"),
        (lambda world: world["subnets"][0].update(networkId="x"), "subnets[0].networkId: there is no network 'x'"),
        (
            lambda world: world["subnets"][0].update(cidr="10.0.0.0/33"),
            "subnets[0].cidr: must be a range of IPv4 addresses such as 192.168.0.0/24",
        ),
        (lambda world: world["instances"][0].update(flavor="x"), "instances[0].flavor: there is no flavor 'x'"),
        (
            lambda world: world["instances"][0]["interfaces"][0].update(ipAddress="172.16.0.1"),
            "instances[0].interfaces[0].ipAddress: must be an IPv4 address of the subnet "
            "'5b4e0000-0000-4000-8000-000000000001'",
        ),
        (lambda world: world["instances"][0].update(attachments={"x": "/dev/vdb"}), "instances[0].attachments: "),
    ],
)
def test_seed_world_that_does_not_hold_together_is_refused_with_the_place(
    change: Callable[[dict[str, Any]], object], problem: str
) -> None:
    with pytest.raises(WorldFileError) as refusal:
        read_seed_world(in_file(change))
    assert str(refusal.value).startswith(problem)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"zones": ' + b"[" * 100_000])
def test_seed_world_that_is_not_json_is_refused(content: bytes) -> None:
    with pytest.raises(WorldFileError, match=r"^is not JSON in UTF-8$"):
        read_seed_world(content)


@pytest.mark.parametrize("content", [b"[]", b"3"])
def test_seed_world_that_is_not_an_object_is_refused(content: bytes) -> None:
    with pytest.raises(WorldFileError, match=r"^Expected `object`"):
        read_seed_world(content)


def test_world_that_was_shown_can_be_changed_and_read() -> None:
    shown = serialize_seed_world(default_seed_world())
    shown["zones"][0]["available"] = False
    seed_world = read_seed_world(json.dumps(shown).encode())
    assert not seed_world.zones[0].available
    assert seed_world.accounts == default_seed_world().accounts
    assert serialize_seed_world(seed_world) == shown


def test_shown_world_marks_what_is_free() -> None:
    shown = serialize_seed_world(default_seed_world())
    assert {volume["name"]: volume["status"] for volume in shown["volumes"]} == {
        "data-01": "free",
        "data-02": "free",
        "data-03": "attached",
    }
    assert [ip["address"] for ip in shown["floating_ips"] if ip["status"] == "free"] == ["203.0.113.10", "203.0.113.11"]
    assert all("id" in one or "name" in one or "address" in one for section in shown.values() for one in section)
    assert "demo-password" not in json.dumps(shown)


def test_every_operation_and_action_of_the_contract_has_a_handler() -> None:
    operations = {operation["operationId"] for item in DOCUMENT["paths"].values() for operation in item.values()}
    assert HANDLERS.keys() | OPEN_HANDLERS.keys() == operations
    assert ACTIONS.keys() == DOCUMENT["components"]["schemas"]["InstanceAction"]["discriminator"]["mapping"].keys()


def test_every_behaviour_has_a_basis() -> None:
    rows = [*(rule.value for rule in Rule.__members__.values()), *OTHER_BEHAVIOURS]
    assert {row.basis for row in rows} == {"documented", "assumed"}
    assert len({row.text for row in rows}) == len(rows)
    assert all(row.text.endswith(".") for row in rows)


def test_create_in_an_unavailable_zone_is_refused() -> None:
    seed_world = default_seed_world()
    seed_world.zones[0].available = False
    cloud = Cloud(Engine(seed_world=seed_world))
    assert cloud.create()["header"]["resultCode"] == 12409
    assert cloud.send("GET", "availability-zones")["zones"][0]["zoneState"] == {"available": False}


def test_failed_instance_can_be_stopped_but_not_started() -> None:
    seed_world = default_seed_world()
    seed_world.instances[1].status = "ERROR"
    cloud = Cloud(Engine(seed_world=seed_world))
    assert cloud.act(BATCH, "start") == 10409
    assert cloud.act(BATCH, "stop") == 0
    assert cloud.status(BATCH) == "POWERING_OFF"


def test_reply_that_breaks_the_contract_is_never_given() -> None:
    seed_world = default_seed_world()
    seed_world.volumes[2].type = "General NVMe"
    cloud = Cloud(Engine(seed_world=seed_world))
    with pytest.raises(BrokenReplyError, match=r"instances\[0\]\.volumes\.attachments\[0\]\.type"):
        cloud.send("GET", "instances-detail")


def test_large_replies_are_checked_by_sample() -> None:
    seed_world = default_seed_world()
    seed_world.volumes[2].type = "General NVMe"
    cloud = Cloud(Engine(seed_world=seed_world, sample_above=0))
    outcomes = []
    for _ in range(33):
        try:
            cloud.send("GET", "instances-detail")
        except BrokenReplyError:
            outcomes.append("checked")
        else:
            outcomes.append("passed")
    assert [number for number, outcome in enumerate(outcomes) if outcome == "checked"] == [0, 16, 32]


def test_small_replies_are_all_held_against_the_contract() -> None:
    seed_world = default_seed_world()
    seed_world.volumes[2].type = "General NVMe"
    cloud = Cloud(Engine(seed_world=seed_world, sample_above=10_000))
    for _ in range(3):
        with pytest.raises(BrokenReplyError):
            cloud.send("GET", "instances-detail")


def test_cloud_that_goes_on_from_a_snapshot_has_its_time() -> None:
    later = MockCloud(clock=FrozenClock())
    moved = FrozenClock()
    moved.advance(3000)
    content = MockCloud(clock=moved).snapshot()
    later.restore(content)
    assert later.clock.now() == moved.now()
    ahead = FrozenClock()
    ahead.advance(9000)
    with_own_time = MockCloud(clock=ahead)
    with_own_time.restore(content)
    assert with_own_time.clock.now() == START + 9000


def test_methods_on_one_path_are_different_operations(cloud: Cloud) -> None:
    """Routes are cached by method and path."""
    for _ in range(2):
        assert cloud.code("GET", "instances") == 0
        assert cloud.code("HEAD", "instances") == 0
        assert cloud.code("POST", "instances") == -8
        assert cloud.code("PATCH", "instances") == -7


def test_many_paths_are_routed_correctly(cloud: Cloud) -> None:
    appkeys = [f"appkey-{number}" for number in range(1200)]
    for appkey in (*appkeys, APPKEY, *appkeys[:5]):
        cloud.appkey = appkey
        assert cloud.code("GET", "flavors") == (0 if appkey == APPKEY else -3)

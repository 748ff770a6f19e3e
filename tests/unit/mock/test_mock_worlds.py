"""What does a world begin with, who may see it, and does the same always come out of the same?"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

import msgspec
import pytest
from toast_compute_mock.behaviours import HABITS, Rule
from toast_compute_mock.engine import Engine
from toast_compute_mock.exchange import Request
from toast_compute_mock.lifecycle import find_all
from toast_compute_mock.operations import HANDLERS, OPEN_HANDLERS
from toast_compute_mock.operations.actions import ACTIONS
from toast_compute_mock.replies import BrokenReplyError
from toast_compute_mock.state import Account
from toast_compute_mock.worlds import (
    SeedWorld,
    default_seed_world,
    issue_token,
    read_seed_world,
    show_world,
    start_world,
)

from .conftest import BATCH, SEED_TOKEN, START, WEB, Cloud

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
def test_what_one_user_does_is_not_seen_by_another(other: Account) -> None:
    engine = Engine(seed_world=seed_world_with(other))
    mine, theirs = Cloud(engine), Cloud(engine, token=OTHER_TOKEN, appkey=other.appkey)
    mine.create()
    mine.code("DELETE", "keypairs", query="name=demo-key")
    mine.act(BATCH, "start")
    assert [one["id"] for one in theirs.send("GET", "instances")["instances"]] == [WEB, BATCH]
    assert theirs.code("GET", "keypairs", query="name=demo-key") == 0
    assert theirs.status(BATCH) == "STOP"


def test_a_token_opens_only_the_appkey_that_it_was_issued_for() -> None:
    engine = Engine(seed_world=seed_world_with(account("other-appkey", "other@example.com")))
    stranger = Cloud(engine, token=SEED_TOKEN, appkey="other-appkey")
    assert stranger.message("GET", "flavors") == "Permission denied : token"
    assert stranger.code("GET", "tokens", query=f"id={SEED_TOKEN}") == 50404


def test_worlds_of_one_seed_have_different_ids() -> None:
    engine = Engine(seed_world=seed_world_with(account("other-appkey", "demo@example.com")))
    mine, theirs = Cloud(engine), Cloud(engine, token=OTHER_TOKEN, appkey="other-appkey")
    assert mine.create()["instance"]["id"] != theirs.create()["instance"]["id"]


def test_a_world_starts_when_its_first_request_comes(cloud: Cloud) -> None:
    cloud.now += 7200
    assert cloud.code("GET", "flavors") == 0
    token = cloud.send("GET", "tokens", query=f"id={SEED_TOKEN}")["access"]["token"]
    assert token["issued_at"] == "2026-01-15T11:00:00.000000"


def test_a_token_ends_at_the_second_that_it_shows(cloud: Cloud) -> None:
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


def test_the_same_requests_give_the_same_bytes_whoever_reads_in_between() -> None:
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


def test_a_started_world_can_be_written_down_and_read_again() -> None:
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


def test_a_seed_world_with_a_misspelt_member_is_refused() -> None:
    content = msgspec.json.encode(default_seed_world()).replace(b'"minDisk"', b'"minimumDisk"', 1)
    with pytest.raises(msgspec.ValidationError, match=r"minimumDisk.*\$\.images\[0\]"):
        read_seed_world(content)


def test_the_shown_world_says_what_is_free() -> None:
    shown = show_world(default_seed_world())
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


def test_every_behaviour_says_what_it_rests_on() -> None:
    rows = [*(rule.value for rule in Rule.__members__.values()), *HABITS]
    assert {row.basis for row in rows} == {"documented", "assumed"}
    assert len({row.says for row in rows}) == len(rows)
    assert all(row.says.endswith(".") for row in rows)


def test_nothing_is_created_in_a_zone_that_is_not_available() -> None:
    seed_world = default_seed_world()
    seed_world.zones[0].available = False
    cloud = Cloud(Engine(seed_world=seed_world))
    assert cloud.create()["header"]["resultCode"] == 12409
    assert cloud.send("GET", "availability-zones")["zones"][0]["zoneState"] == {"available": False}


def test_a_failed_instance_can_be_stopped_but_not_started() -> None:
    seed_world = default_seed_world()
    seed_world.instances[1].status = "ERROR"
    cloud = Cloud(Engine(seed_world=seed_world))
    assert cloud.act(BATCH, "start") == 10409
    assert cloud.act(BATCH, "stop") == 0
    assert cloud.status(BATCH) == "POWERING_OFF"


def test_a_reply_that_breaks_the_contract_is_never_given() -> None:
    seed_world = default_seed_world()
    seed_world.volumes[2].type = "General NVMe"
    cloud = Cloud(Engine(seed_world=seed_world))
    with pytest.raises(BrokenReplyError, match=r"instances\[0\]\.volumes\.attachments\[0\]\.type"):
        cloud.send("GET", "instances-detail")

"""Check that an instance goes through the states of the contract's lifecycle at their times."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest
from toast_compute_api.behaviour import LIFECYCLE
from toast_compute_mock import FrozenClock, MockCloud, faults
from toast_compute_mock.world.registry import WorldError

from ..conftest import BATCH, SEED_TOKEN, WEB, Cloud, new_instance

DEMO = "05e40000-0000-4000-8000-000000000001"
VOLUME = "b10c0000-0000-4000-8000-000000000003"

PARAMETERS = {
    "reboot": {"type": "SOFT"},
    "resize": {"flavor": "f1a00000-0000-4000-8000-000000000002"},
    "uploadImage": {"name": "image"},
    "addFloatingIp": {"address": "203.0.113.10", "ipAddress": "192.168.0.11"},
    "removeFloatingIp": {"address": "203.0.113.12"},
    "addSecurityGroup": {"name": "web"},
    "removeSecurityGroup": {"name": "default"},
}
ACTIONS = [name for name in LIFECYCLE.operations if not name.endswith(("Instance", "Volume"))]
LONG = 3600 * 24


def client(mock: MockCloud) -> httpx.Client:
    """Return a client on the demo user's world, with paths below the appkey."""
    base_url = "http://x/compute/v1.0/appkeys/demo-appkey"
    return httpx.Client(transport=mock.transport, base_url=base_url, headers={"X-Auth-Token": SEED_TOKEN})


def passed(cloud: Cloud, operation: str) -> None:
    """Let the longest time that an operation may take pass."""
    cloud.now += LIFECYCLE.operations[operation].max_seconds


def test_new_instance_is_built_and_then_active(cloud: Cloud) -> None:
    made = cloud.create()["instance"]
    assert made["status"] == "BUILD"
    assert "launchedAt" not in cloud.detail(made["id"])
    cloud.now += LIFECYCLE.operations["createInstance"].min_seconds - 0.01
    assert cloud.status(made["id"]) == "BUILD"
    passed(cloud, "createInstance")
    assert cloud.status(made["id"]) == "ACTIVE"
    assert "launchedAt" in cloud.detail(made["id"])


def test_late_poll_shows_the_time_of_the_change(cloud: Cloud) -> None:
    made = cloud.create()["instance"]["id"]
    created = cloud.now
    cloud.now += 3000
    detail = cloud.detail(made)
    launched = datetime.fromisoformat(detail["launchedAt"]).replace(tzinfo=UTC).timestamp()
    rule = LIFECYCLE.operations["createInstance"]
    assert rule.min_seconds <= launched - created <= rule.max_seconds
    assert detail["updatedAt"] == detail["launchedAt"]


@pytest.mark.parametrize(
    ("instance", "action", "through", "end"),
    [
        (BATCH, "start", "POWERING_ON", "ACTIVE"),
        (WEB, "stop", "POWERING_OFF", "STOP"),
        (WEB, "reboot", "REBOOTING", "ACTIVE"),
        (WEB, "resize", "RESIZING", "ACTIVE"),
        (BATCH, "resize", "RESIZING", "STOP"),
    ],
)
def test_action_passes_through_its_state_and_ends(
    cloud: Cloud, instance: str, action: str, through: str, end: str
) -> None:
    assert cloud.act(instance, action, **PARAMETERS.get(action, {})) == 0
    assert cloud.status(instance) == through
    passed(cloud, action)
    assert cloud.status(instance) == end


def test_resize_shows_the_new_flavor_only_at_its_end(cloud: Cloud) -> None:
    cloud.act(WEB, "resize", **PARAMETERS["resize"])
    assert cloud.detail(WEB)["flavor"]["name"] == "m2.c2m4"
    passed(cloud, "resize")
    assert cloud.detail(WEB)["flavor"]["name"] == "c2.c4m4"


def test_reboot_moves_the_boot_time_and_a_stop_does_not(cloud: Cloud) -> None:
    before = cloud.detail(WEB)["launchedAt"]
    cloud.act(WEB, "reboot", type="HARD")
    passed(cloud, "reboot")
    rebooted = cloud.detail(WEB)["launchedAt"]
    assert rebooted > before
    cloud.act(WEB, "stop")
    passed(cloud, "stop")
    assert cloud.detail(WEB)["launchedAt"] == rebooted


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("instance", [WEB, BATCH])
def test_action_is_accepted_exactly_in_the_states_that_the_contract_names(
    cloud: Cloud, action: str, instance: str
) -> None:
    status = cloud.status(instance)
    accepted = status in LIFECYCLE.operations[action].accepted_in
    reply = cloud.send(
        "POST", f"instances/{instance}/action", {"action": action, "parameters": PARAMETERS.get(action, {})}
    )
    wrong_state = reply["header"]["resultMessage"] == f"Conflict : instance is {status}"
    assert wrong_state is not accepted


@pytest.mark.parametrize("action", ACTIONS)
def test_action_is_refused_while_another_is_under_way(cloud: Cloud, action: str) -> None:
    cloud.act(BATCH, "start")
    assert cloud.act(BATCH, action, **PARAMETERS.get(action, {})) == 10409


def test_deleted_instance_is_shown_as_deleting_and_then_gone(cloud: Cloud) -> None:
    assert cloud.code("DELETE", "instances", query=f"id={WEB}") == 0
    assert cloud.status(WEB) == "DELETING"
    assert cloud.code("DELETE", "instances", query=f"id={WEB}") == 10409
    passed(cloud, "deleteInstance")
    assert cloud.code("GET", "instances", query=f"id={WEB}") == 10404
    assert [one["id"] for one in cloud.send("GET", "instances")["instances"]] == [BATCH]


def test_resources_of_a_deleted_instance_are_free_again(cloud: Cloud) -> None:
    cloud.code("DELETE", "instances", query=f"id={WEB}")
    passed(cloud, "deleteInstance")
    volume = {"attachment": {"volumeId": "b10c0000-0000-4000-8000-000000000003"}}
    assert cloud.code("POST", f"instances/{BATCH}/attachments", volume) == 0
    assert cloud.act(BATCH, "addFloatingIp", address="203.0.113.12", ipAddress="192.168.0.11") == 0


def test_instance_can_be_deleted_while_it_is_built(cloud: Cloud) -> None:
    made = cloud.create()["instance"]["id"]
    assert cloud.code("DELETE", "instances", query=f"id={made}") == 0
    cloud.now += 3000
    assert cloud.code("GET", "instances", query=f"id={made}") == 10404


def test_change_without_a_wait_is_dated_now_and_no_change_is_not(cloud: Cloud) -> None:
    cloud.act(BATCH, "addSecurityGroup", name="web")
    assert cloud.detail(BATCH)["updatedAt"] == "2026-01-15T09:00:00.000000"
    cloud.now += 60
    cloud.act(BATCH, "addSecurityGroup", name="web")
    assert cloud.detail(BATCH)["updatedAt"] == "2026-01-15T09:00:00.000000"
    assert cloud.detail(BATCH)["status"] == "STOP"


def test_updated_at_is_set_at_begin_and_end_of_a_change(cloud: Cloud) -> None:
    cloud.act(BATCH, "start")
    assert cloud.detail(BATCH)["updatedAt"] == "2026-01-15T09:00:00.000000"
    cloud.now += 60
    assert "2026-01-15T09:00:02" <= cloud.detail(BATCH)["updatedAt"] <= "2026-01-15T09:00:05"


def test_only_a_boot_moves_the_boot_time(cloud: Cloud) -> None:
    before = cloud.detail(WEB)["launchedAt"]
    assert cloud.act(WEB, "removeFloatingIp", address="203.0.113.12") == 0
    assert cloud.detail(WEB)["launchedAt"] == before


def test_resize_that_fails_leaves_the_flavor_as_it_was(cloud: Cloud) -> None:
    cloud.engine.faults.add(faults.end_in_error(action="resize"))
    before = cloud.detail(BATCH)["flavor"]["id"]
    assert cloud.act(BATCH, "resize", **PARAMETERS["resize"]) == 0
    passed(cloud, "resize")
    assert (cloud.status(BATCH), cloud.detail(BATCH)["flavor"]["id"]) == ("ERROR", before)


@pytest.mark.parametrize(("instance", "rest"), [(WEB, "ACTIVE"), (BATCH, "STOP")])
def test_service_can_migrate_an_instance(instance: str, rest: str) -> None:
    clock = FrozenClock()
    mock = MockCloud(clock=clock)
    before = mock.worlds.get(DEMO).instances[instance].launched_at
    mock.worlds.migrate(DEMO, instance, seconds=30)
    with client(mock) as raw:

        def status() -> str:
            return str(raw.get(f"/instances?id={instance}").json()["instances"][0]["status"])

        assert status() == "MIGRATING"
        assert (
            raw.post(f"/instances/{instance}/action", json={"action": "start"}).json()["header"]["resultCode"] == 10409
        )
        with pytest.raises(WorldError, match="instance is MIGRATING"):
            mock.worlds.migrate(DEMO, instance)
        clock.advance(30)
        assert status() == rest
    assert mock.worlds.get(DEMO).instances[instance].launched_at == before


def test_unknown_instance_cannot_be_migrated() -> None:
    with pytest.raises(WorldError, match=r"^instance: Nonexistent : instance$"):
        MockCloud().worlds.migrate(DEMO, "nobody")


def test_volume_cannot_be_detached_while_the_instance_changes(cloud: Cloud) -> None:
    assert cloud.act(WEB, "stop") == 0
    assert cloud.code("DELETE", f"instances/{WEB}/attachments", query=f"volumeId={VOLUME}") == 10409


def test_whole_number_may_be_written_with_a_fraction_of_nothing(cloud: Cloud) -> None:
    before = len(cloud.send("GET", "instances")["instances"])
    assert cloud.send("POST", "instances", new_instance(count=2.0))["header"]["resultCode"] == 0
    assert len(cloud.send("GET", "instances")["instances"]) == before + 2


def test_instance_that_is_being_deleted_shows_no_volume_that_is_free_again(cloud: Cloud) -> None:
    assert cloud.detail(WEB)["volumes"]["attachments"]
    assert cloud.code("DELETE", "instances", query=f"id={WEB}") == 0
    assert cloud.detail(WEB)["volumes"]["attachments"] == []

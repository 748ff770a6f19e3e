"""Check that a fault does to the service, the reply and the journal what it is for."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from toast_compute_mock import faults
from toast_compute_mock.engine.engine import Engine
from toast_compute_mock.exchange import Break, Reply, Request
from toast_compute_mock.faults import Fault

from ..conftest import APPKEY, BATCH, SEED_TOKEN, WEB, Cloud, new_instance

USER = "05e40000-0000-4000-8000-000000000001"


def reply_to(cloud: Cloud, method: str, path: str, body: object = None) -> Reply:
    target = f"/compute/v1.0/appkeys/{APPKEY}/{path}"
    content = b"" if body is None else json.dumps(body).encode()
    return cloud.engine.handle(Request(method, target, {"x-auth-token": SEED_TOKEN}, content), cloud.now)


def create(cloud: Cloud) -> Reply:
    return reply_to(cloud, "POST", "instances", new_instance())


def number_of_instances(cloud: Cloud) -> int:
    return len(cloud.send("GET", "instances")["instances"])


def last(cloud: Cloud) -> tuple[int | None, int, tuple[str, ...]]:
    entry = cloud.engine.journal.find()[-1]
    return entry.result_code, entry.applied, entry.faults


def test_refusal_by_a_fault_carries_nothing_out(cloud: Cloud) -> None:
    cloud.engine.faults.add(faults.result_code("createInstance", -6, name="db"))
    reply = create(cloud)
    assert json.loads(reply.body)["header"] == {
        "isSuccessful": False,
        "resultCode": -6,
        "resultMessage": "Failed to query internal db",
    }
    assert last(cloud) == (-6, 0, ("db",))
    assert number_of_instances(cloud) == 2


def test_reply_can_be_lost_after_the_operation(cloud: Cloud) -> None:
    cloud.engine.faults.add(faults.lose_reply("createInstance", name="lost"))
    reply = create(cloud)
    assert reply.wire is not None
    assert reply.wire.kind is Break.CLOSE
    assert last(cloud) == (0, 1, ("lost",))
    assert number_of_instances(cloud) == 3


def test_request_can_be_lost_before_the_operation(cloud: Cloud) -> None:
    cloud.engine.faults.add(faults.lose_request("createInstance", name="lost"))
    reply = create(cloud)
    assert reply.wire is not None
    assert reply.wire.kind is Break.CLOSE
    assert last(cloud)[1:] == (0, ("lost",))
    assert number_of_instances(cloud) == 2


def test_both_losses_are_the_same_to_the_client(cloud: Cloud) -> None:
    cloud.engine.faults.add(faults.lose_reply("createInstance"), faults.lose_request("createInstance"))
    assert create(cloud).wire == create(cloud).wire


def test_create_can_be_carried_out_twice(cloud: Cloud) -> None:
    cloud.engine.faults.add(faults.apply_twice("createInstance", name="twice"))
    reply = create(cloud)
    assert last(cloud) == (0, 2, ("twice",))
    ids = [one["id"] for one in cloud.send("GET", "instances")["instances"]]
    assert len(ids) == 4
    assert json.loads(reply.body)["instance"]["id"] == ids[2]


def test_apply_twice_executes_once_where_the_second_is_refused(cloud: Cloud) -> None:
    cloud.engine.faults.add(faults.apply_twice("createKeypair"))
    assert json.loads(reply_to(cloud, "POST", "keypairs", {"keypair": {"name": "new"}}).body)["header"]["isSuccessful"]
    assert last(cloud)[1] == 1


def test_read_can_be_answered_from_before_the_last_write(cloud: Cloud) -> None:
    cloud.engine.faults.add(faults.stale_read("listInstances", name="stale", budget=2))
    assert number_of_instances(cloud) == 2
    cloud.create()
    cloud.act(BATCH, "start")
    assert cloud.status(BATCH) == "STOP"
    assert number_of_instances(cloud) == 3
    assert cloud.status(BATCH) == "POWERING_ON"
    assert [entry.faults for entry in cloud.engine.journal.find(fault="stale")] == [("stale",), ("stale",)]


def test_refusals_and_tokens_do_not_count_as_writes_of_instances(cloud: Cloud) -> None:
    cloud.engine.faults.add(faults.stale_read("listInstances"))
    cloud.act(BATCH, "start")
    body = {"auth": {"username": "demo@example.com", "password": "demo-password"}}
    assert cloud.code("POST", "tokens", body) == 0
    assert cloud.act(WEB, "start") == 10409
    assert cloud.act(WEB, "explode") == -4
    assert cloud.status(BATCH) == "STOP"
    assert cloud.status(BATCH) == "POWERING_ON"


def test_reading_a_token_can_be_stale(cloud: Cloud) -> None:
    cloud.engine.faults.add(faults.stale_read("getToken"))
    body = {"auth": {"username": "demo@example.com", "password": "demo-password"}}
    token = cloud.send("POST", "tokens", body)["access"]["token"]["id"]
    assert [cloud.code("GET", "tokens", query=f"id={token}") for _ in range(2)] == [50404, 0]


def test_stale_read_ends_after_its_seconds(cloud: Cloud) -> None:
    cloud.engine.faults.add(faults.stale_read("listInstances", seconds=5, budget=None))
    cloud.act(WEB, "stop")
    cloud.now += 4.9
    assert cloud.status(WEB) == "ACTIVE"
    cloud.now += 0.1
    assert cloud.status(WEB) != "ACTIVE"


def test_read_before_any_write_is_never_stale(cloud: Cloud) -> None:
    cloud.engine.faults.add(faults.stale_read("listInstances"))
    assert number_of_instances(cloud) == 2
    assert cloud.engine.faults.unused() == [cloud.engine.faults.list()[0].fault.name]


def test_operation_can_end_in_error(cloud: Cloud) -> None:
    cloud.engine.faults.add(faults.end_in_error("createInstance"))
    made = cloud.create(count=2)["instance"]["id"]
    assert cloud.status(made) == "BUILD"
    cloud.now += 600
    statuses = [one["status"] for one in cloud.send("GET", "instances")["instances"]]
    assert statuses == ["ACTIVE", "STOP", "ERROR", "ERROR"]
    assert cloud.act(made, "start") == 10409


def test_deletion_that_ends_in_error_keeps_its_addresses(cloud: Cloud) -> None:
    (address,) = cloud.detail(WEB)["addresses"]
    cloud.engine.faults.add(faults.end_in_error("deleteInstance"))
    assert cloud.code("DELETE", "instances", query=f"id={WEB}") == 0
    cloud.now += 600
    assert cloud.status(WEB) == "ERROR"
    shown = {key: address[key] for key in ("macAddress", "ipAddress", "version")}
    assert cloud.detail(WEB)["addresses"] == [shown]
    for _ in range(25):  # more than the subnet has room for
        cloud.send("POST", "instances", new_instance(count=10))
    given = [
        one["ipAddress"] for detail in cloud.send("GET", "instances-detail")["instances"] for one in detail["addresses"]
    ]
    assert len(given) == len(set(given)) > 200
    assert cloud.code("DELETE", "instances", query=f"id={WEB}") == 0


def test_only_what_the_fault_touched_ends_in_error(cloud: Cloud) -> None:
    cloud.act(WEB, "stop")
    cloud.engine.faults.add(faults.end_in_error(action="start"))
    cloud.act(BATCH, "start")
    cloud.now += 600
    assert (cloud.status(WEB), cloud.status(BATCH)) == ("STOP", "ERROR")


def test_refused_operation_does_not_end_in_error(cloud: Cloud) -> None:
    cloud.engine.faults.add(faults.end_in_error(action="start"))
    assert cloud.act(WEB, "start") == 10409
    cloud.now += 600
    assert cloud.status(WEB) == "ACTIVE"


def test_fault_can_be_for_the_nth_call_only(cloud: Cloud) -> None:
    cloud.engine.faults.add(faults.result_code("listFlavors", -1, nth=2))
    assert [cloud.code("GET", "flavors") for _ in range(3)] == [0, -1, 0]


def test_fault_can_be_for_old_tokens(cloud: Cloud) -> None:
    cloud.engine.faults.add(faults.result_code("listFlavors", -3, token_age_min=60))
    assert cloud.code("GET", "flavors") == 0
    cloud.now += 60
    assert [cloud.code("GET", "flavors") for _ in range(2)] == [-3, 0]


def test_fault_can_be_for_one_world(cloud: Cloud) -> None:
    cloud.engine.faults.add(faults.result_code("listFlavors", -1, world="another"))
    assert cloud.code("GET", "flavors") == 0
    cloud.engine.faults.add(faults.result_code("listFlavors", -1, world=USER))
    assert cloud.code("GET", "flavors") == -1


def test_token_request_belongs_to_the_world_of_its_user(cloud: Cloud) -> None:
    cloud.engine.faults.add(faults.result_code("issueToken", -1, world=USER))
    assert cloud.code("POST", "tokens", {"auth": {"username": "demo@example.com", "password": "demo-password"}}) == -1


def test_delay_is_in_the_reply_and_changes_only_that(cloud: Cloud) -> None:
    honest = reply_to(cloud, "GET", "flavors")
    cloud.engine.faults.add(faults.delay("listFlavors", seconds=2.5), faults.delay("listFlavors", seconds=1))
    slow = reply_to(cloud, "GET", "flavors")
    assert (slow.delay, slow.body, slow.headers) == (3.5, honest.body, honest.headers)
    assert len(cloud.engine.journal.find()[-1].faults) == 2


def test_refusal_can_be_spoilt_as_well(cloud: Cloud) -> None:
    cloud.engine.faults.add(faults.short_body("runInstanceAction"))
    reply = reply_to(cloud, "POST", f"instances/{WEB}/action", {"action": "start"})
    assert reply.wire is not None
    assert last(cloud)[:2] == (10409, 0)


@pytest.mark.parametrize(
    "fault", [faults.html("listFlavors"), faults.http_status("listFlavors", 502), faults.missing_header("listFlavors")]
)
def test_reply_without_an_envelope_has_no_code_in_the_journal(cloud: Cloud, fault: Fault) -> None:
    cloud.engine.faults.add(fault)
    reply_to(cloud, "GET", "flavors")
    assert last(cloud)[0] is None


def test_two_engines_with_one_seed_fail_alike() -> None:
    def codes(seed: int) -> list[int]:
        cloud = Cloud(Engine(seed))
        cloud.engine.faults.add(faults.result_code("listFlavors", -1, probability=0.5, budget=None, name="coin"))
        return [cloud.code("GET", "flavors") for _ in range(40)]

    assert codes(1) == codes(1)
    assert codes(1) != codes(2)
    assert {0, -1} == set(codes(1))


@pytest.mark.parametrize("spoil", [faults.missing_header, faults.lose_reply, faults.apply_twice, faults.short_body])
def test_secrets_stay_out_of_the_journal_when_a_fault_fires(cloud: Cloud, spoil: Callable[[str], Fault]) -> None:
    cloud.engine.faults.add(spoil("issueToken"))
    reply = reply_to(cloud, "POST", "tokens", {"auth": {"username": "demo@example.com", "password": "demo-password"}})
    token = json.loads(reply.body)["access"]["token"]["id"]
    entry = cloud.engine.journal.find()[-1]
    assert token not in entry.reply
    assert "demo-password" not in entry.request
    assert json.loads(entry.reply)["access"]["token"]["id"] == "***"

"""Does each check of instances bite where it should, and only there?"""

from __future__ import annotations

from pathlib import Path

import pytest
from toast_compute_api.behaviour import LIFECYCLE

from ..exchange import JsonObject, Reply, Request
from . import instance_checks as state_checks
from .instance_checks import INSTANCE_CHECKS
from .ledger import Change, Known, Ledger
from .samples import (
    ADDRESS,
    INSTANCE,
    NOON,
    SPEC,
    VOLUME,
    action,
    brief,
    detail,
    exchange,
    failure,
    judged,
    known,
    meaning,
    request,
    success,
)

ONE = request("listInstances", {"id": INSTANCE})
ALL = request("listInstances")
DETAIL = request("listInstanceDetails", {"id": INSTANCE})
DELETE = request("deleteInstance", {"id": INSTANCE})
ATTACH = request("attachVolume", {"instanceId": INSTANCE}, {"attachment": {"volumeId": VOLUME}})
DETACH = request("detachVolume", {"instanceId": INSTANCE, "volumeId": VOLUME})


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(is_exact=True)


def take(ledger: Ledger, asked: Request, reply: Reply, *, at: float = NOON) -> None:
    """Let the ledger take in an exchange."""
    ledger.update(exchange(asked, reply, at=at), meaning(asked))


def test_an_instance_that_lives_is_to_be_found(ledger: Ledger) -> None:
    known(ledger)
    check = state_checks.living_instance_is_found
    assert judged(check, ledger, ONE, failure(10404))
    assert judged(check, ledger, action("stop"), failure(-5))
    assert judged(check, ledger, ALL, success(instances=[]))
    assert not judged(check, ledger, ALL, success(instances=[brief()]))
    assert not judged(check, ledger, ATTACH, failure(40404))


def test_an_instance_that_was_deleted_need_not_be_found(ledger: Ledger) -> None:
    known(ledger, deleted=True)
    assert not judged(state_checks.living_instance_is_found, ledger, ONE, failure(10404))
    assert not judged(state_checks.living_instance_is_found, ledger, ALL, success(instances=[]))


def test_a_deleted_instance_goes(ledger: Ledger) -> None:
    check = state_checks.deleted_instance_is_gone
    known(ledger)
    take(ledger, DELETE, success())
    soon, late = NOON + 1, NOON + LIFECYCLE.operations["deleteInstance"].max_seconds + 1
    assert not judged(check, ledger, ALL, success(instances=[brief("DELETING")]), at=soon)
    assert judged(check, ledger, ALL, success(instances=[brief("DELETING")]), at=late)
    assert judged(check, ledger, ALL, success(instances=[brief("ACTIVE")]), at=soon)
    take(ledger, ALL, success(instances=[]), at=soon)
    assert judged(check, ledger, ALL, success(instances=[brief("DELETING")]), at=soon)
    assert judged(check, ledger, action("start"), success(), at=late)
    assert not judged(check, ledger, action("start"), failure(10404), at=late)


@pytest.mark.parametrize(
    ("status", "asked", "is_wrong"),
    [
        ("ACTIVE", action("start"), True),
        ("STOP", action("start"), False),
        ("ACTIVE", action("uploadImage", name="i"), True),
        ("BUILD", action("stop"), True),
        ("DELETING", DELETE, True),
        ("BUILD", DELETE, False),
        ("REBOOTING", ATTACH, True),
    ],
)
def test_an_operation_is_accepted_only_in_its_states(
    ledger: Ledger, status: str, asked: Request, is_wrong: bool
) -> None:
    known(ledger, status)
    assert bool(judged(state_checks.accepted_only_in_its_states, ledger, asked, success())) is is_wrong
    assert not judged(state_checks.accepted_only_in_its_states, ledger, asked, failure(10409))


def test_where_time_is_not_known_a_state_that_passes_proves_nothing() -> None:
    ledger = Ledger(is_exact=False)
    known(ledger, "REBOOTING")
    assert not judged(state_checks.accepted_only_in_its_states, ledger, ATTACH, success())
    known(ledger, "ACTIVE")
    assert judged(state_checks.accepted_only_in_its_states, ledger, action("start"), success())


@pytest.mark.parametrize(
    ("seconds", "status", "is_wrong"),
    [
        (0.0, "POWERING_OFF", False),
        (0.0, "ACTIVE", True),
        (0.0, "STOP", True),
        (3.0, "POWERING_OFF", False),
        (3.0, "STOP", False),
        (6.0, "STOP", False),
        (6.0, "POWERING_OFF", True),
        (6.0, "ACTIVE", True),
        (6.0, "ERROR", True),
    ],
)
def test_a_status_follows_what_was_done(ledger: Ledger, seconds: float, status: str, is_wrong: bool) -> None:
    known(ledger, "ACTIVE", change=Change("stop", "ACTIVE", NOON))
    reply = success(instances=[brief(status)])
    assert bool(judged(state_checks.status_follows_the_lifecycle, ledger, ONE, reply, at=NOON + seconds)) is is_wrong


def test_a_resize_ends_where_it_began(ledger: Ledger) -> None:
    known(ledger, "STOP", change=Change("resize", "STOP", NOON))
    check = state_checks.status_follows_the_lifecycle
    assert not judged(check, ledger, ONE, success(instances=[brief("STOP")]), at=NOON + 60)
    assert judged(check, ledger, ONE, success(instances=[brief("ACTIVE")]), at=NOON + 60)


def test_a_status_does_not_change_by_itself_where_nobody_else_is(ledger: Ledger) -> None:
    known(ledger, "ACTIVE")
    assert judged(state_checks.status_follows_the_lifecycle, ledger, ONE, success(instances=[brief("STOP")]))


def test_where_others_may_act_only_the_impossible_is_found() -> None:
    ledger = Ledger(is_exact=False)
    check = state_checks.status_follows_the_lifecycle
    known(ledger, "ACTIVE")
    assert not judged(check, ledger, ONE, success(instances=[brief("STOP")]))
    assert judged(check, ledger, ONE, success(instances=[brief("BUILD")]))


def test_a_new_instance_is_not_in_any_status(ledger: Ledger) -> None:
    create = request("createInstance", body={"instance": SPEC})
    check = state_checks.status_follows_the_lifecycle
    assert not judged(check, ledger, create, success(instance=brief("BUILD")))
    assert judged(check, ledger, create, success(instance=brief("STOP")))


def test_what_was_created_is_to_be_read_back_equal(ledger: Ledger) -> None:
    check = state_checks.detail_shows_what_was_asked_for
    create = request("createInstance", body={"instance": {**SPEC, "volume": {"size": 20, "type": "General HDD"}}})
    take(ledger, create, success(instance=brief("BUILD")))
    assert not judged(check, ledger, DETAIL, success(instances=[detail("BUILD")]))
    changes: tuple[JsonObject, ...] = (
        {"name": "other"},
        {"image": "other"},
        {"availabilityZone": "kr-pub-b"},
        {"keyName": "other"},
        {"securityGroups": []},
        {"addresses": []},
        {"flavor": {"id": "other", "name": "n", "cpu": 1, "ram": 1}},
        {"volumes": {"root": {"size": 30, "type": "General HDD"}, "attachments": []}},
        {"volumes": {"root": {"size": 20, "type": "General SSD"}, "attachments": []}},
    )
    for changed in changes:
        assert judged(check, ledger, DETAIL, success(instances=[detail("BUILD", **changed)])), changed


def test_what_was_changed_is_to_be_read_back_equal(ledger: Ledger) -> None:
    check = state_checks.detail_shows_what_was_asked_for
    create = request("createInstance", body={"instance": SPEC})
    take(ledger, create, success(instance=brief("BUILD")))
    plain = success(instances=[detail()])
    take(ledger, ATTACH, success(attachment={"device": "/dev/vdb", "id": "a", "volumeId": VOLUME}))
    assert judged(check, ledger, DETAIL, plain)
    take(ledger, DETACH, success())
    assert not judged(check, ledger, DETAIL, plain)
    take(ledger, action("addFloatingIp", address=ADDRESS, ipAddress="192.168.0.10"), success())
    assert judged(check, ledger, DETAIL, plain)
    take(ledger, action("removeFloatingIp", address=ADDRESS), success())
    take(ledger, action("addSecurityGroup", name="web"), success())
    assert judged(check, ledger, DETAIL, plain)
    take(ledger, action("removeSecurityGroup", name="web"), success())
    assert not judged(check, ledger, DETAIL, plain)


def test_a_new_flavor_shows_when_its_resize_ends(ledger: Ledger) -> None:
    check = state_checks.detail_shows_what_was_asked_for
    take(ledger, request("createInstance", body={"instance": SPEC}), success(instance=brief("BUILD")))
    take(ledger, ONE, success(instances=[brief("ACTIVE")]))
    take(ledger, action("resize", flavor="flavor-2"), success())
    assert not judged(check, ledger, DETAIL, success(instances=[detail("RESIZING")]))
    take(ledger, ONE, success(instances=[brief("ACTIVE")]))
    assert judged(check, ledger, DETAIL, success(instances=[detail()]))


def test_a_filter_shows_just_what_was_asked_for(ledger: Ledger) -> None:
    check = state_checks.filter_shows_what_was_asked_for
    assert not judged(check, ledger, ONE, success(instances=[brief()]))
    assert judged(check, ledger, ONE, success(instances=[]))
    assert judged(check, ledger, ONE, success(instances=[brief(), brief(id="other")]))
    key = {"name": "k", "publicKey": "p", "fingerprint": "f"}
    by_name = request("listKeypairs", {"name": "k"})
    assert not judged(check, ledger, by_name, success(keypairs=[{**key, "createdAt": "2026-01-12T09:00:00"}]))
    assert judged(check, ledger, by_name, success(keypairs=[]))
    assert not judged(check, ledger, request("listKeypairs"), success(keypairs=[key]))
    assert judged(check, ledger, request("listKeypairs"), success(keypairs=[{**key, "createdAt": "2026-01-12"}]))


def test_a_reply_names_what_was_asked_for(ledger: Ledger) -> None:
    check = state_checks.result_is_what_was_asked_for
    create = request("createInstance", body={"instance": SPEC})
    assert not judged(check, ledger, create, success(instance=brief("BUILD")))
    assert judged(check, ledger, create, success(instance=brief("BUILD", name="other")))
    upload = action("uploadImage", name="mine")
    assert not judged(check, ledger, upload, success(createdImage={"id": "i", "name": "mine"}))
    assert judged(check, ledger, upload, success(createdImage={"id": "i", "name": ""}))
    assert judged(check, ledger, ATTACH, success(attachment={"device": "d", "id": "a", "volumeId": "other"}))


def test_a_volume_and_a_floating_ip_have_one_instance(ledger: Ledger) -> None:
    check = state_checks.used_once
    attached = success(attachment={"device": "d", "id": "a", "volumeId": VOLUME})
    add = action("addFloatingIp", address=ADDRESS, ipAddress="192.168.0.10")
    one = known(ledger)
    assert not judged(check, ledger, ATTACH, attached)
    one.devices["another volume"] = "d"
    assert judged(check, ledger, ATTACH, attached)
    one.devices["another volume"] = "e"
    assert not judged(check, ledger, ATTACH, attached)
    assert not judged(check, ledger, add, success())
    assert judged(check, ledger, DETACH, success())
    assert judged(check, ledger, action("removeFloatingIp", address=ADDRESS), success())
    one.attachments.add(VOLUME)
    one.floating[ADDRESS] = "192.168.0.10"
    assert judged(check, ledger, ATTACH, attached)
    assert judged(check, ledger, add, success())
    assert not judged(check, ledger, DETACH, success())


def test_what_belongs_to_another_user_is_neither_shown_nor_touched(ledger: Ledger) -> None:
    check = state_checks.strange_things_stay_hidden
    ledger.strange.add(INSTANCE)
    assert judged(check, ledger, ALL, success(instances=[brief()]))
    assert judged(check, ledger, DELETE, success())
    assert not judged(check, ledger, DELETE, failure(10404))
    assert not judged(check, ledger, ALL, success(instances=[brief(id="ours")]))


def test_no_check_is_without_a_test() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in INSTANCE_CHECKS if f"state_checks.{name}" not in text] == []


def test_a_ledger_knows_whose_an_instance_is(ledger: Ledger) -> None:
    take(ledger, ALL, success(instances=[brief(id="theirs")]))
    take(ledger, request("createInstance", body={"instance": SPEC}), success(instance=brief("BUILD")))
    assert [one.id for one in ledger.ours()] == [INSTANCE]
    assert not Known("x", is_ours=False).is_ours

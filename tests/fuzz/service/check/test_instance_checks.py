"""Each check of instances reports what is wrong, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from toast_compute_api.behaviour import LIFECYCLE

from ..exchange import JsonObject, Reply, Request
from . import instance_checks as checks
from .exchange_checks import Check
from .instance_checks import INSTANCE_CHECKS
from .ledger import Change, Ledger
from .samples import INSTANCE, NOON, action, brief, create, detail, failure, ledger_after, ledger_with, problems
from .samples import request as ask
from .samples import success as ok

VOLUME = "b10c0000-0000-4000-8000-00000000000a"
FLOATING = "203.0.113.10"
ONE = ask("listInstances", {"id": INSTANCE})
ALL = ask("listInstances")
DETAIL = ask("listInstanceDetails", {"id": INSTANCE})
DELETE = ask("deleteInstance", {"id": INSTANCE})
ATTACH = ask("attachVolume", {"instanceId": INSTANCE}, {"attachment": {"volumeId": VOLUME}})
DETACH = ask("detachVolume", {"instanceId": INSTANCE, "volumeId": VOLUME})
ADD = action("addFloatingIp", address=FLOATING, ipAddress="192.168.0.10")
REMOVE = action("removeFloatingIp", address=FLOATING)
ATTACHED = ok(attachment={"device": "d", "id": "a", "volumeId": VOLUME})
PORT = {
    "macAddress": "fa:16:3e:00:00:01",
    "ipAddress": "192.168.0.10",
    "version": 4,
    "floatingIpAddress": "203.0.113.9",
}
OTHER_PORT = {"macAddress": "fa:16:3e:00:00:02", "ipAddress": "192.168.0.11", "version": 4}
EARLIER, LATER = "2026-01-15T08:55:00.000000", "2026-01-15T09:05:00.000000"
CREATED = create(volume={"size": 20, "type": "General HDD"}), ok(instance=brief("BUILD"))
TRANSIENT_END = NOON + LIFECYCLE.operations["deleteInstance"].max_seconds + 1


def shown(*instances: JsonObject) -> Reply:
    return ok(instances=list(instances))


def disks(*attachments: JsonObject, size: int = 20, kind: str = "General HDD") -> JsonObject:
    return {"volumes": {"root": {"size": size, "type": kind}, "attachments": list(attachments)}}


def hold(
    check: Check,
    ledger: Ledger,
    asked: Request,
    *,
    wrong: Iterable[Reply] = (),
    right: Iterable[Reply] = (),
    at: float = NOON,
) -> None:
    """Assert which replies a check reports."""
    assert all(problems(check, asked, reply, ledger, at=at) for reply in wrong)
    assert not [problem for reply in right for problem in problems(check, asked, reply, ledger, at=at)]


def test_living_instance_has_to_be_found() -> None:
    check, living, deleted = checks.living_instance_is_found, ledger_with(), ledger_with(deleted=True)
    hold(check, living, ONE, wrong=[failure(10404)])
    hold(check, living, action("stop"), wrong=[failure(-5)])
    hold(check, living, ALL, wrong=[shown()], right=[shown(brief())])
    hold(check, living, ATTACH, right=[failure(40404)])
    hold(check, deleted, ONE, right=[failure(10404)])
    hold(check, deleted, ALL, right=[shown()])


def test_deleted_instance_has_to_disappear() -> None:
    check, ledger = checks.deleted_instance_is_gone, ledger_with()
    ledger.instances[INSTANCE].deleted = True
    ledger.instances[INSTANCE].change = Change("deleteInstance", "ACTIVE", NOON)
    hold(check, ledger, ALL, wrong=[shown(brief("ACTIVE"))], right=[shown(brief("DELETING"))])
    hold(check, ledger, ALL, wrong=[shown(brief("DELETING"))], at=TRANSIENT_END)
    ledger.instances[INSTANCE].gone = True
    hold(check, ledger, ALL, wrong=[shown(brief("DELETING"))])
    hold(check, ledger, action("start"), wrong=[ok()], right=[failure(10404)])


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
def test_operation_is_accepted_only_in_its_states(status: str, asked: Request, is_wrong: bool) -> None:
    check, ledger = checks.accepted_only_in_its_states, ledger_with(status)
    hold(check, ledger, asked, wrong=[ok()] * is_wrong, right=[failure(10409), *[ok()] * (not is_wrong)])


def test_transient_state_is_uncertain_where_time_is_not_known() -> None:
    check = checks.accepted_only_in_its_states
    hold(check, ledger_with("REBOOTING", is_exact=False), ATTACH, right=[ok()])
    hold(check, ledger_with("ACTIVE", is_exact=False), action("start"), wrong=[ok()])


@pytest.mark.parametrize(
    ("seconds", "right"), [(0.0, {"POWERING_OFF"}), (3.0, {"POWERING_OFF", "STOP"}), (6.0, {"STOP"})]
)
def test_status_follows_what_was_done(seconds: float, right: set[str]) -> None:
    ledger = ledger_with(change=Change("stop", "ACTIVE", NOON))
    replies = {status: shown(brief(status)) for status in ("ACTIVE", "POWERING_OFF", "STOP", "ERROR")}
    hold(
        checks.status_follows_the_lifecycle,
        ledger,
        ONE,
        wrong=[reply for status, reply in replies.items() if status not in right],
        right=[replies[status] for status in right],
        at=NOON + seconds,
    )


def test_status_of_an_instance_at_rest_and_of_a_new_one() -> None:
    check = checks.status_follows_the_lifecycle
    resized = ledger_with("STOP", change=Change("resize", "STOP", NOON))
    hold(check, resized, ONE, wrong=[shown(brief("ACTIVE"))], right=[shown(brief("STOP"))], at=NOON + 60)
    hold(check, ledger_with(), ONE, wrong=[shown(brief("STOP"))])
    hold(check, ledger_with(is_exact=False), ONE, wrong=[shown(brief("BUILD"))], right=[shown(brief("STOP"))])
    right = [ok(instance=brief("BUILD")), ok(instance=brief("ACTIVE"))]
    hold(check, Ledger(is_exact=True), create(), wrong=[ok(instance=brief("STOP"))], right=right)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "other"},
        {"image": "other"},
        {"availabilityZone": "kr-pub-b"},
        {"keyName": "other"},
        {"securityGroups": []},
        {"addresses": []},
        {"flavor": {"id": "other", "name": "n", "cpu": 1, "ram": 1}},
        disks(size=30),
        disks(kind="General SSD"),
    ],
)
def test_created_instance_has_to_read_back_equal(changes: JsonObject) -> None:
    ledger = ledger_after(CREATED)
    wrong, right = shown(detail("BUILD", **changes)), shown(detail("BUILD"))
    hold(checks.detail_shows_what_was_asked_for, ledger, DETAIL, wrong=[wrong], right=[right])


@pytest.mark.parametrize(
    ("change", "undo"),
    [
        ((ATTACH, ATTACHED), DETACH),
        ((ADD, ok()), REMOVE),
        ((action("addSecurityGroup", name="web"), ok()), action("removeSecurityGroup", name="web")),
    ],
)
def test_change_has_to_read_back_equal_until_it_is_undone(change: tuple[Request, Reply], undo: Request) -> None:
    check, plain = checks.detail_shows_what_was_asked_for, shown(detail())
    hold(check, ledger_after(CREATED, change), DETAIL, wrong=[plain])
    hold(check, ledger_after(CREATED, change, (undo, ok())), DETAIL, right=[plain])


def test_new_flavor_is_shown_when_the_resize_ends() -> None:
    check, active = checks.detail_shows_what_was_asked_for, (ONE, shown(brief()))
    resized = (CREATED, active, (action("resize", flavor="flavor-2"), ok()))
    hold(check, ledger_after(*resized), DETAIL, right=[shown(detail("RESIZING"))])
    hold(check, ledger_after(*resized, active), DETAIL, wrong=[shown(detail())])


def test_filter_shows_only_what_was_asked_for() -> None:
    check, ledger = checks.filter_shows_what_was_asked_for, Ledger(is_exact=True)
    key = {"name": "k", "publicKey": "p", "fingerprint": "f"}
    hold(check, ledger, ONE, wrong=[shown(), shown(brief(), brief(id="other"))], right=[shown(brief())])
    dated = ok(keypairs=[{**key, "createdAt": "2026-01-12T09:00:00"}])
    hold(check, ledger, ask("listKeypairs", {"name": "k"}), wrong=[ok(keypairs=[])], right=[dated])
    hold(check, ledger, ask("listKeypairs"), wrong=[dated], right=[ok(keypairs=[key])])


def test_reply_names_what_was_asked_for() -> None:
    check, ledger = checks.result_is_what_was_asked_for, Ledger(is_exact=True)
    made, image = ok(instance=brief("BUILD")), ok(createdImage={"id": "i", "name": "mine"})
    hold(check, ledger, create(), wrong=[ok(instance=brief("BUILD", name="other"))], right=[made])
    upload = action("uploadImage", name="mine")
    hold(check, ledger, upload, wrong=[ok(createdImage={"id": "i", "name": ""})], right=[image])
    other = ok(attachment={"device": "d", "id": "a", "volumeId": "other"})
    hold(check, ledger, ATTACH, wrong=[other], right=[ATTACHED])


def test_volume_and_floating_ip_have_one_instance() -> None:
    check = checks.used_once
    without = ledger_with(volumes={"another volume": "e"})
    hold(check, without, ATTACH, right=[ATTACHED])
    hold(check, without, ADD, right=[ok()])
    hold(check, without, DETACH, wrong=[ok()])
    hold(check, without, REMOVE, wrong=[ok()])
    hold(check, ledger_with(volumes={"another volume": "d"}), ATTACH, wrong=[ATTACHED])
    holding = ledger_with(volumes={VOLUME: "e"}, addresses={FLOATING: "192.168.0.10"})
    hold(check, holding, ATTACH, wrong=[ATTACHED])
    hold(check, holding, ADD, wrong=[ok()])
    hold(check, holding, DETACH, right=[ok()])
    hold(check, holding, REMOVE, right=[ok()])


def test_things_of_another_user_are_neither_shown_nor_changed() -> None:
    check, ledger = checks.things_of_another_user_stay_hidden, Ledger(is_exact=True)
    ledger.foreign_ids.add(INSTANCE)
    hold(check, ledger, ALL, wrong=[shown(brief())], right=[shown(brief(id="ours"))])
    hold(check, ledger, DELETE, wrong=[ok()], right=[failure(10404)])


def test_times_are_in_order() -> None:
    wrong = [shown(detail(**{name: EARLIER})) for name in ("updatedAt", "launchedAt")]
    hold(checks.times_are_in_order, Ledger(is_exact=True), DETAIL, wrong=wrong, right=[shown(detail())])


def test_nothing_is_listed_twice() -> None:
    check, exact, live = checks.nothing_is_listed_twice, Ledger(is_exact=True), Ledger(is_exact=False)

    def pair(**changes: str) -> Reply:
        return shown(detail(addresses=[PORT]), detail(addresses=[{**OTHER_PORT, **changes}]))

    same = {name: pair(**{name: str(PORT[name])}) for name in ("macAddress", "ipAddress", "floatingIpAddress")}
    hold(check, exact, DETAIL, wrong=same.values(), right=[pair()])
    hold(check, live, DETAIL, right=[same["ipAddress"]])  # networks may use the same private addresses
    groups, volume = [{"name": "default"}, {"name": "web"}], {"id": "v", "name": "n", "size": 1, "type": "t"}
    right = [shown(detail(securityGroups=groups)), shown(detail(**disks(volume)))]
    wrong = [shown(detail(securityGroups=[*groups, groups[0]])), shown(detail(**disks(volume, volume)))]
    hold(check, exact, DETAIL, wrong=wrong, right=right)


@pytest.mark.parametrize("changes", [{}, {"vcpus": 4}, {"ram": 2048}, {"name": "other"}, {"vcpus": 4096, "ram": 2}])
def test_flavor_is_the_listed_one(changes: dict[str, Any]) -> None:
    flavor = {"id": "flavor-1", "vcpus": 2, "ram": 4096, "name": "m2.c2m4", **changes}
    ledger = ledger_after((ask("listFlavors"), ok(flavors=[flavor])))
    reply = [shown(detail())]
    hold(
        checks.flavor_is_the_listed_one, ledger, DETAIL, wrong=reply if changes else (), right=() if changes else reply
    )


def compare(check: Check, before: JsonObject, *, is_exact: bool = True, **replies: list[JsonObject]) -> None:
    """Assert which details a check reports after this one."""
    ledger = ledger_after((DETAIL, shown(before)), is_exact=is_exact)
    hold(check, ledger, DETAIL, **{name: list(map(shown, details)) for name, details in replies.items()})  # type: ignore[arg-type]


def test_unchanged_values_stay() -> None:
    check, volume = checks.unchanged_values_stay, {"id": "v", "name": "data", "size": 10, "type": "General HDD"}
    changes: list[JsonObject] = [
        *({name: "other"} for name in ("name", "image", "keyName", "createdAt")),
        {"metadata": {"a": "b"}},
        {"addresses": [OTHER_PORT]},
        disks(size=30),
        disks({**volume, "size": 0}),
    ]
    wrong = [detail(**change) for change in changes]
    compare(check, detail(), wrong=wrong, right=[detail("STOP", updatedAt=LATER), detail(**disks(volume))])
    compare(check, detail(**disks(volume)), wrong=[detail(**disks({**volume, "size": 20}))])


@pytest.mark.parametrize("is_exact", [True, False])
def test_updates_are_dated(is_exact: bool) -> None:
    check, undated = checks.updates_are_dated, [detail("STOP")]
    right = [detail(), detail("STOP", updatedAt=LATER)]
    compare(check, detail(), is_exact=is_exact, wrong=[detail(updatedAt=EARLIER)], right=right)
    compare(check, detail(), is_exact=is_exact, **{"wrong" if is_exact else "right": undated})
    compare(check, detail("BUILD"), is_exact=is_exact, right=[detail("POWERING_OFF")])


def test_only_a_boot_changes_launched_at() -> None:
    check, once, twice = checks.boots_are_dated, {"launchedAt": "2026-01-15T09:00:10"}, {"launchedAt": LATER}
    compare(check, detail("STOP"), wrong=[detail()], right=[detail(**once)])
    compare(check, detail("POWERING_ON", **once), right=[detail(**twice), detail("POWERING_OFF", **twice)])
    stopping = detail("POWERING_OFF", **once)
    compare(check, stopping, wrong=[detail("STOP", **twice)], right=[detail("STOP", **once)])
    compare(check, stopping, is_exact=False, right=[detail("STOP", **twice)])
    compare(check, detail("RESIZING", **once), wrong=[detail("STOP", **twice)])


def test_every_check_has_a_test() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    assert [check.__name__ for check in INSTANCE_CHECKS if f"checks.{check.__name__}" not in source] == []


def test_ledger_knows_what_the_run_made() -> None:
    ledger = ledger_after((ALL, shown(brief(id="theirs"))), CREATED)
    assert [one.id for one in ledger.ours()] == [INSTANCE]

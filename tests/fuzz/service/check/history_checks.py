"""Does an instance show what it showed before, but for what was changed since? Held against its last detail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from toast_compute_api.behaviour import LIFECYCLE

from ..contract import Meaning
from ..exchange import Exchange, JsonObject
from .instance_checks import StateCheck, shown_details
from .ledger import Known, Ledger, moment

_FIXED = ("name", "image", "availabilityZone", "keyName", "metadata", "createdAt")
_RUNNING = "ACTIVE"


def what_nobody_changes_stays(ledger: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """What no operation changes is shown as it was: names, the root disk, addresses, what a volume is like."""
    for known, before, one in _pairs(ledger, exchange, meaning):
        for name in _FIXED:
            if one.get(name) != before.get(name):
                yield f"shows another {name} of an instance than before"
        if one["volumes"]["root"] != before["volumes"]["root"]:
            yield "shows another root disk of an instance than before"
        if not known.deleted and _ports(one) != _ports(before):
            yield "shows other addresses of an instance than before"
    for one in shown_details(exchange, meaning):
        for volume in one["volumes"]["attachments"]:
            if volume != ledger.volumes.get(volume["id"], volume):
                yield "shows another name, size or type of a volume than before"
            if volume["size"] <= 0:
                yield f"shows a volume of {volume['size']} GB"


def updates_are_dated(ledger: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """An update moves `updatedAt`, which never goes back: each change of status begins and ends with one."""
    for _, before, one in _pairs(ledger, exchange, meaning):
        then, now = moment(before["updatedAt"]), moment(one["updatedAt"])
        if now < then:
            yield "shows an earlier updatedAt of an instance than before"
        old, new = before["status"], one["status"]
        is_on_the_way = LIFECYCLE.states[old].transient and LIFECYCLE.states[new].transient
        if ledger.is_exact and old != new and not is_on_the_way and now == then:
            yield f"shows {new} after {old}, and the same updatedAt"


def boots_are_dated(ledger: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """`launchedAt` is there from the first boot on, and moves with a boot only."""
    if not ledger.is_exact:
        return
    for one in shown_details(exchange, meaning):
        if one["status"] == _RUNNING and "launchedAt" not in one:
            yield f"shows an instance that is {_RUNNING} and never booted"
    for _, before, one in _pairs(ledger, exchange, meaning):
        old, new = before["status"], one["status"]
        is_past_it = old != new and _RUNNING in LIFECYCLE.states[old].next and LIFECYCLE.states[new].transient
        if one.get("launchedAt") != before.get("launchedAt") and new != _RUNNING and not is_past_it:
            yield f"shows another launchedAt after {old} and {new}, between which it did not boot"


def _pairs(ledger: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[tuple[Known, JsonObject, JsonObject]]:
    """What is known of each instance that is shown in detail, how it was shown before, and how it is now."""
    for one in shown_details(exchange, meaning):
        known = ledger.instances.get(one["id"])
        if known is not None and known.detail is not None:
            yield known, known.detail, one


def _ports(detail: JsonObject) -> list[tuple[Any, Any]]:
    return [(one["macAddress"], one["ipAddress"]) for one in detail["addresses"]]


HISTORY_CHECKS: Mapping[str, StateCheck] = {
    check.__name__: check for check in (what_nobody_changes_stays, updates_are_dated, boots_are_dated)
}

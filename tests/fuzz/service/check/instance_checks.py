"""Check what a reply shows of instances against the ledger.

All of these are given requests that keep the contract, and replies that keep their schemas.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from toast_compute_api.behaviour import LIFECYCLE

from ..contract import DELETE, DETAIL, LISTS, Meaning
from ..exchange import Exchange, JsonObject
from .exchange_checks import Check
from .ledger import Known, Ledger, differences, moment
from .result_codes import kind_of, subsystem_of

_SAME = "same"
_GONE = "gone"
_FAILED = "ERROR"
_RUNNING = "ACTIVE"
_FIXED = ("name", "image", "availabilityZone", "keyName", "metadata", "createdAt")


def shown_instances(exchange: Exchange, meaning: Meaning) -> list[JsonObject]:
    """Return the instances that a reply lists."""
    if meaning.operation not in LISTS or not exchange.reply.accepted:
        return []
    shown: list[JsonObject] = exchange.content.get("instances", [])
    return shown


def _details(exchange: Exchange, meaning: Meaning) -> list[JsonObject]:
    return shown_instances(exchange, meaning) if meaning.operation == DETAIL else []


def _known_details(ledger: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[tuple[Known, JsonObject]]:
    for one in _details(exchange, meaning):
        known = ledger.instances.get(one["id"])
        if known is not None:
            yield known, one


def living_instance_is_found(ledger: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """An instance that was created and not deleted is found and listed."""
    code = exchange.reply.code
    known = ledger.instances.get(meaning.instance_id)
    is_living = known is not None and known.is_ours and not known.deleted
    if is_living and code and kind_of(code) == "not-found" and subsystem_of(code) in (None, "instance"):
        yield f"does not find an instance that was created and not deleted ({code})"
    if meaning.operation in LISTS and not meaning.parameter("id") and exchange.reply.accepted:
        shown = {one["id"] for one in shown_instances(exchange, meaning)}
        missing = [known for known in ledger.ours() if known.id not in shown]
        if missing:
            yield f"does not list an instance that was created and not deleted (its last status: {missing[0].status})"


def deleted_instance_is_gone(ledger: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """A deleted instance is DELETING for a while, and then gone from every list and for good."""
    move = LIFECYCLE.operations[DELETE]
    for one in shown_instances(exchange, meaning):
        known = ledger.instances.get(one["id"])
        if known is None or not known.deleted:
            continue
        elapsed = exchange.at - (known.change.began if known.change is not None else exchange.at)
        if known.gone:
            yield "shows an instance that was gone already"
        elif one["status"] not in (*move.through, _FAILED):
            yield f"shows a deleted instance as {one['status']}"
        elif ledger.is_exact and elapsed > move.max_seconds:
            yield f"shows a deleted instance {elapsed:g} s after its deletion"
    known = ledger.instances.get(meaning.instance_id)
    if known is not None and known.gone and exchange.reply.accepted and meaning.operation not in LISTS:
        yield "is accepted for an instance that is gone"


def accepted_only_in_its_states(ledger: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """An operation is accepted only in the states that `x-lifecycle` gives for it."""
    move = LIFECYCLE.operations.get(meaning.step)
    known = ledger.instances.get(meaning.instance_id)
    if move is None or known is None or not known.status or not exchange.reply.accepted:
        return
    is_certain = ledger.is_exact or not LIFECYCLE.states[known.status].transient
    if known.status not in move.accepted_in and is_certain and not known.gone:
        yield f"is accepted while the instance is {known.status}"


def status_follows_the_lifecycle(ledger: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """`x-lifecycle` lets the shown status follow the previous one and what was done."""
    for one in shown_instances(exchange, meaning):
        known = ledger.instances.get(one["id"])
        if known is None or known.deleted or not known.status:
            continue
        allowed = _statuses_due(known, exchange.at) if ledger.is_exact else _statuses_possible(known)
        if one["status"] not in allowed:
            after = known.change.step if known.change else known.status
            yield f"shows {one['status']} after {after}, where {' or '.join(sorted(allowed)) or 'nothing'} is due"
    if meaning.operation == "createInstance" and exchange.reply.accepted:
        status = exchange.content["instance"]["status"]
        if status not in (LIFECYCLE.initial, *LIFECYCLE.states[LIFECYCLE.initial].next):
            yield f"shows a new instance as {status}"


def _statuses_due(known: Known, at: float) -> set[str]:
    """Return what an instance can show where time is known and nothing fails."""
    change = known.change
    if change is None:
        return {known.status}
    move = LIFECYCLE.operations[change.step]
    elapsed = at - change.began
    end = {change.before if move.to == _SAME else move.to} - {_GONE}
    if elapsed < move.min_seconds:
        return set(move.through)
    return end if elapsed > move.max_seconds else {*move.through, *end}


def _statuses_possible(known: Known) -> set[str]:
    """Return what an instance can show where others may change it too: all that follows in any number of steps."""
    reached = {known.status}
    if known.change is not None:
        reached |= set(LIFECYCLE.operations[known.change.step].through)
    while True:
        following = {after for status in reached for after in LIFECYCLE.states[status].next}
        if following <= reached:
            return reached
        reached |= following


def detail_shows_what_was_asked_for(ledger: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """What was created can be read back equal, and so can what was changed since."""
    for known, one in _known_details(ledger, exchange, meaning):
        if known.is_ours and not known.deleted and known.expected:
            yield from (f"shows a wrong value of {difference}" for difference in differences(known, one))


def filter_shows_what_was_asked_for(_: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """A list that is asked for one thing shows that one and no other."""
    if not exchange.reply.accepted:
        return
    if meaning.parameter("id") and meaning.operation in LISTS:
        found = [one["id"] for one in shown_instances(exchange, meaning)]
        if found != [meaning.parameter("id")]:
            yield f"shows {len(found)} instances, and not just the one that it was asked for"
    if meaning.operation == "listKeypairs":
        shown: list[JsonObject] = exchange.content["keypairs"]
        name = meaning.parameter("name")
        if name and [one["name"] for one in shown] != [name]:
            yield f"shows {len(shown)} key pairs, and not just the one that it was asked for"
        if not name and any("createdAt" in one for one in shown):
            yield "shows createdAt although no key pair was asked for by name"


def result_is_what_was_asked_for(_: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """A reply names the thing that the request named."""
    if not exchange.reply.accepted:
        return
    content: Any = exchange.content
    match meaning.name:
        case "createInstance":
            asked, given = meaning.member("instance", "name"), content["instance"]["name"]
        case "createKeypair":
            asked, given = meaning.member("keypair", "name"), content["keypair"]["name"]
        case "runInstanceAction.uploadImage":
            asked, given = meaning.member("parameters", "name"), content["createdImage"]["name"]
        case "attachVolume":
            asked, given = meaning.member("attachment", "volumeId"), content["attachment"]["volumeId"]
        case "getToken":
            asked, given = meaning.parameter("id"), content["access"]["token"]["id"]
        case _:
            return
    if asked != given:
        yield "names another thing in its reply than it was asked for"


def used_once(ledger: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """A volume, its device and a floating IP are used once, and are taken only from the instance that has them."""
    if not exchange.reply.accepted:
        return
    known = ledger.instances.get(meaning.instance_id)
    address = meaning.member("parameters", "address")
    match meaning.step:
        case "attachVolume":
            if any(meaning.member("attachment", "volumeId") in one.volumes for one in ledger.ours()):
                yield "is accepted for a volume that is attached already"
            if known is not None and exchange.content["attachment"]["device"] in known.volumes.values():
                yield "gives a volume the device of another one"
        case "addFloatingIp":
            if any(address in one.addresses for one in ledger.ours()):
                yield "is accepted for a floating IP that is in use"
        case "detachVolume":
            if known is not None and known.is_ours and meaning.parameter("volumeId") not in known.volumes:
                yield "is accepted for a volume that is not attached to the instance"
        case "removeFloatingIp":
            if known is not None and known.is_ours and address not in known.addresses:
                yield "is accepted for a floating IP that the instance does not have"


def things_of_another_user_stay_hidden(ledger: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """Nothing of another user is shown or changed."""
    if any(one["id"] in ledger.foreign_ids for one in shown_instances(exchange, meaning)):
        yield "shows an instance of another user"
    elif meaning.instance_id in ledger.foreign_ids and exchange.reply.accepted:
        yield "is accepted for an instance of another user"


def times_are_in_order(_: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """An instance is not updated or launched before it is created."""
    for one in _details(exchange, meaning):
        later = [one[name] for name in ("updatedAt", "launchedAt") if one.get(name) is not None]
        if any(moment(time) < moment(one["createdAt"]) for time in later):
            yield "shows an instance that was updated or launched before it was created"


def nothing_is_listed_twice(ledger: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """An address has one interface, and an instance is in a security group once and has a volume once."""
    details = _details(exchange, meaning)
    addresses = [address for one in details for address in one["addresses"]]
    # Networks of a live service may use the same private addresses.
    for name in ("macAddress", "floatingIpAddress", *(("ipAddress",) if ledger.is_exact else ())):
        if _has_duplicates(address.get(name) for address in addresses):
            yield f"shows the same {name} twice"
    for one in details:
        if _has_duplicates(group["name"] for group in one["securityGroups"]):
            yield "shows an instance that is in a security group twice"
        if _has_duplicates(volume["id"] for volume in one["volumes"]["attachments"]):
            yield "shows an instance that has a volume twice"


def _has_duplicates(values: Iterable[str | None]) -> bool:
    return any(number > 1 for value, number in Counter(values).items() if value is not None)


def flavor_is_the_listed_one(ledger: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """An instance has the processors, the memory and the name of its flavor in the list of flavors."""
    for one in _details(exchange, meaning):
        shown = one["flavor"]
        listed = ledger.flavors.get(shown["id"])
        if listed is not None and (shown["cpu"], shown["ram"], shown["name"]) != listed:
            yield f"shows {shown['name']} with {shown['cpu']} processors and {shown['ram']} MB, listed otherwise"


def unchanged_values_stay(ledger: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """What no operation changes is shown as before: names, the root disk, addresses, a volume's properties."""
    for known, one in _known_details(ledger, exchange, meaning):
        before = known.detail or one
        for name in _FIXED:
            if one.get(name) != before.get(name):
                yield f"shows another {name} of an instance than before"
        if one["volumes"]["root"] != before["volumes"]["root"]:
            yield "shows another root disk of an instance than before"
        if not known.deleted and _interfaces(one) != _interfaces(before):
            yield "shows other addresses of an instance than before"
    for one in _details(exchange, meaning):
        for volume in one["volumes"]["attachments"]:
            if volume != ledger.volumes.get(volume["id"], volume):
                yield "shows another name, size or type of a volume than before"
            if volume["size"] <= 0:
                yield f"shows a volume of {volume['size']} GB"


def _interfaces(detail: JsonObject) -> list[tuple[str, str]]:
    return [(one["macAddress"], one["ipAddress"]) for one in detail["addresses"]]


def updates_are_dated(ledger: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """An update moves `updatedAt` forward: each change of status begins and ends with one."""
    for known, one in _known_details(ledger, exchange, meaning):
        before = known.detail or one
        then, now = moment(before["updatedAt"]), moment(one["updatedAt"])
        if now < then:
            yield "shows an earlier updatedAt of an instance than before"
        old, new = before["status"], one["status"]
        is_between = LIFECYCLE.states[old].transient and LIFECYCLE.states[new].transient
        if ledger.is_exact and old != new and not is_between and now == then:
            yield f"shows {new} after {old}, and the same updatedAt"


def boots_are_dated(ledger: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """`launchedAt` is present from the first boot, and moves with a boot only."""
    if not ledger.is_exact:
        return
    for one in _details(exchange, meaning):
        if one["status"] == _RUNNING and "launchedAt" not in one:
            yield f"shows an instance that is {_RUNNING} and never booted"
    for known, one in _known_details(ledger, exchange, meaning):
        before = known.detail or one
        old, new = before["status"], one["status"]
        may_have_booted = old != new and _RUNNING in LIFECYCLE.states[old].next and LIFECYCLE.states[new].transient
        if one.get("launchedAt") != before.get("launchedAt") and new != _RUNNING and not may_have_booted:
            yield f"shows another launchedAt after {old} and {new}, between which it did not boot"


INSTANCE_CHECKS: tuple[Check, ...] = (
    living_instance_is_found,
    deleted_instance_is_gone,
    accepted_only_in_its_states,
    status_follows_the_lifecycle,
    detail_shows_what_was_asked_for,
    filter_shows_what_was_asked_for,
    result_is_what_was_asked_for,
    used_once,
    things_of_another_user_stay_hidden,
    times_are_in_order,
    nothing_is_listed_twice,
    flavor_is_the_listed_one,
    unchanged_values_stay,
    updates_are_dated,
    boots_are_dated,
)

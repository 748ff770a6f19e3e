"""Is this reply right after all that came before? What can be said of instances with the ledger's help."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from toast_compute_api.behaviour import LIFECYCLE

from ..contract import Meaning
from ..exchange import Exchange, JsonObject
from .ledger import GONE, SAME, Known, Ledger, differences
from .result_codes import kind_of, subsystem_of

StateCheck: TypeAlias = Callable[[Ledger, Exchange, Meaning], Iterator[str]]

_LISTS = ("listInstances", "listInstanceDetails")
_FAILED = "ERROR"
DELETE = "deleteInstance"


def target_of(meaning: Meaning) -> str:
    """Return the id of the instance that a request is about; empty for none."""
    if meaning.operation in (*_LISTS, DELETE):
        return meaning.parameter("id")
    return meaning.parameter("instanceId")


def move_of(meaning: Meaning) -> str:
    """Return the name under which `x-lifecycle` has an operation."""
    return meaning.action or meaning.operation


def shown_instances(exchange: Exchange, meaning: Meaning) -> list[JsonObject]:
    """Return the instances that a reply lists."""
    if meaning.operation not in _LISTS or not exchange.reply.accepted:
        return []
    shown: list[JsonObject] = (exchange.content or {}).get("instances", [])
    return shown


def shown_details(exchange: Exchange, meaning: Meaning) -> list[JsonObject]:
    """Return the instances that a reply lists in detail."""
    return shown_instances(exchange, meaning) if meaning.operation == _LISTS[1] else []


def living_instance_is_found(ledger: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """An instance that was created and not deleted is found and listed."""
    code = exchange.reply.code
    known = ledger.instances.get(target_of(meaning))
    if known is not None and known.is_ours and not known.deleted and not meaning.faults and code:
        missing = kind_of(code) == "not-found" and subsystem_of(code) in (None, "instance")
        if missing:
            yield f"does not find an instance that was created and not deleted ({code})"
    if meaning.operation in _LISTS and not meaning.parameter("id") and exchange.reply.accepted:
        shown = {one["id"] for one in shown_instances(exchange, meaning)}
        missing_ones = [known for known in ledger.ours() if known.id not in shown]
        if missing_ones:
            yield f"does not list an instance that was created and not deleted (it was last {missing_ones[0].status})"


def deleted_instance_is_gone(ledger: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """An instance that was deleted is DELETING for a while, and then gone for good from every list."""
    move = LIFECYCLE.operations[DELETE]
    for one in shown_instances(exchange, meaning):
        known = ledger.instances.get(one["id"])
        if known is None or not known.deleted:
            continue
        began = known.change.began if known.change is not None else exchange.at
        if known.gone:
            yield "shows an instance that was gone already"
        elif one["status"] not in (*move.through, _FAILED):
            yield f"shows a deleted instance as {one['status']}"
        elif ledger.is_exact and exchange.at - began > move.max_seconds:
            yield f"shows a deleted instance {exchange.at - began:g} s after its deletion"
    known = ledger.instances.get(target_of(meaning))
    if known is not None and known.gone and exchange.reply.accepted and meaning.operation not in _LISTS:
        yield "is accepted for an instance that is gone"


def accepted_only_in_its_states(ledger: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """An operation is accepted only in the states that `x-lifecycle` gives for it."""
    move = LIFECYCLE.operations.get(move_of(meaning))
    known = ledger.instances.get(target_of(meaning))
    if move is None or known is None or not known.status or not exchange.reply.accepted:
        return
    is_certain = ledger.is_exact or not LIFECYCLE.states[known.status].transient
    if known.status not in move.accepted_in and is_certain and not known.gone:
        yield f"is accepted while the instance is {known.status}"


def status_follows_the_lifecycle(ledger: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """The status that an instance shows is one that `x-lifecycle` lets follow the last one and what was done."""
    for one in shown_instances(exchange, meaning):
        known = ledger.instances.get(one["id"])
        if known is None or known.deleted or not known.status:
            continue
        allowed = statuses_due(known, exchange.at) if ledger.is_exact else _statuses_possible(known)
        if one["status"] not in allowed:
            after = known.change.operation if known.change else known.status
            yield f"shows {one['status']} after {after}, where {' or '.join(sorted(allowed)) or 'nothing'} is due"
    if meaning.operation == "createInstance" and exchange.reply.accepted:
        status = (exchange.content or {})["instance"]["status"]
        if status not in (LIFECYCLE.initial, *LIFECYCLE.states[LIFECYCLE.initial].next):
            yield f"shows a new instance as {status}"


def statuses_due(known: Known, at: float) -> set[str]:
    """Return what an instance can show at this time, where time is known and nothing fails."""
    change = known.change
    if change is None:
        return {known.status}
    move = LIFECYCLE.operations[change.operation]
    elapsed = at - change.began
    end = {change.before if move.to == SAME else move.to} - {GONE}
    if elapsed < move.min_seconds:
        return set(move.through)
    return end if elapsed > move.max_seconds else {*move.through, *end}


def _statuses_possible(known: Known) -> set[str]:
    """What an instance can show where others may act on it, too: whatever can follow in any number of steps."""
    reached = {known.status}
    if known.change is not None:
        reached |= set(LIFECYCLE.operations[known.change.operation].through)
    while True:
        following = {after for status in reached for after in LIFECYCLE.states[status].next}
        if following <= reached:
            return reached
        reached |= following


def detail_shows_what_was_asked_for(ledger: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """What was created can be read back equal, and so can what was changed since."""
    if meaning.operation == "listInstanceDetails":
        for one in shown_instances(exchange, meaning):
            known = ledger.instances.get(one["id"])
            if known is not None and known.is_ours and not known.deleted and known.expected:
                for difference in differences(known, one):
                    yield f"shows that {difference}"


def filter_shows_what_was_asked_for(_: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """A list that is asked for one thing shows that one and no other."""
    if not exchange.reply.accepted or meaning.faults:
        return
    if meaning.parameter("id") and meaning.operation in _LISTS:
        found = [one["id"] for one in shown_instances(exchange, meaning)]
        if found != [meaning.parameter("id")]:
            yield f"shows {len(found)} instances, and not just the one that it was asked for"
    if meaning.operation == "listKeypairs":
        shown: list[JsonObject] = (exchange.content or {})["keypairs"]
        name = meaning.parameter("name")
        if name and [one["name"] for one in shown] != [name]:
            yield f"shows {len(shown)} key pairs, and not just the one that it was asked for"
        if not name and any("createdAt" in one for one in shown):
            yield "shows createdAt although no key pair was asked for by name"


def result_is_what_was_asked_for(_: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """What a reply says of the thing that it made is what was asked for."""
    if not exchange.reply.accepted or meaning.faults:
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
    if not exchange.reply.accepted or meaning.faults:
        return
    known = ledger.instances.get(target_of(meaning))
    match meaning.name:
        case "attachVolume":
            if ledger.holder_of_volume(meaning.member("attachment", "volumeId")) is not None:
                yield "is accepted for a volume that is attached already"
            if known is not None and (exchange.content or {})["attachment"]["device"] in known.devices.values():
                yield "gives a volume the device of another one"
        case "runInstanceAction.addFloatingIp":
            if ledger.holder_of_address(meaning.member("parameters", "address")) is not None:
                yield "is accepted for a floating IP that is in use"
        case "detachVolume":
            if known is not None and known.is_ours and meaning.parameter("volumeId") not in known.attachments:
                yield "is accepted for a volume that is not attached to the instance"
        case "runInstanceAction.removeFloatingIp":
            if known is not None and known.is_ours and meaning.member("parameters", "address") not in known.floating:
                yield "is accepted for a floating IP that the instance does not have"


def strange_things_stay_hidden(ledger: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """Nothing of another user is shown or touched."""
    if any(one["id"] in ledger.strange for one in shown_instances(exchange, meaning)):
        yield "shows an instance of another user"
    elif target_of(meaning) in ledger.strange and exchange.reply.accepted:
        yield "is accepted for an instance of another user"


INSTANCE_CHECKS: Mapping[str, StateCheck] = {
    check.__name__: check
    for check in (
        living_instance_is_found,
        deleted_instance_is_gone,
        accepted_only_in_its_states,
        status_follows_the_lifecycle,
        detail_shows_what_was_asked_for,
        filter_shows_what_was_asked_for,
        result_is_what_was_asked_for,
        used_once,
        strange_things_stay_hidden,
    )
}

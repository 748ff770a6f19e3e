"""Serialize worlds and journal entries for the admin API, without their secrets."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime

import msgspec

from ..exchange import JsonObject
from ..journal.journal import Entry
from ..world.lifecycle import status
from ..world.state import Instance, Record, World


def serialize_world(world: World, now: datetime) -> JsonObject:
    """Serialize a world in its state at `now`: passwords and appkey are left out, tokens are a number."""
    return {
        "id": world.account.user_id,
        "username": world.account.username,
        "now": now,
        "tokens": sum(token.expires > now for token in world.tokens.values()),
        "zones": _all(world.zones),
        "flavors": _all(world.flavors),
        "images": _all(world.images),
        "networks": _all(world.networks),
        "subnets": _all(world.subnets),
        "securityGroups": _all(world.security_groups),
        "keypairs": _all(world.keypairs),
        "volumes": _all(world.volumes),
        "floatingIps": _all(world.floating_ips),
        "instances": [
            msgspec.to_builtins(instance) | {"status": status(instance, now)} for instance in world.instances.values()
        ],
    }


def serialize_timeline(world: World, now: datetime, limit: int) -> JsonObject:
    """Serialize the newest instances of a world in its state at `now`, and what each is changing into."""
    newest = list(world.instances.values())[-limit:]
    return {
        "now": now,
        "total": len(world.instances),
        "instances": [_serialize_instance(world, instance, now) for instance in newest],
    }


def serialize_entry(entry: Entry) -> JsonObject:
    """Serialize one exchange."""
    return {
        "seq": entry.seq,
        "at": datetime.fromtimestamp(entry.at, UTC),
        "world": entry.world,
        "operation": entry.operation,
        "action": entry.action,
        "method": entry.method,
        "target": entry.target,
        "status": entry.status,
        "resultCode": entry.result_code,
        "applied": entry.applied,
        "faults": entry.faults,
        "leaks": entry.leaks,
        "request": entry.request,
        "reply": entry.reply,
    }


def _serialize_instance(world: World, instance: Instance, now: datetime) -> JsonObject:
    addresses = [
        address
        for interface in instance.interfaces
        for address in (interface.ip_address, interface.floating_ip_address)
        if address is not None
    ]
    return {
        "id": instance.id,
        "name": instance.name,
        "status": status(instance, now),
        "rest": instance.status,
        "zone": instance.zone,
        "flavor": world.flavors[instance.flavor].name,
        "addresses": addresses,
        "createdAt": instance.created_at,
        "updatedAt": instance.updated_at,
        "transition": instance.transition,
    }


def _all(records: Mapping[str, Record]) -> Collection[Record]:
    return list(records.values())

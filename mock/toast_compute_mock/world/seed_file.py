"""Read a seed world from a file."""

from __future__ import annotations

from typing import Any

import msgspec

from .consistency import find_problem
from .seed import SeedWorld, build, default_seed_world


class WorldFileError(ValueError):
    """A seed world cannot be read; its text is one sentence."""


def read_seed_world(content: bytes) -> SeedWorld:
    """Read a seed world from JSON, as `show_world` shows it or with accounts of its own. Raises WorldFileError.

    Without accounts it has those of the default seed world. Who uses a volume or a floating IP follows from the
    instances; what `--show-world` prints of it is ignored.
    """
    try:
        given = msgspec.json.decode(content, type=dict[str, Any])
        for used in (*_objects(given, "volumes"), *_objects(given, "floating_ips")):
            used.pop("status", None)
            used.pop("attachedTo", None)
        if "accounts" not in given:
            given["accounts"] = msgspec.to_builtins(default_seed_world().accounts)
        seed_world = msgspec.convert(given, SeedWorld)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WorldFileError(_sentence(error)) from None
    _require_different(seed_world)
    problem = find_problem(build(seed_world, seed_world.accounts[0], seed=0))
    if problem is not None:
        raise WorldFileError(problem)
    return seed_world


def _objects(given: dict[str, Any], name: str) -> list[dict[str, Any]]:
    entries = given.get(name)
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _sentence(error: Exception) -> str:
    """Return what is wrong, with its place first where there is one."""
    if not isinstance(error, msgspec.ValidationError):
        return "is not JSON in UTF-8"
    what, _, place = str(error).partition(" - at ")
    place = place.strip("`").removeprefix("$").removeprefix(".")
    return f"{place}: {what}" if place else what


def _require_different(seed_world: SeedWorld) -> None:
    """Raise WorldFileError when there is no account, or when two things have the same id, name or address."""
    if not seed_world.accounts:
        raise WorldFileError("accounts: needs at least one entry")
    accounts = seed_world.accounts
    identities: dict[str, list[object]] = {
        "accounts: two have the same userId": [account.user_id for account in accounts],
        "accounts: two have the same appkey and username": [(one.appkey, one.username) for one in accounts],
        "accounts: two have the same token": [one.token for one in accounts if one.token is not None],
        "zones: two have the same name": [zone.name for zone in seed_world.zones],
        "flavors: two have the same id": [flavor.id for flavor in seed_world.flavors],
        "images: two have the same id": [image.id for image in seed_world.images],
        "networks: two have the same id": [network.id for network in seed_world.networks],
        "subnets: two have the same id": [subnet.id for subnet in seed_world.subnets],
        "security_groups: two have the same name": [group.name for group in seed_world.security_groups],
        "keypairs: two have the same name": [keypair.name for keypair in seed_world.keypairs],
        "volumes: two have the same id": [volume.id for volume in seed_world.volumes],
        "floating_ips: two have the same address": [ip.address for ip in seed_world.floating_ips],
        "instances: two have the same id": [instance.id for instance in seed_world.instances],
    }
    for problem, values in identities.items():
        if len(set(values)) < len(values):
            raise WorldFileError(problem)

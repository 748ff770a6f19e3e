"""What does a world begin with? The seed world, read from a file, and the worlds that start from it."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from . import addresses
from .consistency import problem_of
from .ids import Mint
from .state import (
    Account,
    Flavor,
    FloatingIp,
    Image,
    Instance,
    Keypair,
    Network,
    Quotas,
    Record,
    SecurityGroup,
    Subnet,
    Token,
    Volume,
    World,
    Zone,
)

TOKEN_LIFETIME = timedelta(hours=1)  # the guide's samples are one hour apart


class WorldFileError(ValueError):
    """A seed world cannot be read; its text is one sentence."""


class SeedWorld(Record, kw_only=True, rename=None):
    """What every world starts with, and who may enter."""

    accounts: list[Account]
    zones: list[Zone]
    flavors: list[Flavor]
    images: list[Image]
    networks: list[Network]
    subnets: list[Subnet]
    security_groups: list[SecurityGroup]
    keypairs: list[Keypair]
    volumes: list[Volume]
    floating_ips: list[FloatingIp]
    instances: list[Instance]
    quotas: Quotas = msgspec.field(default_factory=Quotas)


def default_seed_world() -> SeedWorld:
    """Return the seed world that comes with the mock: the examples of the contract, id for id."""
    return msgspec.json.decode(_default_content(), type=SeedWorld)


def read_seed_world(content: bytes) -> SeedWorld:
    """Read a seed world from JSON, as `show_world` shows it or with accounts of its own. Raises WorldFileError.

    Without accounts it has those of the default seed world. Who uses a volume or a floating IP is said by the
    instances; what `show_world` says of it is ignored.
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
    problem = problem_of(_build(seed_world, seed_world.accounts[0], seed=0))
    if problem is not None:
        raise WorldFileError(problem)
    return seed_world


@cache
def _default_content() -> bytes:
    return (files(__package__) / "world.json").read_bytes()


def _objects(given: dict[str, Any], name: str) -> list[dict[str, Any]]:
    entries = given.get(name)
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _sentence(error: Exception) -> str:
    """What is wrong, with its place first where there is one."""
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


def start_world(seed_world: SeedWorld, account: Account, seed: int, now: datetime) -> World:
    """Return a new world for this account. What stands in it belongs to it alone."""
    world = _build(seed_world, account, seed)
    if account.token is not None:
        issue_token(world, account.token, now)
    return world


def issue_token(world: World, token_id: str, now: datetime) -> Token:
    """Add a token to a world, and forget those that have expired."""
    for old in [old.id for old in world.tokens.values() if old.expires <= now]:
        del world.tokens[old]
    token = Token(id=token_id, issued_at=now, expires=now.replace(microsecond=0) + TOKEN_LIFETIME)
    world.tokens[token_id] = token
    return token


def show_world(seed_world: SeedWorld) -> dict[str, Any]:
    """Return the seed world for people and scripts to read: everything but the accounts, and who uses what."""
    world = _build(seed_world, seed_world.accounts[0], seed=0)
    shown: dict[str, Any] = msgspec.to_builtins(seed_world)
    del shown["accounts"]
    if seed_world.quotas == Quotas():
        del shown["quotas"]
    for volume in shown["volumes"]:
        volume |= _use(world.volumes[volume["id"]].attached_to)
    for floating_ip in shown["floating_ips"]:
        floating_ip |= _use(world.floating_ips[floating_ip["address"]].attached_to)
    return shown


def _build(seed_world: SeedWorld, account: Account, seed: int) -> World:
    own = msgspec.convert(msgspec.to_builtins(seed_world), SeedWorld)
    world = World(
        account=account,
        mint=Mint(seed=seed, appkey=account.appkey, username=account.username),
        quotas=own.quotas,
        zones={zone.name: zone for zone in own.zones},
        flavors={flavor.id: flavor for flavor in own.flavors},
        images={image.id: image for image in own.images},
        networks={network.id: network for network in own.networks},
        subnets={subnet.id: subnet for subnet in own.subnets},
        security_groups={group.name: group for group in own.security_groups},
        keypairs={keypair.name: keypair for keypair in own.keypairs},
        volumes={volume.id: volume for volume in own.volumes},
        floating_ips={floating_ip.address: floating_ip for floating_ip in own.floating_ips},
        instances={instance.id: instance for instance in own.instances},
        tokens={},
    )
    _join(world)
    return world


def _join(world: World) -> None:
    """Say on volumes, floating IPs and subnets what the instances say of them.

    What an instance names and is not there is left to `problem_of`.
    """
    for instance in world.instances.values():
        for volume_id in instance.attachments:
            if volume_id in world.volumes:
                world.volumes[volume_id].attached_to = instance.id
        for interface in instance.interfaces:
            if interface.subnet_id in world.subnets:
                with contextlib.suppress(ValueError):  # no range, or no address
                    addresses.occupy(world.subnets[interface.subnet_id], interface.ip_address)
            if interface.floating_ip_address in world.floating_ips:
                world.floating_ips[interface.floating_ip_address].attached_to = instance.id


def _use(instance_id: str | None) -> dict[str, str]:
    return {"status": "free"} if instance_id is None else {"status": "attached", "attachedTo": instance_id}

"""Start worlds from a seed world."""

from __future__ import annotations

import contextlib
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from . import addresses
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
    Volume,
    World,
    Zone,
    issue_token,
)


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


@cache
def _default_content() -> bytes:
    return (files(__package__) / "world.json").read_bytes()


def start_world(seed_world: SeedWorld, account: Account, seed: int, now: datetime) -> World:
    """Return a new world for this account. What stands in it belongs to it alone."""
    world = build(seed_world, account, seed)
    if account.token is not None:
        issue_token(world, account.token, now)
    return world


def serialize_seed_world(seed_world: SeedWorld) -> dict[str, Any]:
    """Return the seed world for people and scripts to read: everything but the accounts, and who uses what."""
    world = build(seed_world, seed_world.accounts[0], seed=0)
    shown: dict[str, Any] = msgspec.to_builtins(seed_world)
    del shown["accounts"]
    if seed_world.quotas == Quotas():
        del shown["quotas"]
    for volume in shown["volumes"]:
        volume |= _use(world.volumes[volume["id"]].attached_to)
    for floating_ip in shown["floating_ips"]:
        floating_ip |= _use(world.floating_ips[floating_ip["address"]].attached_to)
    return shown


def build(seed_world: SeedWorld, account: Account, seed: int) -> World:
    """Return a world of these resources, without tokens."""
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
    """Set the users of volumes, floating IPs and addresses from the instances.

    What an instance names and is not there is left to `find_problem`.
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

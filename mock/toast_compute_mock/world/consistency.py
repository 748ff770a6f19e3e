"""Check that everything in a world is consistent.

A world that the mock made itself always does. One that was read from a file may name what is not there, and the engine
would find out in the middle of a request.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network

from toast_compute_api.behaviour import LIFECYCLE

from . import keys
from .addresses import is_occupied
from .state import Instance, Interface, Subnet, Transition, World

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 12, 31, tzinfo=UTC)  # a day before the last time that there is, so that one can add to it
_GONE = "gone"
_ENDS = frozenset({*LIFECYCLE.states, _GONE})


def find_problem(world: World) -> str | None:
    """Return the first thing that is wrong with a world, as `place: reason`, or None.

    It checks what the contract cannot: whether what is named exists, whether both sides agree on an
    attachment, whether addresses and times can be computed with.
    """
    return next(_problems(world), None)


def _problems(world: World) -> Iterator[str]:
    for kind, count in world.mint.counters.items():
        if count < 0:
            yield f"mint.counters.{kind}: must not be negative"
    yield from _check_subnets(world)
    yield from _check_keypairs_and_tokens(world)
    yield from _check_volumes_and_floating_ips(world)
    ranges = {subnet.id: IPv4Network(subnet.cidr) for subnet in world.subnets.values()}
    for index, instance in enumerate(world.instances.values()):
        place = f"instances[{index}]"
        yield from _check_instance(world, instance, place)
        for number, interface in enumerate(instance.interfaces):
            yield from _check_interface(world, instance, interface, ranges, f"{place}.interfaces[{number}]")
    yield from _check_addresses(world)


def _check_addresses(world: World) -> Iterator[str]:
    owners: set[tuple[str, str]] = set()
    for index, instance in enumerate(world.instances.values()):
        if instance.transition is not None and instance.transition.to == _GONE:
            continue  # its addresses are free already
        for number, interface in enumerate(instance.interfaces):
            place = f"instances[{index}].interfaces[{number}].ipAddress"
            if not is_occupied(world.subnets[interface.subnet_id], interface.ip_address):
                yield f"{place}: is not among those that its subnet has taken"
            owner = (interface.subnet_id, interface.ip_address)
            if owner in owners:
                yield f"{place}: is that of an interface before it, too"
            owners.add(owner)


def _check_subnets(world: World) -> Iterator[str]:
    for index, subnet in enumerate(world.subnets.values()):
        place = f"subnets[{index}]"
        yield from _check_exists(f"{place}.networkId", "network", subnet.network_id, world.networks)
        yield from _check_range(place, subnet)


def _check_range(place: str, subnet: Subnet) -> Iterator[str]:
    try:
        size = IPv4Network(subnet.cidr).num_addresses
    except ValueError:
        yield f"{place}.cidr: must be a range of IPv4 addresses such as 192.168.0.0/24"
        return
    if not 0 <= subnet.last < size:
        yield f"{place}.last: must be from 0 to {size - 1}"
    if not all(0 <= host < size for host in subnet.taken):
        yield f"{place}.taken: all must be from 0 to {size - 1}"


def _check_keypairs_and_tokens(world: World) -> Iterator[str]:
    for index, keypair in enumerate(world.keypairs.values()):
        yield from _check_time(f"keypairs[{index}].createdAt", keypair.created_at)
        try:
            keys.fingerprint(keypair.public_key)
        except (ValueError, IndexError):
            yield f"keypairs[{index}].publicKey: must be an OpenSSH public key"
    for index, token in enumerate(world.tokens.values()):
        yield from _check_time(f"tokens[{index}].issuedAt", token.issued_at)
        yield from _check_time(f"tokens[{index}].expires", token.expires)


def _check_volumes_and_floating_ips(world: World) -> Iterator[str]:
    for index, volume in enumerate(world.volumes.values()):
        yield from _check_exists(f"volumes[{index}].zone", "zone", volume.zone, world.zones)
        if volume.attached_to is not None:
            place = f"volumes[{index}].attachedTo"
            yield from _check_exists(place, "instance", volume.attached_to, world.instances)
            if volume.id not in world.instances[volume.attached_to].attachments:
                yield f"{place}: the instance {volume.attached_to!r} has no such attachment"
    for index, floating_ip in enumerate(world.floating_ips.values()):
        if floating_ip.attached_to is not None:
            place = f"floatingIps[{index}].attachedTo"
            yield from _check_exists(place, "instance", floating_ip.attached_to, world.instances)
            interfaces = world.instances[floating_ip.attached_to].interfaces
            if all(interface.floating_ip_address != floating_ip.address for interface in interfaces):
                yield f"{place}: the instance {floating_ip.attached_to!r} has no interface with this address"


def _check_instance(world: World, instance: Instance, place: str) -> Iterator[str]:
    if instance.status not in LIFECYCLE.states:
        yield f"{place}.status: there is no status {instance.status!r}"
    elif LIFECYCLE.states[instance.status].transient and instance.transition is None:
        yield f"{place}.status: {instance.status} passes by itself, so a `transition` must have what follows, and when"
    # Its key pair may be gone: one can be deleted while instances use it.
    yield from _check_exists(f"{place}.zone", "zone", instance.zone, world.zones)
    yield from _check_exists(f"{place}.flavor", "flavor", instance.flavor, world.flavors)
    yield from _check_exists(f"{place}.image", "image", instance.image, world.images)
    for index, group in enumerate(instance.security_groups):
        yield from _check_exists(f"{place}.securityGroups[{index}]", "security group", group, world.security_groups)
    for volume_id in instance.attachments:
        yield from _check_exists(f"{place}.attachments", "volume", volume_id, world.volumes)
        if world.volumes[volume_id].attached_to != instance.id:
            yield f"{place}.attachments: the volume {volume_id!r} is not attached to this instance"
    yield from _check_time(f"{place}.createdAt", instance.created_at)
    yield from _check_time(f"{place}.updatedAt", instance.updated_at)
    if instance.launched_at is not None:
        yield from _check_time(f"{place}.launchedAt", instance.launched_at)
    if instance.transition is not None:
        yield from _check_transition(world, instance.transition, f"{place}.transition")


def _check_interface(
    world: World, instance: Instance, interface: Interface, ranges: dict[str, IPv4Network], place: str
) -> Iterator[str]:
    yield from _check_exists(f"{place}.subnetId", "subnet", interface.subnet_id, ranges)
    try:
        is_inside = IPv4Address(interface.ip_address) in ranges[interface.subnet_id]
    except ValueError:
        is_inside = False
    if not is_inside:
        yield f"{place}.ipAddress: must be an IPv4 address of the subnet {interface.subnet_id!r}"
    address = interface.floating_ip_address
    if address is not None:
        yield from _check_exists(f"{place}.floatingIpAddress", "floating IP", address, world.floating_ips)
        if world.floating_ips[address].attached_to != instance.id:
            yield f"{place}.floatingIpAddress: the floating IP {address!r} is not attached to this instance"


def _check_transition(world: World, change: Transition, place: str) -> Iterator[str]:
    if not change.through:
        yield f"{place}.through: needs at least one status"
    for index, status in enumerate(change.through):
        if status not in LIFECYCLE.states:
            yield f"{place}.through[{index}]: there is no status {status!r}"
    if change.to not in _ENDS:
        yield f"{place}.to: there is no status {change.to!r}"
    yield from _check_time(f"{place}.started", change.started)
    yield from _check_time(f"{place}.due", change.due)
    if change.due < change.started:
        yield f"{place}.due: must not be before `started`"
    if change.flavor is not None:
        yield from _check_exists(f"{place}.flavor", "flavor", change.flavor, world.flavors)


def _check_exists(place: str, kind: str, name: str, known: Container[str]) -> Iterator[str]:
    if name not in known:
        yield f"{place}: there is no {kind} {name!r}"


def _check_time(place: str, moment: datetime) -> Iterator[str]:
    if moment.tzinfo is not UTC:  # what the decoder makes of Z and +00:00
        yield f"{place}: must be a time in UTC, with Z at its end"
    elif moment < EARLIEST:
        yield f"{place}: must not be before 1970"

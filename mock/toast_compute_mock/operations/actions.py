"""Answer runInstanceAction: the nine actions on an instance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

from ..exchange import JsonObject
from ..rules import RefusedError, Rule
from ..world.lifecycle import begin, find, require
from ..world.state import FloatingIp, Image, Instance, Interface, World
from .call import Call, Payload
from .catalogue import find_flavor, require_enabled


class Action(NamedTuple):
    """One action on one instance."""

    name: str
    world: World
    instance: Instance
    parameters: JsonObject
    call: Call

    def require_state(self) -> None:
        """Raise RefusedError unless the instance's status allows the action."""
        require(self.instance, self.name, self.call.now)

    def begin(self, *, flavor: str | None = None) -> None:
        """Begin what the action leads to; `flavor` is the id of the flavor at its end."""
        begin(self.world, self.instance, self.name, self.call.now, flavor=flavor)


def run(world: World, call: Call) -> Payload:
    """Answer runInstanceAction. Guide: 인스턴스 추가기능 API, 공통."""
    instance = find(world, call.parameters["instanceId"], call.now)
    name = call.body["action"]
    return ACTIONS[name](Action(name, world, instance, call.body.get("parameters", {}), call))


def _change_power(action: Action) -> Payload:
    action.require_state()
    action.begin()
    return {}


def _resize(action: Action) -> Payload:
    flavor = find_flavor(action.world, action.parameters["flavor"])
    action.require_state()
    require_enabled(flavor)
    if flavor.id == action.instance.flavor:
        raise RefusedError(Rule.SAME_FLAVOR)
    action.begin(flavor=flavor.id)
    return {}


def _upload_image(action: Action) -> Payload:
    action.require_state()
    world, instance = action.world, action.instance
    image = Image(
        id=world.mint.resource_id("image"),
        name=action.parameters["name"],
        os=world.images[instance.image].os,
        min_disk=instance.root.size,
    )
    world.images[image.id] = image
    action.begin()
    return {"createdImage": {"id": image.id, "name": image.name}}


def _add_floating_ip(action: Action) -> Payload:
    floating_ip = _find_floating_ip(action)
    action.require_state()
    if floating_ip.attached_to is not None:
        raise RefusedError(Rule.FLOATING_IP_IN_USE)
    interface = next((i for i in action.instance.interfaces if i.ip_address == action.parameters["ipAddress"]), None)
    if interface is None:
        raise RefusedError(Rule.NOT_ITS_ADDRESS)
    if interface.floating_ip_address is not None:
        raise RefusedError(Rule.FLOATING_IP_PRESENT)
    interface.floating_ip_address = floating_ip.address
    floating_ip.attached_to = action.instance.id
    action.begin()
    return {}


def _remove_floating_ip(action: Action) -> Payload:
    floating_ip = _find_floating_ip(action)
    action.require_state()
    interface = _interface_with(action.instance, floating_ip)
    interface.floating_ip_address = None
    floating_ip.attached_to = None
    action.begin()
    return {}


def _add_security_group(action: Action) -> Payload:
    name = _find_security_group(action)
    action.require_state()
    if name not in action.instance.security_groups:
        action.instance.security_groups.append(name)
        action.begin()
    return {}


def _remove_security_group(action: Action) -> Payload:
    name = _find_security_group(action)
    action.require_state()
    if name not in action.instance.security_groups:
        raise RefusedError(Rule.NOT_A_MEMBER)
    action.instance.security_groups.remove(name)
    action.begin()
    return {}


def _find_floating_ip(action: Action) -> FloatingIp:
    floating_ip = action.world.floating_ips.get(action.parameters["address"])
    if floating_ip is None:
        raise RefusedError(Rule.NO_FLOATING_IP)
    return floating_ip


def _interface_with(instance: Instance, floating_ip: FloatingIp) -> Interface:
    for interface in instance.interfaces:
        if interface.floating_ip_address == floating_ip.address:
            return interface
    raise RefusedError(Rule.NOT_ITS_FLOATING_IP)


def _find_security_group(action: Action) -> str:
    name: str = action.parameters["name"]
    if name not in action.world.security_groups:
        raise RefusedError(Rule.NO_SECURITY_GROUP)
    return name


Run: TypeAlias = Callable[[Action], Payload]

ACTIONS: Mapping[str, Run] = {
    "start": _change_power,
    "stop": _change_power,
    "reboot": _change_power,
    "resize": _resize,
    "uploadImage": _upload_image,
    "addFloatingIp": _add_floating_ip,
    "removeFloatingIp": _remove_floating_ip,
    "addSecurityGroup": _add_security_group,
    "removeSecurityGroup": _remove_security_group,
}

"""Which calls stand for each kind of request? Some of each kind of `x-retry`, and every change of an instance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from toast_compute_mock.worlds import default_seed_world

from .driver import Make

_WORLD = default_seed_world()
RUNNING, STOPPED = _WORLD.instances[0], _WORLD.instances[1]
_KEYPAIR = _WORLD.keypairs[0].name
_FLAVOR = next(one.id for one in _WORLD.flavors if one.id != STOPPED.flavor)
_VOLUME = next(one.id for one in _WORLD.volumes if one.zone == RUNNING.zone and one.id not in RUNNING.attachments)
_TAKEN = RUNNING.interfaces[0].floating_ip_address or ""
_ADDRESS = next(one.address for one in _WORLD.floating_ips if one.address != _TAKEN)
_GROUP = next(one.name for one in _WORLD.security_groups if one.name not in STOPPED.security_groups)


def new_instance() -> dict[str, Any]:
    """Return what to create."""
    return {
        "name": "one-of-many",
        "image": _WORLD.images[0].id,
        "flavor": _WORLD.flavors[0].id,
        "availability_zone": _WORLD.zones[0].name,
        "key_name": _WORLD.keypairs[0].name,
        "networks": [{"subnet_id": _WORLD.subnets[0].id}],
        "security_groups": [_WORLD.security_groups[0].name],
    }


class Kind(NamedTuple):
    """What a call asks for."""

    operation: str
    action: str = ""

    @property
    def name(self) -> str:
        """What it is called, also where a client is allowed to do it."""
        return self.action or self.operation


ONE_OF_EACH: Mapping[Kind, Make] = {
    Kind("listFlavors"): lambda toast: toast.flavors.list(),
    Kind("deleteKeypair"): lambda toast: toast.keypairs.delete(_KEYPAIR),
    Kind("createKeypair"): lambda toast: toast.keypairs.create("another-key"),
}
"""One of each kind of `x-retry`."""
_ACTION = "runInstanceAction"
CHANGES: Mapping[Kind, Make] = {
    Kind("createInstance"): lambda toast: toast.instances.create(**new_instance()),
    Kind("deleteInstance"): lambda toast: toast.instances.delete(RUNNING.id),
    Kind("attachVolume"): lambda toast: toast.instances.attach_volume(RUNNING.id, _VOLUME),
    Kind("detachVolume"): lambda toast: toast.instances.detach_volume(RUNNING.id, next(iter(RUNNING.attachments))),
    Kind(_ACTION, "start"): lambda toast: toast.instances.start(STOPPED.id),
    Kind(_ACTION, "stop"): lambda toast: toast.instances.stop(RUNNING.id),
    Kind(_ACTION, "reboot"): lambda toast: toast.instances.reboot(RUNNING.id),
    Kind(_ACTION, "resize"): lambda toast: toast.instances.resize(STOPPED.id, _FLAVOR),
    Kind(_ACTION, "uploadImage"): lambda toast: toast.instances.upload_image(STOPPED.id, "an image"),
    Kind(_ACTION, "addFloatingIp"): lambda toast: toast.instances.add_floating_ip(
        STOPPED.id, _ADDRESS, STOPPED.interfaces[0].ip_address
    ),
    Kind(_ACTION, "removeFloatingIp"): lambda toast: toast.instances.remove_floating_ip(RUNNING.id, _TAKEN),
    Kind(_ACTION, "addSecurityGroup"): lambda toast: toast.instances.add_security_group(STOPPED.id, _GROUP),
    Kind(_ACTION, "removeSecurityGroup"): lambda toast: toast.instances.remove_security_group(
        RUNNING.id, RUNNING.security_groups[0]
    ),
}
"""Every change of an instance; each is accepted in the mock's own world."""

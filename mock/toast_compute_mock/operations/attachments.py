"""Answer attachVolume and detachVolume."""

from __future__ import annotations

from collections.abc import Collection
from itertools import product
from string import ascii_lowercase

from ..rules import RefusedError, Rule
from ..world.lifecycle import begin, find, require
from ..world.state import World
from .call import Call, Payload


def attach(world: World, call: Call) -> Payload:
    """Answer attachVolume. Guide: 블록 스토리지 연결."""
    instance = find(world, call.parameters["instanceId"], call.now)
    volume = world.volumes.get(call.body["attachment"]["volumeId"])
    if volume is None:
        raise RefusedError(Rule.NO_VOLUME)
    require(instance, call.operation, call.now)
    if volume.attached_to is not None:
        raise RefusedError(Rule.VOLUME_IN_USE)
    if volume.zone != instance.zone:
        raise RefusedError(Rule.VOLUME_ELSEWHERE)
    device = _free_device(instance.attachments.values())
    instance.attachments[volume.id] = device
    volume.attached_to = instance.id
    begin(world, instance, call.operation, call.now)
    return {"attachment": {"device": device, "id": world.mint.resource_id("attachment"), "volumeId": volume.id}}


def detach(world: World, call: Call) -> Payload:
    """Answer detachVolume. Guide: 블록 스토리지 연결 해제."""
    instance = find(world, call.parameters["instanceId"], call.now)
    require(instance, call.operation, call.now)
    volume_id = call.parameters["volumeId"]
    if volume_id not in instance.attachments:
        raise RefusedError(Rule.NOT_ATTACHED)
    del instance.attachments[volume_id]
    world.volumes[volume_id].attached_to = None
    begin(world, instance, call.operation, call.now)
    return {}


def _free_device(used: Collection[str]) -> str:
    """Return the first device name behind the root disk's `/dev/vda` that is free: b to z, then aa to zz."""
    letters = (*ascii_lowercase[1:], *("".join(pair) for pair in product(ascii_lowercase, repeat=2)))
    return next(device for device in (f"/dev/vd{name}" for name in letters) if device not in used)

"""Operations that change instances: create and delete, volumes, actions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from toast_compute_api import models
from toast_compute_api.api.instance_actions.run_instance_action import OPERATION as RUN_INSTANCE_ACTION
from toast_compute_api.api.instance_actions.run_instance_action import run_instance_action
from toast_compute_api.api.instances.attach_volume import attach_volume as request_attachment
from toast_compute_api.api.instances.create_instance import create_instance
from toast_compute_api.api.instances.delete_instance import delete_instance
from toast_compute_api.api.instances.detach_volume import detach_volume as request_detachment
from toast_compute_runtime.operation import Request

from .._core.call import Call
from .._core.client_core import Core
from .._effects import Effects
from .._lifecycle.staleness import PendingChanges, may_be_done
from .._validation import (
    Findings,
    as_model,
    check_leaves,
    is_list,
    is_mapping,
    make_model,
    one_of,
    one_or_many,
    refuse,
    text,
)
from ..errors import AmbiguousOutcomeError, ToastComputeError
from .instance_reads import get_details, list_details
from .recovery import ReturnedIds, StateReader, action_is_done, find_created, has_begun, volume_is_detached

S = TypeVar("S")

RAISE = "raise"
RECONCILE = "reconcile"

_CREATE = "createInstance"
_SPEC = "instance"
_ACTION = RUN_INSTANCE_ACTION.id
_ACTION_TYPES: dict[str, type[Any]] = {type_.__struct_config__.tag: type_ for type_ in RUN_INSTANCE_ACTION.variants}


def create(
    core: Core,
    *,
    networks: object,
    security_groups: object,
    volume: object,
    count: object,
    on_ambiguous: object,
    **members: Any,
) -> Effects[models.Instance]:
    """Create instances. With "reconcile", find the instance when the reply to the create is lost."""
    on_ambiguous = one_of(_CREATE, "on_ambiguous", on_ambiguous, (RAISE, RECONCILE))
    spec = instance_spec(networks, security_groups, volume, count, members)
    request = core.request(lambda appkey: create_instance(appkey, body=models.CreateInstanceRequest(instance=spec)))
    call = core.prepare(request)
    if on_ambiguous == RAISE:
        try:
            return _created(core, call, (yield from call.run()).instance)
        except AmbiguousOutcomeError as lost:
            lost.add_note('With on_ambiguous="reconcile", create searches for the instance itself.')
            raise
    # Before the list is read: a client that may not create is refused without a request.
    core.check_allowed(request)
    before = yield from list_details(core)
    try:
        return _created(core, call, (yield from call.run()).instance)
    except AmbiguousOutcomeError as lost:
        returned = core.state(ReturnedIds)
        found = yield from find_created(lambda: list_details(core), core.pause, before, spec, lost, returned)
    return _created(core, call, models.Instance(id=found.id, name=found.name, status=found.status))


def _created(core: Core, call: Call[Any], instance: models.Instance) -> models.Instance:
    core.state(ReturnedIds).add(instance.id)
    core.state(PendingChanges).add(instance.id, _CREATE, call.ended)
    return instance


def instance_spec(
    networks: object, security_groups: object, volume: object, count: object, members: Mapping[str, Any]
) -> models.InstanceSpec:
    """Return the instance that a create asks for.

    Raises:
        InvalidRequestError: with everything that breaks the contract, not only the first finding.
    """
    findings = Findings(_CREATE)
    given: dict[str, Any] = {
        **members,
        "networks": [
            findings.model(models.NetworkReference, network, f"{_SPEC}.networks[{index}]")
            for index, network in enumerate(one_or_many(networks))
        ],
        "security_groups": [
            findings.model(models.SecurityGroupSpec, _group(group), f"{_SPEC}.securityGroups[{index}]")
            for index, group in enumerate(one_or_many(security_groups))
        ],
    }
    if volume is not None:
        given["volume"] = findings.model(models.RootVolumeSpec, volume, f"{_SPEC}.volume")
    if count is not None:
        given["count"] = count
    for field in msgspec.structs.fields(models.InstanceSpec):
        value = given.get(field.name)
        if is_list(value):
            # An entry that could not be read is None here, and has a finding already.
            value = [entry for entry in value if entry is not None]
            if not value and given[field.name]:
                continue
        if field.name not in given or (value is None and field.name == "volume"):
            continue
        findings.check(field.type, value, f"{_SPEC}.{field.encode_name}")
    findings.raise_if_any()
    return make_model(models.InstanceSpec, given, operation=_CREATE, path=_SPEC)


def _group(group: object) -> object:
    if isinstance(group, str):
        return models.SecurityGroupSpec(name=group)
    # The groups of an instance's detail can be passed on to the next instance.
    return models.SecurityGroupSpec(name=group.name) if isinstance(group, models.SecurityGroupReference) else group


def delete(core: Core, id: str) -> Effects[None]:
    """Delete an instance."""
    text("deleteInstance", "id", id)
    request = core.request(lambda appkey: delete_instance(appkey, id=id))
    probe = has_begun(_reader(core, id), "deleteInstance")
    yield from _change(core, id, "deleteInstance", core.prepare(request, probe=probe))


def attach_volume(core: Core, id: str, volume_id: str) -> Effects[models.Attachment]:
    """Attach a volume."""
    text("attachVolume", "instanceId", id)
    text("attachVolume", "attachment.volumeId", volume_id)
    body = models.AttachVolumeRequest(attachment=models.AttachmentSpec(volume_id=volume_id))
    reply = yield from core.call(core.request(lambda appkey: request_attachment(appkey, id, body=body)))
    return reply.attachment


def detach_volume(core: Core, id: str, volume_id: str) -> Effects[None]:
    """Detach a volume."""
    text("detachVolume", "instanceId", id)
    text("detachVolume", "volumeId", volume_id)
    request = core.request(lambda appkey: request_detachment(appkey, id, volume_id=volume_id))
    yield from core.prepare(request, probe=volume_is_detached(_reader(core, id), volume_id)).run_or_confirm()


def run_action(core: Core, id: str, action: object) -> Effects[models.CreatedImage | None]:
    """Run an action, given as a model or as a mapping with its tag."""
    body = _action(action)
    request, tag = action_request(core, id, body)
    call = core.prepare(request, action=tag, probe=action_is_done(_reader(core, id), body))
    reply = yield from _change(core, id, tag, call)
    return reply.created_image if isinstance(reply, models.UploadImageSuccess) else None


def action_request(core: Core, id: str, action: object) -> tuple[Request[Any], str]:
    """Return the request for an action, and its tag."""
    text(_ACTION, "instanceId", id)
    body = _action(action)

    def make(appkey: str) -> Request[Any]:
        return run_instance_action(appkey, id, body=body)

    return core.request(make), str(body.__struct_config__.tag)


def upload_image(core: Core, id: str, name: str) -> Effects[models.CreatedImage]:
    """Create an image of an instance."""
    action = models.UploadImageAction(parameters=models.UploadImageParameters(name=name))
    request, tag = action_request(core, id, action)
    image: models.CreatedImage = (yield from core.prepare(request, action=tag).run()).created_image
    return image


def _action(action: Any) -> models.InstanceAction:
    if is_mapping(action):
        type_ = _ACTION_TYPES[one_of(_ACTION, "action", action.get("action"), _ACTION_TYPES)]
        action = as_model(type_, action, operation=_ACTION, path="")
    elif type(action) not in RUN_INSTANCE_ACTION.variants:
        refuse(_ACTION, "action", f"expected an action or a mapping, got a value of type {type(action).__name__}")
    check_leaves(action, operation=_ACTION, path="")
    findings = Findings(_ACTION)
    findings.check(type(action), action, "")
    findings.raise_if_any()
    checked: models.InstanceAction = action
    return checked


def _change(core: Core, id: str, operation: str, call: Call[S]) -> Effects[S | None]:
    """Run a call that changes an instance, and note the change as pending if it was, or may have been, accepted."""
    try:
        result = yield from call.run_or_confirm()
    except ToastComputeError as error:
        if may_be_done(error):
            core.state(PendingChanges).add(id, operation, call.ended)
        raise
    core.state(PendingChanges).add(id, operation, call.ended)
    return result


def _reader(core: Core, id: str) -> StateReader[models.InstanceDetail]:
    return StateReader("instance", lambda: get_details(core, id), core.pause)

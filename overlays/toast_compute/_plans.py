"""Which requests does each method make, and what of the reply does it return?

Written once for the blocking and the async classes. Every function returns a plan that a driver runs.
"""

from __future__ import annotations

from typing import Any, TypeVar

from toast_compute_api import models
from toast_compute_api.api.availability_zones.list_availability_zones import list_availability_zones
from toast_compute_api.api.flavors.list_flavors import list_flavors
from toast_compute_api.api.instance_actions.run_instance_action import OPERATION as RUN_INSTANCE_ACTION
from toast_compute_api.api.instance_actions.run_instance_action import run_instance_action
from toast_compute_api.api.instances.attach_volume import attach_volume
from toast_compute_api.api.instances.create_instance import create_instance
from toast_compute_api.api.instances.delete_instance import delete_instance
from toast_compute_api.api.instances.detach_volume import detach_volume
from toast_compute_api.api.instances.list_instance_details import list_instance_details
from toast_compute_api.api.instances.list_instances import list_instances
from toast_compute_api.api.keypairs.create_keypair import create_keypair
from toast_compute_api.api.keypairs.delete_keypair import delete_keypair
from toast_compute_api.api.keypairs.list_keypairs import list_keypairs
from toast_compute_api.api.tokens.get_token import get_token
from toast_compute_runtime.operation import Request

from . import _settling as settling
from ._attempts import Attempt
from ._core import Core
from ._effects import Plan
from ._evidence import expect, expecting
from ._findings import Findings
from ._input import as_model, check_leaves, check_secret_text, is_mapping, one_of, refuse, text
from ._instance_spec import instance_spec
from ._pem import CreatedKeypair, with_methods
from ._reconcile import CLAIMED, claim, find_created
from ._refusals import absent
from ._secret import Secret
from .errors import AmbiguousOutcomeError

R = TypeVar("R", models.Instance, models.InstanceDetail)

RAISE = "raise"
RECONCILE = "reconcile"

_ACTION = RUN_INSTANCE_ACTION.id
_ACTION_TYPES: dict[str, type[Any]] = {type_.__struct_config__.tag: type_ for type_ in RUN_INSTANCE_ACTION.variants}


def look_up_token(core: Core, token_id: Secret) -> Plan[models.Access]:
    """Read the lifetime and the user of a token."""
    check_secret_text("getToken", "id", token_id)
    request = core.request(lambda appkey: get_token(appkey, id=token_id.reveal()))
    reply = yield from core.call(request, secrets=(token_id,))
    return reply.access


def all_zones(core: Core) -> Plan[list[models.AvailabilityZone]]:
    """Read all availability zones."""
    reply = yield from core.call(core.request(list_availability_zones))
    return reply.zones


def all_flavors(core: Core) -> Plan[list[models.Flavor]]:
    """Read all flavors."""
    reply = yield from core.call(core.request(list_flavors))
    return reply.flavors


def brief_instances(core: Core, id: str | None = None) -> Request[models.InstancesSuccess]:
    """Return the request for all instances, or for one."""
    return core.request(lambda appkey: list_instances(appkey, id=id))


def all_instances(core: Core) -> Plan[list[models.Instance]]:
    """Read all instances in brief."""
    reply = yield from core.call(brief_instances(core))
    return reply.instances


def brief_instance(core: Core, id: str, *, timeout: float | None = None) -> Plan[models.Instance]:
    """Read one instance in brief."""
    request = brief_instances(core, text("listInstances", "id", id))
    reply, attempts = yield from core.traced(request, timeout=timeout)
    return _only(reply.instances, id, "listInstances", attempts)


def all_details(core: Core) -> Plan[list[models.InstanceDetail]]:
    """Read all instances in detail."""
    reply = yield from core.call(core.request(list_instance_details))
    return reply.instances


def one_detail(core: Core, id: str) -> Plan[models.InstanceDetail]:
    """Read one instance in detail."""
    text("listInstanceDetails", "id", id)
    reply, attempts = yield from core.traced(core.request(lambda appkey: list_instance_details(appkey, id=id)))
    return _only(reply.instances, id, "listInstanceDetails", attempts)


def _only(instances: list[R], id: str, operation: str, attempts: tuple[Attempt, ...]) -> R:
    # Never trust that a filter was applied: the wrong instance might be stopped or deleted next.
    for instance in instances:
        if instance.id.casefold() == id.casefold():
            return instance
    raise absent(operation, f"instance {id}", "instance", attempts)


def make_instance(
    core: Core,
    *,
    networks: object,
    security_groups: object,
    volume: object,
    count: object,
    on_ambiguous: object,
    **members: Any,
) -> Plan[models.Instance]:
    """Create instances."""
    on_ambiguous = one_of("createInstance", "on_ambiguous", on_ambiguous, (RAISE, RECONCILE))
    instance = instance_spec(networks, security_groups, volume, count, members)
    body = models.CreateInstanceRequest(instance=instance)
    request = core.request(lambda appkey: create_instance(appkey, body=body))
    if on_ambiguous == RAISE:
        try:
            return (yield from _created(core, (yield from core.call(request)).instance))
        except AmbiguousOutcomeError as lost:
            lost.add_note('With on_ambiguous="reconcile", create looks for the instance itself.')
            raise
    core.check_allowed(request)
    before = yield from all_details(core)
    try:
        return (yield from _created(core, (yield from core.call(request)).instance))
    except AmbiguousOutcomeError as lost:
        found = yield from find_created(lambda: all_details(core), core.pause, before, instance, lost, CLAIMED.of(core))
    return (yield from _created(core, models.Instance(id=found.id, name=found.name, status=found.status)))


def _created(core: Core, instance: models.Instance) -> Plan[models.Instance]:
    claim(CLAIMED.of(core), instance.id)
    yield from expect(core, instance.id, "createInstance")
    return instance


def remove_instance(core: Core, id: str) -> Plan[None]:
    """Delete an instance."""
    text("deleteInstance", "id", id)
    request = core.request(lambda appkey: delete_instance(appkey, id=id))
    change = core.change(request, settling.moved(_eyes(core, id), "deleteInstance"))
    yield from expecting(core, id, "deleteInstance", change)


def connect_volume(core: Core, id: str, volume_id: str) -> Plan[models.Attachment]:
    """Attach a volume."""
    text("attachVolume", "instanceId", id)
    text("attachVolume", "attachment.volumeId", volume_id)
    body = models.AttachVolumeRequest(attachment=models.AttachmentSpec(volume_id=volume_id))
    reply = yield from core.call(core.request(lambda appkey: attach_volume(appkey, id, body=body)))
    return reply.attachment


def disconnect_volume(core: Core, id: str, volume_id: str) -> Plan[None]:
    """Detach a volume."""
    text("detachVolume", "instanceId", id)
    text("detachVolume", "volumeId", volume_id)
    request = core.request(lambda appkey: detach_volume(appkey, id, volume_id=volume_id))
    yield from core.change(request, settling.without_volume(_eyes(core, id), volume_id))


def _eyes(core: Core, id: str) -> settling.Eyes[models.InstanceDetail]:
    return settling.Eyes("instance", lambda: one_detail(core, id), core.pause)


def act(core: Core, id: str, action: object) -> Plan[models.CreatedImage | None]:
    """Run an action, given as a model or as a mapping with its tag."""
    body = _action(action)
    request, tag = action_request(core, id, body)
    change = core.change(request, settling.of_action(_eyes(core, id), body), action=tag)
    reply = yield from expecting(core, id, tag, change)
    return reply.created_image if isinstance(reply, models.UploadImageSuccess) else None


def action_request(core: Core, id: str, action: object) -> tuple[Request[Any], str]:
    """Return the request for an action, and its tag."""
    text(_ACTION, "instanceId", id)
    body = _action(action)

    def make(appkey: str) -> Request[Any]:
        return run_instance_action(appkey, id, body=body)

    return core.request(make), _tag(body)


def _tag(action: models.InstanceAction) -> str:
    return str(action.__struct_config__.tag)


def upload_image(core: Core, id: str, name: str) -> Plan[models.CreatedImage]:
    """Make an image of an instance."""
    text(_ACTION, "instanceId", id)
    body = models.UploadImageAction(parameters=models.UploadImageParameters(name=name))
    _action(body)
    request = core.request(lambda appkey: run_instance_action(appkey, id, body=body))
    reply = yield from core.call(request, action=_tag(body))
    return reply.created_image


def _action(action: Any) -> models.InstanceAction:
    if is_mapping(action):
        type_ = _ACTION_TYPES[one_of(_ACTION, "action", action.get("action"), _ACTION_TYPES)]
        action = as_model(type_, action, operation=_ACTION, path="")
    elif type(action) not in RUN_INSTANCE_ACTION.variants:
        refuse(_ACTION, "action", f"expected an action or a mapping, got a value of type {type(action).__name__}")
    check_leaves(action, operation=_ACTION, path="")
    findings = Findings(_ACTION)
    findings.of_value(type(action), action, "")
    findings.raise_if_any()
    known: models.InstanceAction = action
    return known


def all_keypairs(core: Core) -> Plan[list[models.Keypair]]:
    """Read all key pairs."""
    reply = yield from core.call(core.request(list_keypairs))
    return reply.keypairs


def one_keypair(core: Core, name: str) -> Plan[models.Keypair]:
    """Read one key pair."""
    text("listKeypairs", "name", name)
    reply, attempts = yield from core.traced(core.request(lambda appkey: list_keypairs(appkey, name=name)))
    for keypair in reply.keypairs:
        if keypair.name == name:
            return keypair
    raise absent("listKeypairs", f"key pair {name}", "keypair", attempts)


def make_keypair(core: Core, name: str) -> Plan[CreatedKeypair]:
    """Have a key pair made."""
    text("createKeypair", "keypair.name", name)
    return (yield from _new_keypair(core, models.KeypairSpec(name=name)))


def upload_keypair(core: Core, name: str, public_key: str) -> Plan[CreatedKeypair]:
    """Upload a public key."""
    text("createKeypair", "keypair.name", name)
    # Without a public key the service would make a key pair.
    text("createKeypair", "keypair.publicKey", public_key)
    return (yield from _new_keypair(core, models.KeypairSpec(name=name, public_key=public_key)))


def _new_keypair(core: Core, keypair: models.KeypairSpec) -> Plan[CreatedKeypair]:
    body = models.CreateKeypairRequest(keypair=keypair)
    reply = yield from core.call(core.request(lambda appkey: create_keypair(appkey, body=body)))
    return with_methods(reply.keypair)


def remove_keypair(core: Core, name: str) -> Plan[None]:
    """Delete a key pair."""
    text("deleteKeypair", "name", name)
    eyes = settling.Eyes("keypair", lambda: one_keypair(core, name), core.pause)
    yield from core.change(
        core.request(lambda appkey: delete_keypair(appkey, name=name)), settling.without_keypair(eyes)
    )

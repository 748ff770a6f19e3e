"""The mutants of the mock."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

import msgspec

from .catalog import SERVICE, STATEFUL, mutant

ADDRESSES = "toast_compute_mock.world.addresses"
ENGINE = "toast_compute_mock.engine.engine"
KEYS = "toast_compute_mock.world.keys"
LIFECYCLE = "toast_compute_mock.world.lifecycle"
OPERATIONS = "toast_compute_mock.operations"
REGISTRY = "toast_compute_mock.world.registry"
REPLIES = "toast_compute_mock.engine.replies"
REQUESTS = "toast_compute_mock.contract.request_parsing"
STATE = "toast_compute_mock.world.state"


def _accepting(original: Any, reason: str) -> Any:
    """Return `read_body` without the refusal of this reason."""

    def read_body(body: Any, content: bytes) -> Any:
        try:
            return original(body, content)
        except Exception as refused:
            if reason not in str(refused):
                raise
            return json.loads(content)

    return read_body


def _edited(reply: Any, edit: Callable[[Any], object]) -> Any:
    """Return a reply whose body was edited after the mock had checked it."""
    body = json.loads(reply.body)
    edit(body)
    return replace(reply, body=json.dumps(body).encode())


def _with_instance(call: Any, **members: Any) -> Any:
    """Return the call of a create with other members."""
    return msgspec.structs.replace(call, body={"instance": {**call.body["instance"], **members}})


# Requests and who may send them.


@mutant("A request ignores members that the contract does not know.", part=SERVICE, at=f"{REQUESTS}:read_body")
def unknown_member_is_accepted(original: Any) -> Any:
    return _accepting(original, "is not a known member")


@mutant("A create takes a count over ten.", part=SERVICE, at=f"{REQUESTS}:read_body")
def count_of_eleven_is_accepted(original: Any) -> Any:
    return _accepting(original, "instance.count must be at most 10")


@mutant("A HARD reboot is refused.", part=SERVICE, at=f"{OPERATIONS}.actions:ACTIONS.reboot")
def hard_reboot_is_refused(original: Any) -> Any:
    def reboot(action: Any) -> Any:
        from toast_compute_mock.rules import RefusedError, Rule

        if action.parameters["type"] == "HARD":
            raise RefusedError(Rule.WRONG_STATE, status="ACTIVE")
        return original(action)

    return reboot


@mutant("A request without a token is accepted.", part=SERVICE, at=f"{OPERATIONS}.tokens:world_of")
def missing_token_is_accepted(original: Any) -> Any:
    return lambda worlds, token_id, now: original(worlds, token_id, now) if token_id else worlds[0]


@mutant("A token is accepted for ten seconds after its end.", part=SERVICE, at=f"{OPERATIONS}.tokens:world_of")
def ended_token_is_accepted(original: Any) -> Any:
    return lambda worlds, token_id, now: original(worlds, token_id, now - timedelta(seconds=10))


@mutant(
    "A token opens its world under the appkey of another project, too.", part=SERVICE, at=f"{REGISTRY}:Registry.behind"
)
def foreign_token_is_accepted(original: Any) -> Any:
    def behind(registry: Any, appkey: str, now: Any) -> Any:
        own = original(registry, appkey, now)
        return [*own, *(world for world in registry.started() if world not in own)]

    return behind


@mutant(
    "A token is issued for a password that only begins with the right one.",
    part=SERVICE,
    at=f"{OPERATIONS}.tokens:issue",
)
def password_prefix_is_accepted(original: Any) -> Any:
    def issue(worlds: Any, call: Any) -> Any:
        auth = call.body["auth"]
        for password in [world.account.password for world in worlds]:
            if auth["password"].startswith(password):
                auth = {**auth, "password": password}
        return original(worlds, msgspec.structs.replace(call, body={"auth": auth}))

    return issue


@mutant("The refusal of wrong credentials repeats the right password.", part=SERVICE, at=f"{OPERATIONS}.tokens:issue")
def refusal_shows_the_password(original: Any) -> Any:
    def issue(worlds: Any, call: Any) -> Any:
        try:
            return original(worlds, call)
        except Exception as refused:
            vars(refused)["message"] += f" ({worlds[0].account.password})"
            raise

    return issue


# Replies.


@mutant("The reply to an attachment lacks the device.", part=SERVICE, at=f"{REPLIES}:Replies.success")
def reply_lacks_a_member(original: Any) -> Any:
    def success(replies: Any, payload: Any, schema: Any) -> Any:
        reply = original(replies, payload, schema)
        return _edited(reply, lambda body: body["attachment"].pop("device")) if "attachment" in payload else reply

    return success


@mutant("An instance that is missing is refused as a malformed value.", part=SERVICE, at=f"{REPLIES}:Replies.refusal")
def refusal_has_the_code_of_another_kind(original: Any) -> Any:
    def refusal(replies: Any, refused: Any, schema: Any) -> Any:
        reply = original(replies, refused, schema)
        is_meant = refused.rule.name == "NO_INSTANCE"
        return _edited(reply, lambda body: body["header"].update(resultCode=-4)) if is_meant else reply

    return refusal


@mutant("An instance that is missing is answered with HTTP status 404.", part=SERVICE, at=f"{REPLIES}:Replies.refusal")
def refusal_has_http_status_404(original: Any) -> Any:
    def refusal(replies: Any, refused: Any, schema: Any) -> Any:
        reply = original(replies, refused, schema)
        return replace(reply, status=404) if refused.rule.name == "NO_INSTANCE" else reply

    return refusal


# What is read back.


@mutant(
    "A created instance is in the first of its security groups only.", part=SERVICE, at=f"{OPERATIONS}.creation:create"
)
def created_groups_are_dropped(original: Any) -> Any:
    return lambda world, call: original(
        world, _with_instance(call, securityGroups=call.body["instance"]["securityGroups"][:1])
    )


@mutant(
    "A read of one instance is answered from a cache that a deletion does not clear.",
    part=SERVICE,
    at=f"{OPERATIONS}.instances:_asked_for",
)
def deleted_instance_is_cached(original: Any) -> Any:
    cache: dict[str, Any] = {}

    def asked_for(world: Any, call: Any) -> Any:
        id = call.parameters.get("id")
        if id is None:
            return original(world, call)
        if id not in cache or id in world.instances:
            cache[id] = original(world, call)
        return cache[id]

    return asked_for


@mutant(
    "The brief list leaves out instances that are being built.",
    part=SERVICE,
    at=f"{OPERATIONS}.instances:list_in_brief",
)
def instance_in_build_is_not_listed(original: Any) -> Any:
    def list_in_brief(world: Any, call: Any) -> Any:
        shown = original(world, call)["instances"]
        return {"instances": [one for one in shown if one["status"] != "BUILD" or "id" in call.parameters]}

    return list_in_brief


@mutant("A key pair is still there after it was deleted.", part=SERVICE, at=f"{OPERATIONS}.keypairs:delete")
def deleted_keypair_stays(original: Any) -> Any:
    def delete(world: Any, call: Any) -> Any:
        before = world.keypairs.copy()
        reply = original(world, call)
        world.keypairs.update(before)
        return reply

    return delete


@mutant("The private key does not belong to the public key.", part=SERVICE, at=f"{KEYS}:make_pair")
def private_key_is_of_another_pair(original: Any) -> Any:
    return lambda secret: (original(secret)[0], original(sha256(secret).digest())[1])


# The lifecycle.


@mutant("An instance that is being deleted can be deleted once more.", part=SERVICE, at=f"{LIFECYCLE}:require")
def deletion_can_be_repeated(original: Any) -> Any:
    return lambda instance, operation, now: operation == "deleteInstance" or original(instance, operation, now)


@mutant("A stop is accepted, and the instance runs on.", part=STATEFUL, at=f"{LIFECYCLE}:begin")
def stop_does_nothing(original: Any) -> Any:
    def begin(world: Any, instance: Any, operation: str, now: Any, *, flavor: str | None = None) -> None:
        original(world, instance, operation, now, flavor=flavor)
        if operation == "stop":
            instance.transition.to = instance.status

    return begin


@mutant("A change of status takes ten times as long as the lifecycle allows.", part=STATEFUL, at=f"{LIFECYCLE}:begin")
def changes_take_ten_times_as_long(original: Any) -> Any:
    def begin(world: Any, instance: Any, operation: str, now: Any, *, flavor: str | None = None) -> None:
        original(world, instance, operation, now, flavor=flavor)
        change = instance.transition
        if change is not None:
            change.due = now + 10 * (change.due - now)

    return begin


@mutant("A Windows image takes names as long as every other image.", part=SERVICE, at=f"{STATE}:Image.is_windows")
def windows_name_is_too_long(_: Any) -> Any:
    return property(lambda _image: False)


@mutant("A text with several lines is accepted as a public key.", part=SERVICE, at=f"{KEYS}:read_public")
def several_keys_are_accepted(original: Any) -> Any:
    return lambda text: original(text.strip().split("\n")[0]) and text.strip()


@mutant(
    "An image that was made of an instance has the minDisk of the image before it.",
    part=SERVICE,
    at=f"{OPERATIONS}.actions:ACTIONS.uploadImage",
)
def image_has_the_min_disk_of_another(original: Any) -> Any:
    def upload_image(action: Any) -> Any:
        reply = original(action)
        images = action.world.images
        images[reply["createdImage"]["id"]].min_disk = images[action.instance.image].min_disk
        return reply

    return upload_image


@mutant("A resize that ends in ERROR has changed the flavor.", part=STATEFUL, at=f"{ENGINE}:_end_in_error")
def failed_resize_changes_the_flavor(original: Any) -> Any:
    def end_in_error(world: Any, before: Any) -> None:
        changes = [one.transition for one in world.instances.values() if one.transition is not None]
        flavors = [change.flavor for change in changes]
        original(world, before)
        for change, flavor in zip(changes, flavors, strict=True):
            change.flavor = flavor

    return end_in_error


@mutant("The createdAt of an instance moves when a change of its status ends.", part=SERVICE, at=f"{LIFECYCLE}:_apply")
def created_at_moves(original: Any) -> Any:
    def end(world: Any, instance: Any, change: Any) -> Any:
        instance.created_at = change.due
        return original(world, instance, change)

    return end


@mutant("The service writes times of Korea instead of UTC.", part=STATEFUL, at=f"{OPERATIONS}.call:timestamp")
def times_are_of_korea(original: Any) -> Any:
    return lambda moment: original(moment + timedelta(hours=9))


# What belongs to an instance.


@mutant(
    "A volume is detached through an instance that does not have it.",
    part=STATEFUL,
    at=f"{OPERATIONS}.attachments:detach",
)
def volume_is_detached_from_another_instance(original: Any) -> Any:
    def detach(world: Any, call: Any) -> Any:
        volume = world.volumes.get(call.parameters["volumeId"])
        if volume is not None and volume.attached_to is not None:
            parameters = {**call.parameters, "instanceId": volume.attached_to}
            call = msgspec.structs.replace(call, parameters=parameters)
        return original(world, call)

    return detach


@mutant("A volume stays taken when its instance is deleted.", part=STATEFUL, at=f"{OPERATIONS}.instances:delete")
def volume_of_a_deleted_instance_is_not_freed(original: Any) -> Any:
    def delete(world: Any, call: Any) -> Any:
        taken = {id: volume.attached_to for id, volume in world.volumes.items()}
        reply = original(world, call)
        for id, owner in taken.items():
            world.volumes[id].attached_to = owner
        return reply

    return delete


@mutant(
    "The device name of a volume follows from the number of volumes.",
    part=SERVICE,
    at=f"{OPERATIONS}.attachments:_free_device",
)
def device_name_is_counted(_: Any) -> Any:
    return lambda used: f"/dev/vd{chr(ord('b') + len(used))}"


@mutant(
    "An instance that joins a security group again is shown in it twice.",
    part=SERVICE,
    at=f"{OPERATIONS}.actions:ACTIONS.addSecurityGroup",
)
def group_is_joined_twice(original: Any) -> Any:
    def add_security_group(action: Any) -> Any:
        groups, name = action.instance.security_groups, action.parameters["name"]
        was_in = name in groups
        reply = original(action)
        if was_in:
            groups.append(name)
        return reply

    return add_security_group


@mutant("The address of a deleted instance stays taken.", part=SERVICE, at=f"{ADDRESSES}:release")
def addresses_are_not_released(_: Any) -> Any:
    return lambda _world, _interface: None


@mutant("The quota counts a create of several instances as one.", part=STATEFUL, at=f"{OPERATIONS}.creation:create")
def quota_counts_several_as_one(original: Any) -> Any:
    def create(world: Any, call: Any) -> Any:
        quotas, more = world.quotas, int(call.body["instance"].get("count", 1)) - 1
        if quotas.instances is not None:
            world.quotas = msgspec.structs.replace(quotas, instances=quotas.instances + more)
        try:
            return original(world, call)
        finally:
            world.quotas = quotas

    return create

"""Test that a request that breaks the contract is rejected with the path of the field."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from toast_compute import (
    InvalidRequestError,
    NetworkReference,
    RebootAction,
    RebootParameters,
    RebootType,
    RootVolumeSpec,
    SecurityGroupReference,
    StartAction,
    ToastCompute,
    VolumeType,
)

CREATE: dict[str, Any] = {
    "name": "web-01",
    "image": "image-1",
    "flavor": "flavor-1",
    "availability_zone": "kr-pub-a",
    "key_name": "my-key",
    "networks": {"id": "net-1"},
    "security_groups": "default",
}
BAD_IDS = ["", "a/b", "a?b", "a#b", "a\nb", "a\x00b", "id\n", ".", "..", "\ud800", " a", "x" * 256]
ENDLESS: list[Any] = []
ENDLESS.append(ENDLESS)
NO_STRINGS = [None, 7, b"id", uuid.UUID(int=1), ["id"], True]


def refused(service: Any, call: Callable[[], object]) -> InvalidRequestError:
    with pytest.raises(InvalidRequestError) as caught:
        call()
    assert service.received == []
    message = str(caught.value)
    assert caught.value.path in message
    assert "\n" not in message
    assert caught.value.operation is not None
    assert message.startswith(f"{caught.value.operation} was not sent: ")
    return caught.value


@pytest.mark.parametrize("id", [*BAD_IDS, *NO_STRINGS], ids=repr)
def test_invalid_id_is_rejected_before_anything_is_sent(toast: ToastCompute, service: Any, id: Any) -> None:
    instances = toast.instances
    calls: dict[str, list[Callable[[], object]]] = {
        "id": [
            lambda: instances.get(id),
            lambda: instances.get_details(id),
            lambda: instances.delete(id),
            lambda: instances.wait_for_status(id, "ACTIVE"),
            lambda: instances.wait_until_deleted(id),
        ],
        "instanceId": [
            lambda: instances.start(id),
            lambda: instances.upload_image(id, "image"),
            lambda: instances.run_action(id, {"action": "stop"}),
            lambda: instances.attach_volume(id, "v-1"),
            lambda: instances.detach_volume(id, "v-1"),
        ],
        "attachment.volumeId": [lambda: instances.attach_volume("i-1", id)],
        "volumeId": [lambda: instances.detach_volume("i-1", id)],
        "parameters.flavor": [lambda: instances.resize("i-1", id)],
        "instance.image": [lambda: instances.create(**CREATE | {"image": id})],
        "instance.flavor": [lambda: instances.create(**CREATE | {"flavor": id})],
        "instance.networks[0].id": [lambda: instances.create(**CREATE | {"networks": {"id": id}})],
        "instance.networks[1].subnetId": [
            lambda: instances.create(**CREATE | {"networks": [{"id": "n-1"}, {"subnet_id": id}]})
        ],
    }
    for path, ways in calls.items():
        for call in ways:
            assert refused(service, call).path == path


@pytest.mark.parametrize("name", ["", *NO_STRINGS], ids=repr)
def test_key_pair_name_that_is_empty_or_not_a_string_is_rejected(toast: ToastCompute, service: Any, name: Any) -> None:
    for call in (toast.keypairs.get, toast.keypairs.delete):
        assert refused(service, partial(call, name)).path == "name"
    assert refused(service, lambda: toast.keypairs.create(name)).path == "keypair.name"
    assert refused(service, lambda: toast.keypairs.upload("name", name)).path == "keypair.publicKey"


@pytest.mark.parametrize("name", ["line\nbreak", "nul\0", "bell\x7f", "x" * 256], ids=repr)
def test_key_pair_name_with_control_characters_is_rejected(toast: ToastCompute, service: Any, name: str) -> None:
    for call in (toast.keypairs.get, toast.keypairs.delete):
        assert refused(service, partial(call, name)).path == "name"
    assert refused(service, lambda: toast.keypairs.create(name)).path == "keypair.name"
    assert refused(service, lambda: toast.instances.create(**CREATE | {"key_name": name})).path == "instance.keyName"


@pytest.mark.parametrize("token_id", ["", "with space", "line\nbreak", "café"])
def test_invalid_token_id_is_rejected_and_not_in_the_message(toast: ToastCompute, service: Any, token_id: str) -> None:
    error = refused(service, lambda: toast.tokens.get(token_id))
    assert error.path == "id"
    assert not token_id or token_id not in str(error)


@pytest.mark.parametrize(
    ("change", "path", "reason"),
    [
        ({"name": ""}, "instance.name", "must not be empty"),
        ({"name": "x" * 21}, "instance.name", "may have at most 20 characters"),
        ({"name": "web_01"}, "instance.name", "must match ^[A-Za-z0-9.-]+$"),
        ({"name": b"web"}, "instance.name", "cannot be a value of type bytes"),
        ({"name": None}, "instance.name", "must be a string, not null"),
        ({"name": ENDLESS}, "instance.name", "is nested too deeply"),
        ({"networks": {"id": ENDLESS}}, "instance.networks[0].id", "is nested too deeply"),
        ({"availability_zone": ""}, "instance.availabilityZone", "must not be empty"),
        ({"key_name": ""}, "instance.keyName", "must not be empty"),
        ({"count": 0}, "instance.count", "must be at least 1"),
        ({"count": 11}, "instance.count", "must be at most 10"),
        ({"count": 1.5}, "instance.count", "must be a whole number, not a decimal number"),
        ({"count": "2"}, "instance.count", "must be a whole number, not a string"),
        ({"networks": []}, "instance.networks", "must not be empty"),
        ({"networks": {}}, "instance.networks[0]", "at least 1 of `id`, `subnetId` must be given"),
        ({"networks": [{"id": "n-1"}, {}]}, "instance.networks[1]", "at least 1 of"),
        ({"networks": "net-1"}, "instance.networks[0]", "expected a mapping or NetworkReference"),
        ({"networks": None}, "instance.networks[0]", "expected a mapping or NetworkReference, got None"),
        ({"networks": {"id": None}}, "instance.networks[0].id", "str"),
        ({"networks": {"subnet": "s"}}, "instance.networks[0].subnet", "did you mean subnet_id"),
        ({"networks": {"vlan": "s"}}, "instance.networks[0].vlan", "there are id, subnet_id"),
        (
            {"networks": {"subnet_id": "a", "subnetId": "b"}},
            "instance.networks[0].subnetId",
            "is given twice",
        ),
        ({"networks": {7: "a"}}, "instance.networks[0].7", "no such member"),
        ({"security_groups": []}, "instance.securityGroups", "must not be empty"),
        ({"security_groups": [""]}, "instance.securityGroups[0].name", "must not be empty"),
        ({"security_groups": ["default", 7]}, "instance.securityGroups[1]", "expected a mapping"),
        ({"security_groups": [{}]}, "instance.securityGroups[0].name", "is missing"),
        ({"volume": {"size": 15}}, "instance.volume.size", "multiple of 10"),
        ({"volume": {"size": 0}}, "instance.volume.size", "must be at least 10"),
        ({"volume": {"size": 1010}}, "instance.volume.size", "must be at most 1000"),
        ({"volume": {"size": None}}, "instance.volume.size", "must be a whole number, not null"),
        ({"volume": {"type": "Fast"}}, "instance.volume.type", "must be one of 'General HDD', 'General SSD'"),
        ({"volume": {"Type": "General SSD"}}, "instance.volume.Type", "did you mean type"),
        ({"volume": {"size": {20}}}, "instance.volume.size", "cannot be a value of type set"),
        ({"volume": "big"}, "instance.volume", "expected a mapping or RootVolumeSpec"),
    ],
)
def test_invalid_create_is_rejected_with_the_path_of_the_field(
    toast: ToastCompute, service: Any, change: dict[str, Any], path: str, reason: str
) -> None:
    error = refused(service, lambda: toast.instances.create(**CREATE | change))
    assert error.path == path
    assert reason in str(error)
    assert error.operation == "createInstance"


@pytest.mark.parametrize(
    ("action", "path", "reason"),
    [
        ({"action": "fly"}, "action", "expected one of start, stop, reboot"),
        ({"action": ["start"]}, "action", "expected one of start"),
        ({}, "action", "expected one of start"),
        ("start", "action", "expected an action or a mapping"),
        (None, "action", "expected an action or a mapping"),
        ({"action": "start", "parameters": {"when": 1}}, "parameters.when", "it has no members"),
        ({"action": "start", "force": True}, "force", "no such member"),
        ({"action": "reboot"}, "parameters", "is missing"),
        ({"action": "reboot", "parameters": {}}, "parameters.type", "is missing"),
        ({"action": "reboot", "parameters": {"type": "MILD"}}, "parameters.type", "must be one of 'SOFT', 'HARD'"),
        ({"action": "reboot", "parameters": "SOFT"}, "parameters", "expected a mapping"),
        ({"action": "addFloatingIp", "parameters": {"address": "1.2.3.4"}}, "parameters.ipAddress", "is missing"),
        (
            {"action": "addFloatingIp", "parameters": {"address": "1.2.3.4", "ip_address": "1.2.3"}},
            "parameters.ipAddress",
            "must be an IPv4 address",
        ),
        ({"action": "uploadImage", "parameters": {"name": ""}}, "parameters.name", "must not be empty"),
        ({"action": "uploadImage", "parameters": {"name": ENDLESS}}, "parameters.name", "is nested too deeply"),
        ({"action": "start", "parameters": ENDLESS}, "parameters", "expected a mapping"),
    ],
)
def test_invalid_action_is_rejected_with_the_path_of_the_field(
    toast: ToastCompute, service: Any, action: Any, path: str, reason: str
) -> None:
    error = refused(service, lambda: toast.instances.run_action("i-1", action))
    assert error.path == path
    assert reason in str(error)


def test_invalid_arguments_of_action_methods_are_rejected(toast: ToastCompute, service: Any) -> None:
    instances: Any = toast.instances
    calls: list[tuple[Callable[[], object], str]] = [
        (lambda: instances.reboot("i-1", "MILD"), "parameters.type"),
        (lambda: instances.upload_image("i-1", ""), "parameters.name"),
        (lambda: instances.upload_image("i-1", b"x"), "parameters.name"),
        (lambda: instances.add_floating_ip("i-1", "1.2.3.4.5", "10.0.0.1"), "parameters.address"),
        (lambda: instances.add_floating_ip("i-1", "1.2.3.4", "10.0.0.1\n"), "parameters.ipAddress"),
        (lambda: instances.remove_floating_ip("i-1", "::1"), "parameters.address"),
        (lambda: instances.add_security_group("i-1", ""), "parameters.name"),
        (lambda: instances.remove_security_group("i-1", None), "parameters.name"),
    ]
    for call, path in calls:
        assert refused(service, call).path == path


@pytest.fixture
def created(toast: ToastCompute, service: Any) -> Callable[..., dict[str, Any]]:
    """Returns the body that a create with some change sends."""

    def send(**change: Any) -> dict[str, Any]:
        service.on("POST instances", service.yes(instance={"id": "i-9", "name": "web-01", "status": "BUILD"}))
        toast.instances.create(**CREATE | change)
        body: dict[str, Any] = service.asked("POST instances")[-1].body
        return body

    return send


def test_create_sends_only_the_given_members(created: Callable[..., dict[str, Any]]) -> None:
    assert created() == {
        "instance": {
            "name": "web-01",
            "image": "image-1",
            "flavor": "flavor-1",
            "availabilityZone": "kr-pub-a",
            "keyName": "my-key",
            "networks": [{"id": "net-1"}],
            "securityGroups": [{"name": "default"}],
        }
    }


@pytest.mark.parametrize(
    "networks",
    [
        {"id": "n", "subnet_id": "s"},
        {"id": "n", "subnetId": "s"},
        [{"id": "n", "subnet_id": "s"}],
        ({"id": "n", "subnet_id": "s"},),
        NetworkReference(id="n", subnet_id="s"),
        [NetworkReference(id="n", subnet_id="s")],
    ],
    ids=repr,
)
def test_networks_are_accepted_as_one_or_many_mappings_or_models(
    created: Callable[..., dict[str, Any]], networks: object
) -> None:
    assert created(networks=networks)["instance"]["networks"] == [{"id": "n", "subnetId": "s"}]


@pytest.mark.parametrize(
    "groups",
    ["web", ["web"], [{"name": "web"}], {"name": "web"}, SecurityGroupReference(name="web")],
    ids=repr,
)
def test_security_groups_are_accepted_as_one_or_many_names_mappings_or_models(
    created: Callable[..., dict[str, Any]], groups: object
) -> None:
    assert created(security_groups=groups)["instance"]["securityGroups"] == [{"name": "web"}]


@pytest.mark.parametrize(
    ("volume", "sent"),
    [
        ({"size": 20, "type": "General SSD"}, {"size": 20, "type": "General SSD"}),
        ({"size": 20, "type": VolumeType.GENERAL_HDD}, {"size": 20, "type": "General HDD"}),
        ({"type": None}, {"type": None}),
        (RootVolumeSpec(size=30), {"size": 30}),
        ({}, {}),
    ],
    ids=repr,
)
def test_volume_is_accepted_as_a_mapping_or_a_model_and_null_is_sent(
    created: Callable[..., dict[str, Any]], volume: object, sent: dict[str, Any]
) -> None:
    assert created(volume=volume)["instance"]["volume"] == sent


def test_count_is_sent_when_given(created: Callable[..., dict[str, Any]]) -> None:
    assert created(count=3)["instance"]["count"] == 3


@pytest.mark.parametrize(
    ("action", "sent"),
    [
        (StartAction(), {"action": "start"}),
        ({"action": "start"}, {"action": "start"}),
        ({"action": "stop", "parameters": {}}, {"action": "stop", "parameters": {}}),
        (
            RebootAction(parameters=RebootParameters(type=RebootType.HARD)),
            {"action": "reboot", "parameters": {"type": "HARD"}},
        ),
        (
            {"action": "addFloatingIp", "parameters": {"address": "1.2.3.4", "ip_address": "10.0.0.1"}},
            {"action": "addFloatingIp", "parameters": {"address": "1.2.3.4", "ipAddress": "10.0.0.1"}},
        ),
    ],
    ids=repr,
)
def test_action_is_accepted_as_a_model_or_a_mapping(
    toast: ToastCompute, service: Any, action: Any, sent: dict[str, Any]
) -> None:
    service.on("POST action", service.yes())
    assert toast.instances.run_action("i-1", action) is None
    (request,) = service.asked("POST action")
    assert request.body == sent


def test_unknown_enum_value_of_a_reply_is_rejected_in_a_request(toast: ToastCompute, service: Any) -> None:
    volume = {"size": 20, "type": VolumeType("General NVMe")}
    error = refused(service, lambda: toast.instances.create(**CREATE | {"volume": volume}))
    assert error.path == "instance.volume.type"
    assert str(error).endswith("instance.volume.type: must be one of 'General HDD', 'General SSD'")

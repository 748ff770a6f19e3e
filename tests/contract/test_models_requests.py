"""Tests of requests: refused before the network when they break the contract, sent unchanged otherwise."""

from __future__ import annotations

import copy
import pickle
import traceback
import uuid
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
from msgspec import UNSET
from toast_compute_api import models
from toast_compute_api.api.flavors.list_flavors import list_flavors
from toast_compute_api.api.instance_actions.run_instance_action import run_instance_action
from toast_compute_api.api.instances.attach_volume import attach_volume
from toast_compute_api.api.instances.create_instance import create_instance
from toast_compute_api.api.instances.detach_volume import detach_volume
from toast_compute_api.api.instances.list_instances import list_instances
from toast_compute_api.api.keypairs.create_keypair import create_keypair
from toast_compute_api.api.keypairs.list_keypairs import list_keypairs
from toast_compute_api.api.tokens.get_token import get_token
from toast_compute_api.api.tokens.issue_token import issue_token
from toast_compute_api.models import (
    AddFloatingIpAction,
    AddFloatingIpParameters,
    AttachmentSpec,
    AttachVolumeRequest,
    CreateInstanceRequest,
    CreateKeypairRequest,
    Credentials,
    EmptySuccess,
    InstanceAction,
    InstanceSpec,
    InstancesSuccess,
    KeypairSpec,
    NetworkReference,
    RebootAction,
    RebootParameters,
    RebootType,
    RootVolumeSpec,
    SecurityGroupSpec,
    StartAction,
    TokenRequest,
    UploadImageAction,
    UploadImageParameters,
    UploadImageSuccess,
    VolumeType,
)
from toast_compute_runtime.models import RequestModel
from toast_compute_runtime.operation import InvalidRequest, Operation, Parameter, Request

ID = "125a0000-0000-4000-8000-000000000001"


def new_instance(**changes: Any) -> CreateInstanceRequest:
    members: dict[str, Any] = {
        "name": "web-01",
        "image": ID,
        "flavor": ID,
        "networks": [NetworkReference(id=ID)],
        "availability_zone": "kr-pub-a",
        "key_name": "demo-key",
        "security_groups": [SecurityGroupSpec(name="default")],
    }
    return CreateInstanceRequest(instance=InstanceSpec(**(members | changes)))


def sent(body: bytes | None) -> Any:
    assert body is not None
    return msgspec.json.decode(body)


def test_documented_request_decodes_strictly_and_is_sent_unchanged(strict_document: dict[str, Any]) -> None:
    for item in strict_document["paths"].values():
        for operation in item.values():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if content is None:
                continue
            type_ = getattr(models, content["schema"]["$ref"].rpartition("/")[2])
            for example in content["examples"].values():
                raw = msgspec.json.encode(example["value"])
                body = msgspec.json.decode(raw, type=type_)
                assert msgspec.json.decode(msgspec.json.encode(body)) == example["value"]
                for other in (pickle.loads(pickle.dumps(body)), copy.deepcopy(body)):
                    assert msgspec.json.encode(other) == msgspec.json.encode(body)


# What is sent


def test_request_has_method_path_query_and_success_model() -> None:
    request = list_instances("demo-appkey", id=ID)
    assert (request.method, request.target) == ("GET", f"/v1.0/appkeys/demo-appkey/instances?id={ID}")
    assert request.body is None
    assert request.retry == "safe"
    assert request.success is InstancesSuccess
    assert list_instances("demo-appkey").target == "/v1.0/appkeys/demo-appkey/instances"
    reply = request.decode(b'{"header":{"isSuccessful":true,"resultCode":0,"resultMessage":"SUCCESS"},"instances":[]}')
    assert reply.instances == []


def test_values_are_quoted_into_one_segment_and_one_value() -> None:
    assert list_keypairs("demo-appkey", name="a/b?c&d=e f%").target.endswith("?name=a%2Fb%3Fc%26d%3De%20f%25")
    assert detach_volume("demo-appkey", ID, volume_id="v").target.endswith(f"/instances/{ID}/attachments?volumeId=v")


def test_value_is_quoted_where_its_schema_accepts_everything() -> None:
    operation = Operation(
        id="read",
        method="GET",
        path="/things/{name}",
        retry="safe",
        needs_token=False,
        success=EmptySuccess,
        summary="Read",
        parameters=(Parameter("name", "path", str), Parameter("note", "query", str)),
    )
    request = operation.request({"name": "a/b?c#d", "note": "x&y=z"})
    assert request.target == "/things/a%2Fb%3Fc%23d?note=x%26y%3Dz"


def test_omitted_member_is_not_sent_and_null_is() -> None:
    assert "volume" not in sent(create_instance("a", body=new_instance()).body)["instance"]
    assert "count" not in sent(create_instance("a", body=new_instance()).body)["instance"], "defaults are the service's"
    null = create_instance("a", body=new_instance(volume=RootVolumeSpec(type=None)))
    assert sent(null.body)["instance"]["volume"] == {"type": None}
    size = create_instance("a", body=new_instance(volume=RootVolumeSpec(size=20)))
    assert sent(size.body)["instance"]["volume"] == {"size": 20}
    assert RootVolumeSpec().type is UNSET
    assert RootVolumeSpec(type=None).type is None


def test_unset_and_null_stay_different_through_pickle_and_deepcopy() -> None:
    for volume in (RootVolumeSpec(), RootVolumeSpec(type=None), RootVolumeSpec(type=VolumeType.GENERAL_SSD)):
        for other in (pickle.loads(pickle.dumps(volume)), copy.deepcopy(volume), copy.copy(volume)):
            assert other == volume
            assert other.type is volume.type
            assert msgspec.json.encode(other) == msgspec.json.encode(volume)


def test_password_is_sent_in_clear_and_not_as_its_mask() -> None:
    request = issue_token("demo-appkey", body=TokenRequest(auth=Credentials(username="u", password="canary")))
    assert sent(request.body) == {"auth": {"username": "u", "password": "canary"}}


def test_action_has_its_name_as_default() -> None:
    assert sent(run_instance_action("a", ID, body=StartAction()).body) == {"action": "start"}
    body = RebootAction(parameters=RebootParameters(type=RebootType.SOFT))
    assert sent(run_instance_action("a", ID, body=body).body) == {"action": "reboot", "parameters": {"type": "SOFT"}}


def test_action_decodes_to_its_own_class(strict_document: dict[str, Any]) -> None:
    mapping = strict_document["components"]["schemas"]["InstanceAction"]["discriminator"]["mapping"]
    path = strict_document["paths"]["/v1.0/appkeys/{appkey}/instances/{instanceId}/action"]
    examples = path["post"]["requestBody"]["content"]["application/json"]["examples"]
    assert set(examples) == set(mapping)
    for name, example in examples.items():
        body = msgspec.json.decode(msgspec.json.encode(example["value"]), type=InstanceAction)
        assert type(body).__name__ == mapping[name].rpartition("/")[2]


def test_action_decides_the_success_model_and_the_retry_class() -> None:
    start = run_instance_action("a", ID, body=StartAction())
    assert (start.success, start.retry, start.operation.retry) == (EmptySuccess, "idempotent", "never")
    image = run_instance_action("a", ID, body=UploadImageAction(parameters=UploadImageParameters(name="i")))
    assert (image.success, image.retry) == (UploadImageSuccess, "never")


def test_action_has_the_retry_class_of_its_schema(strict_document: dict[str, Any]) -> None:
    schemas = strict_document["components"]["schemas"]
    path = strict_document["paths"]["/v1.0/appkeys/{appkey}/instances/{instanceId}/action"]
    for name, example in path["post"]["requestBody"]["content"]["application/json"]["examples"].items():
        schema = schemas["InstanceAction"]["discriminator"]["mapping"][name].rpartition("/")[2]
        body = msgspec.json.decode(msgspec.json.encode(example["value"]), type=InstanceAction)
        assert run_instance_action("a", ID, body=body).retry == schemas[schema]["x-retry"]


# What is refused


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"name": "a" * 21}, "instance.name", "may have at most 20 characters"),
        ({"name": ""}, "instance.name", "must not be empty"),
        ({"name": "has space"}, "instance.name", "must match ^[A-Za-z0-9.-]+$"),
        ({"name": "line\n"}, "instance.name", "must match ^[A-Za-z0-9.-]+$"),
        ({"name": 5}, "instance.name", "must be a string, not a whole number"),
        ({"name": None}, "instance.name", "must be a string, not null"),
        ({"image": ""}, "instance.image", "must not be empty"),
        ({"networks": []}, "instance.networks", "must not be empty"),
        ({"networks": [{}]}, "instance.networks[0]", "at least 1 of `id`, `subnetId` must be given"),
        ({"count": 0}, "instance.count", "must be at least 1"),
        ({"count": 11}, "instance.count", "must be at most 10"),
        ({"count": "2"}, "instance.count", "must be a whole number, not a string"),
        ({"volume": RootVolumeSpec(size=15)}, "instance.volume.size", "must be a multiple of 10"),
        ({"volume": RootVolumeSpec(size=1010)}, "instance.volume.size", "must be at most 1000"),
        ({"volume": {"type": "Tape"}}, "instance.volume.type", "must be one of 'General HDD', 'General SSD'"),
        ({"volume": {"speed": 1}}, "instance.volume.speed", "there is no such member"),
    ],
)
def test_invalid_body_is_refused_with_the_path_of_the_fault(changes: dict[str, Any], field: str, reason: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        create_instance("demo-appkey", body=new_instance(**changes))
    assert caught.value.operation == "createInstance"
    assert caught.value.field == field
    assert reason in caught.value.reason
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", ["", "a/b", "../x", "..", ".", "a b", "a\n", "ü", "x" * 256, None, 5])
def test_ambiguous_id_is_refused(value: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        run_instance_action("demo-appkey", value, body=StartAction())
    assert caught.value.field == "instanceId"
    if value is not None:
        with pytest.raises(InvalidRequest, match=r"^listInstances: id: "):
            list_instances("demo-appkey", id=value)


def test_empty_name_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"^listKeypairs: name: "):
        list_keypairs("demo-appkey", name="")


@pytest.mark.parametrize("address", ["1.2.3", "1.2.3.256", "01.2.3.4", "1.2.3.4\n", "::1", ""])
def test_address_that_is_not_ipv4_is_refused(address: str) -> None:
    body = AddFloatingIpAction(parameters=AddFloatingIpParameters(address=address, ip_address="192.168.0.11"))
    with pytest.raises(InvalidRequest, match=r"^runInstanceAction: parameters\.address: "):
        run_instance_action("a", ID, body=body)


def test_ipv4_address_is_accepted() -> None:
    for address in ("0.0.0.0", "203.0.113.10", "255.255.255.255"):
        body = AddFloatingIpAction(parameters=AddFloatingIpParameters(address=address, ip_address="192.168.0.11"))
        assert sent(run_instance_action("a", ID, body=body).body)["parameters"]["address"] == address


def test_body_of_another_operation_is_refused() -> None:
    body: Any = AttachVolumeRequest(attachment=AttachmentSpec(volume_id=ID))
    with pytest.raises(InvalidRequest, match="attachment: there is no such member"):
        create_instance("a", body=body)
    none: Any = None
    with pytest.raises(InvalidRequest, match=r"^attachVolume: body: "):
        attach_volume("a", ID, body=none)


def test_unknown_action_is_refused() -> None:
    body: Any = {"action": "fly"}
    with pytest.raises(InvalidRequest, match=r"^runInstanceAction: action: "):
        run_instance_action("a", ID, body=body)


def test_value_that_json_cannot_carry_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="holds a value that JSON cannot carry"):
        create_instance("a", body=new_instance(name=object()))


def test_unknown_enum_value_is_refused_in_a_request() -> None:
    with pytest.raises(ValueError, match="`type` must be one of"):
        RootVolumeSpec(type=VolumeType("Tape"))


def test_requests_are_frozen_and_keyword_only() -> None:
    keypair = KeypairSpec(name="n")
    with pytest.raises(AttributeError):
        keypair.name = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        KeypairSpec("n")  # type: ignore[call-arg]
    for type_ in vars(models).values():
        if isinstance(type_, type) and issubclass(type_, RequestModel) and type_ is not RequestModel:
            config = type_.__struct_config__
            assert config.frozen, type_
            assert config.forbid_unknown_fields, type_


# Secrets


def test_secrets_are_masked_in_a_request_and_its_model() -> None:
    body = TokenRequest(auth=Credentials(username="u", password="canary"))
    requests: list[Request[Any]] = [
        issue_token("canary-key", body=body),
        get_token("canary-key", id="canary-token"),
        list_flavors("canary-key"),
    ]
    for request in requests:
        for text in (repr(request), str(request), f"{request}", request.safe_target, repr(request.__rich_repr__())):
            assert "canary" not in text
        assert "canary" in request.target
        assert request.operation.path.count("/") == request.safe_target.count("/")
    assert "canary" not in repr(body)
    assert "password='***'" in repr(body)


def test_refusal_contains_neither_the_value_nor_a_traceback_with_it() -> None:
    for call in (
        lambda: get_token("demo-appkey", id="canary with spaces"),
        lambda: list_flavors("canary/key"),
        lambda: create_instance("demo-appkey", body=new_instance(name="canary with spaces")),
    ):
        with pytest.raises(InvalidRequest) as caught:
            call()
        assert "canary" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None or "canary" not in str(caught.value.__context__)
        assert "canary" not in "".join(traceback.format_exception_only(caught.value))


def test_request_refuses_pickle_and_is_its_own_copy() -> None:
    request = list_flavors("demo-appkey")
    with pytest.raises(TypeError, match="may carry secrets"):
        pickle.dumps(request)
    assert copy.deepcopy(request) is request
    assert copy.copy(request) is request


def test_refusal_survives_pickle() -> None:
    refusal = InvalidRequest("createInstance", "instance.name", "too long")
    other = pickle.loads(pickle.dumps(refusal))
    assert (str(other), other.operation, other.field) == (str(refusal), "createInstance", "instance.name")


# A contract with peculiar schemas


def test_documented_default_is_not_sent(variant: ModuleType) -> None:
    assert variant.KeypairSpec(name="n").label is UNSET
    assert msgspec.json.encode(variant.KeypairSpec(name="n")) == b'{"name":"n"}'


def test_escaped_dollar_at_the_end_of_a_pattern_is_kept(variant: ModuleType) -> None:
    decoder = msgspec.json.Decoder(variant.KeypairSpec)
    assert decoder.decode(b'{"name":"n","label":"abc$"}').label == "abc$"
    for wrong in (b'{"name":"n","label":"abc"}', b'{"name":"n","label":"abc$\\n"}'):
        with pytest.raises(msgspec.ValidationError):
            decoder.decode(wrong)


def test_nullable_member_distinguishes_absent_from_null(variant: ModuleType) -> None:
    assert msgspec.json.encode(variant.KeypairSpec(name="n", comment=None)) == b'{"name":"n","comment":null}'
    assert variant.KeypairSpec(name="n").comment is UNSET


def test_description_with_quotes_and_backslashes_is_readable(variant: ModuleType) -> None:
    source = Path(str(variant.__file__)).read_text(encoding="utf-8")
    assert r"""A "quoted" \\ path, '''triple''' too.""" in source


def test_secret_of_a_request_with_another_name_on_the_wire_is_masked(variant: ModuleType) -> None:
    keypair = variant.KeypairSpec(name="n", pass_phrase="canary")
    assert "canary" not in repr(keypair)
    assert "pass_phrase=UNSET" in repr(variant.KeypairSpec(name="n"))
    assert b'"passPhrase":"canary"' in msgspec.json.encode(keypair)


def test_open_enum_in_a_request_accepts_known_values_only(variant: ModuleType) -> None:
    decoder = msgspec.json.Decoder(variant.KeypairSpec)
    assert decoder.decode(b'{"name":"n","kind":"General SSD"}').kind == "General SSD"
    with pytest.raises(msgspec.ValidationError, match="`kind` must be one of"):
        decoder.decode(b'{"name":"n","kind":"Tape"}')


def test_keypair_request_of_the_real_contract_lacks_the_members_of_the_variant() -> None:
    request = create_keypair("demo-appkey", body=CreateKeypairRequest(keypair=KeypairSpec(name="my-key")))
    assert sent(request.body) == {"keypair": {"name": "my-key"}}


@pytest.mark.parametrize("value", [b"abc", uuid.UUID(ID), 5, None, object, "\ud800"], ids=repr)
def test_parameter_that_is_not_text_is_refused(value: Any) -> None:
    with pytest.raises(InvalidRequest, match=r"^detachVolume: volumeId: "):
        detach_volume("a", ID, volume_id=value)

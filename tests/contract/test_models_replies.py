"""Tests of replies: read leniently, with secrets masked, into immutable values."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from types import ModuleType
from typing import Any

import msgspec
import pytest
from toast_compute_api import models
from toast_compute_api.models import (
    CreatedKeypair,
    CreateInstanceSuccess,
    CreateKeypairSuccess,
    EmptySuccess,
    Failure,
    FlavorsSuccess,
    Instance,
    InstanceAddress,
    InstanceDetailsSuccess,
    InstancesSuccess,
    InstanceStatus,
    KeypairsSuccess,
    RebootParameters,
    RebootType,
    Token,
    TokenSuccess,
    VolumeType,
)
from toast_compute_runtime.operation import decode

OK = {"isSuccessful": True, "resultCode": 0, "resultMessage": "SUCCESS"}
NO = {"isSuccessful": False, "resultCode": -5, "resultMessage": "Nonexistent : instance"}


def read(type_: type[Any], value: Any) -> Any:
    return decode(msgspec.json.encode(value), type_)


def reply_examples(document: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str, Any]]:
    for item in document["paths"].values():
        for operation in item.values():
            content = operation["responses"]["200"]["content"]["application/json"]
            for name, example in content["examples"].items():
                yield operation, name, example["value"]


def quoted(value: Any) -> Any:
    """Write every number and boolean as a string, as the samples of the guide do."""
    if isinstance(value, dict):
        return {key: quoted(member) for key, member in value.items()}
    if isinstance(value, list):
        return [quoted(member) for member in value]
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else value


def success_types(operation: dict[str, Any], name: str) -> list[type[Any]]:
    names = operation["x-strict"]
    if name.startswith("failure"):
        return [Failure]
    if name == "successUploadImage":
        return [models.UploadImageSuccess]
    return [getattr(models, names["success"])]


def test_documented_reply_decodes_without_loss(strict_document: dict[str, Any]) -> None:
    for operation, name, value in reply_examples(strict_document):
        for type_ in success_types(operation, name):
            once = read(type_, value)
            assert read(type_, once) == once
            again = msgspec.json.decode(msgspec.json.encode(once))
            assert set(again) == set(value)
            assert again["header"] == value["header"]


def test_documented_reply_decodes_with_numbers_and_booleans_written_as_strings(
    strict_document: dict[str, Any],
) -> None:
    for operation, name, value in reply_examples(strict_document):
        for type_ in success_types(operation, name):
            assert read(type_, quoted(value)) == read(type_, value)


def test_quoted_number_and_boolean_are_decoded_as_number_and_boolean() -> None:
    reply = read(Failure, {"header": {"isSuccessful": "false", "resultCode": "-5", "resultMessage": "x"}})
    assert reply.header.is_successful is False
    assert reply.header.result_code == -5


def test_unknown_members_of_a_reply_are_ignored() -> None:
    reply = read(InstancesSuccess, {"header": OK | {"new": 1}, "instances": [], "traceId": "t"})
    assert reply == read(InstancesSuccess, {"header": OK, "instances": []})


def test_failed_reply_is_not_a_success_and_the_missing_member_is_named() -> None:
    # The stock client raises a bare KeyError here, or a TypeError when the payload is null.
    with pytest.raises(msgspec.ValidationError, match=r"missing required field `instance`"):
        read(CreateInstanceSuccess, {"header": NO})
    with pytest.raises(msgspec.ValidationError, match=r"`\$\.instance`"):
        read(CreateInstanceSuccess, {"header": NO, "instance": None})
    assert read(Failure, {"header": NO, "instance": None}).header.result_message == "Nonexistent : instance"


def test_invalid_reply_is_refused_with_the_path_of_the_fault() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"`\$\.instances\[0\]\.name`"):
        read(InstancesSuccess, {"header": OK, "instances": [{"id": "i", "name": 5, "status": "ACTIVE"}]})
    with pytest.raises(msgspec.DecodeError):
        decode(b"<html>", InstancesSuccess)


def test_missing_or_null_optional_member_is_none() -> None:
    address = {"macAddress": "m", "ipAddress": "i", "version": 4}
    assert read(InstanceAddress, address).floating_ip_address is None
    assert read(InstanceAddress, address | {"floatingIpAddress": None}).floating_ip_address is None
    assert read(InstanceAddress, address | {"floatingIpAddress": "203.0.113.1"}).floating_ip_address == "203.0.113.1"


def test_absent_optional_member_is_not_encoded() -> None:
    address = {"macAddress": "m", "ipAddress": "i", "version": 4}
    assert msgspec.json.decode(msgspec.json.encode(read(InstanceAddress, address))) == address


def test_replies_are_frozen_and_keyword_only() -> None:
    instance = Instance(id="i", name="n", status=InstanceStatus.ACTIVE)
    with pytest.raises(AttributeError):
        instance.name = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        Instance("i", "n", InstanceStatus.ACTIVE)  # type: ignore[call-arg]


def test_documented_reply_survives_pickle_and_deepcopy(strict_document: dict[str, Any]) -> None:
    for operation, name, value in reply_examples(strict_document):
        for type_ in success_types(operation, name):
            reply = read(type_, value)
            for other in (pickle.loads(pickle.dumps(reply)), copy.deepcopy(reply), copy.copy(reply)):
                assert other == reply
                assert msgspec.json.encode(other) == msgspec.json.encode(reply)


# Open enums


def test_unknown_status_is_kept_and_marked_as_unknown() -> None:
    raw = {"id": "i", "name": "n", "status": "SHELVED"}
    instance = read(Instance, raw)
    assert instance.status == "SHELVED"
    assert not instance.status.is_known
    assert "unknown" in repr(instance)
    assert msgspec.json.decode(msgspec.json.encode(instance)) == raw
    for other in (pickle.loads(pickle.dumps(instance)), copy.deepcopy(instance)):
        assert other == instance
        assert not other.status.is_known
        assert msgspec.json.decode(msgspec.json.encode(other)) == raw


def test_known_status_is_the_enum_member() -> None:
    instance = read(Instance, {"id": "i", "name": "n", "status": "ACTIVE"})
    assert instance.status is InstanceStatus.ACTIVE
    assert instance.status.is_known
    assert pickle.loads(pickle.dumps(instance)).status is InstanceStatus.ACTIVE
    assert copy.deepcopy(instance).status is InstanceStatus.ACTIVE
    assert "unknown" not in repr(instance.status)


def test_enum_values_equal_and_hash_as_their_strings() -> None:
    text = "General HDD"
    assert text == VolumeType.GENERAL_HDD
    assert hash(VolumeType.GENERAL_HDD) == hash("General HDD")
    assert {"General HDD": 1}[VolumeType.GENERAL_HDD] == 1
    assert VolumeType("Tape") == VolumeType("Tape") == "Tape"
    assert hash(VolumeType("Tape")) == hash("Tape")
    assert str(VolumeType("Tape")) == f"{VolumeType('Tape')}" == "Tape"


def test_unknown_values_are_not_remembered() -> None:
    before = len(VolumeType.__members__), len(VolumeType._value2member_map_)
    for number in range(100):
        VolumeType(f"kind {number}")
    assert (len(VolumeType.__members__), len(VolumeType._value2member_map_)) == before
    assert VolumeType("kind 1") is not VolumeType("kind 1")


def test_unknown_value_that_is_not_a_string_is_refused() -> None:
    with pytest.raises(ValueError, match="5"):
        VolumeType(5)  # type: ignore[arg-type]
    with pytest.raises(msgspec.ValidationError, match=r"`\$\.status`"):
        read(Instance, {"id": "i", "name": "n", "status": 5})


def test_request_refuses_an_enum_value_that_a_reply_accepts() -> None:
    assert not RebootType("MAYBE").is_known
    with pytest.raises(ValueError, match="must be one of 'SOFT', 'HARD'"):
        RebootParameters(type=RebootType("MAYBE"))


# Times


@pytest.mark.parametrize(
    "written",
    ["2017-05-16T02:17:50.166563", "2017-05-16T02:17:50.166563Z", "2017-05-16T11:17:50.166563+09:00"],
)
def test_time_is_aware_and_utc_in_every_notation(written: str) -> None:
    token = read(Token, {"id": "t", "expires": written, "issued_at": "2017-05-16T01:17:50Z"})
    assert token.expires == datetime(2017, 5, 16, 2, 17, 50, 166563, UTC)
    assert token.expires.tzinfo is UTC
    assert token.issued_at.tzinfo is UTC


def test_time_is_aware_and_utc_when_a_model_is_constructed() -> None:
    seoul = timezone(timedelta(hours=9))
    token = Token(id="t", expires=datetime(2017, 5, 16, 11, tzinfo=seoul), issued_at=datetime(2017, 5, 16, 2))
    assert token.expires == token.issued_at == datetime(2017, 5, 16, 2, tzinfo=UTC)
    assert token.expires.tzinfo is UTC


def test_optional_time_is_none_or_utc() -> None:
    keypair = {"name": "n", "publicKey": "p", "fingerprint": "f"}
    assert read(KeypairsSuccess, {"header": OK, "keypairs": [keypair]}).keypairs[0].created_at is None
    keypair["createdAt"] = "2017-05-16T02:17:50"
    assert read(KeypairsSuccess, {"header": OK, "keypairs": [keypair]}).keypairs[0].created_at == datetime(
        2017, 5, 16, 2, 17, 50, tzinfo=UTC
    )


def test_every_time_of_a_detailed_instance_is_utc(strict_document: dict[str, Any]) -> None:
    replies = reply_examples(strict_document)
    found = {operation["operationId"]: value for operation, name, value in replies if name == "success"}
    value = found["listInstanceDetails"]
    detail = read(InstanceDetailsSuccess, value).instances[0]
    assert {moment.tzinfo for moment in (detail.launched_at, detail.created_at, detail.updated_at)} == {UTC}
    assert detail.volumes.root.type is VolumeType.GENERAL_SSD
    assert detail.key_name == "demo-key"


# Secrets


def secret_replies() -> list[Any]:
    token = {"id": "canary", "expires": "2017-05-16T02:17:50Z", "issued_at": "2017-05-16T02:17:50Z"}
    keypair = {"name": "n", "publicKey": "p", "fingerprint": "f", "privateKey": "canary"}
    return [
        read(TokenSuccess, {"header": OK, "access": {"token": token, "user": {"id": "u", "roles": []}}}),
        read(CreateKeypairSuccess, {"header": OK, "keypair": keypair}),
    ]


@pytest.mark.parametrize("reply", secret_replies(), ids=lambda reply: type(reply).__name__)
def test_secret_is_masked_at_every_depth(reply: Any) -> None:
    from rich.console import Console

    shown = io.StringIO()
    Console(file=shown, width=1000).print(reply)
    for text in (repr(reply), str(reply), f"{reply}", repr([reply]), shown.getvalue()):
        assert "canary" not in text
        assert "***" in text
    assert b"canary" in msgspec.json.encode(reply), "the value itself must be there"


def test_repr_of_an_absent_secret_is_none() -> None:
    assert "private_key=None" in repr(CreatedKeypair(name="n", public_key="p", fingerprint="f"))


def test_repr_contains_everything_that_is_not_secret() -> None:
    assert repr(EmptySuccess(header=read(models.ResultHeader, OK))) == (
        "EmptySuccess(header=ResultHeader(is_successful=True, result_code=0, result_message='SUCCESS'))"
    )


# A contract with peculiar schemas


def test_constraints_apply_to_requests_and_not_to_replies(variant: ModuleType) -> None:
    raw = {"name": "n", "publicKey": "p", "fingerprint": "f", "note": "A!", "useCount": "1"}
    keypair = read(variant.CreatedKeypair, raw)
    assert (keypair.note, keypair.use_count) == ("A!", 1)


def test_secret_with_another_name_on_the_wire_is_masked(variant: ModuleType) -> None:
    keypair = variant.CreatedKeypair(name="n", public_key="p", fingerprint="f", unlock_code="canary")
    assert "canary" not in repr(keypair)
    assert "unlock_code='***'" in repr(keypair)


def test_every_reply_model_is_frozen() -> None:
    for type_ in (Failure, FlavorsSuccess, *vars(models).values()):
        if isinstance(type_, type) and issubclass(type_, msgspec.Struct) and type_.__module__ == models.__name__:
            assert type_.__struct_config__.frozen, type_


def test_time_out_of_range_is_an_invalid_reply() -> None:
    token = {"id": "x", "issued_at": "0001-01-01T00:00:00+09:00", "expires": "2026-01-15T10:00:00Z"}
    with pytest.raises(msgspec.ValidationError, match="out of range"):
        decode(msgspec.json.encode(token), models.Token)

"""Test that each method sends the request of the contract and returns the payload of the reply."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from toast_compute import CreatedImage, Instance, InstanceStatus, NotFoundError, ToastCompute, UploadImageAction
from toast_compute import UploadImageParameters as ImageParameters

ROOT = "/compute/v1.0/appkeys/canary-appkey-7f3a"
BRIEF = {"id": "i-1", "name": "web-01", "status": "ACTIVE"}
DETAIL = {
    "addresses": [{"macAddress": "fa:16:3e:00:00:01", "ipAddress": "192.168.0.10", "version": 4}],
    "availabilityZone": "kr-pub-a",
    "flavor": {"id": "f-1", "name": "m2.c2m4", "cpu": 2, "ram": 4096},
    "status": "ACTIVE",
    "id": "i-1",
    "name": "web-01",
    "image": "image-1",
    "metadata": {"role": "web"},
    "keyName": "my-key",
    "volumes": {"root": {"size": 20, "type": "General SSD"}, "attachments": []},
    "securityGroups": [{"name": "default"}],
    "createdAt": "2026-01-14T09:00:00.000000",
    "updatedAt": "2026-01-14T09:00:30.5Z",
}
KEYPAIR = {"name": "my key", "publicKey": "ssh-ed25519 AAAA", "fingerprint": "aa:bb"}
ZONE = {"zoneName": "kr-pub-a", "zoneState": {"available": True}}
FLAVOR = {
    "disabled": False,
    "ephemeral": 0,
    "type": "general",
    "id": "f-1",
    "name": "u2.c1m1",
    "isPublic": True,
    "ram": 1024,
    "vcpus": 1,
    "volumeSize": 30,
}

# Method, the request it makes (method, path, query, body), the payload of the reply, the value that is returned.
Case = tuple[Callable[[ToastCompute], object], tuple[str, str, dict[str, list[str]], Any], dict[str, Any], Any]
CASES: dict[str, Case] = {
    "availability_zones.list": (
        lambda toast: [(zone.zone_name, zone.zone_state.available) for zone in toast.availability_zones.list()],
        ("GET", "/availability-zones", {}, None),
        {"zones": [ZONE]},
        [("kr-pub-a", True)],
    ),
    "flavors.list": (
        lambda toast: [(one.id, one.volume_size, one.max_volume_size, one.is_public) for one in toast.flavors.list()],
        ("GET", "/flavors", {}, None),
        {"flavors": [FLAVOR]},
        [("f-1", 30, None, True)],
    ),
    "instances.list": (
        lambda toast: toast.instances.list(),
        ("GET", "/instances", {}, None),
        {"instances": [BRIEF]},
        [Instance(id="i-1", name="web-01", status=InstanceStatus.ACTIVE)],
    ),
    "instances.get": (
        lambda toast: toast.instances.get("i-1"),
        ("GET", "/instances", {"id": ["i-1"]}, None),
        {"instances": [BRIEF]},
        Instance(id="i-1", name="web-01", status=InstanceStatus.ACTIVE),
    ),
    "instances.list_details": (
        lambda toast: [one.key_name for one in toast.instances.list_details()],
        ("GET", "/instances-detail", {}, None),
        {"instances": [DETAIL]},
        ["my-key"],
    ),
    "instances.get_details": (
        lambda toast: toast.instances.get_details("i-1").created_at,
        ("GET", "/instances-detail", {"id": ["i-1"]}, None),
        {"instances": [DETAIL]},
        datetime(2026, 1, 14, 9, tzinfo=UTC),
    ),
    "instances.delete": (
        lambda toast: toast.instances.delete("i-1"),
        ("DELETE", "/instances", {"id": ["i-1"]}, None),
        {},
        None,
    ),
    "instances.start": (
        lambda toast: toast.instances.start("i-1"),
        ("POST", "/instances/i-1/action", {}, {"action": "start"}),
        {},
        None,
    ),
    "instances.stop": (
        lambda toast: toast.instances.stop("i-1"),
        ("POST", "/instances/i-1/action", {}, {"action": "stop"}),
        {},
        None,
    ),
    "instances.reboot": (
        lambda toast: toast.instances.reboot("i-1"),
        ("POST", "/instances/i-1/action", {}, {"action": "reboot", "parameters": {"type": "SOFT"}}),
        {},
        None,
    ),
    "instances.resize": (
        lambda toast: toast.instances.resize("i-1", "f-2"),
        ("POST", "/instances/i-1/action", {}, {"action": "resize", "parameters": {"flavor": "f-2"}}),
        {},
        None,
    ),
    "instances.upload_image": (
        lambda toast: toast.instances.upload_image("i-1", "an image"),
        ("POST", "/instances/i-1/action", {}, {"action": "uploadImage", "parameters": {"name": "an image"}}),
        {"createdImage": {"id": "image-9", "name": "an image"}},
        CreatedImage(id="image-9", name="an image"),
    ),
    "instances.run_action": (
        lambda toast: toast.instances.run_action("i-1", UploadImageAction(parameters=ImageParameters(name="x"))),
        ("POST", "/instances/i-1/action", {}, {"action": "uploadImage", "parameters": {"name": "x"}}),
        {"createdImage": {"id": "image-9", "name": "x"}},
        CreatedImage(id="image-9", name="x"),
    ),
    "instances.add_floating_ip": (
        lambda toast: toast.instances.add_floating_ip("i-1", "203.0.113.10", "192.168.0.10"),
        (
            "POST",
            "/instances/i-1/action",
            {},
            {"action": "addFloatingIp", "parameters": {"address": "203.0.113.10", "ipAddress": "192.168.0.10"}},
        ),
        {},
        None,
    ),
    "instances.remove_floating_ip": (
        lambda toast: toast.instances.remove_floating_ip("i-1", "203.0.113.10"),
        (
            "POST",
            "/instances/i-1/action",
            {},
            {"action": "removeFloatingIp", "parameters": {"address": "203.0.113.10"}},
        ),
        {},
        None,
    ),
    "instances.add_security_group": (
        lambda toast: toast.instances.add_security_group("i-1", "웹"),
        ("POST", "/instances/i-1/action", {}, {"action": "addSecurityGroup", "parameters": {"name": "웹"}}),
        {},
        None,
    ),
    "instances.remove_security_group": (
        lambda toast: toast.instances.remove_security_group("i-1", "web"),
        ("POST", "/instances/i-1/action", {}, {"action": "removeSecurityGroup", "parameters": {"name": "web"}}),
        {},
        None,
    ),
    "instances.attach_volume": (
        lambda toast: toast.instances.attach_volume("i-1", "v-1").device,
        ("POST", "/instances/i-1/attachments", {}, {"attachment": {"volumeId": "v-1"}}),
        {"attachment": {"device": "/dev/vdc", "id": "a-1", "volumeId": "v-1"}},
        "/dev/vdc",
    ),
    "instances.detach_volume": (
        lambda toast: toast.instances.detach_volume("i-1", "v-1"),
        ("DELETE", "/instances/i-1/attachments", {"volumeId": ["v-1"]}, None),
        {},
        None,
    ),
    "keypairs.list": (
        lambda toast: [one.created_at for one in toast.keypairs.list()],
        ("GET", "/keypairs", {}, None),
        {"keypairs": [KEYPAIR]},
        [None],
    ),
    "keypairs.get": (
        lambda toast: toast.keypairs.get("my key").created_at,
        ("GET", "/keypairs", {"name": ["my key"]}, None),
        {"keypairs": [KEYPAIR | {"createdAt": "2026-01-12T09:00:00.000000"}]},
        datetime(2026, 1, 12, 9, tzinfo=UTC),
    ),
    "keypairs.create": (
        lambda toast: toast.keypairs.create("my key").private_key,
        ("POST", "/keypairs", {}, {"keypair": {"name": "my key"}}),
        {"keypair": KEYPAIR | {"privateKey": "pem"}},
        "pem",
    ),
    "keypairs.upload": (
        lambda toast: toast.keypairs.upload("my key", "ssh-ed25519 AAAA").private_key,
        ("POST", "/keypairs", {}, {"keypair": {"name": "my key", "publicKey": "ssh-ed25519 AAAA"}}),
        {"keypair": KEYPAIR},
        None,
    ),
    "keypairs.delete": (
        lambda toast: toast.keypairs.delete("a/b ?&#키"),
        ("DELETE", "/keypairs", {"name": ["a/b ?&#키"]}, None),
        {},
        None,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_method_sends_its_request_and_returns_the_payload(toast: ToastCompute, service: Any, name: str) -> None:
    call, (method, path, query, body), payload, value = CASES[name]
    service.on(f"{method} {path.rsplit('/', 1)[-1]}", service.yes(**payload))
    assert call(toast) == value
    request = service.received[-1]
    assert (request.method, request.path) == (method, ROOT + path)
    assert (request.query, request.body) == (query, body)
    assert request.headers["x-auth-token"] == "canary-token-1"
    assert request.headers["accept"] == "application/json"
    assert request.headers["user-agent"] == "toast-compute"
    assert (request.headers.get("content-type") == "application/json;charset=UTF-8") is (body is not None)


def test_every_public_method_has_a_case_or_a_module_of_its_own(toast: ToastCompute) -> None:
    elsewhere = {
        "tokens.issue",
        "tokens.get",
        "instances.create",
        "instances.map",
        "instances.wait_for_status",
        "instances.wait_until_deleted",
        "instances.wait_for_all",
    }
    public = {
        f"{resource}.{name}"
        for resource in ("tokens", "availability_zones", "flavors", "instances", "keypairs")
        for name, _ in inspect.getmembers(getattr(toast, resource), inspect.ismethod)
        if not name.startswith("_")
    }
    assert public == elsewhere | set(CASES)


def test_every_public_docstring_names_errors_and_guide_section(toast: ToastCompute) -> None:
    for resource in (toast.tokens, toast.availability_zones, toast.flavors, toast.instances, toast.keypairs):
        for name, method in inspect.getmembers(resource, inspect.ismethod):
            if not name.startswith("_"):
                text = inspect.getdoc(method) or ""
                assert "Raises:" in text, name
                assert "Guide: " in text, name


@pytest.mark.parametrize(
    ("resource", "call"),
    [
        ("GET instances", lambda toast: toast.instances.get("i-1")),
        ("GET instances-detail", lambda toast: toast.instances.get_details("i-1")),
    ],
)
def test_instance_missing_from_the_reply_is_not_found(
    toast: ToastCompute, service: Any, resource: str, call: Callable[[ToastCompute], object]
) -> None:
    row = BRIEF if resource == "GET instances" else DETAIL
    for instances in ([], [row | {"id": "i-2"}]):
        service.on(resource, service.yes(instances=instances))
        with pytest.raises(NotFoundError, match="found no instance i-1") as caught:
            call(toast)
        assert (caught.value.kind, caught.value.subsystem) == ("not-found", "instance")
        assert [attempt.outcome for attempt in caught.value.attempts] == ["success"]
    service.on(resource, service.no(10404, "Nonexistent : instance"))
    with pytest.raises(NotFoundError, match="Nonexistent : instance"):
        call(toast)


def test_instance_is_picked_when_the_service_ignores_the_filter(toast: ToastCompute, service: Any) -> None:
    service.on("GET instances", service.instances(("i-2", "STOP"), ("i-1", "ACTIVE")))
    assert toast.instances.get("I-1").id == "i-1"


def test_key_pair_missing_from_the_reply_is_not_found(toast: ToastCompute, service: Any) -> None:
    for keypairs in ([], [KEYPAIR | {"name": "MY KEY"}]):
        service.on("GET keypairs", service.yes(keypairs=keypairs))
        with pytest.raises(NotFoundError, match="found no key pair my key") as caught:
            toast.keypairs.get("my key")
        assert [attempt.outcome for attempt in caught.value.attempts] == ["success"]


def test_unknown_members_and_statuses_of_a_reply_are_accepted(toast: ToastCompute, service: Any) -> None:
    service.on("GET instances", service.yes(instances=[BRIEF | {"status": "SHELVED", "new": [1]}], page=1))
    (instance,) = toast.instances.list()
    assert instance.status == "SHELVED"
    assert not instance.status.is_known

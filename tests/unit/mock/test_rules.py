"""Check that the mock refuses what the guide forbids, with one sentence as the reason."""

from __future__ import annotations

from typing import Any

import pytest
from toast_compute_mock.engine.engine import Engine
from toast_compute_mock.exchange import Request

from .conftest import BATCH, SEED_TOKEN, START, WEB, Cloud, new_instance

UBUNTU, WINDOWS = "1a9e0000-0000-4000-8000-000000000001", "1a9e0000-0000-4000-8000-000000000002"
M2, C2, U2, DISABLED = (f"f1a00000-0000-4000-8000-00000000000{number}" for number in (1, 2, 5, 6))
FREE_VOLUME, OTHER_ZONE_VOLUME, USED_VOLUME = (f"b10c0000-0000-4000-8000-00000000000{number}" for number in (1, 2, 3))
NETWORK, OTHER_NETWORK = "4e700000-0000-4000-8000-000000000001", "4e700000-0000-4000-8000-000000000002"
SUBNET = "5b4e0000-0000-4000-8000-000000000001"
ABSENT = "aaaaaaaa-0000-4000-8000-000000000000"
ONE_OF_NINE = (
    "action must be start or stop or reboot or resize or uploadImage or addFloatingIp or removeFloatingIp"
    " or addSecurityGroup or removeSecurityGroup"
)
BAD_KEY = "keypair.publicKey is not an OpenSSH public key of type RSA, ECDSA or Ed25519"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "a" * 21}, "instance.name is too long"),
        ({"name": ""}, "instance.name is empty"),
        ({"name": "under_score"}, "instance.name has characters that are not allowed"),
        ({"name": "newline\n"}, "instance.name has characters that are not allowed"),
        ({"name": None}, "instance.name is missing"),
        ({"name": 5}, "instance.name must be a string"),
        ({"image": "WINDOWS", "name": "a" * 13}, "instance.name is too long for a Windows image"),
        ({"count": 0}, "instance.count must be at least 1"),
        ({"count": 11}, "instance.count must be at most 10"),
        ({"count": "2"}, "instance.count must be an integer"),
        ({"count": True}, "instance.count must be an integer"),
        ({"networks": []}, "instance.networks needs at least 1 entry"),
        ({"networks": [{}]}, "instance.networks[0] needs at least 1 member"),
        ({"networks": [{"subnet": "x"}]}, "instance.networks[0].subnet is not a known member"),
        ({"securityGroups": []}, "instance.securityGroups needs at least 1 entry"),
        ({"volume": {"size": 25}}, "instance.volume.size must be a multiple of 10"),
        ({"volume": {"size": 1010}}, "instance.volume.size must be at most 1000"),
        ({"volume": {"size": 10}}, "instance.volume.size is below the image's minDisk of 20"),
        ({"volume": {"type": "General NVMe"}}, "instance.volume.type must be General HDD or General SSD or null"),
        ({"flavor": U2, "volume": {"size": 30}}, "instance.volume.size is not allowed with this flavor"),
        ({"flavor": U2, "image": "WINDOWS"}, "instance.flavor has a smaller disk than the image's minDisk of 50"),
        ({"image": "../flavors"}, "instance.image has characters that are not allowed"),
    ],
)
def test_malformed_create_is_refused_with_one_place_and_one_reason(
    cloud: Cloud, changes: dict[str, Any], message: str
) -> None:
    changes = {name: WINDOWS if value == "WINDOWS" else value for name, value in changes.items()}
    assert cloud.create(**changes)["header"] == {
        "isSuccessful": False,
        "resultCode": -4,
        "resultMessage": f"Invalid parameters : {message}",
    }
    assert len(cloud.send("GET", "instances")["instances"]) == 2


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"image": ABSENT}, 30404),
        ({"flavor": ABSENT}, 11404),
        ({"flavor": DISABLED}, 11409),
        ({"availabilityZone": "kr-pub-c"}, 12404),
        ({"keyName": "no-such-key"}, 13404),
        ({"networks": [{"id": ABSENT}]}, 20404),
        ({"networks": [{"subnetId": ABSENT}]}, 21404),
        ({"networks": [{"id": OTHER_NETWORK, "subnetId": SUBNET}]}, 21409),
        ({"securityGroups": [{"name": "no-such-group"}]}, 24404),
    ],
)
def test_create_with_an_unknown_resource_names_the_part(cloud: Cloud, changes: dict[str, Any], code: int) -> None:
    assert cloud.create(**changes)["header"]["resultCode"] == code


def test_subnet_without_free_addresses_refuses_the_whole_create(cloud: Cloud) -> None:
    # 245 hosts from .10 on, two of them taken.
    for _ in range(24):
        assert cloud.create(count=10)["header"]["resultCode"] == 0
    assert cloud.create(count=4)["header"]["resultCode"] == 20001
    assert cloud.create(count=3)["header"]["resultCode"] == 0
    assert len(cloud.send("GET", "instances")["instances"]) == 2 + 243


def test_addresses_of_deleted_instances_are_given_again(cloud: Cloud) -> None:
    for _ in range(25):
        last = cloud.create(count=10)
    assert last["header"]["resultCode"] == 20001
    assert cloud.create(count=3)["header"]["resultCode"] == 0
    assert cloud.create()["header"]["resultCode"] == 20001
    cloud.code("DELETE", "instances", query=f"id={WEB}")
    assert cloud.detail(cloud.create()["instance"]["id"])["addresses"][0]["ipAddress"] == "192.168.0.10"


def test_addresses_of_interfaces_are_distinct(cloud: Cloud) -> None:
    cloud.create(count=3, networks=[{"subnetId": SUBNET}, {"id": OTHER_NETWORK}])
    interfaces = [a for one in cloud.send("GET", "instances-detail")["instances"] for a in one["addresses"]]
    assert len(interfaces) == 8
    assert len({a["macAddress"] for a in interfaces}) == len({a["ipAddress"] for a in interfaces}) == 8


def test_group_that_is_named_twice_is_joined_once(cloud: Cloud) -> None:
    made = cloud.create(securityGroups=[{"name": "web"}, {"name": "default"}, {"name": "web"}])["instance"]
    assert cloud.detail(made["id"])["securityGroups"] == [{"name": "web"}, {"name": "default"}]


def test_network_alone_is_enough(cloud: Cloud) -> None:
    made = cloud.create(networks=[{"id": NETWORK}])["instance"]
    assert cloud.detail(made["id"])["addresses"][0]["ipAddress"] == "192.168.0.12"


def test_count_makes_so_many_and_names_the_first(cloud: Cloud) -> None:
    made = cloud.create(count=3)["instance"]
    instances = cloud.send("GET", "instances")["instances"]
    assert [one["name"] for one in instances].count("test-01") == 3
    assert instances[2] == made


@pytest.mark.parametrize("volume", [None, {}, {"type": None}, {"size": 20.0}])
def test_omitted_volume_members_get_the_documented_defaults(cloud: Cloud, volume: Any) -> None:
    made = cloud.create(volume=volume)["instance"]
    assert cloud.detail(made["id"])["volumes"]["root"] == {"size": 20, "type": "General HDD"}


def test_local_disk_has_the_size_of_its_flavor(cloud: Cloud) -> None:
    made = cloud.create(flavor=U2)["instance"]
    assert cloud.detail(made["id"])["volumes"]["root"]["size"] == 30


@pytest.mark.parametrize("token", [None, "", "unknown", "00000000-0000-4000-8000-000000000002"])
def test_every_operation_but_the_two_of_tokens_needs_a_token(cloud: Cloud, token: str | None) -> None:
    cloud.token = token
    for method, path in [
        ("GET", "availability-zones"),
        ("GET", "flavors"),
        ("GET", "instances"),
        ("POST", "instances"),
        ("DELETE", "instances"),
        ("GET", "instances-detail"),
        ("POST", f"instances/{WEB}/attachments"),
        ("DELETE", f"instances/{WEB}/attachments"),
        ("POST", f"instances/{WEB}/action"),
        ("GET", "keypairs"),
        ("POST", "keypairs"),
        ("DELETE", "keypairs"),
    ]:
        assert cloud.message(method, path) == "Permission denied : token"


def test_expired_token_is_refused_and_a_new_one_is_not(cloud: Cloud) -> None:
    cloud.code("GET", "flavors")
    cloud.now += 3600
    assert cloud.code("GET", "flavors") == -3
    auth = {"username": "demo@example.com", "password": "demo-password"}
    cloud.token = cloud.send("POST", "tokens", {"auth": auth})["access"]["token"]["id"]
    assert cloud.code("GET", "flavors") == 0


def test_unknown_appkey_is_denied() -> None:
    reply = Engine().handle(
        Request("GET", "/compute/v1.0/appkeys/another/flavors", {"x-auth-token": SEED_TOKEN}), START
    )
    assert b'"resultCode":-3' in reply.body


@pytest.mark.parametrize("change", [{"password": "wrong"}, {"username": "somebody@example.com"}])
def test_wrong_credentials_are_unauthorized(cloud: Cloud, change: dict[str, str]) -> None:
    auth = {"username": "demo@example.com", "password": "demo-password"} | change
    header = cloud.send("POST", "tokens", {"auth": auth})["header"]
    assert header["resultCode"] == 50401
    assert "wrong" not in header["resultMessage"].replace("wrong username or password", "")


def test_unknown_token_is_not_found(cloud: Cloud) -> None:
    assert cloud.code("GET", "tokens", query="id=unknown") == 50404
    assert cloud.message("GET", "tokens") == "Invalid parameters : id is missing"


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"{} {}", b"\xff\xfe", b'{"auth": NaN}', b'"\\ud800"', b"[" * 100_000], ids=repr
)
def test_body_that_is_not_json_has_its_own_code(cloud: Cloud, raw: bytes) -> None:
    assert cloud.code("POST", "instances", raw=raw) == -8


@pytest.mark.parametrize("path", ["nothing", "flavors/x", ""])
def test_unknown_path_is_not_supported(cloud: Cloud, path: str) -> None:
    assert cloud.message("GET", path) == "Not supported : no such path"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "DELETE", "get"])
def test_undocumented_method_is_not_supported(cloud: Cloud, method: str) -> None:
    assert cloud.message(method, "flavors") == "Not supported : method"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("id=", "id is empty"),
        ("id=..", "id has characters that are not allowed"),
        ("id=a&id=b", "id is given more than once"),
        ("id=%ff", "id is not UTF-8"),
    ],
)
def test_malformed_query_is_refused(cloud: Cloud, query: str, message: str) -> None:
    assert cloud.message("GET", "instances", query=query) == f"Invalid parameters : {message}"


def test_instance_that_is_not_there_is_refused_by_every_operation(cloud: Cloud) -> None:
    query = f"id={ABSENT}"
    assert cloud.code("GET", "instances", query=query) == 10404
    assert cloud.code("GET", "instances-detail", query=query) == 10404
    assert cloud.code("DELETE", "instances", query=query) == 10404
    assert cloud.act(ABSENT, "start") == 10404
    body = {"attachment": {"volumeId": FREE_VOLUME}}
    assert cloud.code("POST", f"instances/{ABSENT}/attachments", body) == 10404
    assert cloud.code("DELETE", f"instances/{ABSENT}/attachments", query=f"volumeId={FREE_VOLUME}") == 10404


@pytest.mark.parametrize(
    ("volume", "code"), [(ABSENT, 40404), (USED_VOLUME, 40409), (OTHER_ZONE_VOLUME, 40409), (FREE_VOLUME, 0)]
)
def test_only_a_free_volume_of_the_zone_can_be_attached(cloud: Cloud, volume: str, code: int) -> None:
    assert cloud.code("POST", f"instances/{BATCH}/attachments", {"attachment": {"volumeId": volume}}) == code


def test_volume_is_detached_only_from_its_own_instance(cloud: Cloud) -> None:
    assert cloud.code("DELETE", f"instances/{BATCH}/attachments", query=f"volumeId={USED_VOLUME}") == 40404
    assert cloud.code("DELETE", f"instances/{WEB}/attachments", query=f"volumeId={USED_VOLUME}") == 0
    assert cloud.detail(WEB)["volumes"]["attachments"] == []
    assert cloud.code("POST", f"instances/{BATCH}/attachments", {"attachment": {"volumeId": USED_VOLUME}}) == 0


@pytest.mark.parametrize(
    ("address", "ip_address", "code"),
    [
        ("203.0.113.99", "192.168.0.11", 22404),
        ("203.0.113.12", "192.168.0.11", 22409),
        ("203.0.113.10", "192.168.0.10", 22409),
        ("203.0.113.10", "not-an-address", -4),
        ("203.0.113.10", "192.168.0.11", 0),
    ],
)
def test_floating_ip_must_be_free_and_the_address_the_instances_own(
    cloud: Cloud, address: str, ip_address: str, code: int
) -> None:
    assert cloud.act(BATCH, "addFloatingIp", address=address, ipAddress=ip_address) == code


def test_address_has_one_floating_ip(cloud: Cloud) -> None:
    assert cloud.act(WEB, "addFloatingIp", address="203.0.113.10", ipAddress="192.168.0.10") == 22409


def test_floating_ip_is_removed_only_where_it_is(cloud: Cloud) -> None:
    assert cloud.act(BATCH, "removeFloatingIp", address="203.0.113.12") == 22404
    assert cloud.act(WEB, "removeFloatingIp", address="203.0.113.12") == 0
    assert "floatingIpAddress" not in cloud.detail(WEB)["addresses"][0]
    assert cloud.act(BATCH, "addFloatingIp", address="203.0.113.12", ipAddress="192.168.0.11") == 0


def test_security_groups_are_added_once_and_removed_where_they_are(cloud: Cloud) -> None:
    assert cloud.act(BATCH, "addSecurityGroup", name="no-such-group") == 24404
    assert cloud.act(BATCH, "removeSecurityGroup", name="web") == 24404
    assert cloud.act(BATCH, "addSecurityGroup", name="web") == 0
    assert cloud.act(BATCH, "addSecurityGroup", name="web") == 0
    assert cloud.detail(BATCH)["securityGroups"] == [{"name": "default"}, {"name": "web"}]
    assert cloud.act(BATCH, "removeSecurityGroup", name="web") == 0
    assert cloud.detail(BATCH)["securityGroups"] == [{"name": "default"}]


@pytest.mark.parametrize(("flavor", "code"), [(ABSENT, 11404), (DISABLED, 11409), (M2, 11409)])
def test_resize_needs_another_usable_flavor(cloud: Cloud, flavor: str, code: int) -> None:
    assert cloud.act(WEB, "resize", flavor=flavor) == code
    assert cloud.status(WEB) == "ACTIVE"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "action is missing"),
        ({"action": "explode"}, ONE_OF_NINE),
        ({"action": ["start"]}, ONE_OF_NINE),
        ([], "body must be an object"),
        ({"action": "reboot"}, "parameters is missing"),
        ({"action": "reboot", "parameters": {"type": "MEDIUM"}}, "parameters.type must be SOFT or HARD"),
        ({"action": "reboot", "parameters": {"type": "SOFT", "now": True}}, "parameters.now is not a known member"),
        ({"action": "start", "parameters": {"now": True}}, "parameters must be empty"),
    ],
)
def test_malformed_action_is_refused_by_its_own_branch(cloud: Cloud, body: Any, message: str) -> None:
    assert cloud.message("POST", f"instances/{WEB}/action", body) == f"Invalid parameters : {message}"


def test_uploaded_image_can_be_used(cloud: Cloud) -> None:
    reply = cloud.send("POST", f"instances/{BATCH}/action", {"action": "uploadImage", "parameters": {"name": "mine"}})
    assert cloud.create(image=reply["createdImage"]["id"])["header"]["isSuccessful"]


def test_image_of_a_windows_instance_has_the_rules_of_windows_and_the_size_of_the_disk(cloud: Cloud) -> None:
    made = cloud.create(name="windows-01", image=WINDOWS, volume={"size": 70})["instance"]["id"]
    cloud.now += 60
    cloud.act(made, "stop")
    cloud.now += 60
    body = {"action": "uploadImage", "parameters": {"name": "mine"}}
    image = cloud.send("POST", f"instances/{made}/action", body)["createdImage"]["id"]
    assert cloud.create(image=image, name="a" * 13)["header"]["resultCode"] == -4
    assert cloud.create(image=image, volume={"size": 60})["header"]["resultCode"] == -4
    assert cloud.create(image=image, volume={"size": 70})["header"]["resultCode"] == 0


@pytest.mark.parametrize("query", ["name=two+words", "name=two%20words", "x=%ff&name=two%20words"])
def test_space_in_a_query_may_be_written_in_both_ways(cloud: Cloud, query: str) -> None:
    cloud.send("POST", "keypairs", {"keypair": {"name": "two words"}})
    assert cloud.code("GET", "keypairs", query=query) == 0


def test_key_pair_name_is_taken_once(cloud: Cloud) -> None:
    assert cloud.code("POST", "keypairs", {"keypair": {"name": "demo-key"}}) == 13409
    assert cloud.code("DELETE", "keypairs", query="name=demo-key") == 0
    assert cloud.code("GET", "keypairs", query="name=demo-key") == 13404
    assert cloud.code("DELETE", "keypairs", query="name=demo-key") == 13404
    assert cloud.code("POST", "keypairs", {"keypair": {"name": "demo-key"}}) == 0


def test_key_pairs_show_when_they_were_made_only_by_name(cloud: Cloud) -> None:
    (listed,) = cloud.send("GET", "keypairs")["keypairs"]
    (named,) = cloud.send("GET", "keypairs", query="name=demo-key")["keypairs"]
    assert set(named) - set(listed) == {"createdAt"}


@pytest.mark.parametrize("key", ["nonsense", "ssh-rsa nonsense", "ssh-ed25519 AAAA", "ssh-dss AAAA"])
def test_invalid_public_key_cannot_be_uploaded(cloud: Cloud, key: str) -> None:
    body = {"keypair": {"name": "bad", "publicKey": key}}
    assert cloud.message("POST", "keypairs", body) == "Invalid parameters : " + BAD_KEY


def test_same_requests_give_the_same_bytes() -> None:
    def transcript(seed: int) -> list[Any]:
        cloud = Cloud(Engine(seed=seed))
        steps = [cloud.create(), cloud.send("POST", "keypairs", {"keypair": {"name": "k"}})]
        cloud.now += 10
        return [*steps, cloud.send("GET", "instances-detail")]

    assert transcript(1) == transcript(1)
    assert transcript(1) != transcript(2)


def test_refusals_never_quote_what_was_sent(cloud: Cloud) -> None:
    body = new_instance(name="secret value!")
    assert "secret" not in cloud.message("POST", "instances", body)

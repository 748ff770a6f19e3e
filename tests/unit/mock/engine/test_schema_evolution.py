"""Check that evolved replies are new, still valid, and survived by our own client."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema_rs import Draft202012Validator
from ruamel.yaml import YAML
from toast_compute import ConflictError, NotFoundError, ToastCompute
from toast_compute_api.behaviour import LIFECYCLE
from toast_compute_mock.contract.operations import Contract
from toast_compute_mock.engine.engine import Engine
from toast_compute_mock.engine.schema_evolution import MESSAGE_LENGTH, NAME_LENGTH, OPTIONS, Evolution
from toast_compute_mock.exchange import Request

from ..conftest import APPKEY, BATCH, START, WEB

DOCUMENT: dict[str, Any] = json.loads(files("toast_compute_api").joinpath("strict.json").read_text(encoding="utf-8"))
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
CONTRACT = Path(__file__).resolve().parents[4] / "openapi.yaml"
VOLUME = "b10c0000-0000-4000-8000-000000000001"
SELECTIONS = [(), *((habit,) for habit in OPTIONS), OPTIONS]
REFERENCE = "#/components/schemas/"


def reply_name(operation: dict[str, Any], content: dict[str, Any]) -> str:
    """Return the strict schema of a reply, as the mock finds it."""
    strict = operation["x-strict"]
    if not content["header"]["isSuccessful"]:
        return str(strict["failure"])
    of_action = strict.get("successFor", {})
    return str(of_action["uploadImage"] if of_action and "createdImage" in content else strict["success"])


def examples() -> Iterator[Any]:
    """Return every reply that the contract shows: operation, schema of the contract, strict schema, reply."""
    for item in DOCUMENT["paths"].values():
        for operation in item.values():
            shown = operation["responses"]["200"]["content"]["application/json"]["examples"]
            for name, example in shown.items():
                content = example["value"]
                strict = reply_name(operation, content)
                yield pytest.param(operation["operationId"], strict, content, id=f"{operation['operationId']} {name}")


EXAMPLES = list(examples())
REPLIES = [pytest.param(*each.values[1:], id=each.id) for each in EXAMPLES]


def opened(schema: Any) -> Any:
    """Return the open reading of a reply's schema, under which a later release may answer.

    docs/decisions.md: enums of replies are "read openly: an unknown value survives", so `enum` goes; and of the members
    that may be missing "our client also reads null for each", so null is allowed for those that are not required. The
    inline object of a reply's payload members is the exception: what a success must carry there, `x-success` says.
    """
    if isinstance(schema, list):
        return [opened(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    result = {name: opened(value) for name, value in schema.items() if not (name == "enum" and isinstance(value, list))}
    if "required" in schema and "properties" in schema:
        for name, member in result["properties"].items():
            if name not in schema["required"]:
                result["properties"][name] = {"anyOf": [member, {"type": "null"}]}
    return result


@pytest.fixture(scope="session")
def open_contract() -> dict[str, Draft202012Validator]:
    """Return the reply schemas of openapi.yaml itself by operation, read openly."""
    document = YAML(typ="safe").load(CONTRACT.read_text(encoding="utf-8"))
    components = opened(document["components"])
    validators = {}
    for item in document["paths"].values():
        for operation in item.values():
            schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
            validators[operation["operationId"]] = Draft202012Validator({**schema, "components": components})
    return validators


def evolved(strict: str, content: dict[str, Any], *habits: str) -> dict[str, Any]:
    return Evolution(DOCUMENT, habits).evolve(strict, content)


def example(operation: str) -> dict[str, Any]:
    return copy.deepcopy(next(e.values[2] for e in EXAMPLES if e.values[0] == operation))


def walk(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Return every value below this one with its path; entries of lists share one."""
    yield path, value
    if isinstance(value, dict):
        for name, member in value.items():
            yield from walk(member, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for item in value:
            yield from walk(item, f"{path}[]")


def at(content: dict[str, Any], path: str) -> list[Any]:
    return [value for place, value in walk(content) if place == path]


@pytest.mark.parametrize("habits", SELECTIONS, ids="+".join)
@pytest.mark.parametrize(("operation", "strict", "content"), EXAMPLES)
def test_evolved_reply_is_valid_by_the_open_contract(
    open_contract: dict[str, Draft202012Validator],
    operation: str,
    strict: str,
    content: dict[str, Any],
    habits: tuple[str, ...],
) -> None:
    reply = json.loads(json.dumps(evolved(strict, content, *habits)))
    assert [str(error) for error in open_contract[operation].iter_errors(reply)] == []


@pytest.mark.parametrize("habits", [(), OPTIONS], ids=["none", "all"])
@pytest.mark.parametrize(("strict", "content"), REPLIES)
def test_same_becomes_the_same_and_the_reply_given_is_not_touched(
    strict: str, content: dict[str, Any], habits: tuple[str, ...]
) -> None:
    given = copy.deepcopy(content)
    first = json.dumps(evolved(strict, given, *habits))
    assert json.dumps(evolved(strict, given, *reversed(habits))) == first
    assert json.dumps(given) == json.dumps(content)
    assert (first == json.dumps(content)) is (not habits)


def test_unknown_evolution_option_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"^evolution: there is no option 'moody', only unknown-status, extra-members, "
    ):
        Evolution(DOCUMENT, ["nulls", "moody"])


@pytest.mark.parametrize("status", LIFECYCLE.states)
def test_status_has_a_new_name_only_while_it_passes_by_itself(status: str) -> None:
    reply = example("listInstances")
    reply["instances"][0]["status"] = status
    shown = evolved("InstancesSuccess", reply, "unknown-status")["instances"][0]["status"]
    assert (shown in LIFECYCLE.states) is not LIFECYCLE.states[status].transient
    assert shown == (f"{status}_QUEUED" if LIFECYCLE.states[status].transient else status)


def test_other_enums_have_new_values_too() -> None:
    flavors = evolved("FlavorsSuccess", example("listFlavors"), "unknown-status")
    assert {flavor["type"] for flavor in flavors["flavors"]} == {"general 2", "compute 2", "memory 2"}
    details = evolved("InstanceDetailsSuccess", example("listInstanceDetails"), "unknown-status")
    assert at(details, "instances[].volumes.root.type") == ["General SSD 2"]
    assert at(details, "instances[].volumes.attachments[].type") == ["General HDD 2"]


@pytest.mark.parametrize("habits", [("extra-members",), OPTIONS], ids=["alone", "all"])
@pytest.mark.parametrize(("strict", "content"), REPLIES)
def test_every_object_but_a_map_has_a_member_that_the_contract_does_not_list(
    strict: str, content: dict[str, Any], habits: tuple[str, ...]
) -> None:
    reply = evolved(strict, content, *habits)
    known = {path for path, value in walk(content) if isinstance(value, dict)}
    with_more = {path for path, value in walk(reply) if isinstance(value, dict) and "addedLater" in value}
    assert with_more == {path for path in known if not path.endswith(".metadata")}
    assert "" in with_more
    assert "header" in with_more


def test_added_member_is_unknown_to_every_schema_of_a_reply() -> None:
    assert not any("addedLater" in schema.get("properties", {}) for schema in SCHEMAS.values())


def test_member_that_the_contract_has_by_now_is_not_overwritten() -> None:
    document = copy.deepcopy(DOCUMENT)
    document["components"]["schemas"]["Instance"]["properties"]["addedLater"] = {"type": "integer"}
    reply = example("listInstances")
    reply["instances"][0]["addedLater"] = 7
    (instance,) = Evolution(document, ["extra-members"]).evolve("InstancesSuccess", reply)["instances"]
    assert instance["addedLater"] == 7
    assert "addedLater2" in instance


@pytest.mark.parametrize(("strict", "content"), REPLIES)
def test_only_the_order_of_members_is_reversed(strict: str, content: dict[str, Any]) -> None:
    reply = evolved(strict, content, "reordered-members")
    assert reply == content

    def in_order(value: Any, reverse: bool) -> Any:
        if isinstance(value, dict):
            members = [(name, in_order(member, reverse)) for name, member in value.items()]
            return members[::-1] if reverse else members
        return [in_order(item, reverse) for item in value] if isinstance(value, list) else value

    assert in_order(reply, reverse=False) == in_order(content, reverse=True)


def long_texts(strict: str, content: dict[str, Any]) -> set[str]:
    pairs = zip(walk(content), walk(evolved(strict, content, "longest-values")), strict=True)
    return {path for (path, old), (_, new) in pairs if isinstance(new, str) and len(new) > len(old)}


def test_only_texts_that_no_request_carries_become_long() -> None:
    found = {f"{e.values[1]}: {path}" for e in EXAMPLES for path in long_texts(e.values[1], e.values[2])}
    payload = {place for place in found if not place.endswith("header.resultMessage")}
    assert payload == {
        "TokenSuccess: access.user.roles[].name",
        "FlavorsSuccess: flavors[].name",
        "InstanceDetailsSuccess: instances[].flavor.name",
        "InstanceDetailsSuccess: instances[].volumes.attachments[].name",
        "InstanceDetailsSuccess: instances[].metadata.role",
    }
    assert found - payload == {f"{strict}: header.resultMessage" for strict in {e.values[1] for e in EXAMPLES}}


def test_long_texts_begin_as_they_were_and_have_characters_of_all_kinds() -> None:
    reply = evolved("FlavorsSuccess", example("listFlavors"), "longest-values")
    message = reply["header"]["resultMessage"]
    assert message.startswith("SUCCESS : ")
    assert len(message) == MESSAGE_LENGTH
    names = [flavor["name"] for flavor in reply["flavors"]]
    assert {len(name) for name in names} == {NAME_LENGTH}
    assert len(set(names)) == len(names)
    assert all(character in message for character in '자é😀ע"\\')


def test_documented_length_is_kept_and_a_longer_text_is_left() -> None:
    document = copy.deepcopy(DOCUMENT)
    document["components"]["schemas"]["Flavor"]["properties"]["name"]["maxLength"] = 30
    reply = example("listFlavors")
    reply["flavors"][0]["name"] = "x" * 40
    flavors = Evolution(document, ["longest-values"]).evolve("FlavorsSuccess", reply)["flavors"]
    assert [len(flavor["name"]) for flavor in flavors][:2] == [40, 30]


@pytest.mark.parametrize(("strict", "content"), REPLIES)
def test_absent_optional_members_are_null_and_others_stay(strict: str, content: dict[str, Any]) -> None:
    reply = evolved(strict, content, "nulls")
    nulls = {path for path, value in walk(reply) if value is None}
    without = json.loads(json.dumps(reply), object_hook=lambda o: {n: v for n, v in o.items() if v is not None})
    assert without == content
    assert not any(value is None for _, value in walk(content))
    assert {path.rpartition(".")[2] for path in nulls} <= {
        "floatingIpAddress",
        "launchedAt",
        "volumeSize",
        "maxVolumeSize",
        "createdAt",
        "privateKey",
    }
    if strict in ("Failure", "EmptySuccess"):
        assert not nulls


def test_every_optional_member_becomes_null() -> None:
    instance = example("listInstanceDetails")
    del instance["instances"][0]["launchedAt"]
    instance["instances"][0]["addresses"][0].pop("floatingIpAddress", None)
    reply = evolved("InstanceDetailsSuccess", instance, "nulls")
    assert at(reply, "instances[].launchedAt") == [None]
    assert at(reply, "instances[].addresses[].floatingIpAddress") == [None]
    flavors = evolved("FlavorsSuccess", example("listFlavors"), "nulls")["flavors"]
    assert all((flavor["volumeSize"] is None) is not (flavor["maxVolumeSize"] is None) for flavor in flavors)
    keypair = {"name": "k", "publicKey": "p", "fingerprint": "f"}
    header = instance["header"]
    for strict, payload, member in (
        ("KeypairsSuccess", {"keypairs": [keypair]}, "keypairs[].createdAt"),
        ("CreateKeypairSuccess", {"keypair": keypair}, "keypair.privateKey"),
    ):
        assert at(evolved(strict, {"header": header, **payload}, "nulls"), member) == [None]


class OwnClock:
    """One clock for the mock and the client; sleeping moves it."""

    def __init__(self) -> None:
        self.moment = START

    def now(self) -> float:
        return self.moment

    def monotonic(self) -> float:
        return self.moment

    def sleep(self, seconds: float, /) -> None:
        self.moment += seconds

    async def sleep_async(self, seconds: float, /) -> None:
        self.moment += seconds


class Later(httpx.BaseTransport):
    """The mock of a later release."""

    def __init__(self, clock: OwnClock, habits: tuple[str, ...]) -> None:
        self._clock = clock
        self._engine = Engine()
        self._contract = Contract()
        self._operations = {o["operationId"]: o for item in DOCUMENT["paths"].values() for o in item.values()}
        self._evolution = Evolution(DOCUMENT, habits)
        self.seen: set[str] = set()
        self.replies: list[tuple[str, dict[str, Any]]] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        target = request.url.raw_path.decode()
        reply = self._engine.handle(Request(request.method, target, headers, request.content), self._clock.moment)
        operation, _ = self._contract.find(request.method, target.partition("?")[0])
        content = json.loads(reply.body)
        new = self._evolution.evolve(reply_name(self._operations[operation.id], content), content)
        self.replies.append((operation.id, new))
        self.seen |= {value for path, value in walk(new) if path.endswith("status")}
        return httpx.Response(200, json=new)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        return self.answer(request)


CREDENTIALS = (APPKEY, "demo@example.com", "demo-password")
NEW: dict[str, Any] = {
    "name": "later-01",
    "image": "1a9e0000-0000-4000-8000-000000000001",
    "flavor": "f1a00000-0000-4000-8000-000000000001",
    "availability_zone": "kr-pub-a",
    "key_name": "demo-key",
    "networks": {"subnet_id": "5b4e0000-0000-4000-8000-000000000001"},
    "security_groups": "default",
}


@pytest.mark.parametrize("habits", SELECTIONS, ids=lambda habits: "+".join(habits) if len(habits) < 2 else "all")
def test_our_client_survives_every_operation(
    open_contract: dict[str, Draft202012Validator], habits: tuple[str, ...]
) -> None:
    clock = OwnClock()
    later = Later(clock, habits)
    with ToastCompute(*CREDENTIALS, transport=later, clock=clock) as toast:
        issued = toast.tokens.issue()
        assert toast.tokens.get(issued.token.id).user.id == issued.user.id
        assert [zone.zone_name for zone in toast.availability_zones.list()] == ["kr-pub-a", "kr-pub-b"]
        flavors = {flavor.id: flavor for flavor in toast.flavors.list()}
        assert [flavor.volume_size for flavor in flavors.values() if flavor.max_volume_size is None] == [30]
        assert {instance.id for instance in toast.instances.list()} == {WEB, BATCH}
        assert [pair.created_at for pair in toast.keypairs.list()] == [None]
        assert toast.keypairs.get("demo-key").created_at is not None
        uploaded = toast.keypairs.upload("later-key", toast.keypairs.get("demo-key").public_key)
        assert uploaded.private_key is None
        assert (toast.keypairs.create("made-key").private_key or "").startswith("-----BEGIN")
        toast.keypairs.delete("later-key")

        vm = toast.instances.create(**NEW)
        fresh = toast.instances.get_details(vm.id)
        assert (fresh.launched_at, fresh.addresses[0].floating_ip_address) == (None, None)
        assert toast.instances.wait_for_status(vm.id, "ACTIVE", timeout=60).status == "ACTIVE"
        assert toast.instances.get(vm.id).name == "later-01"
        launched = toast.instances.get_details(vm.id)
        assert launched.launched_at is not None
        address = launched.addresses[0].ip_address
        assert toast.instances.attach_volume(vm.id, VOLUME).volume_id == VOLUME
        toast.instances.add_floating_ip(vm.id, "203.0.113.10", address)
        toast.instances.add_security_group(vm.id, "web")
        details = {detail.id: detail for detail in toast.instances.list_details()}[vm.id]
        assert details.addresses[0].floating_ip_address == "203.0.113.10"
        assert [group.name for group in details.security_groups] == ["default", "web"]
        assert [volume.id for volume in details.volumes.attachments] == [VOLUME]
        assert details.flavor.name.startswith("m2.c2m4")
        toast.instances.reboot(vm.id)
        toast.instances.wait_for_status(vm.id, "ACTIVE", timeout=60)
        toast.instances.resize(vm.id, "f1a00000-0000-4000-8000-000000000002")
        toast.instances.wait_for_status(vm.id, "ACTIVE", timeout=60)
        toast.instances.stop(vm.id)
        with pytest.raises(ConflictError) as refused:
            toast.instances.reboot(vm.id)
        assert refused.value.result_message.startswith("Conflict : ")
        toast.instances.wait_for_status(vm.id, "STOP", timeout=60)
        assert toast.instances.upload_image(vm.id, "later-image").name == "later-image"
        toast.instances.start(vm.id)
        toast.instances.start(BATCH)
        both = toast.instances.wait_for_all([vm.id, BATCH], "ACTIVE", timeout=60)
        assert [instance.id for instance in both] == [vm.id, BATCH]
        toast.instances.remove_security_group(vm.id, "web")
        toast.instances.remove_floating_ip(vm.id, "203.0.113.10")
        toast.instances.detach_volume(vm.id, VOLUME)
        toast.instances.delete(vm.id)
        toast.instances.wait_until_deleted(vm.id, timeout=60)
        with pytest.raises(NotFoundError):
            toast.instances.get_details(vm.id)
        clock.moment += 7200
        assert toast.instances.list()
    assert {operation for operation, _ in later.replies} == open_contract.keys()
    assert all(open_contract[operation].is_valid(reply) for operation, reply in later.replies)
    passing = {name for name, state in LIFECYCLE.states.items() if state.transient}
    assert bool(later.seen & passing) is ("unknown-status" not in habits)
    assert bool(later.seen - LIFECYCLE.states.keys()) is ("unknown-status" in habits)


def test_our_client_recognizes_an_evolved_refusal_in_a_wait() -> None:
    clock = OwnClock()
    with ToastCompute(*CREDENTIALS, transport=Later(clock, OPTIONS), clock=clock) as toast:
        with pytest.raises(NotFoundError) as absent:
            toast.instances.wait_for_status("no-such-instance", "ACTIVE", timeout=5)
        assert absent.value.result_code == 10404
        assert len(absent.value.result_message) == MESSAGE_LENGTH
        assert len(str(absent.value)) < MESSAGE_LENGTH


def test_reply_is_unchanged_without_evolution_options() -> None:
    reply = example("listInstances")
    assert Evolution(DOCUMENT, ()).evolve("InstancesSuccess", reply) is reply

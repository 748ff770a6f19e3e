"""What should be there now? Kept from what was asked and accepted, never from a second look at the mock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from toast_compute_api.behaviour import LIFECYCLE

from ..contract import Meaning
from ..exchange import Exchange, JsonObject

SAME = "same"
GONE = "gone"
_LEEWAY_SECONDS = 60.0  # by how much the clock of a service elsewhere may differ from this machine's


@dataclass
class Change:
    """A change of status that is under way."""

    operation: str
    before: str
    began: float


@dataclass
class Known:
    """One instance, as far as it is known."""

    id: str
    is_ours: bool
    status: str = ""
    """What was seen last; empty when nothing was seen."""
    change: Change | None = None
    deleted: bool = False
    gone: bool = False
    """Whether it was deleted and has been seen to be gone."""
    expected: dict[str, Any] = field(default_factory=dict)
    """What its detail has to show, by a name of ours."""
    flavor_before: str = ""
    """The flavor that it may show until its resize ends."""
    attachments: set[str] = field(default_factory=set)
    devices: dict[str, str] = field(default_factory=dict)
    """The device of each volume, as it was told when the volume was attached."""
    floating: dict[str, str] = field(default_factory=dict)
    """The floating IPs by the address that they lead to."""
    detail: JsonObject | None = None
    """The last detail that was seen."""


@dataclass
class KnownKeypair:
    """One key pair, as far as it is known."""

    name: str
    is_ours: bool
    shown: JsonObject
    deleted: bool = False


class Ledger:
    """What the run knows of the world it works in."""

    def __init__(self, *, is_exact: bool) -> None:
        self.is_exact = is_exact
        self.instances: dict[str, Known] = {}
        self.ends: dict[str, float] = {}
        """When tokens expire by the clock of this machine, where that is not the clock of the service."""
        self.keypairs: dict[str, KnownKeypair] = {}
        self.flavors: dict[str, tuple[int, int, str]] = {}
        """The processors, the memory and the name of each flavor that was listed."""
        self.volumes: dict[str, JsonObject] = {}
        """Each volume as it was shown last."""
        self.login: tuple[str, str] | None = None
        """The only user name and password that are right."""
        self.tokens: dict[str, float] = {}
        """When each token expires, in seconds since 1970."""
        self.strange: set[str] = set()
        """Ids of instances of another user."""
        self.created_before: set[str] = set()
        """Ids that stood in a full list before the latest create."""

    def valid_tokens(self, now: float) -> Mapping[str, bool | None]:
        """Say of each token whether it is valid; None when that cannot be told."""
        leeway = 0.0 if self.is_exact else _LEEWAY_SECONDS
        ends = {**self.tokens, **self.ends}
        return {token: None if abs(end - now) < leeway else now < end for token, end in ends.items()}

    def ours(self) -> list[Known]:
        """Return the instances that the run made and that are still there."""
        return [known for known in self.instances.values() if known.is_ours and not known.deleted and not known.gone]

    def our_keypairs(self) -> list[str]:
        """Return the names of the key pairs that the run made and that are still there."""
        return [known.name for known in self.keypairs.values() if known.is_ours and not known.deleted]

    def holder_of_volume(self, volume: str) -> Known | None:
        """Return our instance that a volume is attached to."""
        return next((known for known in self.ours() if volume in known.attachments), None)

    def holder_of_address(self, address: str) -> Known | None:
        """Return our instance that has a floating IP."""
        return next((known for known in self.ours() if address in known.floating), None)

    def update(self, exchange: Exchange, meaning: Meaning) -> None:
        """Take in what an exchange has changed and shown."""
        content = exchange.content
        if not exchange.reply.accepted or content is None:
            return
        if meaning.faults:
            if meaning.operation == "createInstance":  # it should not be there, but it is, and has to be deleted
                one = Known(content["instance"]["id"], is_ours=True, change=Change("createInstance", "", exchange.at))
                self.instances.setdefault(one.id, one)
            return
        match meaning.operation:
            case "issueToken":
                token = content["access"]["token"]
                self.tokens[token["id"]] = moment(token["expires"])
                if not self.is_exact:  # the clocks may differ, so only how long it lives counts
                    life = moment(token["expires"]) - moment(token["issued_at"])
                    self.ends[token["id"]] = exchange.at + life
            case "listFlavors":
                self.flavors.update({one["id"]: (one["vcpus"], one["ram"], one["name"]) for one in content["flavors"]})
            case "createInstance":
                self._take_in(meaning.member("instance"), content["instance"]["id"], exchange.at)
                self.instances[content["instance"]["id"]].status = content["instance"]["status"]
            case "listInstances" | "listInstanceDetails":
                is_full = not meaning.parameter("id")
                in_detail = meaning.operation == "listInstanceDetails"
                self._see(content["instances"], is_full=is_full, in_detail=in_detail)
            case "createKeypair":
                shown = {name: value for name, value in content["keypair"].items() if name != "privateKey"}
                self.keypairs[shown["name"]] = KnownKeypair(shown["name"], is_ours=True, shown=shown)
            case "deleteKeypair":
                if meaning.parameter("name") in self.keypairs:
                    self.keypairs[meaning.parameter("name")].deleted = True
            case "listKeypairs":
                for one in content["keypairs"]:
                    pair = self.keypairs.setdefault(one["name"], KnownKeypair(one["name"], is_ours=False, shown=one))
                    pair.shown = {**one, **pair.shown}
            case _:
                known = self.instances.get(meaning.parameter("instanceId") or meaning.parameter("id"))
                if known is not None:
                    _change(known, exchange, meaning)

    def adopt(self, spec: JsonObject, instance_id: str, at: float) -> None:
        """Take in an instance that was created together with the one that the reply named."""
        self._take_in(spec, instance_id, at)

    def _take_in(self, spec: JsonObject, instance_id: str, at: float) -> None:
        known = self.instances.setdefault(instance_id, Known(instance_id, is_ours=True))
        known.is_ours = True
        known.change = Change("createInstance", "", at)
        known.expected = expected_of(spec)

    def _see(self, shown: list[JsonObject], *, is_full: bool, in_detail: bool) -> None:
        for one in shown:
            known = self.instances.setdefault(one["id"], Known(one["id"], is_ours=False))
            known.status = one["status"]
            if known.change is not None and known.status not in LIFECYCLE.operations[known.change.operation].through:
                known.change = None
                known.flavor_before = ""
            if in_detail:
                known.detail = one
                self.volumes.update({each["id"]: each for each in one["volumes"]["attachments"]})
        if is_full:
            listed = {one["id"] for one in shown}
            for known in self.instances.values():
                if known.deleted and known.id not in listed:
                    known.gone = True

    def let_go(self, instance_id: str) -> None:
        """Take in that the service itself changes an instance: what it shows next is taken as it is."""
        known = self.instances.get(instance_id)
        if known is not None:
            known.status, known.change = "", None

    def note_missing(self, instance_id: str) -> None:
        """Take in that a deleted instance is not found any more."""
        known = self.instances.get(instance_id)
        if known is not None and known.deleted:
            known.gone = True

    def forget(self, instance_id: str) -> None:
        """Take in that an instance that should be there is not; it is said once."""
        known = self.instances.get(instance_id)
        if known is not None:
            known.deleted = known.gone = True


def _change(known: Known, exchange: Exchange, meaning: Meaning) -> None:
    """Take in what was done to one instance."""
    given = meaning.member("parameters") or {}
    groups: set[str] = known.expected.setdefault("securityGroups", set())
    move = meaning.action or meaning.operation
    if LIFECYCLE.operations[move].through:
        known.change = Change(move, known.status, exchange.at)
    match move:
        case "deleteInstance":
            known.deleted = True
            known.attachments.clear()
            known.floating.clear()
        case "attachVolume":
            volume = meaning.member("attachment", "volumeId")
            known.attachments.add(volume)
            known.devices[volume] = (exchange.content or {})["attachment"]["device"]
        case "detachVolume":
            known.attachments.discard(meaning.parameter("volumeId"))
            known.devices.pop(meaning.parameter("volumeId"), None)
        case "resize":
            known.flavor_before = known.expected.get("flavor", "")
            known.expected["flavor"] = given["flavor"]
        case "addSecurityGroup":
            groups.add(given["name"])
        case "removeSecurityGroup":
            groups.discard(given["name"])
        case "addFloatingIp":
            known.floating[given["address"]] = given["ipAddress"]
        case "removeFloatingIp":
            known.floating.pop(given["address"], None)


def expected_of(spec: JsonObject) -> dict[str, Any]:
    """Return what the detail of a new instance has to show, from what was asked for."""
    volume = spec.get("volume") or {}
    expected = {
        "name": spec["name"],
        "image": spec["image"],
        "flavor": spec["flavor"],
        "availabilityZone": spec["availabilityZone"],
        "keyName": spec["keyName"],
        "securityGroups": {group["name"] for group in spec["securityGroups"]},
        "addresses": len(spec["networks"]),
    }
    if "size" in volume:
        expected["root.size"] = int(volume["size"])
    if volume.get("type") is not None:
        expected["root.type"] = volume["type"]
    return expected


def shown_of(detail: JsonObject) -> dict[str, Any]:
    """Return the same of a detail."""
    return {
        "name": detail["name"],
        "image": detail["image"],
        "flavor": detail["flavor"]["id"],
        "availabilityZone": detail["availabilityZone"],
        "keyName": detail["keyName"],
        "securityGroups": {group["name"] for group in detail["securityGroups"]},
        "addresses": len(detail["addresses"]),
        "root.size": detail["volumes"]["root"]["size"],
        "root.type": detail["volumes"]["root"]["type"],
    }


def differences(known: Known, detail: JsonObject) -> Iterator[str]:
    """Say where a detail shows something else than it should."""
    shown = shown_of(detail)
    for name, wanted in known.expected.items():
        flavor_to_come = name == "flavor" and known.flavor_before == shown[name]
        if shown[name] != wanted and not flavor_to_come:
            yield f"{name} is {_text(shown[name])} instead of {_text(wanted)}"
    attached = {volume["id"] for volume in detail["volumes"]["attachments"]}
    floating = {one["floatingIpAddress"]: one["ipAddress"] for one in detail["addresses"] if "floatingIpAddress" in one}
    if known.is_ours and attached != known.attachments:
        yield f"the attached volumes are {_text(attached)} instead of {_text(known.attachments)}"
    if known.is_ours and floating != known.floating:
        yield f"the floating IPs are {_leading(floating)} instead of {_leading(known.floating)}"


def moment(text: str) -> float:
    """Return a time of the contract in seconds since 1970; without a zone it is UTC."""
    value = datetime.fromisoformat(text)
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()


def _leading(floating: Mapping[str, str]) -> str:
    return _text({f"{address} to {own}" for address, own in floating.items()})


def _text(value: object) -> str:
    return ", ".join(sorted(map(str, value))) or "none" if isinstance(value, set) else str(value)

"""What should be there now, kept from what was asked and accepted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from toast_compute_api.behaviour import LIFECYCLE

from ..contract import DETAIL, Meaning
from ..exchange import Exchange, JsonObject

_LEEWAY_SECONDS = 60.0  # by how much the clock of a live service may differ from this machine's


@dataclass
class Change:
    """A change of status that has not ended."""

    step: str
    before: str
    began: float


@dataclass
class Known:
    """One instance, as far as it is known."""

    id: str
    is_ours: bool
    status: str = ""
    """The last one that was shown; empty when none was."""
    change: Change | None = None
    deleted: bool = False
    gone: bool = False
    """Whether it was deleted and was missing afterwards."""
    expected: dict[str, Any] = field(default_factory=dict)
    """What its detail has to show, under the names of `summary_of`."""
    flavor_before: str = ""
    """The flavor that it may show until its resize ends."""
    volumes: dict[str, str] = field(default_factory=dict)
    """The device of each attached volume."""
    addresses: dict[str, str] = field(default_factory=dict)
    """The fixed address of each floating IP."""
    detail: JsonObject | None = None
    """The last detail that was shown."""


@dataclass
class KnownKeypair:
    name: str
    is_ours: bool
    shown: JsonObject
    deleted: bool = False


class Ledger:
    """What the run knows of the service."""

    def __init__(self, *, is_exact: bool) -> None:
        self.is_exact = is_exact
        self.instances: dict[str, Known] = {}
        self.keypairs: dict[str, KnownKeypair] = {}
        self.flavors: dict[str, tuple[int, int, str]] = {}
        """The processors, the memory and the name of each flavor that was listed."""
        self.volumes: dict[str, JsonObject] = {}
        """Each volume as it was last shown."""
        self.login: tuple[str, str] | None = None
        """The only user name and password that are right."""
        self.tokens: dict[str, float] = {}
        """When each token expires, in seconds since 1970."""
        self.local_ends: dict[str, float] = {}
        """The same on the clock of this machine, where that is not the clock of the service."""
        self.secrets: set[str] = set()
        self.foreign_ids: set[str] = set()
        """Instances of another user."""
        self.listed_ids: set[str] = set()
        """Instances in the last full list before the latest create."""

    def valid_tokens(self, now: float) -> Mapping[str, bool | None]:
        """Return for each token whether it is valid; None when that is not certain."""
        leeway = 0.0 if self.is_exact else _LEEWAY_SECONDS
        ends = {**self.tokens, **self.local_ends}
        return {token: None if abs(end - now) < leeway else now < end for token, end in ends.items()}

    def ours(self) -> list[Known]:
        """Return the instances that the run made and that are still there."""
        return [known for known in self.instances.values() if known.is_ours and not known.deleted and not known.gone]

    def our_keypairs(self) -> list[str]:
        """Return the names of the key pairs that the run made and that are still there."""
        return [known.name for known in self.keypairs.values() if known.is_ours and not known.deleted]

    def update(self, exchange: Exchange, meaning: Meaning) -> None:
        """Record what an exchange has changed and shown."""
        content = exchange.content
        if not exchange.reply.accepted:
            return
        if meaning.faults:
            if meaning.operation == "createInstance":  # wrongly accepted, but there, so it has to be deleted
                one = Known(content["instance"]["id"], is_ours=True, change=Change("createInstance", "", exchange.at))
                self.instances.setdefault(one.id, one)
            return
        match meaning.operation:
            case "issueToken":
                token = content["access"]["token"]
                self.tokens[token["id"]] = moment(token["expires"])
                if not self.is_exact:  # the clocks may differ, so only the lifetime counts
                    lifetime = moment(token["expires"]) - moment(token["issued_at"])
                    self.local_ends[token["id"]] = exchange.at + lifetime
                self.secrets.add(token["id"])
            case "listFlavors":
                self.flavors |= {one["id"]: (one["vcpus"], one["ram"], one["name"]) for one in content["flavors"]}
            case "createInstance":
                made = content["instance"]
                self.add_created(meaning.member("instance"), made["id"], exchange.at).status = made["status"]
            case "listInstances" | "listInstanceDetails":
                for one in content["instances"]:
                    self._observe(one, in_detail=meaning.operation == DETAIL)
                if not meaning.parameter("id"):
                    listed = {one["id"] for one in content["instances"]}
                    for known in self.instances.values():
                        known.gone = known.gone or (known.deleted and known.id not in listed)
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
                changed = self.instances.get(meaning.instance_id)
                if changed is not None:
                    _apply(changed, exchange, meaning)

    def add_created(self, spec: JsonObject, instance_id: str, at: float) -> Known:
        """Record an instance that a create of this specification made."""
        known = self.instances.setdefault(instance_id, Known(instance_id, is_ours=True))
        known.is_ours, known.change, known.expected = True, Change("createInstance", "", at), expected_of(spec)
        return known

    def _observe(self, shown: JsonObject, *, in_detail: bool) -> None:
        known = self.instances.setdefault(shown["id"], Known(shown["id"], is_ours=False))
        known.status = shown["status"]
        if known.change is not None and known.status not in LIFECYCLE.operations[known.change.step].through:
            known.change, known.flavor_before = None, ""
        if in_detail:
            known.detail = shown
            self.volumes |= {each["id"]: each for each in shown["volumes"]["attachments"]}


def _apply(known: Known, exchange: Exchange, meaning: Meaning) -> None:
    """Record what was done to one instance."""
    given = meaning.member("parameters") or {}
    groups: set[str] = known.expected.setdefault("securityGroups", set())
    if LIFECYCLE.operations[meaning.step].through:
        known.change = Change(meaning.step, known.status, exchange.at)
    match meaning.step:
        case "deleteInstance":
            known.deleted = True
            known.volumes.clear()
            known.addresses.clear()
        case "attachVolume":
            known.volumes[meaning.member("attachment", "volumeId")] = exchange.content["attachment"]["device"]
        case "detachVolume":
            known.volumes.pop(meaning.parameter("volumeId"), None)
        case "resize":
            known.flavor_before = known.expected.get("flavor", "")
            known.expected["flavor"] = given["flavor"]
        case "addSecurityGroup":
            groups.add(given["name"])
        case "removeSecurityGroup":
            groups.discard(given["name"])
        case "addFloatingIp":
            known.addresses[given["address"]] = given["ipAddress"]
        case "removeFloatingIp":
            known.addresses.pop(given["address"], None)


def expected_of(spec: JsonObject) -> dict[str, Any]:
    """Return the summary that the detail of a new instance has to have."""
    volume = spec.get("volume") or {}
    return {
        **{name: spec[name] for name in ("name", "image", "flavor", "availabilityZone", "keyName")},
        "securityGroups": {group["name"] for group in spec["securityGroups"]},
        "addresses": len(spec["networks"]),
        **({"root.size": int(volume["size"])} if "size" in volume else {}),
        **({"root.type": volume["type"]} if volume.get("type") is not None else {}),
    }


def summary_of(detail: JsonObject) -> dict[str, Any]:
    """Return what a detail shows of what a create can ask for."""
    return {
        **{name: detail[name] for name in ("name", "image", "availabilityZone", "keyName")},
        "flavor": detail["flavor"]["id"],
        "securityGroups": {group["name"] for group in detail["securityGroups"]},
        "addresses": len(detail["addresses"]),
        "root.size": detail["volumes"]["root"]["size"],
        "root.type": detail["volumes"]["root"]["type"],
    }


def differences(known: Known, detail: JsonObject) -> Iterator[str]:
    """Return where a detail of one of our instances differs from what is expected."""
    shown, wanted = summary_of(detail), dict(known.expected)
    if shown["flavor"] == known.flavor_before:
        wanted.pop("flavor", None)
    shown["attached volumes"] = {volume["id"] for volume in detail["volumes"]["attachments"]}
    wanted["attached volumes"] = set(known.volumes)
    pairs = {one.get("floatingIpAddress"): one["ipAddress"] for one in detail["addresses"]}
    shown["floating IPs"] = {f"{floating} to {fixed}" for floating, fixed in pairs.items() if floating is not None}
    wanted["floating IPs"] = {f"{floating} to {fixed}" for floating, fixed in known.addresses.items()}
    for name, value in wanted.items():
        if shown[name] != value:
            yield f"{name}: {_text(shown[name])} instead of {_text(value)}"


def moment(text: str) -> float:
    """Return a time of the contract in seconds since 1970; without a zone it is UTC."""
    value = datetime.fromisoformat(text)
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()


def _text(value: object) -> str:
    return ", ".join(sorted(map(str, value))) or "none" if isinstance(value, set) else str(value)

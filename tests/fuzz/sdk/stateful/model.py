"""Model one world: who exists, in which status, with what, and what may be done next.

Which moves there are and how long they take is read from the contract. What is right is decided here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from toast_compute_api.behaviour import LIFECYCLE

from ..bench import GONE, World

FAILED = "ERROR"
QUOTA = 4
KEYPAIR_QUOTA = 4
_ROUNDING = 1e-3  # the mock counts in microseconds

Given = Mapping[str, str]
"""What a change is given in addition to its instance: a `flavor`, `volume`, `address` or `group`."""
Spec = Mapping[str, Any]
"""The arguments of a create, without its networks."""


@dataclass(slots=True)
class Change:
    """A change of status that is under way."""

    through: str
    to: str
    earliest: float
    """When it may be over."""
    latest: float
    """When it is over."""
    flavor: str | None = None
    """The flavor that the instance has then, if another."""


@dataclass(slots=True)
class Instance:
    """One instance."""

    id: str
    name: str
    status: str
    """Where it rests, or rested before `change` began."""
    zone: str
    flavor: str
    image: str
    key: str
    address: str
    groups: set[str]
    root: int
    volumes: set[str] = field(default_factory=set)
    floating_ip: str | None = None
    change: Change | None = None
    is_undeleted: bool = False
    """Whether a deletion of it has failed, or is going to."""
    changed: float = 0.0
    """When the last change of status that was asked for is over at the latest."""

    def possible(self, now: float) -> set[str]:
        """Return the statuses that it may show now."""
        change = self.change
        if change is None:
            return {self.status}
        if now < change.earliest - _ROUNDING:
            return {change.through}
        return {change.to} if now > change.latest + _ROUNDING else {change.through, change.to}

    def rest(self) -> None:
        """Let the change that is under way be over."""
        if self.change is not None:
            self.status = self.change.to
            self.flavor = self.change.flavor or self.flavor
            self.change = None

    def begin(self, change: Change) -> None:
        """Let a change of status be under way."""
        self.change, self.changed = change, change.latest


@dataclass
class Model:
    """One world."""

    zones: Mapping[str, str]
    """The zone of each volume."""
    disabled: frozenset[str]
    """The flavors that cannot be used."""
    flavors: frozenset[str]
    all_groups: frozenset[str]
    min_disks: Mapping[str, int]
    """By image."""
    instances: dict[str, Instance] = field(default_factory=dict)
    floating_ips: dict[str, str | None] = field(default_factory=dict)
    """By address, which instance has it."""
    keypairs: dict[str, str] = field(default_factory=dict)
    """By name: the public key, empty where nobody has read it yet."""
    buried: list[str] = field(default_factory=list)
    """The ids of instances that are gone, the last one at the end."""

    @classmethod
    def of(cls, world: World) -> Model:
        """Return the model of a world as it begins."""
        model = cls(
            zones={volume.id: volume.zone for volume in world.volumes.values()},
            disabled=frozenset(flavor.id for flavor in world.flavors.values() if flavor.disabled),
            flavors=frozenset(world.flavors),
            all_groups=frozenset(world.security_groups),
            min_disks={image.id: image.min_disk for image in world.images.values()},
            floating_ips={one.address: one.attached_to for one in world.floating_ips.values()},
            keypairs={one.name: one.public_key for one in world.keypairs.values()},
        )
        for one in world.instances.values():
            model.instances[one.id] = Instance(
                one.id, one.name, one.status, one.zone, one.flavor, one.image, one.key_name,
                one.interfaces[0].ip_address, set(one.security_groups), one.root.size, set(one.attachments),
                one.interfaces[0].floating_ip_address,
            )  # fmt: skip
        return model

    def owner(self, volume: str) -> str | None:
        """Return the id of the instance that has a volume."""
        return next((one.id for one in self.instances.values() if volume in one.volumes), None)

    def refusals(self, move: str, id: str, given: Given) -> set[str]:
        """Return the kinds of refusals for which something other than the status is the reason."""
        one = self.instances.get(id)
        if one is None:
            return {"not-found"}
        is_known, is_free = True, True
        match move:
            case "resize":
                is_known = given["flavor"] in self.flavors
                is_free = given["flavor"] not in self.disabled and given["flavor"] != one.flavor
            case "attachVolume":
                is_known = given["volume"] in self.zones
                is_free = self.owner(given["volume"]) is None and self.zones.get(given["volume"]) == one.zone
            case "detachVolume":
                is_known = given["volume"] in one.volumes
            case "addFloatingIp":
                is_known = given["address"] in self.floating_ips
                is_taken = self.floating_ips.get(given["address"]) or one.floating_ip
                is_free = not is_taken and given["ip"] == one.address
            case "removeFloatingIp":
                is_known = given["address"] == one.floating_ip
            case "addSecurityGroup":
                is_known = given["group"] in self.all_groups
            case "removeSecurityGroup":
                is_known = given["group"] in one.groups
        return {"not-found"} if not is_known else set() if is_free else {"conflict"}

    def outcomes(self, move: str, id: str, given: Given, now: float) -> set[str]:
        """Return how a request may end now: kinds of refusals, and "success"."""
        refusals = self.refusals(move, id, given)
        one = self.instances.get(id)
        if one is None:
            return refusals
        possible = one.possible(now)
        allowed = possible & set(LIFECYCLE.operations[move].accepted_in)
        gone = {"not-found"} if GONE in possible else set()
        refused = {"conflict"} if possible - allowed - {GONE} else set()
        done = {"success"} if allowed and not refusals else set()
        return refusals | gone | refused | done

    def carry_out(self, move: str, id: str, given: Given, now: float, *, fails: bool = False) -> None:
        """Let a request have been carried out."""
        one, rules = self.instances[id], LIFECYCLE.operations[move]
        if (
            one.change is not None
            and one.change.to in rules.accepted_in
            and one.change.through not in rules.accepted_in
        ):
            one.rest()
        match move:
            case "attachVolume":
                one.volumes.add(given["volume"])
            case "detachVolume":
                one.volumes.discard(given["volume"])
            case "addFloatingIp":
                one.floating_ip, self.floating_ips[given["address"]] = given["address"], id
            case "removeFloatingIp":
                one.floating_ip, self.floating_ips[given["address"]] = None, None
            case "addSecurityGroup":
                one.groups.add(given["group"])
            case "removeSecurityGroup":
                one.groups.discard(given["group"])
            case "deleteInstance":
                # What it had is free from the moment of its deletion on.
                one.volumes.clear()
                if one.floating_ip is not None:
                    self.floating_ips[one.floating_ip] = None
                    one.floating_ip = None
                one.is_undeleted = fails
        if rules.through:
            to = FAILED if fails else one.status if rules.to == "same" else rules.to
            flavor = None if fails else given.get("flavor")
            one.begin(Change(rules.through[0], to, now + rules.min_seconds, now + rules.max_seconds, flavor))

    def is_done(self, move: str, id: str, given: Given) -> bool:
        """Return whether an instance has what a change was to give it, and not what it was to take away."""
        one = self.instances.get(id)
        if one is None:
            return True
        held = {*one.volumes, *one.groups, one.floating_ip}
        thing = given.get("volume") or given.get("address") or given.get("group")
        return thing is None or (thing in held) == (move in ("attachVolume", "addFloatingIp", "addSecurityGroup"))

    def migrate(self, id: str, now: float, seconds: float) -> None:
        """Let an instance that rests be migrated."""
        one = self.instances[id]
        one.rest()
        one.begin(Change("MIGRATING", one.status, now + seconds, now + seconds))

    def adopt(self, id: str, spec: Spec, address: str, at: float, *, fails: bool = False) -> None:
        """Take an instance that was created then into the world."""
        rules = LIFECYCLE.operations["createInstance"]
        one = self.instances[id] = Instance(
            id, spec["name"], LIFECYCLE.initial, spec["availability_zone"], spec["flavor"], spec["image"],
            spec["key_name"], address, set(spec["security_groups"]), self.root_size(spec),
        )  # fmt: skip
        to = FAILED if fails else rules.to
        one.begin(Change(rules.through[0], to, at + rules.min_seconds, at + rules.max_seconds))

    def root_size(self, spec: Spec) -> int:
        """Return the size of the root disk of what is to be created."""
        return int(spec["volume"]["size"] if spec["volume"] else self.min_disks[spec["image"]])

    def confirm(self, now: float, shown: Mapping[str, str]) -> Iterator[str]:
        """Hold statuses that were read against those that may be, accept them, and yield what is wrong."""
        for id, one in list(self.instances.items()):
            status, possible = shown.get(id, GONE), one.possible(now)
            if status not in possible:
                yield f"{one.name} is {status} and has to be {' or '.join(sorted(possible))}"
            if one.change is not None and status == one.change.to:
                one.rest()
            if status == GONE:
                del self.instances[id]
                self.buried.append(id)
        for id in shown.keys() - self.instances.keys():
            yield f"there is an instance {id} that nobody has created"

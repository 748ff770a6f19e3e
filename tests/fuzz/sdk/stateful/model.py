"""Model one world: who exists, in which status, with what, and what may be done next.

Which moves there are and how long they take is read from the contract. What is right is decided here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from toast_compute_api.behaviour import LIFECYCLE

from ..bench import GONE, World

FAILED = "ERROR"
QUOTA = 4
KEYPAIR_QUOTA = 4
ADDS = {"attachVolume": "volume", "addFloatingIp": "address", "addSecurityGroup": "group"}
REMOVES = {"detachVolume": "volume", "removeFloatingIp": "address", "removeSecurityGroup": "group"}
"""By move, what an instance holds more or less afterwards."""
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
    ip: str
    root: int
    held: dict[str, set[str]]
    """The ids of its volumes, its floating IP, and the names of its groups, by `volume`, `address` and `group`."""
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
    disabled: Set[str]
    """The flavors that cannot be used."""
    flavors: Set[str]
    min_disks: Mapping[str, int]
    """By image."""
    known: Mapping[str, Set[str]]
    """What instances may hold, by `volume`, `address` and `group`."""
    instances: dict[str, Instance] = field(default_factory=dict)
    keypairs: dict[str, str] = field(default_factory=dict)
    """By name: the public key, empty where nobody has read it yet."""
    buried: list[str] = field(default_factory=list)
    """The ids of instances that are gone, the last one at the end."""

    @classmethod
    def of(cls, world: World) -> Model:
        """Return the model of a world as it begins."""
        model = cls(
            zones={volume.id: volume.zone for volume in world.volumes.values()},
            disabled={flavor.id for flavor in world.flavors.values() if flavor.disabled},
            flavors=world.flavors.keys(),
            min_disks={image.id: image.min_disk for image in world.images.values()},
            known={
                "volume": world.volumes.keys(),
                "address": world.floating_ips.keys(),
                "group": world.security_groups.keys(),
            },
            keypairs={one.name: one.public_key for one in world.keypairs.values()},
        )
        for one in world.instances.values():
            model.instances[one.id] = Instance(
                one.id, one.name, one.status, one.zone, one.flavor, one.image, one.key_name,
                one.interfaces[0].ip_address, one.root.size, held_by(one),
            )  # fmt: skip
        return model

    def owner(self, what: str, thing: str) -> str | None:
        """Return the id of the instance that holds a volume or an address."""
        return next((one.id for one in self.instances.values() if thing in one.held[what]), None)

    def refusals(self, move: str, id: str, given: Given) -> set[str]:
        """Return the kinds of refusals for which something other than the status is the reason."""
        one = self.instances.get(id)
        if one is None:
            return {"not-found"}
        is_known, is_free = True, True
        if move == "resize":
            is_known = given["flavor"] in self.flavors
            is_free = given["flavor"] not in self.disabled and given["flavor"] != one.flavor
        elif move in REMOVES:
            is_known = given[REMOVES[move]] in one.held[REMOVES[move]]
        elif move in ADDS:
            thing = given[ADDS[move]]
            is_known = thing in self.known[ADDS[move]]
            if move == "attachVolume":
                is_free = self.owner("volume", thing) is None and self.zones.get(thing) == one.zone
            elif move == "addFloatingIp":
                is_free = self.owner("address", thing) is None and not one.held["address"] and given["ip"] == one.ip
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
        if move in ADDS:
            one.held[ADDS[move]].add(given[ADDS[move]])
        elif move in REMOVES:
            one.held[REMOVES[move]].discard(given[REMOVES[move]])
        elif move == "deleteInstance":
            # What it had is free from the moment of its deletion on.
            one.held["volume"].clear()
            one.held["address"].clear()
            one.is_undeleted = fails
        if rules.through:
            to = FAILED if fails else one.status if rules.to == "same" else rules.to
            flavor = None if fails else given.get("flavor")
            one.begin(Change(rules.through[0], to, now + rules.min_seconds, now + rules.max_seconds, flavor))

    def is_done(self, move: str, id: str, given: Given) -> bool:
        """Return whether an instance holds what a change was to give it, and not what it was to take away."""
        what, one = ADDS.get(move) or REMOVES.get(move), self.instances.get(id)
        return one is None or what is None or (given[what] in one.held[what]) == (move in ADDS)

    def migrate(self, id: str, now: float, seconds: float) -> None:
        """Let an instance that rests be migrated."""
        one = self.instances[id]
        one.rest()
        one.begin(Change("MIGRATING", one.status, now + seconds, now + seconds))

    def adopt(self, id: str, spec: Spec, ip: str, at: float, *, fails: bool = False) -> None:
        """Take an instance that was created then into the world."""
        rules = LIFECYCLE.operations["createInstance"]
        held: dict[str, set[str]] = {"volume": set(), "address": set(), "group": {*spec["security_groups"]}}
        one = self.instances[id] = Instance(
            id, spec["name"], LIFECYCLE.initial, spec["availability_zone"], spec["flavor"], spec["image"],
            spec["key_name"], ip, self.root_size(spec), held,
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


def held_by(record: Any) -> dict[str, set[str]]:
    """Return what an instance of the mock's own records holds."""
    floating_ip = record.interfaces[0].floating_ip_address
    address = {floating_ip} if floating_ip else set()
    return {"volume": {*record.attachments}, "address": address, "group": {*record.security_groups}}

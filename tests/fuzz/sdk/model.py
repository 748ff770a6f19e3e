"""What is the truth, by a small model of its own? Who exists, in which status, with what, and what may be done next.

Which moves there are and how long they take is read from the contract. What is right is decided here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from toast_compute_api.behaviour import LIFECYCLE

GONE = "gone"
FAILED = "ERROR"
_SAME = "same"
_ROUNDING = 1e-3  # the mock counts in microseconds


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


@dataclass(slots=True)
class Birth:
    """An instance that was created, and whose id nobody has seen yet."""

    name: str
    zone: str
    flavor: str
    image: str
    key: str
    groups: set[str]
    root: int
    at: float


@dataclass
class Model:
    """One world."""

    zones: Mapping[str, str]
    """The zone of each volume."""
    disabled: frozenset[str]
    """The flavors that cannot be used."""
    flavors: frozenset[str]
    quota: int
    keypair_quota: int
    all_groups: frozenset[str]
    instances: dict[str, Instance] = field(default_factory=dict)
    born: list[Birth] = field(default_factory=list)
    floating_ips: dict[str, str | None] = field(default_factory=dict)
    """By address, which instance has it."""
    keypairs: dict[str, str] = field(default_factory=dict)
    """By name: the public key, empty where nobody has seen it yet."""
    buried: list[str] = field(default_factory=list)
    """The ids of instances that are gone, the last one at the end."""

    def owner(self, volume: str) -> str | None:
        """Return the id of the instance that has a volume."""
        return next((one.id for one in self.instances.values() if volume in one.volumes), None)

    def refusals(self, move: str, id: str, given: Mapping[str, str]) -> set[str]:
        """Return the kinds of refusals for which something other than the status is the reason."""
        one = self.instances.get(id)
        if one is None:
            return {"not-found"}
        return set(self._refusals(move, one, given))

    def _refusals(self, move: str, one: Instance, given: Mapping[str, str]) -> Iterator[str]:
        match move:
            case "resize":
                if given["flavor"] not in self.flavors:
                    yield "not-found"
                elif given["flavor"] in self.disabled or given["flavor"] == one.flavor:
                    yield "conflict"
            case "attachVolume":
                if given["volume"] not in self.zones:
                    yield "not-found"
                elif self.owner(given["volume"]) is not None or self.zones[given["volume"]] != one.zone:
                    yield "conflict"
            case "detachVolume":
                if given["volume"] not in one.volumes:
                    yield "not-found"
            case "addFloatingIp":
                if given["address"] not in self.floating_ips:
                    yield "not-found"
                elif self.floating_ips[given["address"]] or one.floating_ip or given["ip"] != one.address:
                    yield "conflict"
            case "removeFloatingIp":
                if given["address"] != one.floating_ip:
                    yield "not-found"
            case "addSecurityGroup":
                if given["group"] not in self.all_groups:
                    yield "not-found"
            case "removeSecurityGroup":
                if given["group"] not in one.groups:
                    yield "not-found"

    def outcomes(self, move: str, id: str, given: Mapping[str, str], now: float) -> set[str]:
        """Return how a request may end now: kinds of refusals, and "success"."""
        reasons = self.refusals(move, id, given)
        one = self.instances.get(id)
        if one is None:
            return reasons
        possible = one.possible(now)
        allowed = possible & set(LIFECYCLE.operations[move].accepted_in)
        if GONE in possible:
            reasons |= {"not-found"}
        if possible - allowed - {GONE}:
            reasons |= {"conflict"}
        return reasons if not allowed or self.refusals(move, id, given) else reasons | {"success"}

    def carry_out(self, move: str, id: str, given: Mapping[str, str], now: float, *, fails: bool = False) -> None:
        """Let a request have been carried out."""
        one, rule = self.instances[id], LIFECYCLE.operations[move]
        if one.change is not None and one.change.to in rule.accepted_in and one.change.through not in rule.accepted_in:
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
        if rule.through:
            to = FAILED if fails else one.status if rule.to == _SAME else rule.to
            flavor = None if fails else given.get("flavor")
            one.change = Change(rule.through[0], to, now + rule.min_seconds, now + rule.max_seconds, flavor)
            one.changed = one.change.latest

    def is_done(self, move: str, id: str, given: Mapping[str, str]) -> bool:
        """Return whether an instance has what a request was to give it, and not what it was to take away."""
        one = self.instances.get(id)
        if one is None:
            return True
        match move:
            case "attachVolume":
                return given["volume"] in one.volumes
            case "detachVolume":
                return given["volume"] not in one.volumes
            case "addFloatingIp":
                return one.floating_ip == given["address"]
            case "removeFloatingIp":
                return one.floating_ip != given["address"]
            case "addSecurityGroup":
                return given["group"] in one.groups
            case "removeSecurityGroup":
                return given["group"] not in one.groups
        return True

    def migrate(self, id: str, now: float, seconds: float) -> None:
        """Let an instance that rests be migrated."""
        one = self.instances[id]
        one.rest()
        one.change = Change("MIGRATING", one.status, now + seconds, now + seconds)
        one.changed = now + seconds

    def adopt(self, id: str, birth: Birth, address: str, *, fails: bool = False) -> None:
        """Take an instance that was created into the world, now that its id is known."""
        rule = LIFECYCLE.operations["createInstance"]
        one = Instance(
            id, birth.name, LIFECYCLE.initial, birth.zone, birth.flavor, birth.image, birth.key, address, birth.groups,
            birth.root,
        )  # fmt: skip
        to = FAILED if fails else rule.to
        one.change = Change(rule.through[0], to, birth.at + rule.min_seconds, birth.at + rule.max_seconds)
        one.changed = one.change.latest
        self.instances[id] = one
        self.born.remove(birth)

    def settle(self, now: float, shown: Mapping[str, str]) -> Iterator[str]:
        """Hold statuses that were seen against those that may be, take them for true, and yield what is wrong."""
        for id, one in list(self.instances.items()):
            status = shown.get(id, GONE)
            possible = one.possible(now)
            if status not in possible:
                yield f"{one.name} is {status} and has to be {' or '.join(sorted(possible))}"
                return
            if one.change is not None and status == one.change.to:
                one.rest()
            if status == GONE:
                del self.instances[id]
                self.buried.append(id)
        for id in shown.keys() - self.instances.keys():
            yield f"there is an instance {id} that nobody has created"
            return

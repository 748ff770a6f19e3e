"""How is a request given all that it needs? Placeholders become things of the run's own, in a state that fits."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from toast_compute_api.behaviour import LIFECYCLE

from ..check.ledger import Known
from ..exchange import JsonObject
from ..run import Run
from . import placeholders
from .fixtures import example_of, longest_name_on_windows
from .inventory import Stock

Path: TypeAlias = tuple[str, ...]

_FEW_NETWORKS = 3
_AT_LEAST = 3  # so many instances are there before one is deleted


@dataclass
class Parts:
    """The parts of a request that is about to be sent."""

    path: MutableMapping[str, Any]
    query: MutableMapping[str, Any]
    body: Any
    instance_names: tuple[str, ...] = ()
    """Under which names the path may have the instance."""

    def target(self) -> tuple[MutableMapping[str, Any], str] | None:
        """Return where the instance is named, and as what."""
        for name in self.instance_names:
            if name in self.path:
                return self.path, name
        return (self.query, "id") if "id" in self.query else None

    def member(self, path: Path) -> Any:
        """Return a value by its path: of the body, or of the query."""
        if path[0] == "query":
            return self.query.get(path[1])
        value: Any = self.body
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        return value


@dataclass
class Plan:
    """What is put in, and what has to be there for the request to be accepted."""

    known: Known | None = None
    values: dict[str, str] = field(default_factory=dict)
    """By placeholder."""
    due: dict[Path, str] = field(default_factory=dict)
    is_possible: bool = True


class Arranger:
    """Arranges requests for one run."""

    def __init__(self, run: Run, stock: Stock) -> None:
        self._run = run
        self._stock = stock
        self.is_patient = False
        """Whether to wait for what has been accepted before, too, even where that takes real time."""
        self._upload = example_of(run.contract, "createKeypair", "upload")["keypair"]["publicKey"]

    def arrange(self, operation: str, action: str, parts: Parts, *, leave_state: bool = False) -> bool:
        """Fill in the placeholders, and return whether nothing is left to refuse the request for.

        With `leave_state`, an instance that is named by its id stays in the state it is in.
        """
        self._stock.trim()
        # Where waiting takes real time, it is worth that only for what has not been accepted yet.
        name = f"{operation}.{action}" if action else operation
        is_new = name not in self._run.tally.accepted
        self._stock.may_wait = self._run.target.is_exact or is_new or self.is_patient
        move = action or operation
        plan = self._plan(operation, move, parts, leave_state=leave_state)
        for place in (parts.path, parts.query):
            for name, value in place.items():
                if isinstance(value, str) and value in plan.values:
                    place[name] = plan.values[value]
        parts.body = placeholders.filled(parts.body, plan.values)
        if not plan.is_possible or not self._run.target.is_exact:
            return False
        if operation == "createInstance":
            return self._is_plain(parts.member(("instance",)))
        if operation == "createKeypair":
            name = parts.member(("keypair", "name"))
            return name not in self._run.ledger.our_keypairs() and parts.member(("keypair", "publicKey")) in (
                None,
                self._upload,
            )
        return all(parts.member(path) == value for path, value in plan.due.items())

    def fill(self, parts: Parts) -> None:
        """Fill in the placeholders with whatever there is."""
        values = self._any_values()
        for place in (parts.path, parts.query):
            for name, value in place.items():
                place[name] = placeholders.filled(value, values)
        parts.body = placeholders.filled(parts.body, values)

    def _plan(self, operation: str, move: str, parts: Parts, *, leave_state: bool) -> Plan:
        stock = self._stock
        match operation:
            case "createInstance":
                return Plan(values={placeholders.OWN_KEYPAIR: stock.keypair()})
            case "createKeypair":
                return Plan(values={placeholders.NEW_KEYPAIR: stock.new_name()})
            case "listKeypairs":
                own, name = stock.keypair(), parts.query.get("name")
                is_possible = name in (None, placeholders.OWN_KEYPAIR) or name in self._run.ledger.our_keypairs()
                return Plan(values={placeholders.OWN_KEYPAIR: own}, is_possible=is_possible)
            case "deleteKeypair":
                return self._plan_for_deleting_a_keypair(parts)
            case "getToken":
                token = self._run.token
                return Plan(values={placeholders.OWN_TOKEN: token}, due={("query", "id"): token})
            case "issueToken":
                return Plan(is_possible=False)
            case "listFlavors" | "listAvailabilityZones":
                return Plan()
        return self._plan_for_instance(operation, move, parts, leave_state=leave_state)

    def _plan_for_deleting_a_keypair(self, parts: Parts) -> Plan:
        name = parts.query.get("name")
        known = self._run.ledger.keypairs.get(name) if isinstance(name, str) else None
        is_strange = known is not None and not known.is_ours and not known.deleted
        if name != placeholders.OWN_KEYPAIR and not is_strange:
            return Plan(is_possible=False)
        spare = self._stock.spare_keypair()
        parts.query["name"] = spare
        return Plan(due={("query", "name"): spare})

    def _plan_for_instance(self, operation: str, move: str, parts: Parts, *, leave_state: bool) -> Plan:
        place = parts.target()
        named = place[0][place[1]] if place is not None else None
        known = self._run.ledger.instances.get(named) if isinstance(named, str) else None
        changes = self._run.contract.changes(operation)
        if place is None:
            return Plan(is_possible=not changes)
        is_strange = known is not None and not known.is_ours and changes  # never touch what others made
        is_named = named != placeholders.OWN_INSTANCE and not is_strange
        if is_named and (known is None or not known.is_ours or known.deleted):
            return Plan(values=self._any_values(), is_possible=False)
        if is_named and known is not None and leave_state:
            return Plan(known=known, values=self._fitting_values(move, known), is_possible=False)
        plan = self._plan_for_move(move, known if is_named else None)
        if plan.known is None:
            plan.is_possible = False
            ours = self._run.ledger.ours()
            plan.known = ours[0] if ours else None
        if plan.known is not None:
            place[0][place[1]] = plan.known.id
        plan.values = {**self._any_values(plan.known), **plan.values}
        return plan

    def _plan_for_move(self, move: str, known: Known | None) -> Plan:
        """Choose an instance that the move is possible for, or make this one ready."""
        stock = self._stock
        allowed = LIFECYCLE.operations[move].accepted_in if move in LIFECYCLE.operations else tuple(LIFECYCLE.states)
        values: dict[str, str] = {}
        due: dict[Path, str] = {}
        match move:
            case "detachVolume":
                pair = stock.attached_volume()
                if pair is None or (known is not None and pair[0] is not known):
                    return Plan(known=known, is_possible=False)
                return Plan(pair[0], {placeholders.OWN_VOLUME: pair[1]}, {("query", "volumeId"): pair[1]})
            case "removeFloatingIp":
                pair = stock.used_address()
                if pair is None or (known is not None and pair[0] is not known):
                    return Plan(known=known, is_possible=False)
                return Plan(pair[0], {placeholders.OWN_ADDRESS: pair[1]}, {("parameters", "address"): pair[1]})
            case "attachVolume":
                values[placeholders.OWN_VOLUME] = due["attachment", "volumeId"] = stock.free_volume()
            case "addFloatingIp":
                values[placeholders.OWN_ADDRESS] = due["parameters", "address"] = stock.free_address()
        if move == "deleteInstance" and len(self._run.ledger.ours()) < _AT_LEAST:
            stock.fresh_instance()
        preferred: set[str] = set()
        if move == "addFloatingIp" and known is None:
            if all(one.floating for one in self._run.ledger.ours()):
                stock.fresh_instance()
            preferred = {one.id for one in self._run.ledger.ours() if not one.floating}
        if known is None:
            known = stock.instance_in(allowed, preferred=preferred)
        elif stock.may_wait and not stock.bring_to(known, allowed):
            return Plan(known=known, values=values, is_possible=False)
        if known is None:
            return Plan(values=values, is_possible=False)
        is_possible = True
        match move:
            case "attachVolume":
                is_possible = known.expected.get("availabilityZone") == stock.material.zone
            case "addFloatingIp":
                port = stock.port_of(known)
                is_possible = port is not None
                values[placeholders.OWN_PORT] = due["parameters", "ipAddress"] = port or placeholders.OWN_PORT
            case "resize":
                values[placeholders.OTHER_FLAVOR] = due["parameters", "flavor"] = self._other_flavor(known)
            case "addSecurityGroup" | "removeSecurityGroup":
                group = self._group_for(move, known)
                values[placeholders.OTHER_GROUP] = values[placeholders.OWN_GROUP] = due["parameters", "name"] = group
        return Plan(known, values, due, is_possible)

    def _group_for(self, move: str, known: Known) -> str:
        group = self._fitting_group(move, known)
        if group is None:
            group = self._stock.material.groups[-1]
            if move == "removeSecurityGroup":
                body: JsonObject = {"action": "addSecurityGroup", "parameters": {"name": group}}
                self._run.call("runInstanceAction", {"instanceId": known.id}, body)
        return group

    def _fitting_group(self, move: str, known: Known) -> str | None:
        """The first group that an instance is not in, or the last one that it is in."""
        groups = self._stock.material.groups
        present: set[str] = known.expected.get("securityGroups", set())
        if move == "addSecurityGroup":
            return next((one for one in groups if one not in present), None)
        return next((one for one in reversed(groups) if one in present), None)

    def _other_flavor(self, known: Known) -> str:
        return next(one for one in self._stock.material.flavors if one != known.expected.get("flavor"))

    def _fitting_values(self, move: str, known: Known) -> dict[str, str]:
        """Values with which only the state of an instance can be the reason for a refusal."""
        values, stock = self._any_values(known), self._stock
        match move:
            case "attachVolume":
                values[placeholders.OWN_VOLUME] = stock.free_volume()
            case "detachVolume":
                values[placeholders.OWN_VOLUME] = next(iter(known.attachments), stock.material.volumes[0])
            case "addFloatingIp":
                values[placeholders.OWN_ADDRESS] = stock.free_address()
                values[placeholders.OWN_PORT] = stock.port_of(known) or placeholders.OWN_PORT
            case "removeFloatingIp":
                values[placeholders.OWN_ADDRESS] = next(iter(known.floating), stock.material.addresses[0])
            case "resize":
                values[placeholders.OTHER_FLAVOR] = self._other_flavor(known)
            case "addSecurityGroup" | "removeSecurityGroup":
                group = self._fitting_group(move, known) or stock.material.groups[0]
                values[placeholders.OTHER_GROUP] = values[placeholders.OWN_GROUP] = group
        return values

    def _any_values(self, known: Known | None = None) -> dict[str, str]:
        """Values for placeholders where it does not matter whether the request is accepted."""
        material = self._stock.material
        ours = self._run.ledger.ours()
        known = known or (ours[0] if ours else None)
        return {
            placeholders.OWN_INSTANCE: known.id if known is not None else placeholders.OWN_INSTANCE,
            placeholders.OWN_VOLUME: material.volumes[0],
            placeholders.OTHER_FLAVOR: material.flavors[-1],
            placeholders.OTHER_GROUP: material.groups[-1],
            placeholders.OWN_GROUP: material.groups[0],
            placeholders.OWN_ADDRESS: material.addresses[0],
        }

    def _is_plain(self, spec: Any) -> bool:
        """Whether a create names nothing but what is there, and no rule that the schemas cannot say applies."""
        if not isinstance(spec, dict):
            return False
        material = self._stock.material
        try:
            count = int(spec.get("count", 1))
            networks = [(one.get("id"), one.get("subnetId", material.subnet)) for one in spec["networks"]]
            volume: Mapping[str, Any] = spec.get("volume", {})
            smallest = example_of(self._run.contract, "createInstance", "create")["instance"]["volume"]["size"]
            instances = [one for one in self._run.ledger.instances.values() if not one.gone]
            return bool(
                spec["image"] == material.image
                and spec["flavor"] in material.flavors
                and spec["availabilityZone"] == material.zone
                and spec["keyName"] in self._run.ledger.our_keypairs()
                and {group["name"] for group in spec["securityGroups"]} <= set(material.groups)
                and all(one in ((material.network, material.subnet), (None, material.subnet)) for one in networks)
                and len(networks) <= _FEW_NETWORKS
                and len(spec["name"]) <= longest_name_on_windows(self._run.contract)
                and volume.get("size", smallest) >= smallest
                and (self._run.target.quota is None or len(instances) + count <= self._run.target.quota)
            )
        except (TypeError, KeyError, AttributeError, ValueError):
            return False

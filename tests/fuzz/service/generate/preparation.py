"""Give a request all that it needs: placeholders become things of the run's own, in a state that fits."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..check.ledger import Known
from ..contract import name_of
from ..exchange import JsonObject
from . import placeholders
from .fixtures import create_example, longest_name_on_windows
from .inventory import ADDRESS, KINDS, VOLUME, Inventory, accepted_in
from .placeholders import PLACES, Path, filled

_MOST_NETWORKS = 3
_LEAST_INSTANCES = 3  # so many are there before one is deleted
_OWN_THING = {VOLUME: placeholders.OWN_VOLUME, ADDRESS: placeholders.OWN_ADDRESS}

Values: TypeAlias = dict[str, str]
"""What is put in, by placeholder."""


@dataclass
class Parts:
    """The parts of a request that is about to be sent."""

    path: MutableMapping[str, Any]
    query: MutableMapping[str, Any]
    body: Any = None
    instance_name: str = "instanceId"
    """The name that the path may have for the instance."""

    def target(self) -> tuple[MutableMapping[str, Any], str] | None:
        """Return where the instance is named, and as what."""
        if self.instance_name in self.path:
            return self.path, self.instance_name
        return (self.query, "id") if "id" in self.query else None

    def at(self, path: Path) -> Any:
        """Return a value by its path."""
        value: Any = self.query if path[0] == "query" else self.body
        for name in path[1:]:
            value = value.get(name) if isinstance(value, Mapping) else None
        return value

    def fill(self, values: Values) -> None:
        """Replace the placeholders."""
        for place in (self.path, self.query):
            for name, value in place.items():
                place[name] = values.get(value, value) if isinstance(value, str) else value
        self.body = filled(self.body, values)


class Preparation:
    """Prepares requests for one run."""

    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory
        self._run = inventory.run
        self._fixtures = inventory.fixtures
        self.is_patient = False
        """Whether to wait also for what has been accepted before, where that takes real time."""
        self._upload = self._run.contract.body_examples("createKeypair")["upload"]["keypair"]["publicKey"]

    def prepare(self, operation: str, action: str, parts: Parts, *, leave_state: bool = False) -> bool:
        """Fill in the placeholders, and return whether there is no reason left to refuse the request.

        With `leave_state`, an instance that is named by its id stays in the state it is in.
        """
        inventory, run = self.inventory, self._run
        inventory.trim()
        # Where waiting takes real time, only what has not been accepted yet is worth it.
        is_new = name_of(operation, action) not in run.counters.accepted
        inventory.may_wait = run.target.is_exact or is_new or self.is_patient
        values, is_possible = self._values(operation, action or operation, parts, leave_state=leave_state)
        parts.fill(values)
        if not is_possible or not run.target.is_exact:
            return False
        if operation == "createInstance":
            return self._is_plain(parts.at(("body", "instance")))
        if operation == "createKeypair":
            is_new = parts.at(("body", "keypair", "name")) not in run.ledger.our_keypairs()
            return is_new and parts.at(("body", "keypair", "publicKey")) in (None, self._upload)
        if operation == "listKeypairs":
            return True
        due = PLACES.get(action or operation, {})
        return all(parts.at(path) == values[one] for path, one in due.items() if one in values)

    def fill(self, parts: Parts) -> None:
        """Fill in the placeholders with whatever there is."""
        parts.fill(self._any_values())

    def _values(self, operation: str, step: str, parts: Parts, *, leave_state: bool) -> tuple[Values, bool]:
        """Make ready what the request needs, and return what to put in and whether it can be accepted then."""
        inventory, ledger = self.inventory, self._run.ledger
        name = parts.query.get("name")
        match operation:
            case "createInstance":
                return {placeholders.OWN_KEYPAIR: inventory.keypair()}, True
            case "createKeypair":
                return {placeholders.NEW_KEYPAIR: inventory.new_name()}, True
            case "listKeypairs":
                own = inventory.keypair()
                is_possible = name in (None, placeholders.OWN_KEYPAIR) or name in ledger.our_keypairs()
                return {placeholders.OWN_KEYPAIR: own}, is_possible
            case "deleteKeypair":
                known = ledger.keypairs.get(name) if isinstance(name, str) else None
                is_foreign = known is not None and not known.is_ours and not known.deleted
                if name != placeholders.OWN_KEYPAIR and not is_foreign:
                    return {}, False
                parts.query["name"] = inventory.spare_keypair()
                return {}, True
            case "getToken":
                return {placeholders.OWN_TOKEN: self._run.token}, True
            case "issueToken":
                return {}, False
            case "listFlavors" | "listAvailabilityZones":
                return {}, True
        return self._values_for_instance(operation, step, parts, leave_state=leave_state)

    def _values_for_instance(
        self, operation: str, step: str, parts: Parts, *, leave_state: bool
    ) -> tuple[Values, bool]:
        place = parts.target()
        changes = self._run.contract.changes(operation)
        if place is None:
            return {}, not changes
        named = place[0][place[1]]
        known = self._run.ledger.instances.get(named) if isinstance(named, str) else None
        is_foreign = known is not None and not known.is_ours and changes  # what others made is never changed
        is_named = named != placeholders.OWN_INSTANCE and not is_foreign
        if is_named and (known is None or not known.is_ours or known.deleted):
            return self._any_values(), False
        if is_named and known is not None and leave_state:
            return self._values_in_any_state(step, known), False
        chosen, values, is_possible = self._choose(step, known if is_named else None)
        if chosen is None:
            is_possible = False
            chosen = next(iter(self._run.ledger.ours()), None)
        if chosen is not None:
            place[0][place[1]] = chosen.id
        return {**self._any_values(chosen), **values}, is_possible

    def _choose(self, step: str, known: Known | None) -> tuple[Known | None, Values, bool]:
        """Choose an instance for which the step is possible, or make this one ready."""
        inventory = self.inventory
        kind = KINDS.get(step)
        values: Values = {}
        if kind is not None and step == kind.loss:
            pair = inventory.held(kind)
            if pair is None or (known is not None and pair[0] is not known):
                return known, {}, False
            return pair[0], {_OWN_THING[kind]: pair[1]}, True
        if kind is not None:
            values[_OWN_THING[kind]] = inventory.free(kind)
        preferred: set[str] = set()
        if step == "deleteInstance" and len(self._run.ledger.ours()) < _LEAST_INSTANCES:
            inventory.create_another()
        if step == ADDRESS.gain and known is None:
            if all(one.addresses for one in self._run.ledger.ours()):
                inventory.create_another()
            preferred = {one.id for one in self._run.ledger.ours() if not one.addresses}
        if known is None:
            known = inventory.instance_in(accepted_in(step), preferred=preferred)
        elif not inventory.is_ready(known, accepted_in(step)):
            return known, values, False
        if known is None:
            return None, values, False
        own, is_possible = self._values_of(step, known, self._fixtures.groups[-1])
        group = own.get(placeholders.OWN_GROUP)
        if step == "removeSecurityGroup" and group not in known.expected.get("securityGroups", ()):
            self._run.step("addSecurityGroup", known.id, {"name": own[placeholders.OWN_GROUP]})
        in_zone = step != VOLUME.gain or known.expected.get("availabilityZone") == self._fixtures.zone
        return known, {**own, **values}, is_possible and in_zone

    def _values_of(self, step: str, known: Known, group: str) -> tuple[Values, bool]:
        """Return values of a step that fit an instance, this group where none does, and whether there are any."""
        fixtures, values = self._fixtures, Values()
        if step == ADDRESS.gain:
            port = self.inventory.port_of(known)
            return {placeholders.OWN_PORT: port or placeholders.OWN_PORT}, port is not None
        if step == "resize":
            other = next(one for one in fixtures.flavors if one != known.expected.get("flavor"))
            values[placeholders.OTHER_FLAVOR] = other
        elif step in ("addSecurityGroup", "removeSecurityGroup"):
            present = known.expected.get("securityGroups", set())
            fitting = [one for one in fixtures.groups if (one in present) == (step == "removeSecurityGroup")]
            group = next(iter(fitting if step == "addSecurityGroup" else fitting[::-1]), group)
            values = {placeholders.OTHER_GROUP: group, placeholders.OWN_GROUP: group}
        return values, True

    def _values_in_any_state(self, step: str, known: Known) -> Values:
        """Return values with which only the state of an instance can be the reason for a refusal."""
        kind, values = KINDS.get(step), self._any_values(known)
        if kind is not None and step == kind.loss:
            values[_OWN_THING[kind]] = next(iter([*kind.of(known), *kind.of(self._fixtures)]))
        elif kind is not None:
            values[_OWN_THING[kind]] = self.inventory.free(kind)
        return values | self._values_of(step, known, self._fixtures.groups[0])[0]

    def _any_values(self, known: Known | None = None) -> Values:
        """Return values for placeholders where it does not matter whether the request is accepted."""
        fixtures = self._fixtures
        known = known or next(iter(self._run.ledger.ours()), None)
        return {
            placeholders.OWN_INSTANCE: known.id if known is not None else placeholders.OWN_INSTANCE,
            placeholders.OWN_VOLUME: fixtures.volumes[0],
            placeholders.OTHER_FLAVOR: fixtures.flavors[-1],
            placeholders.OTHER_GROUP: fixtures.groups[-1],
            placeholders.OWN_GROUP: fixtures.groups[0],
            placeholders.OWN_ADDRESS: fixtures.addresses[0],
        }

    def _is_plain(self, spec: Any) -> bool:
        """Return whether a create names only what exists, and no rule applies that the schemas cannot express."""
        fixtures, run = self._fixtures, self._run
        smallest = create_example(run.contract)["volume"]["size"]
        instances = [one for one in run.ledger.instances.values() if not one.gone]
        try:
            volume: JsonObject = spec.get("volume", {})
            networks = [(one.get("id"), one.get("subnetId", fixtures.subnet)) for one in spec["networks"]]
            return bool(
                spec["image"] == fixtures.image
                and spec["flavor"] in fixtures.flavors
                and spec["availabilityZone"] == fixtures.zone
                and spec["keyName"] in run.ledger.our_keypairs()
                and {group["name"] for group in spec["securityGroups"]} <= set(fixtures.groups)
                and set(networks) <= {(fixtures.network, fixtures.subnet), (None, fixtures.subnet)}
                and len(networks) <= _MOST_NETWORKS
                and len(spec["name"]) <= longest_name_on_windows(run.contract)
                and volume.get("size", smallest) >= smallest
                and (run.target.quota is None or len(instances) + int(spec.get("count", 1)) <= run.target.quota)
            )
        except (TypeError, KeyError, AttributeError, ValueError):
            return False

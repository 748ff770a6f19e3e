"""Run scenarios of any steps, after each of which the SDK, the mock and the model have to agree."""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import Any

import hypothesis
from hypothesis.stateful import invariant, run_state_machine_as_test
from toast_compute import NotFoundError
from toast_compute_api.behaviour import LIFECYCLE

from ..bench import World, world_problem
from ..calls import Make, usual
from ..contract import DETAILS, LIST
from ..faults import FAULTS
from ..report import FindingError, settings_for
from .changes import Changes
from .creates import Creates
from .model import held_by
from .scenario import EnoughError, RunStats
from .waits import Waits

_AT_A_TIME = 7
"""Hypothesis makes later scenarios like earlier ones; with few at a time, all kinds of steps are about as frequent."""
_SEEDS_APART = 1000
_KINDS = (
    "start", "stop", "reboot", "resize", "deleteInstance", "attachVolume", "detachVolume", "addFloatingIp",
    "removeFloatingIp", "addSecurityGroup", "removeSecurityGroup", "uploadImage",
    "detachVolume, lost, and a migration", "migration", "failing change", "create", "create several",
    "create, lose the reply", "create, lose the request", "create, somebody else too", "create, once more",
    "create, lose the reply and all polls", "create, lose the request and all polls", "upload key pair",
    "create key pair", "delete key pair", "get key pair", "issue token, and get it",
    "revoke tokens, and list the flavors", "time passes", "list flavors, and zones", "wait", "wait for all",
    "wait until deleted", "change and wait", "stale read", "wait for what fails", "deadline", "map", "get",
    "get details",
)  # fmt: skip
_TO_REACH = {"step": _KINDS, "status": LIFECYCLE.states, "fault": FAULTS, "success": LIFECYCLE.operations}
TO_REACH: Set[tuple[str, str]] = {(what, name) for what, names in _TO_REACH.items() for name in names}
"""What has to have happened in a run."""


class Machine(Changes, Creates, Waits):
    """All that may happen. A scenario is one run of it."""

    @invariant()
    def all_agree(self) -> None:
        """Hold the model against the mock's own records, and what the SDK reads against both."""
        if not hasattr(self, "bench"):
            return
        world = self.bench.world
        truth = {id: self.bench.status(id) for id in world.instances}
        self.report(self.model.confirm(self.now, truth))
        self.stats.count("status", *truth.values())
        self.report(self._problems_of_records(world))
        problem = world_problem(world)
        self.require(problem is None, f"the mock's records contradict each other: {problem}")
        self.taken.append("read everything")
        self.report(self._problems_of_reads({id: (world.instances[id].name, truth[id]) for id in truth}))
        self.taken.pop()
        self.require(not self.cloud.journal.leaks(), "a secret was sent where it does not belong")

    def _problems_of_records(self, world: World) -> Iterator[str]:
        for id, one in self.model.instances.items():
            own = world.instances[id]
            has = (own.name, own.zone, own.flavor, own.image, own.key_name, own.root.size, held_by(own))
            wanted = (one.name, one.zone, one.flavor, one.image, one.key, one.root, one.held)
            if has != wanted:
                yield f"{one.name} is recorded with {has}, and has to have {wanted}"
        owners = [("volume", volume.id, volume.attached_to) for volume in world.volumes.values()]
        owners += [("address", one.address, one.attached_to) for one in world.floating_ips.values()]
        for what, thing, owner in owners:
            if owner != self.model.owner(what, thing):
                yield f"the {what} {thing} is with {owner}, and has to be with {self.model.owner(what, thing)}"
        for name, key in self.model.keypairs.items():
            if name not in world.keypairs or key not in ("", world.keypairs[name].public_key):
                yield f"the key pair {name} is missing, or another one"
        if world.keypairs.keys() - self.model.keypairs.keys():
            yield "there is a key pair that nobody has made"

    def _problems_of_reads(self, truth: dict[str, tuple[str, str]]) -> Iterator[str]:
        details = self._read(DETAILS, usual("instances.list_details"))
        for what, read in (("list", self._read(LIST, usual("instances.list"))), ("list of details", details)):
            if {one.id: (one.name, str(one.status)) for one in read} != truth or len(read) != len(truth):
                yield f"the {what} is not what is there"
        for detail in details:
            one = self.model.instances[detail.id]
            address = detail.addresses[0].floating_ip_address
            held = {
                "volume": {volume.id for volume in detail.volumes.attachments},
                "address": {address} if address else set(),
                "group": {group.name for group in detail.security_groups},
            }
            has = (detail.availability_zone, detail.flavor.id, detail.key_name, detail.volumes.root.size, held)
            wanted = (one.zone, one.flavor, one.key, one.root, one.held)
            if has != wanted:
                yield f"{one.name} is read with {has}, and has {wanted}"
        if truth:
            # One after another in the course of a scenario.
            id = list(truth)[len(self.taken) % len(truth)]
            brief = self._read(LIST, usual("instances.get", id=id))
            if (brief.id, brief.name, str(brief.status)) != (id, *truth[id]):
                yield "the instance that was asked for is not what is there"
            full = self._read(DETAILS, usual("instances.get_details", id=id))
            if full != next(detail for detail in details if detail.id == id):
                yield "the detail of one instance is not that of the list"
        if self.model.buried:
            found = self.ask(LIST, usual("instances.get", id=self.model.buried[-1]))
            if not isinstance(found.error, NotFoundError):
                yield "an instance that is gone can be read"
        if {one.name for one in self._read("listKeypairs", usual("keypairs.list"))} != self.model.keypairs.keys():
            yield "the list of key pairs is not what is there"

    def _read(self, operation: str, make: Make) -> Any:
        outcome = self.ask(operation, make)
        self.require(outcome.error is None, f"{outcome.ended_as} of {operation}, and no fault struck")
        return outcome.value


def run_scenarios(
    seed: int, stats: RunStats, *, scenarios: int, steps: int, kind: type[Machine] = Machine
) -> FindingError | None:
    """Run so many scenarios of so many steps, and return the shortest one in which something is wrong."""
    with stats.log.listening():
        for first in range(0, scenarios, _AT_A_TIME):
            own = seed * _SEEDS_APART + first
            machine = hypothesis.seed(own)(type("SeededMachine", (kind,), {"stats": stats, "seed": own}))
            chance = settings_for(min(_AT_A_TIME, scenarios - first), stateful_step_count=steps)
            try:
                run_state_machine_as_test(machine, settings=chance)
            except EnoughError:
                pass
            except FindingError as finding:
                stats.shortest = finding
            if stats.shortest is not None:
                break
    return stats.shortest


def not_reached(stats: RunStats) -> list[str]:
    """Return what has not happened in any scenario, and has to."""
    return sorted(f"{what} {name}" for what, name in TO_REACH - stats.reached.keys())

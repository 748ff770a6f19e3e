"""Instances, key pairs, volumes and floating IPs that the run made or may use, and how they are made ready."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from toast_compute_api.behaviour import LIFECYCLE

from ..check.ledger import Known
from ..contract import ACTION, DELETE
from ..exchange import Exchange
from ..run import OWN, Run
from ..target import TargetError
from .fixtures import Fixtures, create_body
from .observer import Observer

_MOST_INSTANCES = 16
_MOST_STEPS = 6
_LONGEST_WAIT = 60.0
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 2.0


def accepted_in(step: str) -> tuple[str, ...]:
    """Return the states in which an operation or action is accepted; all when `x-lifecycle` does not limit it."""
    move = LIFECYCLE.operations.get(step)
    return tuple(LIFECYCLE.states) if move is None else move.accepted_in


@dataclass(frozen=True)
class Kind:
    """A kind of thing that one instance at a time can have."""

    gain: str
    """The step that gives it to an instance."""
    loss: str
    member: str
    """What the steps call it."""
    attribute: str
    """What Fixtures and Known call things of this kind."""

    def of(self, holder: Fixtures | Known) -> Collection[str]:
        things: Collection[str] = getattr(holder, self.attribute)
        return things


VOLUME = Kind("attachVolume", "detachVolume", "volumeId", "volumes")
ADDRESS = Kind("addFloatingIp", "removeFloatingIp", "address", "addresses")
KINDS = {step: kind for kind in (VOLUME, ADDRESS) for step in (kind.gain, kind.loss)}


class Inventory:
    """What the run made itself. It changes nothing else, so that it can run on a service that others use."""

    def __init__(self, run: Run, observer: Observer, fixtures: Fixtures, *, label: str) -> None:
        self.run = run
        self.observer = observer
        self.fixtures = fixtures
        self.may_wait = True
        """Whether to wait for an instance to come into the state that is needed."""
        self._label = label
        self._made = 0
        self._rotation = 0

    def fill(self) -> None:
        """Make what is needed at least. Raises TargetError when that is refused: the fixtures cannot be used then."""
        reply = self.create(self.new_name()[-20:]).reply
        if not reply.accepted:
            message = str(reply.header.get("resultMessage", ""))[:200]
            raise TargetError(
                f"the first instance is refused with {reply.code} ({message}); "
                "name what the service has with --image, --network, --subnet, --zone, --security-group"
            )

    def empty(self) -> None:
        """Delete all instances and key pairs of the run's own."""
        for known in self.run.ledger.ours():
            self.run.step(DELETE, known.id)
        for name in self.run.ledger.our_keypairs():
            self.run.call("deleteKeypair", {"name": name})

    def trim(self) -> None:
        """Delete the oldest instances of the run's own where there are too many."""
        ours = self.run.ledger.ours()
        for known in ours[: max(len(ours) - _MOST_INSTANCES, 0)]:
            if known.status in accepted_in(DELETE):
                self.run.step(DELETE, known.id)
        if self.run.target.is_exact and len(ours) > _MOST_INSTANCES:
            self.run.target.wait(LIFECYCLE.operations[DELETE].max_seconds)  # so that the quota is free again

    def keypair(self) -> str:
        """Return the name of a key pair of the run's own that stays."""
        name = f"{self._label}-key"
        return name if name in self.run.ledger.our_keypairs() else self._new_keypair(name)

    def spare_keypair(self) -> str:
        """Return the name of a key pair that may be deleted."""
        return self._new_keypair(self.new_name())

    def _new_keypair(self, name: str) -> str:
        self.run.call("createKeypair", body={"keypair": {"name": name}})
        return name

    def new_name(self) -> str:
        """Return a name that nothing has yet."""
        self._made += 1
        return f"{self._label}-{self._made}"

    def create(self, name: str, *, phase: str = OWN, prepared: bool = False, **changes: Any) -> Exchange:
        """Create the simplest instance, with these changes to what is asked for, and read what was made."""
        body = create_body(self.fixtures, name, self.keypair(), **changes)
        exchange = self.run.call("createInstance", body=body, phase=phase, prepared=prepared)
        self.observer.after(exchange)
        return exchange

    def create_another(self, **changes: Any) -> Known | None:
        """Create one more instance, and return it; None when that is refused."""
        exchange = self.create(self.new_name()[-20:], **changes)
        return self.run.ledger.ours()[-1] if exchange.reply.accepted else None

    def instance_in(self, statuses: Collection[str], *, preferred: Collection[str] = ()) -> Known | None:
        """Return an instance in one of these states, or one that is brought there if the run may wait.

        Successive calls begin with successive instances; `preferred` are the only ones where there is one of them.
        """
        ours = self.run.ledger.ours()
        ours = [known for known in ours if known.expected.get("availabilityZone") == self.fixtures.zone]
        ours = [known for known in ours if known.id in preferred] or ours
        if not ours:
            self.create_another()
            ours = self.run.ledger.ours()
        if not ours:
            return None
        self._rotation += 1
        start = 0 if preferred else self._rotation % len(ours)
        for known in ours[start:] + ours[:start]:
            self.observer.read(known.id)
            if known.status in statuses and not known.gone:
                return known
        return ours[start] if self.is_ready(ours[start], statuses) else None

    def is_ready(self, known: Known, statuses: Collection[str]) -> bool:
        """Bring an instance into one of these states if the run may wait, and return whether it may be used."""
        return not self.may_wait or self.bring_to(known, statuses)

    def bring_to(self, known: Known, statuses: Collection[str]) -> bool:
        """Bring an instance into one of these states, by waiting and by the power actions."""
        for _ in range(_MOST_STEPS):
            self._wait_for_rest(known)
            if known.status in statuses:
                return True
            if known.deleted or known.gone:
                return False
            fitting = (
                step
                for step, move in LIFECYCLE.operations.items()
                if step in self._plain_actions and known.status in move.accepted_in and move.to in statuses
            )
            action = next(fitting, None)
            if action is None or not self.run.step(action, known.id).reply.accepted:
                return False
        return False

    @property
    def _plain_actions(self) -> Collection[str]:
        """The actions that need no parameters."""
        contract = self.run.contract
        variants = contract.variants(ACTION).items()
        return [name for name, ref in variants if "parameters" not in contract.resolve({"$ref": ref})["required"]]

    def _wait_for_rest(self, known: Known) -> None:
        """Wait until an instance is in a state that does not pass by itself."""
        waited, pause = 0.0, _FIRST_PAUSE
        self.observer.read(known.id)
        while known.status and LIFECYCLE.states[known.status].transient and not known.gone and waited < _LONGEST_WAIT:
            is_known = known.change is not None and self.run.target.is_exact
            seconds = LIFECYCLE.operations[known.change.step].max_seconds if known.change and is_known else pause
            self.run.target.wait(seconds)
            waited += seconds
            pause = min(2 * pause, _LONGEST_PAUSE)
            self.observer.read(known.id)

    def free(self, kind: Kind) -> str:
        """Return a thing that none of the run's instances has, taking it from one if need be."""
        things = list(kind.of(self.fixtures))
        holders = {thing: self._holder(kind, thing) for thing in things}
        thing = next((thing for thing in things if holders[thing] is None), things[0])
        holder = holders[thing]
        if holder is not None and self.bring_to(holder, accepted_in(kind.loss)):
            self.run.step(kind.loss, holder.id, {kind.member: thing})
        return thing

    def held(self, kind: Kind) -> tuple[Known, str] | None:
        """Return an instance and the thing that it has, giving it one if need be."""
        for thing in kind.of(self.fixtures):
            holder = self._holder(kind, thing)
            if holder is not None and self.is_ready(holder, accepted_in(kind.loss)):
                return holder, thing
        known = self.instance_in(accepted_in(kind.gain))
        thing = self.free(kind)
        values = self.values_of_gain(kind, thing, known) if known is not None else None
        if known is None or values is None:
            return None
        self.run.step(kind.gain, known.id, values)
        return (known, thing) if thing in kind.of(known) else None

    def values_of_gain(self, kind: Kind, thing: str, known: Known) -> dict[str, str] | None:
        """Return what a request has to name that gives a thing to an instance; None when there is no fixed address."""
        if kind is VOLUME:
            return {kind.member: thing}
        port = self.port_of(known)
        return {kind.member: thing, "ipAddress": port} if port is not None else None

    def _holder(self, kind: Kind, thing: str) -> Known | None:
        return next((known for known in self.run.ledger.ours() if thing in kind.of(known)), None)

    def port_of(self, known: Known) -> str | None:
        """Return an address of an instance that no floating IP leads to."""
        addresses = (self.observer.read(known.id) or {}).get("addresses", [])
        return next((one["ipAddress"] for one in addresses if "floatingIpAddress" not in one), None)

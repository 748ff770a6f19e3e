"""Try every operation in every state that forbids it, and use twice what can be used once."""

from __future__ import annotations

from toast_compute_api.behaviour import LIFECYCLE

from ..check.ledger import Known
from ..contract import ACTION, DELETE
from . import placeholders
from .document import example_bodies
from .fixtures import create_body
from .inventory import ADDRESS, VOLUME, Kind, accepted_in
from .preparation import Parts, Preparation

FORBIDDEN = "forbidden"
_INSTANCE = "instanceId"
_CHANGE = "stop"


class ForbiddenOperations:
    """Tries what the states of one run's instances forbid."""

    def __init__(self, preparation: Preparation) -> None:
        self._preparation = preparation
        self._inventory = inventory = preparation.inventory
        self._run = run = inventory.run
        self._observer = inventory.observer
        self._bodies = {
            action or operation: (operation, body)
            for operation, action, body in example_bodies(run.contract, run.target.credentials, inventory.fixtures)
        }

    def try_all(self) -> None:
        """Try everything."""
        self.try_states()
        self.try_exceptional_states()
        self.try_two_volumes()
        self.try_things_in_use()
        self.try_second_address()
        self.try_released_things()
        self.try_similar_names()

    def try_states(self) -> None:
        """Try what is forbidden in every state that an instance can be brought to, and while each change lasts."""
        for status, state in LIFECYCLE.states.items():
            if not state.transient:
                known = self._inventory.instance_in([status])
                if known is not None and known.status == status:
                    self._try_in_state_of(known)
        for step, move in LIFECYCLE.operations.items():
            if move.through and not self._run.is_over:
                self._try_during(step)

    def try_exceptional_states(self) -> None:
        """Try it on an instance that the service migrates, and on one whose change has failed."""
        target = self._run.target
        known = self._inventory.instance_in(accepted_in(_CHANGE))
        if known is None:
            return
        seconds = target.migrate(known.id)
        if seconds:
            self._observer.read_anew(known.id)
            self._try_in_state_of(known)
            target.wait(seconds)
            self._observer.read_anew(known.id)
        if target.fail_next_change():
            self._run.step(_CHANGE, known.id, phase=FORBIDDEN)
            target.wait(LIFECYCLE.operations[_CHANGE].max_seconds)
            self._observer.read_anew(known.id)
            self._try_in_state_of(known)
            self._run.step(DELETE, known.id, phase=FORBIDDEN, prepared=True)

    def try_two_volumes(self) -> None:
        """Attach two volumes to one instance, where there are two, and detach one of them."""
        inventory = self._inventory
        known = inventory.instance_in(accepted_in(VOLUME.gain))
        attached = {volume for one in self._run.ledger.ours() for volume in one.volumes}
        volumes = [one for one in inventory.fixtures.volumes if one not in attached][:2]
        if known is None:
            return
        steps = [(VOLUME.gain, volume) for volume in volumes]
        if len(volumes) > 1:  # attached again while the second one is there, neither may get the device of the other
            steps += [(VOLUME.loss, volumes[0]), (VOLUME.gain, volumes[0])]
        for step, volume in steps:
            self._run.step(step, known.id, {"volumeId": volume}, phase=FORBIDDEN)
        for volume in volumes:
            self._run.step(VOLUME.loss, known.id, {"volumeId": volume}, phase=FORBIDDEN)
            self._observer.compare(known.id)

    def try_things_in_use(self) -> None:
        """Give an instance what another one has, and take from it what it does not have."""
        for kind in (VOLUME, ADDRESS):
            pair = self._inventory.held(kind)
            other = self._other_than(pair[0]) if pair is not None else None
            values = self._inventory.values_of_gain(kind, pair[1], other) if pair and other else None
            if pair is not None and other is not None and values is not None:
                self._run.step(kind.gain, other.id, values, phase=FORBIDDEN)
                self._run.step(kind.loss, other.id, {kind.member: pair[1]}, phase=FORBIDDEN)

    def try_second_address(self) -> None:
        """Let floating IPs lead to the second address of an instance, and to the first one too."""
        inventory = self._inventory
        networks = create_body(inventory.fixtures, "", "")["instance"]["networks"]
        known = inventory.create_another(networks=networks * 2)
        detail = self._observer.read(known.id) if known is not None else None
        if known is None or detail is None or not inventory.bring_to(known, accepted_in(ADDRESS.gain)):
            return
        for port in reversed(detail["addresses"]):
            address = inventory.free(ADDRESS)
            if address in known.addresses:
                break  # it is the only one, and was taken away again for this
            self._change_address(known, ADDRESS.gain, {"address": address, "ipAddress": port["ipAddress"]})
        for address in tuple(known.addresses):
            self._change_address(known, ADDRESS.loss, {"address": address})

    def _change_address(self, known: Known, step: str, values: dict[str, str]) -> None:
        self._run.step(step, known.id, values, phase=FORBIDDEN, prepared=self._run.target.is_exact)
        self._observer.compare(known.id)

    def try_released_things(self) -> None:
        """Delete an instance that has a volume and a floating IP, and use both again."""
        inventory, run = self._inventory, self._run
        held: dict[Kind, tuple[Known, str] | None] = {kind: inventory.held(kind) for kind in (VOLUME, ADDRESS)}
        for known in {pair[0].id: pair[0] for pair in held.values() if pair is not None}.values():
            if inventory.bring_to(known, accepted_in(DELETE)):
                run.step(DELETE, known.id)
        run.target.wait(LIFECYCLE.operations[DELETE].max_seconds if run.target.is_exact else 0.0)
        other = inventory.instance_in(accepted_in(VOLUME.gain))
        port = inventory.port_of(other) if other is not None else None
        if other is None or port is None or None in held.values() or not run.target.is_exact:
            return
        for kind, pair in held.items():
            values = {kind.member: pair[1]} if pair is not None else {}
            values |= {"ipAddress": port} if kind is ADDRESS else {}
            run.step(kind.gain, other.id, values, phase=FORBIDDEN, prepared=True)

    def try_similar_names(self) -> None:
        """Read and delete a key pair by names that are almost its own."""
        name = self._inventory.keypair()
        for other in (name.swapcase(), f"{name} ", name[:-1]):
            for operation in ("listKeypairs", "deleteKeypair"):
                self._run.call(operation, {"name": other}, phase=FORBIDDEN)

    def _other_than(self, known: Known) -> Known | None:
        """Return another instance of the run's own, in a state in which most is accepted."""
        self._inventory.create_another()
        other = self._run.ledger.ours()[-1]
        is_usable = other.id != known.id and self._inventory.is_ready(other, accepted_in(VOLUME.gain))
        return other if is_usable else None

    def _try_during(self, step: str) -> None:
        """Begin a change, and try what is forbidden while it lasts."""
        if step == "createInstance":
            self._inventory.create_another()
            known: Known | None = self._run.ledger.ours()[-1]
        else:
            known = self._inventory.instance_in(accepted_in(step))
            if known is not None:
                self._try(known, step)
        if known is not None:
            self._observer.read(known.id)
            self._try_in_state_of(known)

    def _try_in_state_of(self, known: Known) -> None:
        status = known.status
        for step, move in LIFECYCLE.operations.items():
            if move.accepted_in and status not in move.accepted_in:
                if self._run.is_over:
                    return
                self._try(known, step)

    def _try(self, known: Known, step: str) -> None:
        """Try a step on an instance in the state that it is in."""
        self._observer.read_before(known.id)
        operation, body = self._bodies.get(step, (step, None))
        parts = Parts({_INSTANCE: known.id}, {}, body)
        if operation == DELETE:
            parts = Parts({}, {"id": known.id})
        elif operation == VOLUME.loss:
            parts.query["volumeId"] = placeholders.OWN_VOLUME
        action = step if operation == ACTION else ""
        self._preparation.prepare(operation, action, parts, leave_state=True)
        exchange = self._run.call(operation, {**parts.path, **parts.query}, parts.body, phase=FORBIDDEN)
        self._observer.after(exchange)

"""Is refused what a state does not allow? Every operation, in every state that it must not be accepted in."""

from __future__ import annotations

from collections.abc import Iterator

from toast_compute_api.behaviour import LIFECYCLE

from ..check.instance_checks import DELETE
from ..check.ledger import Known
from ..exchange import JsonObject
from ..run import Run
from . import placeholders
from .document import example_bodies
from .fixtures import Material
from .inventory import Stock
from .observer import Lookout
from .preparation import Arranger, Parts

FORBIDDEN = "forbidden"
"""The phase of these requests."""

_INSTANCE = "instanceId"
_CHANGE = "stop"
_ADDS = "addFloatingIp"


class ForbiddenMoves:
    """Tries what the states of one run's instances forbid."""

    def __init__(self, run: Run, stock: Stock, arranger: Arranger, lookout: Lookout, material: Material) -> None:
        self._run = run
        self._stock = stock
        self._arranger = arranger
        self._lookout = lookout
        self._bodies = {
            action or operation: (operation, body)
            for operation, action, body in example_bodies(run.contract, run.target.credentials, material)
        }

    def try_all(self) -> None:
        """Try them in every state that an instance can be brought to."""
        for status, state in LIFECYCLE.states.items():
            if not state.transient:
                known = self._stock.instance_in([status])
                if known is not None and known.status == status:
                    self._try_in(known, status)
        for move_name, move in LIFECYCLE.operations.items():
            if move.through and not self._run.is_over:
                self._try_on_the_way(move_name)

    def try_upset(self) -> None:
        """Try them on an instance that the service migrates, and on one whose change has failed."""
        run, stock, target = self._run, self._stock, self._run.target
        known = stock.instance_in(LIFECYCLE.operations[_CHANGE].accepted_in)
        if known is None:
            return
        seconds = target.migrate(known.id)
        if seconds:
            self._see_anew(known)
            self._try_in(known, known.status)
            target.rest(seconds)
            self._see_anew(known)
        if target.fail_next_change():
            run.call("runInstanceAction", {_INSTANCE: known.id}, {"action": _CHANGE}, phase=FORBIDDEN)
            target.rest(LIFECYCLE.operations[_CHANGE].max_seconds)
            self._see_anew(known)
            self._try_in(known, known.status)
            run.call(DELETE, {"id": known.id}, phase=FORBIDDEN, prepared=True)

    def _see_anew(self, known: Known) -> None:
        self._run.ledger.let_go(known.id)
        self._lookout.at(known.id)

    def try_used(self) -> None:
        """Try to use once more what is in use, and to take it from an instance that does not have it."""
        stock, call = self._stock, self._run.call
        pair = stock.attached_volume()
        other = self._other_than(pair[0]) if pair is not None else None
        if pair is not None and other is not None:
            body: JsonObject = {"attachment": {"volumeId": pair[1]}}
            call("attachVolume", {_INSTANCE: other.id}, body, phase=FORBIDDEN)
            call("detachVolume", {_INSTANCE: other.id, "volumeId": pair[1]}, phase=FORBIDDEN)
        pair = stock.used_address()
        other = self._other_than(pair[0]) if pair is not None else None
        port = stock.port_of(other) if other is not None else None
        if pair is not None and other is not None and port is not None:
            for action, parameters in (
                ("addFloatingIp", {"address": pair[1], "ipAddress": port}),
                ("removeFloatingIp", {"address": pair[1]}),
            ):
                body = {"action": action, "parameters": parameters}
                call("runInstanceAction", {_INSTANCE: other.id}, body, phase=FORBIDDEN)

    def try_two(self) -> None:
        """Attach two volumes to one instance, where there are two, and take one of them away again."""
        stock, run = self._stock, self._run
        known = stock.instance_in(LIFECYCLE.operations["attachVolume"].accepted_in)
        volumes = [one for one in stock.material.volumes if run.ledger.holder_of_volume(one) is None][:2]
        if known is None:
            return
        place = {_INSTANCE: known.id}
        # The first one is attached again while the second one is there: neither may get the place of the other.
        again = volumes[:1] if len(volumes) > 1 else []
        for volume in volumes:
            run.call("attachVolume", place, {"attachment": {"volumeId": volume}}, phase=FORBIDDEN)
        for volume in again:
            run.call("detachVolume", {**place, "volumeId": volume}, phase=FORBIDDEN)
            run.call("attachVolume", place, {"attachment": {"volumeId": volume}}, phase=FORBIDDEN)
        for volume in volumes:
            run.call("detachVolume", {**place, "volumeId": volume}, phase=FORBIDDEN)
            self._lookout.from_both_sides(known.id)

    def try_second_address(self) -> None:
        """Let floating IPs lead to the second address of an instance, and to the first one, too."""
        stock = self._stock
        known = stock.instance_with_two_addresses()
        detail = self._lookout.at(known.id) if known is not None else None
        if known is None or detail is None or not stock.bring_to(known, LIFECYCLE.operations[_ADDS].accepted_in):
            return
        for port in reversed(detail["addresses"]):
            address = stock.free_address()
            if address in known.floating:
                break  # there is one only, and it was taken away again for this
            self._act(known, _ADDS, {"address": address, "ipAddress": port["ipAddress"]})
        for address in tuple(known.floating):
            self._act(known, "removeFloatingIp", {"address": address})

    def _act(self, known: Known, action: str, parameters: dict[str, str]) -> None:
        body: JsonObject = {"action": action, "parameters": parameters}
        place, is_exact = {_INSTANCE: known.id}, self._run.target.is_exact
        self._run.call("runInstanceAction", place, body, phase=FORBIDDEN, prepared=is_exact)
        self._lookout.from_both_sides(known.id)

    def try_freed(self) -> None:
        """Delete an instance that has a volume and a floating IP, and use both again."""
        stock, run = self._stock, self._run
        attached = stock.attached_volume()
        addressed = stock.used_address()
        for known in {one[0].id: one[0] for one in (attached, addressed) if one is not None}.values():
            if stock.bring_to(known, LIFECYCLE.operations[DELETE].accepted_in):
                run.call(DELETE, {"id": known.id})
        run.target.rest(LIFECYCLE.operations[DELETE].max_seconds if run.target.is_exact else 0.0)
        other = stock.instance_in(LIFECYCLE.operations["attachVolume"].accepted_in)
        port = stock.port_of(other) if other is not None else None
        if attached is None or addressed is None or other is None or port is None or not run.target.is_exact:
            return
        place = {_INSTANCE: other.id}
        run.call("attachVolume", place, {"attachment": {"volumeId": attached[1]}}, phase=FORBIDDEN, prepared=True)
        given = {"address": addressed[1], "ipAddress": port}
        body: JsonObject = {"action": "addFloatingIp", "parameters": given}
        run.call("runInstanceAction", place, body, phase=FORBIDDEN, prepared=True)

    def try_names(self) -> None:
        """Ask for a key pair by a name that is nearly its own, and delete it by that."""
        name = self._stock.keypair()
        for other in (name.swapcase(), f"{name} ", name[:-1]):
            for operation in ("listKeypairs", "deleteKeypair"):
                self._run.call(operation, {"name": other}, phase=FORBIDDEN)

    def _other_than(self, known: Known) -> Known | None:
        """Another instance of the run's own, in a state in which most is accepted."""
        self._stock.fresh_instance()
        other = self._run.ledger.ours()[-1]
        is_other = other is not known and other.id != known.id
        allowed = LIFECYCLE.operations["attachVolume"].accepted_in
        return other if is_other and (not self._stock.may_wait or self._stock.bring_to(other, allowed)) else None

    def _try_on_the_way(self, move_name: str) -> None:
        """Begin a move, and try what is forbidden while it lasts."""
        if move_name == "createInstance":
            self._stock.fresh_instance()
            known: Known | None = self._run.ledger.ours()[-1]
        else:
            known = self._stock.instance_in(LIFECYCLE.operations[move_name].accepted_in)
            if known is None:
                return
            self._lookout.before_at(known.id)
            self._call(known, move_name)
        if known is not None:
            self._lookout.at(known.id)
            self._try_in(known, known.status)

    def _try_in(self, known: Known, status: str) -> None:
        for name in self._forbidden_in(status):
            if self._run.is_over:
                return
            self._lookout.before_at(known.id)
            self._call(known, name)

    def _forbidden_in(self, status: str) -> Iterator[str]:
        for name, move in LIFECYCLE.operations.items():
            if move.accepted_in and status not in move.accepted_in:
                yield name

    def _call(self, known: Known, name: str) -> None:
        operation, body = self._bodies.get(name, (name, None))
        parameters = {"id": known.id} if operation == DELETE else {_INSTANCE: known.id}
        if operation == "detachVolume":
            parameters["volumeId"] = placeholders.OWN_VOLUME
        query = {name: value for name, value in parameters.items() if name != _INSTANCE}
        path = {name: value for name, value in parameters.items() if name == _INSTANCE}
        parts = Parts(path, query, body, instance_names=(_INSTANCE,))
        self._arranger.arrange(operation, name if operation == "runInstanceAction" else "", parts, leave_state=True)
        filled: JsonObject | None = parts.body
        exchange = self._run.call(operation, {**parts.path, **parts.query}, filled, phase=FORBIDDEN)
        self._lookout.after(exchange)

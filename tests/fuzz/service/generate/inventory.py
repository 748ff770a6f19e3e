"""Which instances, key pairs, volumes and addresses of the run's own can be used, and how are they made ready?"""

from __future__ import annotations

from collections.abc import Collection

from toast_compute_api.behaviour import LIFECYCLE

from ..check.instance_checks import DELETE
from ..check.ledger import Known
from ..exchange import Exchange, JsonObject
from ..run import Run
from ..target import TargetError
from .fixtures import Material, spec_of
from .observer import Lookout

_ENOUGH = 16
"""As many instances of its own a run keeps; the oldest are deleted."""
_STEPS = 6
_LONGEST_WAIT = 60.0
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 2.0
_ACTION = "runInstanceAction"


class Stock:
    """What the run made itself. It touches nothing else, so a service with other people's things is safe from it."""

    def __init__(self, run: Run, lookout: Lookout, material: Material, *, label: str) -> None:
        self._run = run
        self._lookout = lookout
        self._label = label
        self._made = 0
        self._turn = 0
        self.material = material
        self.may_wait = True
        """Whether to wait for an instance to come into the state that is needed."""

    def fill(self) -> None:
        """Make what is needed at least. Raises TargetError when that is refused: the material is no good then."""
        exchange = self._create()
        if not exchange.reply.accepted:
            message = str(((exchange.content or {}).get("header") or {}).get("resultMessage", ""))[:200]
            raise TargetError(
                f"the first instance is refused with {exchange.reply.code} ({message}); "
                "name what the service has with --image, --network, --subnet, --zone, --security-group"
            )

    def empty(self) -> None:
        """Delete all instances and key pairs of the run's own."""
        for known in self._run.ledger.ours():
            self._run.call(DELETE, {"id": known.id})
        for name in self._run.ledger.our_keypairs():
            self._run.call("deleteKeypair", {"name": name})

    def trim(self) -> None:
        """Delete the oldest instances of the run's own where there are too many."""
        ours = self._run.ledger.ours()
        for known in ours[: max(len(ours) - _ENOUGH, 0)]:
            if known.status in LIFECYCLE.operations[DELETE].accepted_in:
                self._run.call(DELETE, {"id": known.id})
        if self._run.target.is_exact and len(ours) > _ENOUGH:
            self._run.target.rest(LIFECYCLE.operations[DELETE].max_seconds)  # so that the quota is free again

    def keypair(self) -> str:
        """Return the name of a key pair of the run's own that stays."""
        name = f"{self._label}-key"
        if name not in self._run.ledger.our_keypairs():
            self._run.call("createKeypair", body={"keypair": {"name": name}})
        return name

    def spare_keypair(self) -> str:
        """Return the name of a key pair that may be deleted."""
        name = self.new_name()
        self._run.call("createKeypair", body={"keypair": {"name": name}})
        return name

    def new_name(self) -> str:
        """Return a name that nothing has yet."""
        self._made += 1
        return f"{self._label}-{self._made}"

    def instance_in(self, statuses: Collection[str], *, preferred: Collection[str] = ()) -> Known | None:
        """Return an instance in one of these states; one that is brought there if the run may wait.

        Of several it is the next one each time, so that all get their turn; `preferred` are the only ones
        to choose from where there is one of them.
        """
        ours = [
            known for known in self._run.ledger.ours() if known.expected.get("availabilityZone") == self.material.zone
        ]
        ours = [known for known in ours if known.id in preferred] or ours
        if not ours:
            self._create()
            ours = self._run.ledger.ours()
        if not ours:
            return None
        self._turn += 1
        start = 0 if preferred else self._turn % len(ours)
        for known in ours[start:] + ours[:start]:
            self._lookout.at(known.id)
            if known.status in statuses and not known.gone:
                return known
        known = ours[start]
        return known if not self.may_wait or self.bring_to(known, statuses) else None

    def bring_to(self, known: Known, statuses: Collection[str]) -> bool:
        """Bring an instance into one of these states, by waiting and by the power actions."""
        for _ in range(_STEPS):
            self._settle(known)
            if known.status in statuses:
                return True
            if known.deleted or known.gone:
                return False
            action = next(
                (
                    name
                    for name, move in LIFECYCLE.operations.items()
                    if name in self._actions and known.status in move.accepted_in and move.to in statuses
                ),
                None,
            )
            if (
                action is None
                or not self._run.call(_ACTION, {"instanceId": known.id}, {"action": action}).reply.accepted
            ):
                return False
        return False

    @property
    def _actions(self) -> Collection[str]:
        """The actions that need no parameters."""
        contract = self._run.contract
        return [
            action
            for action, schema in contract.variants(_ACTION).items()
            if "parameters" not in contract.resolve({"$ref": schema})["required"]
        ]

    def _settle(self, known: Known) -> None:
        """Wait until an instance is in a state that does not pass by itself."""
        waited, pause = 0.0, _FIRST_PAUSE
        self._lookout.at(known.id)
        while known.status and LIFECYCLE.states[known.status].transient and not known.gone and waited < _LONGEST_WAIT:
            change = known.change
            seconds = (
                LIFECYCLE.operations[change.operation].max_seconds if change and self._run.target.is_exact else pause
            )
            self._run.target.rest(seconds)
            waited += seconds
            pause = min(2 * pause, _LONGEST_PAUSE)
            self._lookout.at(known.id)

    def _create(self) -> Exchange:
        body = spec_of(self.material, self.new_name()[-20:], self.keypair())
        exchange = self._run.call("createInstance", body=body)
        self._lookout.after(exchange)
        return exchange

    def fresh_instance(self) -> None:
        """Make one more instance."""
        self._create()

    def instance_with_two_addresses(self) -> Known | None:
        """Make an instance that has two addresses in its network."""
        body = spec_of(self.material, self.new_name()[-20:], self.keypair())
        body["instance"]["networks"] *= 2
        exchange = self._run.call("createInstance", body=body)
        self._lookout.after(exchange)
        return self._run.ledger.ours()[-1] if exchange.reply.accepted else None

    def free_volume(self) -> str:
        """Return a volume that is attached to none of the run's instances, taking it away if need be."""
        ledger = self._run.ledger
        for volume in self.material.volumes:
            if ledger.holder_of_volume(volume) is None:
                return volume
        volume = self.material.volumes[0]
        holder = ledger.holder_of_volume(volume)
        if holder is not None and self.bring_to(holder, LIFECYCLE.operations["detachVolume"].accepted_in):
            self._run.call("detachVolume", {"instanceId": holder.id, "volumeId": volume})
        return volume

    def attached_volume(self) -> tuple[Known, str] | None:
        """Return an instance with a volume, attaching one if need be."""
        ledger = self._run.ledger
        allowed = LIFECYCLE.operations["detachVolume"].accepted_in
        for volume in self.material.volumes:
            holder = ledger.holder_of_volume(volume)
            if holder is not None and (not self.may_wait or self.bring_to(holder, allowed)):
                return holder, volume
        known = self.instance_in(LIFECYCLE.operations["attachVolume"].accepted_in)
        volume = self.free_volume()
        if known is None:
            return None
        body: JsonObject = {"attachment": {"volumeId": volume}}
        self._run.call("attachVolume", {"instanceId": known.id}, body)
        return (known, volume) if volume in known.attachments else None

    def free_address(self) -> str:
        """Return a floating IP that none of the run's instances has, taking it away if need be."""
        ledger = self._run.ledger
        for address in self.material.addresses:
            if ledger.holder_of_address(address) is None:
                return address
        address = self.material.addresses[0]
        holder = ledger.holder_of_address(address)
        if holder is not None and self.bring_to(holder, LIFECYCLE.operations["removeFloatingIp"].accepted_in):
            body: JsonObject = {"action": "removeFloatingIp", "parameters": {"address": address}}
            self._run.call(_ACTION, {"instanceId": holder.id}, body)
        return address

    def used_address(self) -> tuple[Known, str] | None:
        """Return an instance with a floating IP, giving it one if need be."""
        ledger = self._run.ledger
        allowed = LIFECYCLE.operations["removeFloatingIp"].accepted_in
        for address in self.material.addresses:
            holder = ledger.holder_of_address(address)
            if holder is not None and (not self.may_wait or self.bring_to(holder, allowed)):
                return holder, address
        known = self.instance_in(LIFECYCLE.operations["addFloatingIp"].accepted_in)
        address = self.free_address()
        port = self.port_of(known) if known is not None else None
        if known is None or port is None:
            return None
        body: JsonObject = {"action": "addFloatingIp", "parameters": {"address": address, "ipAddress": port}}
        self._run.call(_ACTION, {"instanceId": known.id}, body)
        return (known, address) if address in known.floating else None

    def port_of(self, known: Known) -> str | None:
        """Return an address of an instance that no floating IP leads to."""
        detail = self._lookout.at(known.id)
        for one in (detail or {}).get("addresses", []):
            if "floatingIpAddress" not in one:
                address: str = one["ipAddress"]
                return address
        return None

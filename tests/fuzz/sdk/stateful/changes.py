"""Change instances, key pairs and tokens in a scenario, and let time pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule
from toast_compute import NotFoundError

from ..bench import USER, Entry, Outcome, kind_of_entry
from ..calls import CHANGES, PUBLIC_KEY
from ..contract import TOKEN
from ..judge import problems_of_outcome, problems_of_recovery
from .model import ADDS, KEYPAIR_QUOTA, Instance
from .scenario import Scenario, some_fault, some_instance

FLAVORS = (
    "f1a00000-0000-4000-8000-000000000001",
    "f1a00000-0000-4000-8000-000000000002",
    "f1a00000-0000-4000-8000-000000000003",
    "f1a00000-0000-4000-8000-000000000006",  # disabled
    "f1a00000-0000-4000-8000-0000000000ff",  # unknown
)
_VOLUMES = tuple(f"b10c0000-0000-4000-8000-00000000000{number}" for number in (1, 2, 3, 9))  # the last is unknown
_ADDRESSES = ("203.0.113.10", "203.0.113.11", "203.0.113.12", "203.0.113.99")  # the last is unknown
_GROUPS = ("default", "web", "nonesuch")
_KEYPAIRS = ("demo-key", "key-1", "key-2", "key-3", "key-4")
_JUMPS = (0.5, 1.0, 3.0, 10.0, 60.0, 3_000.0, 3_500.0, 3_601.0, 3_700.0, 90_000.0)


_THINGS: Mapping[str, tuple[str, Sequence[str]]] = {
    "resize": ("flavor", FLAVORS),
    "attachVolume": ("volume", _VOLUMES),
    "detachVolume": ("volume", _VOLUMES),
    "addFloatingIp": ("address", _ADDRESSES),
    "removeFloatingIp": ("address", _ADDRESSES),
    "addSecurityGroup": ("group", _GROUPS),
    "removeSecurityGroup": ("group", _GROUPS),
}
"""By move: what it is given in addition to its instance, and which of these there are."""
_METHODS = {call.change: call.method for call in CHANGES}


def _rule(*moves: str) -> Any:
    """Return a rule that makes one of these moves of an instance."""
    choices = [(move, thing) for move in moves for thing in _THINGS.get(move, ("", ("",)))[1]]

    @rule(which=some_instance, choice=st.sampled_from(choices), fault=some_fault)
    def change(self: Changes, which: int, choice: tuple[str, str], fault: str) -> None:
        move, thing = choice
        member, things = _THINGS.get(move, ("", ()))

        def given(one: Instance | None, thing: str) -> dict[str, str]:
            ip = {"ip": one.ip if one is not None else "192.168.0.77"} if move == "addFloatingIp" else {}
            return {member: thing, **ip} if member else {}

        def fitting(one: Instance) -> list[str]:
            held = one.held[member] if move in ADDS else set()
            refusals = {thing: self.model.refusals(move, one.id, given(one, thing)) for thing in things}
            return [thing for thing in things if not refusals[thing] and thing not in held]

        id, name = self.pick(which, move, lambda one: not member or fitting(one))
        one = self.model.instances.get(id)
        if one is not None and member != "flavor" and self.fits(which) and thing not in fitting(one):
            thing = next(iter(fitting(one)), thing)
        about = given(one, thing)
        case = self.step(move, f"{name} {thing}", fault)
        make = attrgetter(_METHODS[move])
        outcome = self.ask_for_change(move, id, about, lambda toast: make(toast)(id, *about.values()), case=case)
        if move == "attachVolume" and outcome.error is None:
            self.require(outcome.value.volume_id == thing, "the attachment that was returned is of another volume")

    return change


class Changes(Scenario):
    """Changes of one instance, of key pairs and of tokens."""

    change_power = _rule("start", "stop", "reboot")
    resize = _rule("resize")
    delete = _rule("deleteInstance")
    attach = _rule("attachVolume")
    detach = _rule("detachVolume")
    add_floating_ip = _rule("addFloatingIp")
    remove_floating_ip = _rule("removeFloatingIp")
    change_group = _rule("addSecurityGroup", "removeSecurityGroup")

    @rule(which=some_instance, fault=some_fault, as_data=st.booleans())
    def upload_image(self, which: int, fault: str, as_data: bool) -> None:
        id, name = self.pick(which, "uploadImage")
        image = self.fresh_name("image")
        case = self.step("uploadImage", f"{image} of {name}", fault)
        data = {"action": "uploadImage", "parameters": {"name": image}}

        def make(toast: Any) -> Any:
            return toast.instances.run_action(id, data) if as_data else toast.instances.upload_image(id, image)

        before = len(self._images())
        outcome = self.ask_for_change("uploadImage", id, {}, make, case=case)
        after = self._images()
        self.require(len(after) - before == outcome.applied, f"{len(after) - before} images came of {image}")
        if outcome.error is None:
            made = after.get(outcome.value.id)
            self.require(made == image == outcome.value.name, f"the image that was returned is not {image}")

    def _images(self) -> dict[str, str]:
        return {one.id: one.name for one in self.cloud.worlds.get(USER).images.values()}

    @rule(which=some_instance)
    def lose_a_detachment(self, which: int) -> None:
        """Detach a volume, lose the request, and let the service migrate the instance before it is sent again."""
        id, name = self.pick(which, "detachVolume", lambda one: one.held["volume"])
        one = self.model.instances.get(id)
        if one is None or not one.held["volume"] or one.possible(self.now) != {"ACTIVE"}:
            return
        volume = min(one.held["volume"])
        sent: list[str] = []

        def migrate(operation: str) -> None:
            sent.append(operation)
            if operation == "detachVolume" and sent.count(operation) == 2:
                self._migrate(id)

        case = self.step("detachVolume, lost, and a migration", f"{volume} of {name}", "request lost")
        self.ask_for_change(
            "detachVolume", id, {"volume": volume}, lambda toast: toast.instances.detach_volume(id, volume),
            case=case, before=migrate,
        )  # fmt: skip

    @rule(which=some_instance)
    def migrate(self, which: int) -> None:
        id, name = self.pick(which, "resize")
        one = self.model.instances.get(id)
        if one is not None and one.possible(self.now) <= {"ACTIVE", "STOP"}:
            self.step("migration", name)
            self._migrate(id)

    def _migrate(self, id: str) -> None:
        self.cloud.worlds.migrate(USER, id, 60.0)
        self.model.migrate(id, self.now, 60.0)

    @rule(name=st.sampled_from(_KEYPAIRS), own=st.booleans(), fault=some_fault)
    def make_key(self, name: str, own: bool, fault: str) -> None:
        verb = "upload" if own else "create"
        case = self.step(f"{verb} key pair", name, fault)

        def make(toast: Any) -> Any:
            return toast.keypairs.upload(name, PUBLIC_KEY) if own else toast.keypairs.create(name)

        outcome = self.ask("createKeypair", make, case=case)
        for entry in outcome.own:
            # Both may be reported when both are true.
            refusals = {"conflict"} if name in self.model.keypairs else set()
            if len(self.model.keypairs) >= KEYPAIR_QUOTA:
                refusals.add("permission-denied")
            if self._is_applied(entry, refusals or {"success"}):
                self.model.keypairs[name] = PUBLIC_KEY if own else ""
        self.report(problems_of_outcome(outcome))
        if outcome.error is None:
            self._hold_created(outcome, name, own)

    def _hold_created(self, outcome: Outcome, name: str, own: bool) -> None:
        made = outcome.value
        self.require(made.name == name, "another key pair was returned")
        self.require((made.private_key is None) == own, "the private key is missing, or there where it must not be")
        if made.private_key is not None:
            self.secrets.add(made.private_key)
            self.require(made.private_key not in repr(made), "the repr of a key pair shows its private key")
        self.model.keypairs[name] = made.public_key

    @rule(name=st.sampled_from(_KEYPAIRS), fault=some_fault)
    def delete_key(self, name: str, fault: str) -> None:
        case = self.step("delete key pair", name, fault)
        outcome = self.ask("deleteKeypair", lambda toast: toast.keypairs.delete(name), case=case)
        for entry in outcome.own:
            if self._is_applied(entry, {"success"} if name in self.model.keypairs else {"not-found"}):
                del self.model.keypairs[name]
        self.report(problems_of_outcome(outcome))

    def _is_applied(self, entry: Entry, possible: set[str]) -> bool:
        if entry.applied:
            self.require("success" in possible, f"{entry.operation} was carried out and had to be refused: {possible}")
        elif not entry.faults and entry.result_code != -3:  # the token's, as the scenarios revoke them
            ended = kind_of_entry(entry)
            self.require(ended in possible, f"{entry.operation} ended as {ended}, and not as {' or '.join(possible)}")
        return bool(entry.applied)

    @rule(name=st.sampled_from(_KEYPAIRS), fault=some_fault)
    def read_key(self, name: str, fault: str) -> None:
        case = self.step("get key pair", name, fault)
        outcome = self.ask("listKeypairs", lambda toast: toast.keypairs.get(name), case=case)
        self.report(problems_of_recovery(outcome))
        if outcome.error is None:
            self.require(outcome.value.name == name, "another key pair was returned")
            self.require(name in self.model.keypairs, f"the key pair {name} was returned, and it is not there")
            self.require(outcome.value.created_at is not None, "a key pair has no time of its creation")
        elif isinstance(outcome.error, NotFoundError):
            self.require(name not in self.model.keypairs, f"the key pair {name} was not found, and it is there")

    @rule(is_revoked=st.booleans())
    def change_tokens(self, is_revoked: bool) -> None:
        """Issue a token for another purpose, or revoke all: then the next call has to get one by itself."""
        if is_revoked:
            self.step("revoke tokens, and list the flavors")
            self.cloud.worlds.revoke_tokens(USER)
            self.is_revoked = True
            outcome = self.ask("listFlavors", lambda toast: toast.flavors.list())
            self.is_revoked = False
            self.require(outcome.error is None, f"{outcome.ended_as} after the token was refused")
            return
        self.step("issue token, and get it")
        issued = self.ask(TOKEN, lambda toast: toast.tokens.issue())
        self.require(issued.error is None, "no token was issued")
        token = issued.value.token
        found = self.ask("getToken", lambda toast: toast.tokens.get(token.id))
        self.require(found.error is None and found.value == issued.value, "the token that was issued is another one")
        self.require(token.id not in repr(issued.value), "the repr of a token shows it")

    @rule(seconds=st.sampled_from(_JUMPS))
    def pass_time(self, seconds: float) -> None:
        self.step("time passes", f"{seconds:g} s")
        self.clock.advance(seconds)

    @rule(fault=some_fault)
    def read_catalogue(self, fault: str) -> None:
        case = self.step("list flavors, and zones", fault=fault)
        world = self.cloud.worlds.get(USER)
        flavors = self.ask("listFlavors", lambda toast: toast.flavors.list(), case=case)
        self.report(problems_of_recovery(flavors))
        if flavors.error is None:
            truth = [(one.id, one.ram) for one in world.flavors.values()]
            self.require([(one.id, one.ram) for one in flavors.value] == truth, "the flavors are others")
        zones = self.ask("listAvailabilityZones", lambda toast: toast.availability_zones.list())
        self.require([one.zone_name for one in zones.value or []] == list(world.zones), "the zones are others")

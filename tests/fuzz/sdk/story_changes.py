"""Which changes happen in a story? Power, flavors, images, volumes, addresses and groups of one instance."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from .story import WORLD, Story, some_instance, some_trouble

FLAVORS = (
    "f1a00000-0000-4000-8000-000000000001",
    "f1a00000-0000-4000-8000-000000000002",
    "f1a00000-0000-4000-8000-000000000003",
    "f1a00000-0000-4000-8000-000000000006",  # disabled
    "f1a00000-0000-4000-8000-0000000000ff",  # unknown
)
VOLUMES = tuple(f"b10c0000-0000-4000-8000-00000000000{number}" for number in (1, 2, 3, 9))  # the last is unknown
ADDRESSES = ("203.0.113.10", "203.0.113.11", "203.0.113.12", "203.0.113.99")  # the last is unknown
GROUPS = ("default", "web", "nonesuch")


class Changes(Story):
    """Changes of one instance."""

    @rule(which=some_instance, power=st.sampled_from(["start", "stop", "reboot"]), trouble=some_trouble)
    def change_power(self, which: int, power: str, trouble: str) -> None:
        """Start, stop or reboot."""
        id, name = self.pick(which, power)
        wrong = self.say(power, f"{power} {name}", trouble)
        self.ask_for_change(power, id, {}, lambda toast: getattr(toast.instances, power)(id), trouble=wrong)

    @rule(which=some_instance, flavor=st.sampled_from(FLAVORS), trouble=some_trouble)
    def resize(self, which: int, flavor: str, trouble: str) -> None:
        """Change the flavor."""
        id, name = self.pick(which, "resize")
        wrong = self.say("resize", f"resize {name} to the flavor ..{flavor[-2:]}", trouble)
        self.ask_for_change(
            "resize", id, {"flavor": flavor}, lambda toast: toast.instances.resize(id, flavor), trouble=wrong
        )

    @rule(which=some_instance, trouble=some_trouble, as_data=st.booleans())
    def upload_image(self, which: int, trouble: str, as_data: bool) -> None:
        """Make an image."""
        id, name = self.pick(which, "uploadImage")
        self.made += 1
        image = f"image-{self.made}"
        wrong = self.say("uploadImage", f"make {image} of {name}", trouble)
        data = {"action": "uploadImage", "parameters": {"name": image}}

        def make(toast: Any) -> Any:
            return toast.instances.run_action(id, data) if as_data else toast.instances.upload_image(id, image)

        before = len(self._images())
        outcome = self.ask_for_change("uploadImage", id, {}, make, trouble=wrong)
        after = self._images()
        self.require(len(after) - before == outcome.applied, f"{len(after) - before} images came of {image}")
        if outcome.error is None:
            made = after.get(outcome.value.id)
            self.require(made == image == outcome.value.name, f"the image that was returned is not {image}")

    @rule(which=some_instance, volume=st.sampled_from(VOLUMES), trouble=some_trouble)
    def attach(self, which: int, volume: str, trouble: str) -> None:
        """Attach a volume."""
        id, name = self.pick(which, "attachVolume")
        free = [one for one in VOLUMES if not self.model.refusals("attachVolume", id, {"volume": one})]
        volume = free[0] if free and self.fits(which) else volume
        wrong = self.say("attach", f"attach the volume ..{volume[-2:]} to {name}", trouble)
        outcome = self.ask_for_change(
            "attachVolume",
            id,
            {"volume": volume},
            lambda toast: toast.instances.attach_volume(id, volume),
            trouble=wrong,
        )
        if outcome.error is None:
            self.require(outcome.value.volume_id == volume, "the attachment that was returned is of another volume")

    @rule(which=some_instance, volume=st.sampled_from(VOLUMES), trouble=some_trouble)
    def detach(self, which: int, volume: str, trouble: str) -> None:
        """Detach a volume: one that the instance has, if it has any."""
        id, name = self.pick(which, "detachVolume", lambda one: one.volumes)
        one = self.model.instances.get(id)
        volume = min(one.volumes) if one is not None and one.volumes else volume
        wrong = self.say("detach", f"detach the volume ..{volume[-2:]} from {name}", trouble)
        self.ask_for_change(
            "detachVolume",
            id,
            {"volume": volume},
            lambda toast: toast.instances.detach_volume(id, volume),
            trouble=wrong,
        )

    @rule(which=some_instance)
    def lose_a_detachment(self, which: int) -> None:
        """Detach a volume, lose the request, and let the service migrate the instance before it is sent again."""
        id, name = self.pick(which, "detachVolume", lambda one: one.volumes)
        one, now = self.model.instances.get(id), self.clock.monotonic()
        if one is None or not one.volumes or one.possible(now) != {"ACTIVE"}:
            return
        volume = min(one.volumes)
        sent: list[str] = []

        def migrate(operation: str) -> None:
            sent.append(operation)
            if sent.count("detachVolume") == 2 and operation == "detachVolume":
                self.cloud.worlds.migrate(WORLD.user_id, id, 60.0)
                self.model.migrate(id, self.clock.monotonic(), 60.0)

        wrong = self.say(
            "detach, lost and refused",
            f"detach the volume ..{volume[-2:]} from {name}, which the service migrates before the second try",
            "request lost",
        )
        self.ask_for_change(
            "detachVolume",
            id,
            {"volume": volume},
            lambda toast: toast.instances.detach_volume(id, volume),
            trouble=wrong,
            before=migrate,
        )

    @rule(which=some_instance, address=st.sampled_from(ADDRESSES), trouble=some_trouble)
    def add_floating_ip(self, which: int, address: str, trouble: str) -> None:
        """Give a floating IP."""
        id, name = self.pick(which, "addFloatingIp", lambda one: not one.floating_ip)
        own = self.model.instances[id].address if id in self.model.instances else "192.168.0.77"
        free = [one for one, owner in self.model.floating_ips.items() if owner is None]
        address = free[0] if free and self.fits(which) else address
        wrong = self.say("addFloatingIp", f"give {name} the floating IP {address}", trouble)
        self.ask_for_change(
            "addFloatingIp",
            id,
            {"address": address, "ip": own},
            lambda toast: toast.instances.add_floating_ip(id, address, own),
            trouble=wrong,
        )

    @rule(which=some_instance, address=st.sampled_from(ADDRESSES), trouble=some_trouble)
    def remove_floating_ip(self, which: int, address: str, trouble: str) -> None:
        """Take a floating IP away: the one that the instance has, if it has one."""
        id, name = self.pick(which, "removeFloatingIp", lambda one: one.floating_ip)
        one = self.model.instances.get(id)
        address = one.floating_ip if one is not None and one.floating_ip else address
        wrong = self.say("removeFloatingIp", f"take the floating IP {address} from {name}", trouble)
        self.ask_for_change(
            "removeFloatingIp",
            id,
            {"address": address},
            lambda toast: toast.instances.remove_floating_ip(id, address),
            trouble=wrong,
        )

    @rule(which=some_instance, group=st.sampled_from(GROUPS), joins=st.booleans(), trouble=some_trouble)
    def change_group(self, which: int, group: str, joins: bool, trouble: str) -> None:
        """Put into a security group, or take out of one."""
        move = "addSecurityGroup" if joins else "removeSecurityGroup"
        id, name = self.pick(which, move, lambda one: joins or one.groups)
        one = self.model.instances.get(id)
        if one is not None and self.fits(which):
            group = min((self.model.all_groups - one.groups if joins else one.groups) or {group})
        wrong = self.say(move, f"{'put' if joins else 'take'} {name} {'into' if joins else 'out of'} {group}", trouble)

        def make(toast: Any) -> Any:
            method = toast.instances.add_security_group if joins else toast.instances.remove_security_group
            return method(id, group)

        self.ask_for_change(move, id, {"group": group}, make, trouble=wrong)

    @rule(which=some_instance, trouble=some_trouble)
    def delete(self, which: int, trouble: str) -> None:
        """Delete."""
        id, name = self.pick(which, "deleteInstance")
        wrong = self.say("delete", f"delete {name}", trouble)
        self.ask_for_change("deleteInstance", id, {}, lambda toast: toast.instances.delete(id), trouble=wrong)

    @rule(which=some_instance)
    def migrate(self, which: int) -> None:
        """Let the service migrate an instance that rests."""
        id, name = self.pick(which, "resize")
        one = self.model.instances.get(id)
        now = self.clock.monotonic()
        if one is None or not one.possible(now) <= {"ACTIVE", "STOP"}:
            return
        self.say("migration", f"the service migrates {name} for a minute")
        self.cloud.worlds.migrate(WORLD.user_id, id, 60.0)
        self.model.migrate(id, now, 60.0)

    def _images(self) -> dict[str, str]:
        return {one.id: one.name for one in self.cloud.worlds.get(WORLD.user_id).images.values()}

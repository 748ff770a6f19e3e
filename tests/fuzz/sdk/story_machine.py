"""Do SDK, mock and model agree after every step of any story? The state machine, and what it looks at each time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import hypothesis
from hypothesis.stateful import invariant, run_state_machine_as_test
from toast_compute import NotFoundError
from toast_compute_mock.coherence import problem_of
from toast_compute_mock.state import World

from .chance import settings_for
from .secrecy import logging_into
from .story import WORLD, EnoughError, FindingError, Telling, shown_status
from .story_changes import Changes
from .story_creates import Creates
from .story_keys import Keys
from .story_waits import Waits

_AT_A_TIME = 7
"""Hypothesis makes later stories like earlier ones; with few at a time, each kind of step is taken about as often."""
_SEEDS_APART = 1000


class StoryMachine(Changes, Creates, Keys, Waits):
    """All that may happen. A story is one run of it."""

    @invariant()
    def all_agree(self) -> None:
        """Hold the model against the mock's own books, and what the SDK reads against both."""
        if self.driver is None:
            return
        world, now = self.cloud.worlds.get(WORLD.user_id), self.clock.monotonic()
        self.tell_of(self.model.settle(now, {id: shown_status(world, id) for id in world.instances}))
        self.telling.statuses.update(shown_status(world, id) for id in world.instances)
        self.tell_of(self._problems_of_books(world))
        problem = problem_of(world)
        self.require(problem is None, f"the mock's books contradict each other: {problem}")
        self.told.append("look at everything")
        self.tell_of(self._problems_of_looks(world))
        self.told.pop()
        self.require(not self.cloud.journal.leaks(), "a secret was sent where it does not belong")

    def _problems_of_books(self, world: World) -> Iterator[str]:
        """Yield where the mock's own books are not as the model has it."""
        for id, one in self.model.instances.items():
            own = world.instances[id]
            for what, has, wanted in (
                ("flavor", own.flavor, one.flavor),
                ("security groups", set(own.security_groups), one.groups),
                ("volumes", set(own.attachments), one.volumes),
                ("floating IP", own.interfaces[0].floating_ip_address, one.floating_ip),
                ("root disk", own.root.size, one.root),
                ("name", own.name, one.name),
                ("image", own.image, one.image),
                ("zone", own.zone, one.zone),
                ("key pair", own.key_name, one.key),
            ):
                if has != wanted:
                    yield f"{one.name} has the {what} {has}, and has to have {wanted}"
        for volume, record in world.volumes.items():
            if record.attached_to != self.model.owner(volume):
                yield f"the volume {record.name} is attached to {record.attached_to}, not to {self.model.owner(volume)}"
        for address, owner in self.model.floating_ips.items():
            if world.floating_ips[address].attached_to != owner:
                yield f"the floating IP {address} leads to {world.floating_ips[address].attached_to}, not to {owner}"
        for name, key in self.model.keypairs.items():
            if name not in world.keypairs or key not in ("", world.keypairs[name].public_key):
                yield f"the key pair {name} is missing, or another one"
        if world.keypairs.keys() - self.model.keypairs.keys():
            yield "there is a key pair that nobody has made"

    def _problems_of_looks(self, world: World) -> Iterator[str]:
        """Yield where what the SDK reads is not as the mock's own books have it."""
        truth = {id: (one.name, shown_status(world, id)) for id, one in world.instances.items()}
        briefs = self._read("listInstances", lambda toast: toast.instances.list())
        if {one.id: (one.name, str(one.status)) for one in briefs} != truth or len(briefs) != len(truth):
            yield "the list is not what is there"
        details = self._read("listInstanceDetails", lambda toast: toast.instances.list_details())
        if {one.id: (one.name, str(one.status)) for one in details} != truth or len(details) != len(truth):
            yield "the list of details is not what is there"
        for detail in details:
            yield from self._problems_of_detail(detail)
        if truth:
            # One after another in the course of a story.
            id = list(truth)[len(self.told) % len(truth)]
            one = self._read("listInstances", lambda toast: toast.instances.get(id))
            if (one.id, one.name, str(one.status)) != (id, *truth[id]):
                yield "the instance that was asked for is not what is there"
            full = self._read("listInstanceDetails", lambda toast: toast.instances.get_details(id))
            if full != next(detail for detail in details if detail.id == id):
                yield "the detail of one instance is not that of the list"
        if self.model.buried:
            gone = self.model.buried[-1]
            found = self.ask("listInstances", lambda toast: toast.instances.get(gone))
            if not isinstance(found.error, NotFoundError):
                yield "an instance that is gone can be read"
        names = {one.name for one in self._read("listKeypairs", lambda toast: toast.keypairs.list())}
        if names != self.model.keypairs.keys():
            yield "the list of key pairs is not what is there"

    def _problems_of_detail(self, detail: Any) -> Iterator[str]:
        one = self.model.instances[detail.id]
        for what, has, wanted in (
            ("flavor", detail.flavor.id, one.flavor),
            ("security groups", {group.name for group in detail.security_groups}, one.groups),
            ("volumes", {volume.id for volume in detail.volumes.attachments}, one.volumes),
            ("floating IP", detail.addresses[0].floating_ip_address, one.floating_ip),
            ("root disk", detail.volumes.root.size, one.root),
            ("key pair", detail.key_name, one.key),
            ("zone", detail.availability_zone, one.zone),
        ):
            if has != wanted:
                yield f"{one.name} is shown with the {what} {has}, and has {wanted}"

    def _read(self, operation: str, make: Any) -> Any:
        outcome = self.ask(operation, make)
        self.require(outcome.error is None, f"{type(outcome.error).__name__} of {operation}, and nothing went wrong")
        return outcome.value


def tell_stories(
    seed: int, telling: Telling, *, stories: int, steps: int, kind: type[StoryMachine] = StoryMachine
) -> FindingError | None:
    """Tell so many stories of so many steps, and return the shortest one in which something is wrong."""
    with logging_into(telling.log):
        for first in range(0, stories, _AT_A_TIME):
            own = seed * _SEEDS_APART + first
            machine = hypothesis.seed(own)(type("SeededStory", (kind,), {"telling": telling, "seed": own}))
            chance = settings_for(min(_AT_A_TIME, stories - first), stateful_step_count=steps)
            try:
                run_state_machine_as_test(machine, settings=chance)
            except EnoughError:
                pass
            except FindingError as finding:
                telling.shortest = finding
            if telling.shortest is not None:
                break
    return telling.shortest

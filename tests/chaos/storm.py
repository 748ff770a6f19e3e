"""What is done in a storm, and does the truth agree with what the client was told?

Many workers do random things to one cloud in which everything that can go wrong does, all the time. Afterwards the
mock's journal, which is the truth, is held against what each call returned or raised.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from toast_compute import AmbiguousOutcomeError, ToastComputeError
from toast_compute_mock import AutoJumpClock, Clock, MockCloud, faults
from toast_compute_mock.journal.journal import Journal
from toast_compute_mock.world.seed import default_seed_world

_KEPT = 5  # instances that a worker knows of, so that lists stay short
SHARE = 0.05  # of the calls, for each fault
CREATE = "createInstance"

IMAGE = "1a9e0000-0000-4000-8000-000000000001"
FLAVORS = ("f1a00000-0000-4000-8000-000000000001", "f1a00000-0000-4000-8000-000000000002")
SUBNET = "5b4e0000-0000-4000-8000-000000000001"
VOLUMES = ("b10c0000-0000-4000-8000-000000000001", "b10c0000-0000-4000-8000-000000000003")
FLOATING_IPS = ("203.0.113.10", "203.0.113.11")

BREAKS: tuple[Callable[..., Any], ...] = (
    faults.reset,
    faults.close,
    faults.garbage,
    faults.short_body,
    faults.bad_chunk,
    faults.dribble,
    faults.stall,
    faults.lose_reply,
    faults.lose_request,
    faults.apply_twice,
    faults.stale_read,
)


# What a service may say of itself at any time. -5 and its like are not among them: a service that says that what is
# there does not exist lies, and the client believes it.
REFUSALS = (-1, -2, -3, -4, -6, -7, -8, 10400, 10401, 10403, 10409, 20001)
_REFUSED = 0.12  # of the calls, by all of these together
_RECONCILED = 0.25  # of the creates

LASTING = frozenset({faults.dribble, faults.stall, faults.lose_request})
"""Faults that take real time, or more tries, where the clock is the machine's."""


def stormy_cloud(seed: int, *, clock: Clock | None = None) -> MockCloud:
    """Return a cloud in which each wire and truth fault hits one call in twenty, and a subnet that never is full.

    Besides, the service refuses what it could do, with every code that says no untruth, and gateways fail.

    With a clock of real time it is without the faults that only make one wait.
    """
    world = default_seed_world()
    world.subnets[0].cidr = "192.168.0.0/16"
    # Nothing may be forgotten: the journal is the truth that the client is held against.
    journal = Journal(count_limit=10**9, bytes_limit=10**9)
    cloud = MockCloud(seed=seed, clock=AutoJumpClock() if clock is None else clock, world=world, journal=journal)
    for fault in BREAKS:
        if clock is None or fault not in LASTING:
            cloud.faults.add(fault(None, name=fault.__name__, probability=SHARE, budget=None))
    for code in REFUSALS:
        share = _REFUSED / len(REFUSALS)
        cloud.faults.add(faults.result_code(None, code, name=f"refusal {code}", probability=share, budget=None))
    for status in (502, 503):
        gateway = faults.http_status(
            None, status, name=f"HTTP {status}", commit=status == 502, probability=SHARE, budget=None
        )
        cloud.faults.add(gateway)
    if clock is None:
        cloud.faults.add(faults.slow(None, name="slow", piece=1024, probability=SHARE, budget=None))
    return cloud


@dataclass
class Story:
    """What the workers were told."""

    creates: dict[str, str] = field(default_factory=dict)
    """By the name of the instance, which is used once: its id, or the name of the error's class."""
    reconciled: set[str] = field(default_factory=set)
    """The names of those that were to be looked for if their reply was lost."""
    outcomes: Counter[str] = field(default_factory=Counter)
    untyped: list[BaseException] = field(default_factory=list)

    @property
    def operations(self) -> int:
        """How many calls were made."""
        return sum(self.outcomes.values())

    def unclear(self, *, reconciled: bool) -> float:
        """Return the share of the creates whose outcome the client could not tell."""
        told = [what for name, what in self.creates.items() if (name in self.reconciled) is reconciled]
        return told.count(AmbiguousOutcomeError.__name__) / len(told)


Step = tuple[str, tuple[Any, ...], dict[str, Any]]
"""The method of `instances`, or of a resource with a dot, and its arguments."""


class Worker:
    """Chooses one call after another, and notes what comes of each."""

    def __init__(self, number: int, seed: int, story: Story) -> None:
        self._random = random.Random(f"{seed}/{number}")
        self._number = number
        self._made = 0
        self._story = story
        self._known = ["125a0000-0000-4000-8000-000000000001", "125a0000-0000-4000-8000-000000000002"]

    def next_step(self) -> Step:
        """Return the next call."""
        chance, some = self._random.random(), self._random.choice(self._known)
        if chance < 0.15:
            return "instances.create", (), self._new_instance()
        if chance < 0.35:
            return "instances.delete", (self._known[-1],), {}
        if chance < 0.55:
            return f"instances.{self._random.choice(['start', 'stop', 'reboot'])}", (some,), {}
        if chance < 0.6:
            return "instances.resize", (some, self._random.choice(FLAVORS)), {}
        if chance < 0.65:
            return "instances.attach_volume", (some, self._random.choice(VOLUMES)), {}
        if chance < 0.7:
            return "instances.detach_volume", (some, self._random.choice(VOLUMES)), {}
        if chance < 0.73:
            return "instances.remove_floating_ip", (some, self._random.choice(FLOATING_IPS)), {}
        if chance < 0.76:
            return "instances.add_security_group", (some, "web"), {}
        if chance < 0.82:
            return "keypairs.create", (f"key-{self._number}-{self._count()}",), {}
        if chance < 0.9:
            return "instances.get_details", (some,), {}
        return self._random.choice(["instances.list", "flavors.list", "keypairs.list"]), (), {}

    def note(self, step: Step, outcome: Any) -> None:
        """Keep what came of a call: what it returned, or the error."""
        method, _, arguments = step
        kind = type(outcome).__name__ if isinstance(outcome, BaseException) else "ok"
        self._story.outcomes[kind] += 1
        if isinstance(outcome, BaseException) and not isinstance(outcome, ToastComputeError):
            self._story.untyped.append(outcome)
        if method == "instances.create":
            name = arguments["name"]
            self._story.creates[name] = kind if isinstance(outcome, BaseException) else outcome.id
            if "on_ambiguous" in arguments:
                self._story.reconciled.add(name)
            if not isinstance(outcome, BaseException):
                self._known.append(outcome.id)
        if method == "instances.delete" and len(self._known) > _KEPT:
            self._known.pop()

    def _new_instance(self) -> dict[str, Any]:
        options = {"on_ambiguous": "reconcile"} if self._random.random() < _RECONCILED else {}
        return options | {
            "name": f"w{self._number}-{self._count()}",
            "image": IMAGE,
            "flavor": FLAVORS[0],
            "availability_zone": "kr-pub-a",
            "key_name": "demo-key",
            "networks": [{"subnet_id": SUBNET}],
            "security_groups": ["default"],
        }

    def _count(self) -> int:
        self._made += 1
        return self._made


@dataclass(frozen=True)
class Truth:
    """What became of the requests to create an instance, by its name."""

    requests: Counter[str]
    """How many were carried out."""
    ids: dict[str, set[str]]
    """The ids of those whose reply was written."""


def truth(cloud: MockCloud) -> Truth:
    """Return what the journal says of all creates."""
    requests: Counter[str] = Counter()
    ids: dict[str, set[str]] = {}
    for entry in cloud.journal.find(operation=CREATE):
        if entry.applied:
            name = json.loads(entry.request)["instance"]["name"]
            requests[name] += 1
            ids.setdefault(name, set()).update(re.findall(r'"id":"([^"]+)"', entry.reply))
    return Truth(requests, ids)


def lies(cloud: MockCloud, story: Story) -> list[str]:
    """Return every way in which the client was told something else than the truth."""
    done = truth(cloud)
    living = {
        one.id: one.name for world in cloud.worlds.list() for one in cloud.worlds.get(world.id).instances.values()
    }
    found = [f"{name}: {times} requests were carried out" for name, times in done.requests.items() if times > 1]
    for name, told in story.creates.items():
        if told == AmbiguousOutcomeError.__name__:
            continue
        if told.endswith("Error"):
            if done.requests[name]:
                found.append(f"{name}: there is one, and {told} was told")
            continue
        if not done.requests[name]:
            found.append(f"{name}: {told} was told, and there is none")
        if living.get(told, name) != name or (done.ids[name] and told not in done.ids[name]):
            found.append(f"{name}: {told} was told, which is another one")
    found += [f"an untyped exception: {error!r}" for error in story.untyped]
    return found

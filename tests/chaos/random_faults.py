"""Send random calls to a cloud with every fault, and compare their outcomes with the journal.

Many workers send random calls to one cloud in which every fault occurs all the time. Afterwards the mock's journal,
which records what was carried out, is compared with what each call returned or raised.
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

_KEPT = 5  # instances that a worker remembers, so that lists stay short
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


# Refusals that a service may send at any time. -5 and the like are not among them: the client trusts a service that
# reports an existing instance as missing.
REFUSALS = (-1, -2, -3, -4, -6, -7, -8, 10400, 10401, 10403, 10409, 20001)
_REFUSED = 0.12  # of the calls, by all of these together
_RECONCILED = 0.25  # of the creates

LASTING = frozenset({faults.dribble, faults.stall, faults.lose_request})
"""Faults that take real time, or more attempts, on a real clock."""


def faulty_cloud(seed: int, *, clock: Clock | None = None) -> MockCloud:
    """Return a cloud in which each fault of the wire or the state hits one call in twenty, and a subnet never fills.

    Besides, the service refuses calls that it could carry out, with every code of REFUSALS, and gateways fail. On a
    real clock it has none of the faults that only take time.
    """
    world = default_seed_world()
    world.subnets[0].cidr = "192.168.0.0/16"
    # The journal must keep every entry: the outcomes are compared with it.
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
class Outcomes:
    """What the calls of the workers returned or raised."""

    creates: dict[str, str] = field(default_factory=dict)
    """By the name of the instance, which is used once: its id, or the name of the error's class."""
    reconciled: set[str] = field(default_factory=set)
    """The names of those created with `on_ambiguous="reconcile"`."""
    kinds: Counter[str] = field(default_factory=Counter)
    """How often calls returned ("ok") or raised, by the name of the error's class."""
    untyped: list[BaseException] = field(default_factory=list)

    @property
    def operations(self) -> int:
        """How many calls were made."""
        return sum(self.kinds.values())

    def ambiguous_share(self, *, reconciled: bool) -> float:
        """Return the share of the creates whose outcome was ambiguous."""
        chosen = [outcome for name, outcome in self.creates.items() if (name in self.reconciled) is reconciled]
        return chosen.count(AmbiguousOutcomeError.__name__) / len(chosen)


Step = tuple[str, tuple[Any, ...], dict[str, Any]]
"""The method of `instances`, or of a resource with a dot, and its arguments."""


class Worker:
    """Chooses one call after another, and records the outcome of each."""

    def __init__(self, number: int, seed: int, outcomes: Outcomes) -> None:
        self._random = random.Random(f"{seed}/{number}")
        self._number = number
        self._made = 0
        self._outcomes = outcomes
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

    def record(self, step: Step, outcome: Any) -> None:
        """Record what a call returned, or its error."""
        method, _, arguments = step
        kind = type(outcome).__name__ if isinstance(outcome, BaseException) else "ok"
        self._outcomes.kinds[kind] += 1
        if isinstance(outcome, BaseException) and not isinstance(outcome, ToastComputeError):
            self._outcomes.untyped.append(outcome)
        if method == "instances.create":
            name = arguments["name"]
            self._outcomes.creates[name] = kind if isinstance(outcome, BaseException) else outcome.id
            if "on_ambiguous" in arguments:
                self._outcomes.reconciled.add(name)
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
class CarriedOut:
    """What the journal records of the requests to create an instance, by its name."""

    requests: Counter[str]
    """How many were carried out."""
    ids: dict[str, set[str]]
    """The ids of those whose reply was written."""


def carried_out(cloud: MockCloud) -> CarriedOut:
    """Return what the journal records of all creates."""
    requests: Counter[str] = Counter()
    ids: dict[str, set[str]] = {}
    for entry in cloud.journal.find(operation=CREATE):
        if entry.applied:
            name = json.loads(entry.request)["instance"]["name"]
            requests[name] += 1
            ids.setdefault(name, set()).update(re.findall(r'"id":"([^"]+)"', entry.reply))
    return CarriedOut(requests, ids)


def false_outcomes(cloud: MockCloud, outcomes: Outcomes) -> list[str]:
    """Return every outcome that contradicts the journal or the worlds."""
    done = carried_out(cloud)
    living = {
        one.id: one.name for world in cloud.worlds.list() for one in cloud.worlds.get(world.id).instances.values()
    }
    found = [f"{name}: {times} requests were carried out" for name, times in done.requests.items() if times > 1]
    for name, outcome in outcomes.creates.items():
        if outcome == AmbiguousOutcomeError.__name__:
            continue
        if outcome.endswith("Error"):
            if done.requests[name]:
                found.append(f"{name}: it was created, and {outcome} was raised")
            continue
        if not done.requests[name]:
            found.append(f"{name}: {outcome} was returned, and nothing was created")
        if living.get(outcome, name) != name or (done.ids[name] and outcome not in done.ids[name]):
            found.append(f"{name}: {outcome} was returned, which is another instance")
    found += [f"an untyped exception: {error!r}" for error in outcomes.untyped]
    return found

"""Create instances in a scenario: one or several, beyond the quota, and with a reply that is lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from hypothesis import strategies as st
from hypothesis.stateful import rule
from toast_compute import AmbiguousOutcomeError
from toast_compute_mock import faults

from ..bench import GONE, USER, BeforeSending, Client, Outcome, default_seed_world, kind_of_entry, moment_of
from ..calls import usual
from ..contract import CREATE, DETAILS
from ..judge import problems_of_outcome
from .changes import FLAVORS
from .model import QUOTA, Birth
from .scenario import Scenario, some_fault, some_instance

_LINUX, _WINDOWS = "1a9e0000-0000-4000-8000-000000000001", "1a9e0000-0000-4000-8000-000000000002"
_MIN_DISK = {image.id: image.min_disk for image in default_seed_world().images}
_SUBNET = "5b4e0000-0000-4000-8000-000000000001"
_ZONES = ("kr-pub-a", "kr-pub-b")
_DIFFERENCES = ("groups", "key", "root", "flavor", "zone")
_HOW: st.SearchStrategy[Literal["close", "reset", "stall"]] = st.sampled_from(["close", "reset", "stall"])


class Creates(Scenario):
    """Creates of instances."""

    @rule(
        flavor=st.sampled_from([*FLAVORS[:3] * 3, *FLAVORS]),
        zone=st.sampled_from(_ZONES),
        image=st.sampled_from([_LINUX, _LINUX, _WINDOWS]),
        size=st.sampled_from([None, 50, None, 60, 10]),
        groups=st.sampled_from([["default"], ["default", "web"], ["web"], ["default"], ["nonesuch"]]),
        key=st.integers(0, 9),
        count=st.sampled_from([None, 1, 2, 3]),
        fails=st.integers(0, 5),
        fault=some_fault,
    )
    def create(
        self, flavor: str, zone: str, image: str, size: int | None, groups: list[str], key: int, count: int | None,
        fails: int, fault: str,
    ) -> None:  # fmt: skip
        """Create one or several."""
        keys = [*self.model.keypairs] if key and self.model.keypairs else ["no-such-key"]
        root = _MIN_DISK[image] if size is None else size
        birth = Birth(self.fresh_name(), zone, flavor, image, keys[key % len(keys)], set(groups), root)
        words = f"create {count or 1} x {birth}{' that are going to fail' if not fails else ''}"
        case = self.step("create several" if (count or 1) > 1 else "create", words, fault)
        failing = [] if fails else [faults.end_in_error(CREATE)]
        arguments = _arguments(birth, size, count)
        outcome = self.ask(CREATE, usual("instances.create", **arguments), case=case, faults=failing)
        has_failed = any("end-in-error" in name for entry in outcome.own for name in entry.faults)
        made = self._replay_create(outcome, birth, count or 1, fails=has_failed)
        self.report(problems_of_outcome(outcome))
        if outcome.error is None:
            self.stats.carried_out[CREATE] += 1
            self.require(outcome.value.id in made, "the instance that was returned is none that was created")
            self.require(outcome.value.name == birth.name, "the instance that was returned has another name")

    @rule(
        twin=st.booleans(),
        which=some_instance,
        foreign=st.sampled_from(["", "name", "the same", *_DIFFERENCES]),
        is_applied=st.booleans(),
        how=_HOW,
    )
    def create_and_lose(self, twin: bool, which: int, foreign: str, is_applied: bool, how: Any) -> None:
        """Create, lose the reply or the request, and let the SDK find out.

        There may be one that looks the same before, and somebody else may create another one at the same time, which
        differs in its name, in something else that was asked for, or in nothing.
        """
        there = [one for one in self.model.instances.values() if one.groups and one.key in self.model.keypairs]
        like = there[which % len(there)] if twin and there else None
        room = QUOTA - len(self.model.instances)
        if not room or not self.model.keypairs:
            return
        foreign = foreign if room > 1 else ""
        if foreign == "the same" and not is_applied:
            foreign = "groups"  # nobody could tell that it is somebody else's
        birth = self._birth()
        if like is not None:
            members = ("name", "zone", "flavor", "image", "key", "groups", "root")
            birth = Birth(**{member: getattr(like, member) for member in members})
        other = replace(birth, **self._difference(birth, foreign))
        if other == birth and foreign != "the same":
            foreign = ""
        what = "reply" if is_applied else "request"
        self.step(
            f"create, lose the {what}",
            f"create {birth} {'once more ' if like else ''}with on_ambiguous='reconcile', the {what} gets lost"
            + (f", and somebody else creates one with {foreign} meanwhile" if foreign else ""),
            also=[*(["create, somebody else too"] if foreign else []), *(["create, once more"] if like else [])],
        )
        lose = faults.lose_reply if is_applied else faults.lose_request
        outcome = self.ask(
            CREATE,
            usual("instances.create", **_arguments(birth, birth.root, None), on_ambiguous="reconcile"),
            faults=[lose(CREATE, how=how, nth=2 if foreign else 1)],
            before=self._somebody_creates(other) if foreign else None,
            others=int(bool(foreign)),
        )
        own = outcome.own[1:] if foreign else outcome.own
        self.require(len(own) == 1, f"{CREATE} was sent {len(own)} times")
        self.require(own[0].applied == is_applied, f"{CREATE} was {'not ' if is_applied else ''}carried out")
        foreigners = self._adopt([replace(other, at=moment_of(outcome.own[0]))] if foreign else [])
        made = self._adopt([replace(birth, at=moment_of(own[0]))] if is_applied else [])
        self._require_nobody_else()
        candidates = {one.id for one in getattr(outcome.error, "candidates", ())}
        if foreign == "the same":
            self.require(candidates == {*foreigners, *made}, "two instances match, and they are not the candidates")
        elif is_applied:
            self.require(outcome.error is None, f"{type(outcome.error).__name__} though the instance can be found")
            self.require(outcome.value.id in made, "the SDK took another instance for the one that it created")
        else:
            self.require(isinstance(outcome.error, AmbiguousOutcomeError), "the SDK found what was not created")
            self.require(not candidates & set(foreigners), "somebody else's instance is a candidate")

    @rule(is_applied=st.booleans(), how=_HOW)
    def create_and_see_nothing(self, is_applied: bool, how: Any) -> None:
        """Create, lose the reply or the request, and let the polls for its outcome fail, too."""
        if len(self.model.instances) >= QUOTA or not self.model.keypairs:
            return
        birth = self._birth()
        what = "reply" if is_applied else "request"
        words = f"create {birth} with on_ambiguous='reconcile', the {what} gets lost, and the polls after it fail"
        self.step("create, see nothing", words)
        lose = faults.lose_reply if is_applied else faults.lose_request

        def blind(operation: str) -> None:
            if operation == CREATE:
                self.cloud.faults.add(faults.http_status(DETAILS, 503, budget=None))

        make = usual("instances.create", **_arguments(birth, birth.root, None), on_ambiguous="reconcile")
        outcome = self.ask(CREATE, make, faults=[lose(CREATE, how=how)], before=blind)
        self.require(len(outcome.own) == 1, f"{CREATE} was sent {len(outcome.own)} times")
        self._adopt([replace(birth, at=moment_of(outcome.own[0]))] if outcome.applied else [])
        self._require_nobody_else()
        ended = type(outcome.error).__name__
        self.require(isinstance(outcome.error, AmbiguousOutcomeError), f"{ended} hides that {CREATE} may be done")

    def _birth(self) -> Birth:
        key = next(iter(self.model.keypairs))
        return Birth(self.fresh_name(), _ZONES[0], FLAVORS[0], _LINUX, key, {"default"}, _MIN_DISK[_LINUX])

    def _difference(self, birth: Birth, what: str) -> Mapping[str, Any]:
        """Return one thing in which another instance differs, where there is such."""
        others: Mapping[str, list[Any]] = {
            "name": [self.fresh_name()],
            "groups": [set(self.model.all_groups - birth.groups)],
            "key": [key for key in self.model.keypairs if key != birth.key],
            "root": [birth.root + 10],
            "flavor": [flavor for flavor in FLAVORS if flavor != birth.flavor],
            "zone": [zone for zone in _ZONES if zone != birth.zone],
        }
        value = next(iter(others.get(what, [])), None)
        return {what: value} if value else {}

    def _somebody_creates(self, birth: Birth) -> BeforeSending:
        """Let somebody else create an instance right before the scenario's client does."""
        done: list[str] = []

        def before(operation: str) -> None:
            if operation == CREATE and not done:
                done.append(operation)
                other = Client("sync", transport=self.cloud.transport, clock=self.clock)
                _, error = other.call(usual("instances.create", **_arguments(birth, birth.root, None)))
                other.close()
                assert error is None, error

        return before

    def _replay_create(self, outcome: Outcome, birth: Birth, count: int, *, fails: bool) -> list[str]:
        """Let the model do what the mock has recorded, and return the ids of what was made."""
        possible = self._possible(birth, count)
        made: list[str] = []
        for entry in outcome.own:
            kind = kind_of_entry(entry)
            if entry.applied:
                self.require("success" in possible, f"a create was carried out, and had to be refused: {possible}")
                made += self._adopt([replace(birth, at=moment_of(entry))] * count, fails=fails)
            elif not entry.faults and (kind != "permission-denied" or (entry.result_code or 0) > 0):
                self.require(kind in possible, f"a create ended as {kind}, and not as {possible}")
        self._require_nobody_else()
        return made

    def _possible(self, birth: Birth, count: int) -> set[str]:
        """Return how a create may end: kinds of refusals, or "success"."""
        model, refusals = self.model, set()
        if birth.flavor not in model.flavors or birth.key not in model.keypairs or not birth.groups <= model.all_groups:
            refusals.add("not-found")
        if birth.root < _MIN_DISK[birth.image]:
            refusals.add("invalid-parameters")
        if birth.flavor in model.disabled:
            refusals.add("conflict")
        if len(model.instances) + count > QUOTA:
            # A deletion may be over by the time of the request: then there is room.
            staying = sum(GONE not in one.possible(self.now) for one in model.instances.values())
            if not refusals and staying + count <= QUOTA:
                return {"permission-denied", "success"}
            refusals.add("permission-denied")
        return refusals or {"success"}

    def _adopt(self, births: Sequence[Birth], *, fails: bool = False) -> list[str]:
        """Find what was created in the mock's own records, and take it into the model."""
        assert self.bench is not None
        ids: list[str] = []
        for birth in births:
            new = [one for one in self.bench.world.instances.values() if one.id not in self.model.instances]
            one = next((one for one in new if one.name == birth.name), None)
            if one is None:
                self.report([f"{len(births)} x {birth.name} were to be created, and {len(ids)} are there"])
                return ids
            self.model.adopt(one.id, birth, one.interfaces[0].ip_address, fails=fails)
            status, possible = self.bench.status(one.id), self.model.instances[one.id].possible(self.now)
            self.require(status in possible, f"{birth.name} is {status} after its create")
            ids.append(one.id)
        return ids

    def _require_nobody_else(self) -> None:
        more = self.cloud.worlds.get(USER).instances.keys() - self.model.instances.keys()
        self.require(not more, f"{len(more)} instances more than were asked for are there")


def _arguments(birth: Birth, size: int | None, count: int | None) -> dict[str, Any]:
    return {
        "name": birth.name,
        "image": birth.image,
        "flavor": birth.flavor,
        "availability_zone": birth.zone,
        "key_name": birth.key,
        "networks": {"subnet_id": _SUBNET},
        "security_groups": sorted(birth.groups),
        "volume": None if size is None else {"size": size},
        "count": count,
    }

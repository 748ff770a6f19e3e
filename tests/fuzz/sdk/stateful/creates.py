"""Create instances in a scenario: one or several, beyond the quota, and with a reply that is lost."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule
from toast_compute import AmbiguousOutcomeError
from toast_compute_mock import faults

from ..bench import GONE, BeforeSending, Client, Outcome, kind_of_entry, moment_of
from ..calls import Make, usual
from ..contract import CREATE, DETAILS
from ..judge import problems_of_outcome
from .changes import FLAVORS
from .model import QUOTA, Spec
from .scenario import Scenario, some_fault, some_instance

_LINUX, _WINDOWS = "1a9e0000-0000-4000-8000-000000000001", "1a9e0000-0000-4000-8000-000000000002"
_SUBNET = {"subnet_id": "5b4e0000-0000-4000-8000-000000000001"}
_ZONES = ("kr-pub-a", "kr-pub-b")
_DIFFERENCES = ("name", "security_groups", "key_name", "volume", "flavor", "availability_zone")
_SAME = "the same"
_some_loss = st.tuples(st.booleans(), st.sampled_from(["close", "reset", "stall"]))


def _create(spec: Spec, **options: Any) -> Make:
    return usual("instances.create", **spec, networks=_SUBNET, **options)


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
        keys = [*self.model.keypairs] if key and self.model.keypairs else ["no-such-key"]
        spec = self._spec(
            key_name=keys[key % len(keys)], flavor=flavor, availability_zone=zone, image=image, security_groups=groups,
            volume=None if size is None else {"size": size},
        )  # fmt: skip
        words = f"{count or 1} x {spec}{' that are going to fail' if not fails else ''}"
        case = self.step("create several" if (count or 1) > 1 else "create", words, fault)
        failing = [] if fails else [faults.end_in_error(CREATE)]
        outcome = self.ask(CREATE, _create(spec, count=count), case=case, faults=failing)
        has_failed = any("end-in-error" in name for entry in outcome.own for name in entry.faults)
        made = self._replay_create(outcome, spec, count or 1, fails=has_failed)
        self.report(problems_of_outcome(outcome))
        if outcome.error is None:
            self.stats.count("success", CREATE)
            self.require(outcome.value.id in made, "the instance that was returned is not one that was created")
            self.require(outcome.value.name == spec["name"], "the instance that was returned has another name")

    @rule(twin=st.booleans(), which=some_instance, foreign=st.sampled_from(["", _SAME, *_DIFFERENCES]), loss=_some_loss)
    def create_and_lose(self, twin: bool, which: int, foreign: str, loss: tuple[bool, Any]) -> None:
        """Create, lose the reply or the request, and let the SDK find out.

        There may be one that looks the same before, and somebody else may create another one at the same time, which
        differs in its name, in something else that was asked for, or in nothing.
        """
        is_applied, how = loss
        there = [one for one in self.model.instances.values() if one.held["group"] and one.key in self.model.keypairs]
        like = there[which % len(there)] if twin and there else None
        room = QUOTA - len(self.model.instances)
        if not room or not self.model.keypairs:
            return
        foreign = foreign if room > 1 else ""
        if foreign == _SAME and not is_applied:
            foreign = "security_groups"  # nobody could tell that it is somebody else's
        spec = self._spec()
        if like is not None:
            spec = self._spec(
                name=like.name, availability_zone=like.zone, flavor=like.flavor, image=like.image, key_name=like.key,
                security_groups=sorted(like.held["group"]), volume={"size": like.root},
            )  # fmt: skip
        other = self._different(spec, foreign)
        if other == spec and foreign != _SAME:
            foreign = ""
        what = "reply" if is_applied else "request"
        also = [*(["create, somebody else too"] if foreign else []), *(["create, once more"] if like else [])]
        self.step(f"create, lose the {what}", f"{spec}, of others: {foreign or 'nothing'}", also=also)
        lose = faults.lose_reply if is_applied else faults.lose_request
        outcome = self.ask(
            CREATE,
            _create(spec, on_ambiguous="reconcile"),
            faults=[lose(CREATE, how=how, nth=2 if foreign else 1)],
            before=self._somebody_creates(other) if foreign else None,
            others=int(bool(foreign)),
        )
        own = outcome.own[1:] if foreign else outcome.own
        self.require(len(own) == 1, f"{CREATE} was sent {len(own)} times")
        self.require(own[0].applied == is_applied, f"{CREATE} was {'not ' if is_applied else ''}carried out")
        foreigners = self._adopt(other, moment_of(outcome.own[0]), int(bool(foreign)))
        made = self._adopt(spec, moment_of(own[0]), int(is_applied))
        self._require_nobody_else()
        candidates = {one.id for one in getattr(outcome.error, "candidates", ())}
        if foreign == _SAME:
            self.require(candidates == {*foreigners, *made}, "two instances match, and they are not the candidates")
        elif is_applied:
            self.require(outcome.error is None, f"{outcome.ended_as} though the instance can be found")
            self.require(outcome.value.id in made, "the SDK took another instance for the one that it created")
        else:
            self.require(isinstance(outcome.error, AmbiguousOutcomeError), "the SDK found what was not created")
            self.require(not candidates & set(foreigners), "somebody else's instance is a candidate")

    @rule(loss=_some_loss)
    def create_and_see_nothing(self, loss: tuple[bool, Any]) -> None:
        if len(self.model.instances) >= QUOTA or not self.model.keypairs:
            return
        is_applied, how = loss
        spec, what = self._spec(), "reply" if is_applied else "request"
        self.step(f"create, lose the {what} and all polls", str(spec))
        lose = faults.lose_reply if is_applied else faults.lose_request

        def blind(operation: str) -> None:
            if operation == CREATE:
                self.cloud.faults.add(faults.http_status(DETAILS, 503, budget=None))

        make = _create(spec, on_ambiguous="reconcile")
        outcome = self.ask(CREATE, make, faults=[lose(CREATE, how=how)], before=blind)
        self.require(len(outcome.own) == 1, f"{CREATE} was sent {len(outcome.own)} times")
        self._adopt(spec, moment_of(outcome.own[0]), outcome.applied)
        self._require_nobody_else()
        is_ambiguous = isinstance(outcome.error, AmbiguousOutcomeError)
        self.require(is_ambiguous, f"{outcome.ended_as} hides that {CREATE} may be done")

    def _spec(self, **members: Any) -> Spec:
        usual = {
            "name": self.fresh_name(), "availability_zone": _ZONES[0], "flavor": FLAVORS[0], "image": _LINUX,
            "key_name": next(iter(self.model.keypairs), ""), "security_groups": ["default"], "volume": {"size": 20},
        }  # fmt: skip
        return {**usual, **members}

    def _different(self, spec: Spec, what: str) -> Spec:
        match what:
            case "name":
                return {**spec, "name": self.fresh_name()}
            case "security_groups":
                return {**spec, what: sorted(self.model.known["group"] - {*spec[what]}) or spec[what]}
            case "volume":
                return {**spec, what: {"size": spec[what]["size"] + 10}}
            case "key_name" | "flavor" | "availability_zone":
                choices = {"key_name": self.model.keypairs, "flavor": FLAVORS, "availability_zone": _ZONES}[what]
                return {**spec, what: next((one for one in choices if one != spec[what]), spec[what])}
        return spec

    def _somebody_creates(self, spec: Spec) -> BeforeSending:
        done: list[str] = []

        def before(operation: str) -> None:
            if operation == CREATE and not done:
                done.append(operation)
                other = Client("sync", transport=self.cloud.transport, clock=self.clock)
                _, error = other.call(_create(spec))
                other.close()
                assert error is None, error

        return before

    def _replay_create(self, outcome: Outcome, spec: Spec, count: int, *, fails: bool) -> list[str]:
        possible = self._possible(spec, count)
        made: list[str] = []
        for entry in outcome.own:
            kind = kind_of_entry(entry)
            if entry.applied:
                self.require("success" in possible, f"a create was carried out, and had to be refused: {possible}")
                made += self._adopt(spec, moment_of(entry), count, fails=fails)
            elif not entry.faults and (kind != "permission-denied" or (entry.result_code or 0) > 0):
                self.require(kind in possible, f"a create ended as {kind}, and not as {possible}")
        self._require_nobody_else()
        return made

    def _possible(self, spec: Spec, count: int) -> set[str]:
        model, refusals = self.model, set()
        is_known = spec["flavor"] in model.flavors and spec["key_name"] in model.keypairs
        if not is_known or not {*spec["security_groups"]} <= model.known["group"]:
            refusals.add("not-found")
        if model.root_size(spec) < model.min_disks[spec["image"]]:
            refusals.add("invalid-parameters")
        if spec["flavor"] in model.disabled:
            refusals.add("conflict")
        if len(model.instances) + count > QUOTA:
            # A deletion may be over by the time of the request: then there is room.
            staying = sum(GONE not in one.possible(self.now) for one in model.instances.values())
            if not refusals and staying + count <= QUOTA:
                return {"permission-denied", "success"}
            refusals.add("permission-denied")
        return refusals or {"success"}

    def _adopt(self, spec: Spec, at: float, count: int, *, fails: bool = False) -> list[str]:
        ids: list[str] = []
        for _ in range(count):
            new = [one for one in self.bench.world.instances.values() if one.id not in self.model.instances]
            one = next((one for one in new if one.name == spec["name"]), None)
            if one is None:
                self.report([f"{count} x {spec['name']} were to be created, and {len(ids)} are there"])
                return ids
            self.model.adopt(one.id, spec, one.interfaces[0].ip_address, at, fails=fails)
            status, possible = self.bench.status(one.id), self.model.instances[one.id].possible(self.now)
            self.require(status in possible, f"{one.name} is {status} after its create")
            ids.append(one.id)
        return ids

    def _require_nobody_else(self) -> None:
        more = self.bench.world.instances.keys() - self.model.instances.keys()
        self.require(not more, f"{len(more)} instances more than were asked for are there")

"""How do instances come into a story? Creates of one or several, beyond the quota, and with a reply that is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule
from toast_compute import AmbiguousOutcomeError, ToastCompute
from toast_compute_mock import faults
from toast_compute_mock.faults import Fault
from toast_compute_mock.worlds import default_seed_world

from .driver import CREDENTIALS, BeforeSending
from .model import Birth
from .story import WORLD, Story, shown_status, some_instance, some_trouble
from .story_changes import FLAVORS
from .told import Outcome, kind_of_entry, problems_of_outcome

CREATE = "createInstance"
LINUX, WINDOWS = "1a9e0000-0000-4000-8000-000000000001", "1a9e0000-0000-4000-8000-000000000002"
_MIN_DISK = {image.id: image.min_disk for image in default_seed_world().images}
_SUBNET = "5b4e0000-0000-4000-8000-000000000001"
_ZONES = ("kr-pub-a", "kr-pub-b")
_DIFFERENCES = ("groups", "key", "disk", "flavor", "zone")


class Creates(Story):
    """Creates of instances."""

    @rule(
        flavor=st.sampled_from([*FLAVORS[:3] * 3, *FLAVORS]),
        zone=st.sampled_from(_ZONES),
        image=st.sampled_from([LINUX, LINUX, WINDOWS]),
        size=st.sampled_from([None, 50, None, 60, 10]),
        groups=st.sampled_from([["default"], ["default", "web"], ["web"], ["default"], ["nonesuch"]]),
        key=st.integers(0, 9),
        count=st.sampled_from([None, 1, 2, 3]),
        fails=st.integers(0, 5),
        trouble=some_trouble,
    )
    def create(
        self, flavor: str, zone: str, image: str, size: int | None, groups: list[str], key: int, count: int | None,
        fails: int, trouble: str,
    ) -> None:  # fmt: skip
        """Create one or several."""
        keys = [*self.model.keypairs] if key else []
        keys = keys or ["no-such-key"]
        root = _MIN_DISK[image] if size is None else size
        birth = Birth(self.fresh_name(), zone, flavor, image, keys[key % len(keys)], set(groups), root, 0.0)
        ends = " that are going to fail" if fails == 0 else ""
        wrong = self.say(
            "create several" if (count or 1) > 1 else "create",
            f"create {count or 1} x {birth.name}{ends} (flavor ..{flavor[-2:]}, {zone}, key {birth.key}, "
            f"{'/'.join(groups)}, disk {root})",
            trouble,
        )
        more = [faults.end_in_error(CREATE)] if fails == 0 else []
        arguments = _arguments(birth, size, count)
        outcome = self.ask(CREATE, lambda toast: toast.instances.create(**arguments), trouble=wrong, more=more)
        made = self._replay_create(outcome, birth, count or 1, fails=fails == 0 and _struck(outcome, more))
        self.tell_of(problems_of_outcome(outcome))
        if outcome.error is None:
            self.telling.carried_out[CREATE] += 1
            self.require(outcome.value.id in made, "the instance that was returned is none that was created")
            self.require(outcome.value.name == birth.name, "the instance that was returned has another name")

    @rule(
        twin=st.booleans(),
        which=some_instance,
        foreign=st.sampled_from(["", "another name", "the same", *_DIFFERENCES]),
        carried_out=st.booleans(),
        how=st.sampled_from(["close", "reset", "stall"]),
    )
    def create_and_lose(self, twin: bool, which: int, foreign: str, carried_out: bool, how: Any) -> None:
        """Create, lose the reply or the request, and let the SDK look what came of it.

        There may be one that looks the same before, and somebody else may create another one at the same time, which
        differs in its name, in something else that was asked for, or in nothing.
        """
        there = [one for one in self.model.instances.values() if one.groups and one.key in self.model.keypairs]
        like = there[which % len(there)] if twin and there else None
        room = self.model.quota - len(self.model.instances)
        if not room or not self.model.keypairs:
            return
        foreign = foreign if room > 1 else ""
        if foreign == "the same" and not carried_out:
            foreign = "groups"  # nobody could tell that it is somebody else's
        key = next(iter(self.model.keypairs))
        birth = Birth(self.fresh_name(), _ZONES[0], FLAVORS[0], LINUX, key, {"default"}, _MIN_DISK[LINUX], 0.0)
        if like is not None:
            birth = replace(
                birth, name=like.name, zone=like.zone, flavor=like.flavor, image=like.image, key=like.key,
                groups=set(like.groups), root=like.root,
            )  # fmt: skip
        other = self._different(birth, foreign)
        if other == birth and foreign != "the same":
            foreign = ""
        what = "reply" if carried_out else "request"
        self.say(
            f"create, lose the {what}",
            f"create {birth.name}{' once more' if like else ''} with on_ambiguous='reconcile', the {what} gets lost"
            + (f", and somebody else creates {other.name} ({foreign}) meanwhile" if foreign else ""),
            also=[*(["create, somebody else too"] if foreign else []), *(["create, once more"] if like else [])],
        )
        lost = faults.lose_reply if carried_out else faults.lose_request
        outcome = self.ask(
            CREATE,
            lambda toast: toast.instances.create(**_arguments(birth, birth.root, None), on_ambiguous="reconcile"),
            more=[lost(CREATE, how=how, nth=2 if foreign else 1)],
            before=self._somebody_creates(other) if foreign else None,
            others=int(bool(foreign)),
        )
        own = outcome.own[1:] if foreign else outcome.own
        self.require(len(own) == 1, f"{CREATE} was sent {len(own)} times")
        self.require(own[0].applied == carried_out, f"{CREATE} was {'not ' if carried_out else ''}carried out")
        foreigners = self._adopt([replace(other, at=self.moment_of(outcome.own[0]))] if foreign else [])
        made = self._adopt([replace(birth, at=self.moment_of(own[0]))] if carried_out else [])
        self._nobody_else()
        candidates = {one.id for one in getattr(outcome.error, "candidates", ())}
        if foreign == "the same":
            self.require(candidates == {*foreigners, *made}, "two instances match, and they are not the candidates")
        elif carried_out:
            self.require(outcome.error is None, f"{type(outcome.error).__name__} though the instance can be found")
            self.require(outcome.value.id in made, "the SDK took another instance for the one that it created")
        else:
            self.require(isinstance(outcome.error, AmbiguousOutcomeError), "the SDK found what was not created")
            self.require(not candidates & set(foreigners), "somebody else's instance is a candidate")

    @rule(carried_out=st.booleans(), how=st.sampled_from(["close", "reset", "stall"]))
    def create_and_see_nothing(self, carried_out: bool, how: Any) -> None:
        """Create, lose the reply or the request, and let the looks for what came of it fail, too."""
        if len(self.model.instances) >= self.model.quota or not self.model.keypairs:
            return
        key = next(iter(self.model.keypairs))
        birth = Birth(self.fresh_name(), _ZONES[0], FLAVORS[0], LINUX, key, {"default"}, _MIN_DISK[LINUX], 0.0)
        what = "reply" if carried_out else "request"
        self.say(
            "create, see nothing",
            f"create {birth.name} with on_ambiguous='reconcile', the {what} gets lost, and the looks after it fail",
        )
        lost = faults.lose_reply if carried_out else faults.lose_request

        def blind(operation: str) -> None:
            if operation == CREATE:
                self.cloud.faults.add(faults.http_status("listInstanceDetails", 503, budget=None))

        outcome = self.ask(
            CREATE,
            lambda toast: toast.instances.create(**_arguments(birth, birth.root, None), on_ambiguous="reconcile"),
            more=[lost(CREATE, how=how)],
            before=blind,
        )
        self.require(len(outcome.own) == 1, f"{CREATE} was sent {len(outcome.own)} times")
        self._adopt([replace(birth, at=self.moment_of(outcome.own[0]))] if outcome.applied else [])
        self._nobody_else()
        ended = type(outcome.error).__name__
        self.require(isinstance(outcome.error, AmbiguousOutcomeError), f"{ended} hides that {CREATE} may be done")

    def _different(self, birth: Birth, what: str) -> Birth:
        """Return an instance that differs in one thing from another one, where it can."""
        birth = replace(birth, groups=set(birth.groups))
        match what:
            case "another name":
                return replace(birth, name=self.fresh_name())
            case "groups":
                others = set(self.model.all_groups - birth.groups)
                return replace(birth, groups=others or set(birth.groups))
            case "key":
                return replace(birth, key=next((key for key in self.model.keypairs if key != birth.key), birth.key))
            case "disk":
                return replace(birth, root=birth.root + 10)
            case "flavor":
                return replace(birth, flavor=next(one for one in FLAVORS if one != birth.flavor))
            case "zone":
                return replace(birth, zone=next(one for one in _ZONES if one != birth.zone))
        return birth

    def _somebody_creates(self, birth: Birth) -> BeforeSending:
        """Let somebody else create an instance right before the story's client does."""
        done: list[str] = []

        def before(operation: str) -> None:
            if operation == CREATE and not done:
                done.append(operation)
                with ToastCompute(*CREDENTIALS, transport=self.cloud.transport, clock=self.clock) as other:
                    other.instances.create(**_arguments(birth, birth.root, None))

        return before

    def _replay_create(self, outcome: Outcome, birth: Birth, count: int, *, fails: bool) -> list[str]:
        """Let the model do what the mock has noted, and return the ids of what was made."""
        reasons = self._refusals(birth, count, self.clock.monotonic())
        made: list[str] = []
        for entry in outcome.own:
            if entry.applied:
                self.require("success" in reasons, f"a create was carried out, and it had to be refused: {reasons}")
                births = [replace(birth, at=self.moment_of(entry), groups=set(birth.groups)) for _ in range(count)]
                made += self._adopt(births, fails=fails)
            elif not entry.faults and kind_of_entry(entry) != "permission-denied":
                self.require(kind_of_entry(entry) in reasons, f"a create ended as {kind_of_entry(entry)}: {reasons}")
            elif not entry.faults and entry.result_code is not None and entry.result_code > 0:
                self.require("permission-denied" in reasons, "the quota is not used up")
        self._nobody_else()
        return made

    def _refusals(self, birth: Birth, count: int, now: float) -> list[str]:
        """How a create may end: kinds of refusals, or "success"."""
        reasons = set()
        if birth.flavor not in self.model.flavors or birth.key not in self.model.keypairs:
            reasons.add("not-found")
        if not birth.groups <= self.model.all_groups:
            reasons.add("not-found")
        if birth.root < _MIN_DISK[birth.image]:
            reasons.add("invalid-parameters")
        if birth.flavor in self.model.disabled:
            reasons.add("conflict")
        there = list(self.model.instances.values())
        if len(there) + count > self.model.quota:
            # A deletion may be over by the time of the request: then there is room.
            staying = sum("gone" not in one.possible(now) for one in there)
            if not reasons and staying + count <= self.model.quota:
                return ["permission-denied", "success"]
            reasons.add("permission-denied")
        return sorted(reasons) or ["success"]

    def _adopt(self, births: Sequence[Birth], *, fails: bool = False) -> list[str]:
        """Find what was created in the mock's own books, and take it into the model."""
        world = self.cloud.worlds.get(WORLD.user_id)
        new = [one for one in world.instances.values() if one.id not in self.model.instances]
        ids: list[str] = []
        for birth in births:
            one = next((one for one in new if one.name == birth.name and one.id not in ids), None)
            if one is None:
                self.tell_of([f"{len(births)} x {birth.name} were to be created, and {len(ids)} are there"])
                return ids
            self.model.born.append(birth)
            self.model.adopt(one.id, birth, one.interfaces[0].ip_address, fails=fails)
            status = shown_status(world, one.id)
            possible = self.model.instances[one.id].possible(self.clock.monotonic())
            self.require(status in possible, f"{birth.name} is {status} after its create")
            ids.append(one.id)
        return ids

    def _nobody_else(self) -> None:
        world = self.cloud.worlds.get(WORLD.user_id)
        more = world.instances.keys() - self.model.instances.keys()
        self.require(not more, f"{len(more)} instances more than were asked for are there")

    def fresh_name(self) -> str:
        self.made += 1
        return f"vm-{self.made}"


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


def _struck(outcome: Outcome, more: Sequence[Fault]) -> bool:
    """Whether the fault beside the trouble struck."""
    return any("end-in-error" in name for entry in outcome.own for name in entry.faults) and bool(more)

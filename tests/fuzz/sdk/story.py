"""What does every step of a story share? A cloud, a client, the model, and what is held after each call."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize
from toast_compute import AmbiguousOutcomeError, ToastComputeError
from toast_compute_api.behaviour import LIFECYCLE
from toast_compute_mock import MockCloud
from toast_compute_mock.faults import Fault
from toast_compute_mock.journal import Entry
from toast_compute_mock.state import World
from toast_compute_mock.timeline import START_OF_FROZEN_TIME
from toast_compute_mock.worlds import default_seed_world

from .clocks import SteppingClock
from .driver import BeforeSending, Driver
from .facts import asks_for_fresh_token
from .model import Instance, Model
from .secrecy import Log, problems_of_error
from .told import TOKEN, Outcome, kind_of_entry, problems_of_outcome, problems_of_tokens
from .troubles import TROUBLES, Trouble

COLOURS = ("blocking", "asyncio")
WORLD = default_seed_world().accounts[0]
QUOTA = 4
KEYPAIR_QUOTA = 4
SHRINKING_SECONDS = 10.0
NO_TROUBLE = ""

_BURIED, NEVER = 7, 9
some_instance = st.integers(0, 9)
some_trouble = st.sampled_from([*([NO_TROUBLE] * 2 * len(TROUBLES)), *sorted(TROUBLES)])  # two calls of three go well


class FindingError(Exception):
    """Something is wrong. The text is one sentence; the steps that led to it are with it."""

    def __init__(self, problem: str, steps: Sequence[str]) -> None:
        super().__init__(problem)
        self.steps = tuple(steps)


class EnoughError(BaseException):
    """The story is short enough, or the time to shorten it is over; Hypothesis lets it pass."""


@dataclass
class Telling:
    """What all stories of a run have come to."""

    log: Log = field(default_factory=Log)
    stories: int = 0
    steps: Counter[str] = field(default_factory=Counter)
    """By the kind of the step."""
    statuses: Counter[str] = field(default_factory=Counter)
    """Those that an instance had after a step."""
    troubles: Counter[str] = field(default_factory=Counter)
    """Those that struck."""
    colours: set[str] = field(default_factory=set)
    carried_out: Counter[str] = field(default_factory=Counter)
    """The moves of the lifecycle that have succeeded."""
    shortest: FindingError | None = None
    _first: float = 0.0

    def found(self, finding: FindingError) -> None:
        """Keep a finding if it is the shortest yet. Raises EnoughError when the time to shorten it is over."""
        now = time.monotonic()
        if self.shortest is None:
            self._first = now
        if self.shortest is None or len(finding.steps) < len(self.shortest.steps):
            self.shortest = finding
        if now - self._first > SHRINKING_SECONDS:
            raise EnoughError


class Story(RuleBasedStateMachine):
    """The base of the rules: makes calls and holds what comes of them against journal and model."""

    telling: Telling
    seed = 1

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []
        self.driver: Driver | None = None
        self._issued: float | None = None
        self.revoked = False
        """Whether the service has just forgotten all tokens."""
        self.secrets: set[str] = set()
        self.made = 0
        self.colour = ""

    @initialize(colour=st.sampled_from(COLOURS))
    def begin(self, colour: str) -> None:
        """Open a cloud, and a client of this colour."""
        self.colour = colour
        self.clock = SteppingClock()
        self.cloud = MockCloud(seed=self.seed, clock=self.clock)
        self.cloud.worlds.set_quotas(WORLD.user_id, instances=QUOTA, keypairs=KEYPAIR_QUOTA)
        self.driver = Driver(self.cloud, self.clock, colour)
        self.model = model_of(self.cloud.worlds.get(WORLD.user_id))
        self.telling.stories += 1
        self.telling.colours.add(colour)
        self.told.append(f"a client ({colour}) of a cloud with {', '.join(sorted(self._names()))}")

    def teardown(self) -> None:
        """Close the client."""
        if self.driver is not None:
            self.driver.close()

    # What rules use

    def pick(self, which: int, move: str = "", where: Callable[[Instance], object] = lambda _: True) -> tuple[str, str]:
        """Return the id of an instance and what to call it: one that is there, the last that is gone, or none.

        Every other number stands for one whose status allows the move and for which `where` holds, if there is such.
        """
        there = list(self.model.instances.values())
        if move and self.fits(which):
            accepted, now = set(LIFECYCLE.operations[move].accepted_in), self.clock.monotonic()
            fitting = [one for one in there if one.possible(now) <= accepted and where(one)]
            if fitting:
                one = fitting[which // 2 % len(fitting)]
                return one.id, f"{one.name} #{there.index(one) + 1}"
        if which == _BURIED and self.model.buried:
            return self.model.buried[-1], "the instance that was deleted last"
        if which == NEVER or not there:
            return "00000000-0000-4000-8000-00000000dead", "an instance that never was"
        return there[which % len(there)].id, f"{there[which % len(there)].name} #{which % len(there) + 1}"

    def fits(self, which: int) -> bool:
        """Return whether a number stands for something that can succeed, where that can be chosen."""
        return which % 2 == 0

    def require(self, holds: bool, problem: str) -> None:
        """Tell of a problem if something does not hold."""
        if not holds:
            self.tell_of([problem])

    def tell_of(self, problems: Iterable[str]) -> None:
        """Raise the first problem as a finding, if there is one."""
        problem = next(iter(problems), None)
        if problem is not None:
            finding = FindingError(problem, self.told)
            self.telling.found(finding)
            raise finding

    def say(self, kind: str, words: str, trouble: str = NO_TROUBLE, also: Sequence[str] = ()) -> Trouble | None:
        """Begin a step: note it as of this kind and `also` of others, and return what is to go wrong."""
        found = TROUBLES.get(trouble)
        self.told.append(words + (f", and {found.says}" if found is not None else ""))
        self.telling.steps.update([kind, *also])
        return found

    def ask(
        self,
        operation: str,
        make: Callable[[Any], Any],
        *,
        action: str = "",
        trouble: Trouble | None = None,
        more: Sequence[Fault] = (),
        before: BeforeSending | None = None,
        keep: bool = False,
        others: int = 0,
    ) -> Outcome:
        """Make a call, and hold what holds for all calls.

        Args:
            operation: what it asks for.
            make: makes it with a client.
            action: the action, for the operation whose body is one.
            trouble: what goes wrong once.
            more: what goes wrong beside that.
            before: what others do meanwhile.
            keep: whether what did not go wrong may go wrong in the next call.
            others: how many others issue a token meanwhile.
        """
        assert self.driver is not None
        if trouble is not None:
            self.cloud.faults.add(trouble.make(operation, action or None))
        self.cloud.faults.add(*more)
        last, began = self.cloud.journal.last, self.clock.monotonic()
        value, error = self.driver.call(make, before=before)
        entries = self.cloud.journal.find(after=last)
        if not keep:
            self.cloud.faults.clear()
        outcome = Outcome(operation, action, value, error, entries, began, self.clock.monotonic(), trouble)
        ended = type(error).__name__ if error is not None else "done"
        self.told[-1] += f" -> {ended}"
        self._after(outcome, others)
        return outcome

    def ask_for_change(
        self, move: str, id: str, given: Mapping[str, str], make: Callable[[Any], Any], *, trouble: Trouble | None,
        fails: bool = False, more: Sequence[Fault] = (), before: BeforeSending | None = None, keep: bool = False,
    ) -> Outcome:  # fmt: skip
        """Ask for a change of one instance, and hold it against the model request by request."""
        is_action = move not in ("deleteInstance", "attachVolume", "detachVolume")
        operation, action = ("runInstanceAction", move) if is_action else (move, "")
        outcome = self.ask(operation, make, action=action, trouble=trouble, more=more, before=before, keep=keep)
        self.replay(outcome, move, id, given, fails=fails)
        if outcome.applied and outcome.error is None:
            self.telling.carried_out[move] += 1
        self.require(
            outcome.error is not None or self.model.is_done(move, id, given),
            f"{move} was told to have succeeded, and it is not so",
        )
        one = self.model.instances.get(id)
        if one is not None and (outcome.error is None or isinstance(outcome.error, AmbiguousOutcomeError)):
            # So long may the SDK expect the change, whether it was carried out or not.
            one.changed = max(one.changed, outcome.ended + LIFECYCLE.operations[move].max_seconds)
        self.tell_of(problems_of_outcome(outcome))
        return outcome

    def replay(self, outcome: Outcome, move: str, id: str, given: Mapping[str, str], *, fails: bool = False) -> None:
        """Let the model do each request that the mock has noted, and hold the mock against it."""
        for entry in outcome.own:
            at = self.moment_of(entry)
            possible = self.model.outcomes(move, id, given, at)
            if entry.applied:
                self.require(
                    "success" in possible, f"{move} was carried out, and it had to be refused: {_or(possible)}"
                )
                self.model.carry_out(move, id, given, at, fails=fails)
            elif not entry.faults:
                ended = kind_of_entry(entry)
                if asks_for_fresh_token(entry.result_code or 0):
                    continue
                self.require(ended in possible, f"{move} ended as {ended}, and not as {_or(possible)}")

    def _after(self, outcome: Outcome, others: int) -> None:
        entries = outcome.entries
        for entry in entries:
            if entry.faults and outcome.trouble is not None:
                self.telling.troubles[outcome.trouble.name] += 1
        refused = (one for one in entries if not one.faults and asks_for_fresh_token(one.result_code or 0))
        self.require(self.revoked or not any(refused), "a token was sent that had come to its end")
        if outcome.operation != TOKEN:
            self.tell_of(problems_of_tokens(entries, outcome.began, outcome.ended, self._issued, others))
            issued = [self.moment_of(entry) for entry in entries if entry.operation == TOKEN and entry.result_code == 0]
            own = issued[: len(issued) - others]  # what others do, they do after the client's own token was issued
            self._issued = own[-1] if own else self._issued
        self.hold_error(outcome.error)

    def hold_error(self, error: BaseException | None) -> None:
        """Hold an error, if there is one, and the log against what must not be in them."""
        secrets = self.cloud.worlds.secrets() | self.secrets
        if error is not None:
            self.tell_of(problems_of_error(error, secrets))
            assert isinstance(error, ToastComputeError)
        self.tell_of(self.telling.log.problems(secrets))

    def moment_of(self, entry: Entry) -> float:
        """Return when a request arrived, by the monotonic clock."""
        return entry.at - START_OF_FROZEN_TIME

    def _names(self) -> list[str]:
        return [f"{one.name} ({one.status})" for one in self.model.instances.values()]


def shown_status(world: World, id: str) -> str:
    """Return the status that an instance in the mock's own books shows."""
    one = world.instances[id]
    return one.status if one.transition is None else one.transition.through[0]


def model_of(world: World) -> Model:
    """Return the model of a world as it begins."""
    model = Model(
        zones={volume.id: volume.zone for volume in world.volumes.values()},
        disabled=frozenset(flavor.id for flavor in world.flavors.values() if flavor.disabled),
        flavors=frozenset(world.flavors),
        quota=QUOTA,
        keypair_quota=KEYPAIR_QUOTA,
        all_groups=frozenset(world.security_groups),
        floating_ips={one.address: one.attached_to for one in world.floating_ips.values()},
        keypairs={one.name: one.public_key for one in world.keypairs.values()},
    )
    for one in world.instances.values():
        model.instances[one.id] = Instance(
            one.id, one.name, one.status, one.zone, one.flavor, one.image, one.key_name, one.interfaces[0].ip_address,
            set(one.security_groups), one.root.size, set(one.attachments), one.interfaces[0].floating_ip_address,
        )  # fmt: skip
    return model


def _or(kinds: set[str]) -> str:
    return " or ".join(sorted(kinds))

"""Provide what every step of a scenario uses: a mock, a client, the model, and what is held after each call."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize
from toast_compute import AmbiguousOutcomeError, ToastComputeError
from toast_compute_api.behaviour import LIFECYCLE
from toast_compute_mock import MockCloud

from ..bench import USER, VARIANTS, Bench, Outcome, SteppingClock, kind_of_entry, moment_of
from ..calls import Call, Make
from ..contract import ACTION, TOKEN, asks_for_fresh_token, operations
from ..faults import FAULTS, FaultCase
from ..judge import problems_of_outcome, problems_of_tokens
from ..report import FindingError
from ..secrecy import Log, problems_of_error
from .model import KEYPAIR_QUOTA, QUOTA, Given, Instance, Model

SHRINKING_SECONDS = 10.0
_BURIED, UNKNOWN = 7, 9
NOT_THERE = "00000000-0000-4000-8000-00000000dead"
some_instance = st.integers(0, 9)
some_fault = st.sampled_from([*([""] * 2 * len(FAULTS)), *sorted(FAULTS)])  # two calls of three meet none


class EnoughError(BaseException):
    """The time to shorten a finding is over; Hypothesis lets it pass."""


class RunStats:
    """What all scenarios of a run have come to."""

    def __init__(self) -> None:
        self.log = Log()
        self.scenarios = 0
        self.reached: Counter[tuple[str, str]] = Counter()
        """How often there was a `step` of a kind, a `status` after a step, a `fault` that struck, and so on."""
        self.shortest: FindingError | None = None
        self._first = 0.0

    def count(self, what: str, *names: str) -> None:
        """Count something that has happened."""
        self.reached.update((what, name) for name in names)

    def found(self, finding: FindingError) -> None:
        """Keep a finding if it is the shortest yet. Raises EnoughError when the time to shorten it is over."""
        now = time.monotonic()
        if self.shortest is None:
            self._first = now
        if self.shortest is None or len(finding.steps) < len(self.shortest.steps):
            self.shortest = finding
        if now - self._first > SHRINKING_SECONDS:
            raise EnoughError


class Scenario(RuleBasedStateMachine):
    """The base of the rules: makes calls and holds their outcomes against journal and model."""

    stats: RunStats
    seed = 1

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[str] = []
        """The steps so far, in words."""
        self.bench: Bench
        self._issued: float | None = None
        self.is_revoked = False
        """Whether the service has just revoked all tokens."""
        self.secrets: set[str] = set()
        self.made = 0

    @initialize(variant=st.sampled_from(VARIANTS))
    def begin(self, variant: str) -> None:
        """Open a mock, and a client of this variant."""
        self.clock = SteppingClock()
        self.cloud = MockCloud(seed=self.seed, clock=self.clock)
        self.cloud.worlds.set_quotas(USER, instances=QUOTA, keypairs=KEYPAIR_QUOTA)
        self.bench = Bench(variant, cloud=self.cloud, clock=self.clock, has_token=False)
        self.model = Model.of(self.bench.world)
        self.stats.scenarios += 1
        names = sorted(f"{one.name} ({one.status})" for one in self.model.instances.values())
        self.taken.append(f"a client ({variant}) of a cloud with {', '.join(names)}")

    def teardown(self) -> None:
        if hasattr(self, "bench"):
            self.bench.client.close()

    @property
    def now(self) -> float:
        return self.clock.monotonic()

    def pick(self, which: int, move: str = "", where: Callable[[Instance], object] = lambda _: True) -> tuple[str, str]:
        """Return the id and the name of an instance: one that is there, the last that is gone, or an unknown one.

        Every other number stands for one whose status allows the move and for which `where` holds, if there is such.
        """
        there = list(self.model.instances.values())
        if move and self.fits(which):
            accepted = set(LIFECYCLE.operations[move].accepted_in)
            fitting = [one for one in there if one.possible(self.now) <= accepted and where(one)]
            if fitting:
                one = fitting[which // 2 % len(fitting)]
                return one.id, f"{one.name} #{there.index(one) + 1}"
        if which == _BURIED and self.model.buried:
            return self.model.buried[-1], "the instance that was deleted last"
        if which == UNKNOWN or not there:
            return NOT_THERE, "an unknown instance"
        place = which % len(there)
        return there[place].id, f"{there[place].name} #{place + 1}"

    def fits(self, which: int) -> bool:
        """Return whether a number stands for something that can succeed, where that can be chosen."""
        return which % 2 == 0

    def fresh_name(self, kind: str = "vm") -> str:
        self.made += 1
        return f"{kind}-{self.made}"

    def require(self, holds: bool, problem: str) -> None:
        """Report a problem if something does not hold."""
        if not holds:
            self.report([problem])

    def report(self, problems: Iterable[str]) -> None:
        """Raise the first problem as a finding, if there is one."""
        problem = next(iter(problems), None)
        if problem is not None:
            finding = FindingError(problem, self.taken)
            self.stats.found(finding)
            raise finding

    def step(self, kind: str, about: str = "", fault: str = "", also: Sequence[str] = ()) -> FaultCase | None:
        """Begin a step: count it as of this kind and `also` of others, and return the fault that is to strike."""
        self.taken.append(f"{kind}: {about}" + (f", with {fault}" if fault else ""))
        self.stats.count("step", kind, *also)
        return FAULTS.get(fault)

    def ask(
        self, operation: str, make: Make, *, action: str = "", keep: bool = False, others: int = 0, **options: Any
    ) -> Outcome:
        """Make a call, and hold what holds for all calls.

        Args:
            operation: what it asks for.
            make: makes it with a client.
            action: the action, for the operation whose body is one.
            keep: whether faults that have not struck may strike in the next call.
            others: how many tokens others issue meanwhile.
            options: what goes wrong and what others do, as for `Bench.run`.
        """
        outcome = self.bench.run(Call("", operation, make, action=action), **options)
        if not keep:
            self.cloud.faults.clear()
        self.taken[-1] += f" -> {outcome.ended_as}"
        entries = outcome.entries
        if outcome.case is not None:
            self.stats.count("fault", *(outcome.case.name for entry in entries if entry.faults))
        refused = any(not one.faults and asks_for_fresh_token(one.result_code) for one in entries)
        self.require(self.is_revoked or not refused, "a token was sent that had ended")
        if operation != TOKEN:
            self.report(problems_of_tokens(outcome, self._issued, others))
            issued = [moment_of(entry) for entry in entries if entry.operation == TOKEN and entry.result_code == 0]
            own = issued[: len(issued) - others]  # others act after the client's own token was issued
            self._issued = own[-1] if own else self._issued
        self.hold_error(outcome.error)
        return outcome

    def ask_for_change(
        self, move: str, id: str, given: Given, make: Make, *, fails: bool = False, **options: Any
    ) -> Outcome:
        """Ask for a change of one instance, and hold it against the model request by request."""
        operation, action = (move, "") if move in operations() else (ACTION, move)
        outcome = self.ask(operation, make, action=action, **options)
        self.replay(outcome, move, id, given, fails=fails)
        if outcome.applied and outcome.error is None:
            self.stats.count("success", move)
        is_done = outcome.error is not None or self.model.is_done(move, id, given)
        self.require(is_done, f"{move} was reported done, and it is not")
        one = self.model.instances.get(id)
        if one is not None and isinstance(outcome.error, AmbiguousOutcomeError | None):
            # So long may the SDK expect the change, whether it was carried out or not.
            one.changed = max(one.changed, outcome.ended + LIFECYCLE.operations[move].max_seconds)
        self.report(problems_of_outcome(outcome))
        return outcome

    def replay(self, outcome: Outcome, move: str, id: str, given: Given, *, fails: bool = False) -> None:
        """Let the model do each request that the mock has recorded, and hold the mock against it."""
        for entry in outcome.own:
            at = moment_of(entry)
            possible = self.model.outcomes(move, id, given, at)
            if entry.applied:
                self.require("success" in possible, f"{move} was carried out, and had to be refused: {possible}")
                self.model.carry_out(move, id, given, at, fails=fails)
            elif not entry.faults and not asks_for_fresh_token(entry.result_code):
                ended = kind_of_entry(entry)
                self.require(ended in possible, f"{move} ended as {ended}, and not as {' or '.join(sorted(possible))}")

    def hold_error(self, error: Exception | None) -> None:
        """Hold an error, if there is one, and the log against what must not be in them."""
        secrets = self.cloud.worlds.secrets() | self.secrets
        if error is not None:
            self.report(problems_of_error(error, secrets))
            assert isinstance(error, ToastComputeError)
        self.report(self.stats.log.problems(secrets))

"""The steps of one run, from the login to the clean-up."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .contract import Contract
from .generate.access_probes import AccessProbes, use_up_the_quota
from .generate.document import links_of
from .generate.engine import Engine
from .generate.fixtures import find_fixtures
from .generate.forbidden_operations import ForbiddenOperations
from .generate.invalid_requests import send_malformed, send_mutated
from .generate.inventory import Inventory
from .generate.observer import Observer
from .generate.preparation import Preparation
from .generate.prose_rules import ProseRules, create_in_every_way
from .run import PHASES, Counters, Notify, Run
from .target import Target, TargetError


@dataclass(frozen=True)
class Plan:
    """What to do in one run."""

    seed: int
    examples: int
    scenarios: int
    phases: Sequence[str] = PHASES
    only: Sequence[str] = ()
    """The operations and actions that the engine tries; all unless some are named."""
    until: int | None = None
    """The number of the exchange to stop after."""
    fail_fast: bool = False
    may_miss: Collection[str] = ()
    given: Mapping[str, Any] = field(default_factory=dict)
    """Fixtures that are given as options."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    plan: Plan
    run: Run
    missed: tuple[str, ...]
    """What was not reached, in sentences."""
    errors: tuple[str, ...]
    """What failed in the fuzzer itself, or why it had to stop."""
    seconds: float
    was_interrupted: bool = False

    @property
    def is_good(self) -> bool:
        return not self.run.findings and not self.missed and not self.errors


class Session:
    """What one run works with."""

    def __init__(self, run: Run, plan: Plan) -> None:
        self.run, self.plan = run, plan
        self.probes = AccessProbes(run)

    def begin(self) -> None:
        """Log in, and make what the run needs. Raises TargetError when the service cannot be used."""
        run = self.run
        _ = run.token  # a login that is refused is reported before all else
        self.probes.look_up_other_tokens()
        self.fixtures = find_fixtures(run, self.plan.given)
        self.probes.create_foreign_instance(self.fixtures)
        self.observer = Observer(run)
        self.observer.compare()  # what exists already is not the run's
        run.call("listKeypairs")
        run.ledger.listed_ids = set(run.ledger.instances)
        self.inventory = Inventory(run, self.observer, self.fixtures, label=f"fuzz{self.plan.seed}")
        self.inventory.fill()
        self.preparation = Preparation(self.inventory)
        self.engine = Engine(self.preparation, self.probes)

    def go(self) -> None:
        """Make all requests, and delete what the run has made."""
        try:
            self._go()
        except KeyboardInterrupt:
            self.run.notify("interrupted; what the run has made is deleted now")
            raise
        finally:
            if self.run.lost is None:
                self.inventory.empty()

    def _go(self) -> None:
        run, plan = self.run, self.plan
        # What does not depend on chance comes first: it is quick, and finds most of what there is to be found.
        operations = {name.partition(".")[0] for name in plan.only or run.contract.names}
        send_malformed(run, sorted(operations), run.ledger.ours()[0].id)
        send_mutated(self.preparation, operations)
        if not plan.only:
            create_in_every_way(self.inventory)
            ForbiddenOperations(self.preparation).try_all()
            ProseRules(self.inventory).try_all()
        self.probes.use_foreign_instance()
        if not run.is_over:
            own = {"seed": plan.seed, "examples": plan.examples, "scenarios": plan.scenarios}
            self.engine.go(**own, phases=plan.phases, only=plan.only or None)
        if "stateful" in plan.phases and not plan.only:
            self.engine.follow_links(links_of(run.contract), seed=plan.seed)
        if not run.is_over:
            self.probes.use_foreign_instance()
            self.observer.compare()
            use_up_the_quota(self.inventory)


def fuzz(target: Target, plan: Plan, notify: Notify | None = None) -> Outcome:
    """Do one run. Raises TargetError when the service cannot be used."""
    began = time.monotonic()
    run = Run(target, until=plan.until, fail_fast=plan.fail_fast, notify=notify)
    session = Session(run, plan)
    errors: list[str] = []
    was_interrupted = False
    try:
        session.begin()
        session.go()
        errors = [run.lost] if run.lost else session.engine.errors
    except KeyboardInterrupt:
        errors, was_interrupted = [f"it was interrupted after exchange {run.number}: the rest was not tried"], True
    except TargetError as error:
        was_let_in = bool(run.ledger.tokens)
        if not target.is_exact and (not was_let_in or (run.lost is None and not run.findings)):
            raise  # a live service is not what it is expected to be; the mock always has to be
        errors = [str(error)]
    except Exception as error:
        if not run.findings:
            raise
        # A finding may itself make it impossible to go on, such as a list without its members.
        errors = [f"after its findings the run could not go on ({type(error).__name__})"]
    is_short = run.is_over or was_interrupted
    missed = () if is_short else tuple(not_reached(run.counters, run.contract, session.probes.kinds, plan))
    return Outcome(plan, run, missed, tuple(errors), time.monotonic() - began, was_interrupted)


def not_reached(counters: Counters, contract: Contract, probes: Collection[str], plan: Plan) -> Iterator[str]:
    """Return what was not reached of what the run was to try; of a part of the phases, whether anything was."""
    only, may_miss = plan.only, set(plan.may_miss)
    if not set(plan.phases) >= set(PHASES):
        if not counters.accepted:
            yield "no request was accepted"
        return
    for name in only or contract.names:
        if name not in may_miss and name not in counters.accepted:
            yield f"no request to {name} was accepted"
    for link in () if only else links_of(contract):
        if link not in counters.links and not may_miss.intersection(link.split(" -> ")):
            yield f"the link {link} was never followed"
    needs_token = any(contract.needs_token(name.partition(".")[0]) for name in only or contract.names)
    for kind in probes:
        if needs_token and not counters.probes[kind]:
            yield f"no request was sent with a token of the kind '{kind}'"

"""What are the steps of one run, from the login to the last look?"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from .generate.access_probes import Prober
from .generate.create_variants import change_one_of_two, create_in_every_way
from .generate.engine import Engine
from .generate.fixtures import Given, find_material
from .generate.forbidden_operations import ForbiddenMoves
from .generate.inventory import Stock
from .generate.malformed_requests import OddRequests
from .generate.mutated_bodies import send_spoilt
from .generate.observer import Lookout
from .generate.preparation import Arranger
from .generate.prose_rules import Worded
from .report.coverage import links_missed, not_reached
from .run import PHASES, Run, Tell
from .target import Target, TargetError


@dataclass(frozen=True)
class Plan:
    """What to do in one run."""

    seed: int
    examples: int
    scenarios: int
    phases: tuple[str, ...] = PHASES
    only: tuple[str, ...] = ()
    """The operations and actions that the engine tries; all unless some are named."""
    until: int | None = None
    """The number of the exchange to stop behind."""
    fail_fast: bool = False
    """Whether to stop soon after the first finding."""
    may_miss: frozenset[str] = frozenset()
    given: Given = field(default_factory=Given)


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    plan: Plan
    run: Run
    missed: tuple[str, ...]
    """What was not reached, in sentences."""
    errors: tuple[str, ...]
    """What went wrong in the fuzzer itself, or why it had to stop."""
    probes: tuple[str, ...]
    seconds: float
    was_interrupted: bool = False

    @property
    def is_good(self) -> bool:
        """Whether nothing was found, and everything reached."""
        return not self.run.findings and not self.missed and not self.errors


def fuzz(target: Target, plan: Plan, tell: Tell | None = None) -> Outcome:
    """Do one run. Raises TargetError when the service cannot be used."""
    began = time.monotonic()
    run = Run(target, until=plan.until, fail_fast=plan.fail_fast, tell=tell)
    prober = Prober(run)
    was_interrupted = False
    try:
        errors = _go(run, prober, plan)
    except KeyboardInterrupt:
        errors, was_interrupted = [f"it was interrupted after exchange {run.number}: the rest was not tried"], True
    except TargetError as error:
        was_let_in = bool(run.ledger.tokens)
        if not target.is_exact and (not was_let_in or (run.lost is None and not run.findings)):
            raise  # a service elsewhere is not what it was said to be; the mock here always has to be
        errors = [str(error)]
    except Exception as error:
        if not run.findings:
            raise
        # What was found may be just what makes it impossible to go on, such as a list without its members.
        errors = [f"after its findings the run could not go on ({type(error).__name__})"]
    is_short = run.is_over or was_interrupted
    missed = () if is_short else tuple(not_reached(run, prober.kinds, plan.phases, plan.only, plan.may_miss))
    return Outcome(plan, run, missed, tuple(errors), prober.kinds, time.monotonic() - began, was_interrupted)


def _go(run: Run, prober: Prober, plan: Plan) -> list[str]:
    """Go through all steps, and return what went wrong in the engine."""
    _ = run.token  # a login that is refused is said before all else
    prober.ask_for_other_tokens()
    material = find_material(run, plan.given)
    prober.let_a_stranger_in(material)
    lookout = Lookout(run)
    lookout.from_both_sides(None)  # what is there already belongs to somebody else
    run.call("listKeypairs")
    run.ledger.created_before = set(run.ledger.instances)
    stock = Stock(run, lookout, material, label=f"fuzz{plan.seed}")
    stock.fill()
    arranger = Arranger(run, stock)
    engine = Engine(run, arranger, lookout, prober, material)
    try:
        # What needs no chance comes first: it is quick, and finds most of what there is to be found.
        operations = {name.partition(".")[0] for name in plan.only or run.contract.names}
        OddRequests(run, sorted(operations)).send_all(run.ledger.ours()[0].id)
        send_spoilt(run, arranger, lookout, material, operations)
        if not plan.only:
            create_in_every_way(run, stock, lookout)
            change_one_of_two(run, stock, lookout)
            moves = ForbiddenMoves(run, stock, arranger, lookout, material)
            moves.try_all()
            moves.try_upset()
            moves.try_two()
            moves.try_used()
            moves.try_second_address()
            moves.try_freed()
            moves.try_names()
            Worded(run, stock, lookout).try_all()
        prober.touch_the_strange()
        if not run.is_over:
            engine.go(
                seed=plan.seed,
                examples=plan.examples,
                scenarios=plan.scenarios,
                phases=plan.phases,
                only=plan.only or None,
            )
        if "stateful" in plan.phases and not plan.only:
            engine.follow_links(tuple(links_missed(run)), seed=plan.seed)
        if not run.is_over:
            prober.touch_the_strange()
            lookout.from_both_sides(None)
            prober.use_up_the_quota(material, stock.keypair())
    except KeyboardInterrupt:
        run.tell("interrupted; what the run has made is deleted now")
        raise
    finally:
        if run.lost is None:
            stock.empty()
    return [run.lost] if run.lost else engine.errors

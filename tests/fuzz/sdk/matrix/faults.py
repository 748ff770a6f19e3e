"""Check that every fault of every kind of call is recovered from and reported as it should be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import httpx
from toast_compute import APIError, APITimeoutError, AuthenticationError
from toast_compute_mock import faults

from ..bench import Bench, Outcome, SteppingClock, deadline
from ..calls import CHANGES, ONE_OF_EACH, REPEATABLE, Call
from ..contract import NEVER, SAFE, TOKEN
from ..faults import FAULTS, LOST, FaultCase
from ..judge import (
    ATTEMPTS,
    attempts_in,
    problems_of_any_outcome,
    problems_of_attempts,
    problems_of_outcome,
    problems_when_it_lasts,
)
from .table import check

_DEADLINE = 60.0
_HOUR = 3600.0
_WRONG_PASSWORD = 50401
_UNCONNECTED = "not connected"
_LAST = ("", "result code 10409")  # what ends a call: no fault, or a refusal
_FEW = (_UNCONNECTED, "reply lost", "request lost")
_MANY = (*_FEW, "HTTP 503", "result code -2")


@check(FAULTS.values())
def a_fault_that_strikes_once(variant: str, case: FaultCase) -> Iterator[str]:
    for call in [*ONE_OF_EACH, *(CHANGES if case in LOST else [])]:
        with Bench(variant) as bench:
            outcome = bench.run(call, case=case)
        if not outcome.is_faulty:
            yield f"{outcome.name} met no fault"
        if isinstance(outcome.error, APIError) and outcome.call.retry in case.survived:
            yield f"{outcome.name} was refused in the end ({outcome.error})"
        yield from problems_of_outcome(outcome)


@check(FAULTS.values())
def a_fault_that_lasts(variant: str, case: FaultCase) -> Iterator[str]:
    for call in ONE_OF_EACH:
        with Bench(variant) as bench:
            outcome = bench.run(call, case=case.lasting())
        yield from problems_of_attempts(outcome)
        yield from problems_when_it_lasts(outcome)


@check(FAULTS.values())
def a_fault_before_a_sleep(variant: str, case: FaultCase) -> Iterator[str]:
    """Suspend the machine whenever the SDK pauses, so that its deadline or its token has ended after that."""
    for call, end in product(ONE_OF_EACH, (APITimeoutError, AuthenticationError)):
        clock = SteppingClock()
        with Bench(variant, clock=clock) as bench:
            clock.per_sleep = _HOUR
            if end is APITimeoutError:
                outcome = bench.run(call, deadline(_DEADLINE), case=case)
            else:
                refused = faults.result_code(TOKEN, _WRONG_PASSWORD, budget=None)
                outcome = bench.run(call, case=case, faults=[refused])
        if case in LOST and outcome.call.retry != NEVER and not isinstance(outcome.error, end):
            yield f"{outcome.name} slept, and ended as {outcome.ended_as}"
        yield from problems_of_attempts(outcome)


@check([*ONE_OF_EACH, *REPEATABLE])
def faults_one_after_another(variant: str, call: Call) -> Iterator[str]:
    for steps in _sequences(call):
        outcome, attempts = _run(variant, call, steps)
        for problem in problems_of_sequence(outcome, steps, attempts):
            yield f"{problem}, with {', then '.join(step or 'nothing' for step in steps)}"


def _sequences(call: Call) -> Iterator[tuple[str, ...]]:
    """Yield every sequence that ends a call, since no fault is left or there have been enough attempts."""
    cases = _MANY if call in ONE_OF_EACH else _FEW
    for length in range(ATTEMPTS):
        for steps in product(cases, repeat=length):
            yield from ((*steps, last) for last in (*_LAST, *(cases if length + 1 == ATTEMPTS else ())))


def _run(variant: str, call: Call, steps: Sequence[str]) -> tuple[Outcome, int]:
    left = list(steps)

    def before(operation: str) -> None:
        step = left.pop(0) if left and operation == call.operation else ""
        if step == _UNCONNECTED:
            raise httpx.ConnectError("refused")
        if step:
            bench.cloud.faults.add(FAULTS[step].fault(call.operation, call.action or None))

    with Bench(variant) as bench:
        return bench.run(call, before=before), len(steps) - len(left)


def problems_of_sequence(outcome: Outcome, steps: Sequence[str], attempts: int) -> Iterator[str]:
    """Yield what is wrong with a call and what its caller was told; so many of the steps were taken."""
    name, error = outcome.name, outcome.error
    yield from problems_of_any_outcome(outcome)
    if error is None and not outcome.applied:
        yield f"{name} was reported done, and it was not carried out"
    if isinstance(error, APIError) and outcome.applied and outcome.call.retry != SAFE:
        yield f"{name} was reported refused ({type(error).__name__}), and it was carried out"
    if error is not None and outcome.call.retry != NEVER and (attempts < len(steps) or not steps[-1]):
        yield f"{name} failed, and another attempt would have succeeded or is due"
    if error is not None and attempts_in(outcome) != attempts:
        yield f"{name} was tried {attempts} times, and the error reports {attempts_in(outcome)} attempts"

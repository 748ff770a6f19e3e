"""Is the caller told the truth whatever goes wrong with one try after another? Every sequence of some troubles."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product

import httpx
from toast_compute import APIError

from .driver import opened
from .facts import operations
from .kinds import CHANGES, ONE_OF_EACH, Kind
from .story import COLOURS
from .told import Outcome, problems_of_any_outcome
from .troubles import NEVER, SAFE, TROUBLES

_NO_CONNECTION = "no connection"
_LAST = ("", "result code 10409")
"""What ends a call: nothing goes wrong, or it is refused."""
_FEW = (_NO_CONNECTION, "reply lost", "request lost")
_MANY = (*_FEW, "HTTP 503", "result code -2")
_MOST = 3
"""Tries: what the stories' clients are told."""
_REPEATABLE = {
    kind: make for kind, make in CHANGES.items() if operations()[kind.operation].retry_of(kind.action) != NEVER
}
_CALLS = {**ONE_OF_EACH, **_REPEATABLE}


def _sequences(kind: Kind) -> Iterator[tuple[str, ...]]:
    """Every sequence that ends a call of a kind, since nothing more goes wrong or there have been enough tries."""
    troubles = _MANY if kind in ONE_OF_EACH else _FEW
    for length in range(_MOST):
        for steps in product(troubles, repeat=length):
            yield from ((*steps, last) for last in (*_LAST, *(troubles if length + 1 == _MOST else ())))


def _problem(kind: Kind, colour: str, steps: tuple[str, ...]) -> str:
    cloud, clock, driver = opened(colour)
    left = list(steps)

    def before(operation: str) -> None:
        if operation != kind.operation:
            return
        step = left.pop(0) if left else ""
        if step == _NO_CONNECTION:
            raise httpx.ConnectError("refused")
        if step:
            cloud.faults.add(TROUBLES[step].make(kind.operation, kind.action or None))

    last, began = cloud.journal.last, clock.monotonic()
    try:
        value, error = driver.call(_CALLS[kind], before=before)
    finally:
        driver.close()
    outcome = Outcome(*kind, value, error, cloud.journal.find(after=last), began, clock.monotonic(), None)
    return next(problems_of(outcome, steps, len(steps) - len(left)), "")


def problems_of(outcome: Outcome, steps: Sequence[str], tries: int) -> Iterator[str]:
    """Yield what is wrong with a call and what its caller was told; so many of the steps have come about."""
    error = outcome.error
    yield from problems_of_any_outcome(outcome)
    if error is None and not outcome.applied:
        yield "was told to have succeeded, and was not carried out"
    if isinstance(error, APIError) and outcome.applied and outcome.retry != SAFE:
        yield f"was told to be refused ({type(error).__name__}), and was carried out"
    if error is not None and outcome.retry != NEVER and (tries < len(steps) or not steps[-1]):
        yield "failed, and another try would have succeeded or is due"
    told = [one for one in getattr(error, "attempts", ()) if one.operation == outcome.operation]
    if error is not None and len(told) != tries:
        yield f"was tried {tries} times, and the error tells of {len(told)}"


def _problems_of_kind(kind: Kind) -> Iterator[str]:
    for colour in COLOURS:
        for steps in _sequences(kind):
            problem = _problem(kind, colour, steps)
            if problem:
                yield f"{colour}: {kind.name} with {', then '.join(step or 'nothing' for step in steps)} {problem}"


CHECKS: Mapping[str, Callable[[], str]] = {
    f"troubles of {kind.name}, one after another": lambda kind=kind: next(_problems_of_kind(kind), "")  # type: ignore[misc]
    for kind in _CALLS
}
"""By name: returns what is wrong, empty for nothing."""

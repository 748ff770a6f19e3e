"""Is everything that can go wrong dealt with as it should be, in every kind of call?

Also where it lasts, and where the machine is put to sleep between two tries, so that the deadline or the token has come
to its end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import msgspec
from toast_compute import APIError, APITimeoutError, AuthenticationError
from toast_compute_mock import faults

from .clocks import SteppingClock
from .driver import Make, deadline, opened, within
from .kinds import CHANGES, ONE_OF_EACH, Kind
from .story import COLOURS
from .told import TOKEN, Outcome, problems_of_outcome, problems_of_tries, problems_when_it_lasts
from .troubles import NEVER, TROUBLES, Trouble

_LOST = ("reply lost", "reset before", "HTTP 502, carried out", "result code -2")
"""The troubles in which every change is tried: it may have been carried out, or not."""
_DEADLINE = 60.0
_HOUR = 3600.0
_WRONG_PASSWORD = 50401


class _Suspended(SteppingClock):
    """Passes an hour with each sleep, once it is told to."""

    is_suspended = False

    def _pass(self, seconds: float) -> None:
        super()._pass(seconds + _HOUR if self.is_suspended else seconds)


class _Case(NamedTuple):
    trouble: Trouble
    lasts: bool = False
    """Whether it goes wrong each time, and not once."""
    is_suspended: bool = False
    """Whether the machine is put to sleep whenever the SDK pauses."""
    has_deadline: bool = False
    lets_in: bool = True
    """Whether a new token can be had."""


def _outcomes(calls: Mapping[Kind, Make], case: _Case) -> Iterator[tuple[str, Outcome]]:
    """Make each of some calls in each colour."""
    for colour in COLOURS:
        for (operation, action), make in calls.items():
            clock = _Suspended()
            cloud, _, driver = opened(colour, clock=clock)
            try:
                fault = case.trouble.make(operation, action or None)
                cloud.faults.add(msgspec.structs.replace(fault, budget=None) if case.lasts else fault)
                if not case.lets_in:
                    cloud.faults.add(faults.result_code(TOKEN, _WRONG_PASSWORD, budget=None))
                clock.is_suspended = case.is_suspended
                last, began = cloud.journal.last, clock.monotonic()
                value, error = driver.call(within(make, deadline(_DEADLINE)) if case.has_deadline else make)
                entries = cloud.journal.find(after=last)
            finally:
                driver.close()
            yield colour, Outcome(operation, action, value, error, entries, began, clock.monotonic(), case.trouble)


def _once(trouble: Trouble) -> Iterator[str]:
    calls = {**ONE_OF_EACH, **CHANGES} if trouble.name in _LOST else ONE_OF_EACH
    for colour, outcome in _outcomes(calls, _Case(trouble)):
        if not outcome.is_troubled:
            yield f"{colour}: {outcome.operation} met nothing"
        if isinstance(outcome.error, APIError) and outcome.retry in trouble.survived:
            yield f"{colour}: {outcome.action or outcome.operation} was refused in the end ({outcome.error})"
        yield from (f"{colour}: {problem}" for problem in problems_of_outcome(outcome))


def _always(trouble: Trouble) -> Iterator[str]:
    for colour, outcome in _outcomes(ONE_OF_EACH, _Case(trouble, lasts=True)):
        for problem in (*problems_of_tries(outcome), *problems_when_it_lasts(outcome)):
            yield f"{colour}: {problem}"


def _after_sleep(trouble: Trouble) -> Iterator[str]:
    for case in (
        _Case(trouble, is_suspended=True, has_deadline=True),
        _Case(trouble, is_suspended=True, lets_in=False),
    ):
        end = APITimeoutError if case.has_deadline else AuthenticationError
        for colour, outcome in _outcomes(ONE_OF_EACH, case):
            if trouble.name in _LOST and outcome.retry != NEVER and not isinstance(outcome.error, end):
                yield f"{colour}: {outcome.operation} slept, and ended as {type(outcome.error).__name__}"
            yield from (f"{colour}: {problem}" for problem in problems_of_tries(outcome))


CHECKS: Mapping[str, Callable[[], str]] = {
    f"{name}, {how}": lambda trouble=trouble, find=find: next(find(trouble), "")  # type: ignore[misc]
    for name, trouble in TROUBLES.items()
    for how, find in {"once": _once, "always": _always, "and then a sleep": _after_sleep}.items()
}
"""By name: returns what is wrong, empty for nothing."""

"""Is everything that can go wrong dealt with as it should be, in a read, a repeatable change and a create?

Also where the machine is put to sleep between two tries, so that the deadline or the token has come to its end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from toast_compute import ToastCompute
from toast_compute_mock import MockCloud, faults
from toast_compute_mock.worlds import default_seed_world

from .clocks import SteppingClock
from .driver import Driver
from .story import COLOURS
from .told import TOKEN, Outcome, problems_of_outcome, problems_of_tries
from .troubles import TROUBLES, Trouble

Call = Callable[[Any], Any]

_KEYPAIR = default_seed_world().keypairs[0].name
_CALLS: Mapping[str, Call] = {
    "listFlavors": lambda toast: toast.flavors.list(),
    "deleteKeypair": lambda toast: toast.keypairs.delete(_KEYPAIR),
    "createKeypair": lambda toast: toast.keypairs.create("another-key"),
}
"""By operation: one of each kind of `x-retry`."""
_DEADLINE = 60.0
_HOUR = 3600.0
_WRONG_PASSWORD = 50401


class _Suspended(SteppingClock):
    """Passes an hour with each sleep, once it is told to."""

    is_suspended = False

    def _pass(self, seconds: float) -> None:
        super()._pass(seconds + _HOUR if self.is_suspended else seconds)


def _outcomes(
    trouble: Trouble, *, is_suspended: bool = False, has_deadline: bool = False, lets_in: bool = True
) -> Iterator[tuple[str, Outcome]]:
    """Make each kind of call in each colour, in which a trouble occurs."""
    for colour in COLOURS:
        for operation, make in _CALLS.items():
            clock = _Suspended()
            cloud = MockCloud(clock=clock)
            driver = Driver(cloud, clock, colour)
            try:
                driver.call(lambda toast: toast.availability_zones.list())  # so that a token is there
                cloud.faults.add(trouble.make(operation, None))
                if not lets_in:
                    cloud.faults.add(faults.result_code(TOKEN, _WRONG_PASSWORD, budget=None))
                clock.is_suspended = is_suspended
                last, began = cloud.journal.last, clock.monotonic()
                value, error = driver.call(_within_a_deadline(make) if has_deadline else make)
                entries = cloud.journal.find(after=last)
            finally:
                driver.close()
            yield colour, Outcome(operation, "", value, error, entries, began, clock.monotonic(), trouble)


def _within_a_deadline(make: Call) -> Call:
    async def later(toast: Any) -> Any:
        with toast.deadline(_DEADLINE):
            return await make(toast)

    def call(toast: Any) -> Any:
        if not isinstance(toast, ToastCompute):
            return later(toast)
        with toast.deadline(_DEADLINE):
            return make(toast)

    return call


def _problems(trouble: Trouble) -> Iterator[str]:
    for colour, outcome in _outcomes(trouble):
        if not outcome.is_troubled:
            yield f"{colour}: {outcome.operation} met nothing"
        yield from (f"{colour}: {problem}" for problem in problems_of_outcome(outcome))


def _problems_after_sleep(trouble: Trouble, **options: bool) -> Iterator[str]:
    for colour, outcome in _outcomes(trouble, is_suspended=True, **options):
        yield from (f"{colour}: {problem}" for problem in problems_of_tries(outcome, outcome.operation))


CHECKS: Mapping[str, Callable[[], str]] = {
    f"{what} and {name}": lambda trouble=trouble, find=find: next(find(trouble), "")  # type: ignore[misc]
    for name, trouble in TROUBLES.items()
    for what, find in {
        "each kind of call": _problems,
        "a deadline that ends in a pause": lambda trouble: _problems_after_sleep(trouble, has_deadline=True),
        "a token that is refused after a pause": lambda trouble: _problems_after_sleep(trouble, lets_in=False),
    }.items()
}
"""By name: returns what is wrong, empty for nothing."""

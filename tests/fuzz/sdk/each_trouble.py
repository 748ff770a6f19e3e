"""Is everything that can go wrong dealt with as it should be, in a read, a repeatable change and a create?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from toast_compute_mock import MockCloud
from toast_compute_mock.worlds import default_seed_world

from .clocks import SteppingClock
from .driver import Driver
from .story import COLOURS
from .told import Outcome, problems_of_outcome
from .troubles import TROUBLES, Trouble

_KEYPAIR = default_seed_world().keypairs[0].name
_CALLS: Mapping[str, Callable[[Any], Any]] = {
    "listFlavors": lambda toast: toast.flavors.list(),
    "deleteKeypair": lambda toast: toast.keypairs.delete(_KEYPAIR),
    "createKeypair": lambda toast: toast.keypairs.create("another-key"),
}
"""By operation: one of each kind of `x-retry`."""


def _problems(trouble: Trouble) -> Iterator[str]:
    for colour in COLOURS:
        for operation, make in _CALLS.items():
            clock = SteppingClock()
            cloud = MockCloud(clock=clock)
            driver = Driver(cloud, clock, colour)
            try:
                driver.call(lambda toast: toast.availability_zones.list())  # so that a token is there
                cloud.faults.add(trouble.make(operation, None))
                last, began = cloud.journal.last, clock.monotonic()
                value, error = driver.call(make)
                entries = cloud.journal.find(after=last)
            finally:
                driver.close()
            outcome = Outcome(operation, "", value, error, entries, began, clock.monotonic(), trouble)
            if not outcome.is_troubled:
                yield f"{colour}: {operation} met nothing"
            yield from (f"{colour}: {problem}" for problem in problems_of_outcome(outcome))


CHECKS: Mapping[str, Callable[[], str]] = {
    f"each kind of call and {name}": lambda trouble=trouble: next(_problems(trouble), "")  # type: ignore[misc]
    for name, trouble in TROUBLES.items()
}
"""By name: returns what is wrong, empty for nothing."""

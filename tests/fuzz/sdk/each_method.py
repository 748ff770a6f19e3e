"""Does what is said of a block hold for every public method in it? Deadlines, and captures of what was exchanged."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager

from toast_compute import AsyncToastCompute, ToastCompute, ToastComputeError
from toast_compute_mock import faults

from .calls import Call, calls
from .driver import Block, deadline, opened, within
from .story import COLOURS
from .told import TOKEN

_DEADLINE = 4.0
_LATER = 100.0
_SLOW = 10.0
_EXACTNESS = 1e-3


def _problems_of_deadlines(call: Call) -> Iterator[str]:
    for colour in COLOURS:
        for deadlines in ([_DEADLINE], [_DEADLINE, _LATER], [_LATER, _DEADLINE]):
            cloud, clock, driver = opened(colour)
            try:
                cloud.faults.add(faults.delay(None, _SLOW, budget=None))
                began = clock.monotonic()
                value, error = driver.call(within(call.make, *map(deadline, deadlines)))
                took = clock.monotonic() - began
            finally:
                driver.close()
            where = f"{colour}: {call.name} within {' and '.join(f'{each:g} s' for each in deadlines)}"
            if took > _DEADLINE + _EXACTNESS:
                yield f"{where} took {took:g} s"
            failed = [error] if error is not None else list(getattr(value, "failed", {}).values())
            if not failed or not all(isinstance(one, ToastComputeError) for one in failed):
                yield f"{where} ended as if there were no deadline"


def _problems_of_captures(call: Call) -> Iterator[str]:
    for colour in COLOURS:
        cloud, _, driver = opened(colour)
        try:
            last = cloud.journal.last
            seen: list[str] = []
            driver.call(within(call.make, _noting(seen)))
            sent = [entry.operation for entry in cloud.journal.find(after=last)]
        finally:
            driver.close()
        if call.operation != TOKEN:
            seen, sent = _without_tokens(seen), _without_tokens(sent)
        if len(seen) != len(sent) or not sent:
            yield f"{colour}: a capture around {call.name} shows {len(seen)} exchanges, and there were {len(sent)}"


def _without_tokens(operations: Sequence[str]) -> list[str]:
    return [one for one in operations if one != TOKEN]


def _noting(seen: list[str]) -> Block:
    """Open a capture, and note at its end which operations it shows."""

    @contextmanager
    def block(toast: ToastCompute | AsyncToastCompute) -> Generator[None]:
        with toast.capture() as exchanges:
            try:
                yield
            finally:
                seen.extend(one.operation for one in exchanges)

    return block


CHECKS: Mapping[str, Callable[[], str]] = {
    f"{call.name} in a block with a {what}": lambda call=call, find=find: next(find(call), "")  # type: ignore[misc]
    for call in calls()
    for what, find in {"deadline": _problems_of_deadlines, "capture": _problems_of_captures}.items()
}
"""By name: returns what is wrong, empty for nothing."""

"""Check that every call keeps to the settings of its client and to the block it stands in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from toast_compute import APITimeoutError, NotAllowedError, ToastComputeError
from toast_compute_mock import faults

from ..bench import Bench, capture, deadline
from ..calls import CALLS, CHANGES, ONE_OF_EACH, Call
from ..contract import SAFE, TOKEN
from .table import check

_KINDS = [*ONE_OF_EACH, *CHANGES]
_NAMES = {call.change for call in _KINDS if call.retry != SAFE}
_TIMEOUT, _DEADLINE, _LATER = 5.0, 4.0, 100.0
_LATE, _SLOW = 20.0, 10.0
_EXACTNESS = 1e-3


@check(_KINDS)
def a_timeout_ends_a_late_call(variant: str, call: Call) -> Iterator[str]:
    with Bench(variant, timeout=_TIMEOUT, max_retries=0) as bench:
        late = faults.delay(call.operation, _LATE, action=call.action or None)
        outcome = bench.run(call, faults=[late])
    if not any(isinstance(one, APITimeoutError) for one in (outcome.error, getattr(outcome.error, "__cause__", None))):
        yield f"ended as {outcome.ended_as} when its reply was {_LATE:g} s late"
    # The SDK measures waits for the network by the machine's own clock, too, so it may end a moment earlier.
    if not 0 < outcome.took <= _TIMEOUT + _EXACTNESS:
        yield f"took {outcome.took:g} s with a timeout of {_TIMEOUT:g} s"


@check(_KINDS)
def a_change_is_made_when_it_is_allowed(variant: str, call: Call) -> Iterator[str]:
    with Bench(variant, allow={call.change} & _NAMES) as bench:
        _, error = bench.call(call.make)
    if error is not None:
        yield f"ended as {type(error).__name__}"


@check(call for call in _KINDS if call.retry != SAFE)
def a_change_is_refused_unless_it_is_allowed(variant: str, call: Call) -> Iterator[str]:
    guards: list[dict[str, Any]] = [{"allow": _NAMES - {call.change}}, {"allow": set()}, {"read_only": True}]
    for guard in guards:
        with Bench(variant, **guard) as bench:
            last = bench.cloud.journal.last
            _, error = bench.call(call.make)
        if not isinstance(error, NotAllowedError) or bench.cloud.journal.last != last:
            yield f"ended as {type(error).__name__} of a client with {guard}"


@check(CALLS.values())
def a_deadline_ends_a_slow_call(variant: str, call: Call) -> Iterator[str]:
    for deadlines in ([_DEADLINE], [_DEADLINE, _LATER], [_LATER, _DEADLINE]):
        with Bench(variant) as bench:
            slow = faults.delay(None, _SLOW, budget=None)
            outcome = bench.run(call, *map(deadline, deadlines), faults=[slow])
        if outcome.took > _DEADLINE + _EXACTNESS:
            yield f"took {outcome.took:g} s within {deadlines}"
        failed = [outcome.error] if outcome.error else list(getattr(outcome.value, "failed", {}).values())
        if not failed or not all(isinstance(one, ToastComputeError) for one in failed):
            yield f"ended within {deadlines} as if there were no deadline"


@check(CALLS.values())
def a_capture_shows_every_exchange(variant: str, call: Call) -> Iterator[str]:
    exchanges: list[Any] = []
    with Bench(variant) as bench:
        entries = bench.run(call, capture(exchanges)).entries
    shown, sent = ([one.operation for one in each] for each in (exchanges, entries))
    if call.operation != TOKEN:
        shown, sent = ([one for one in each if one != TOKEN] for each in (shown, sent))
    if len(shown) != len(sent) or not sent:
        yield f"{len(shown)} exchanges were captured, and there were {len(sent)}"

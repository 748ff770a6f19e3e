"""Can an instance still get where it is waited for, and if not, why? Read from the lifecycle in the contract."""

from __future__ import annotations

import functools
from collections.abc import Collection, Sequence

from toast_compute_api.behaviour import LIFECYCLE


@functools.cache
def failures() -> frozenset[str]:
    """The states that last although no operation ends in them."""
    ends = {move.to for move in LIFECYCLE.operations.values()}
    return frozenset(name for name, state in LIFECYCLE.states.items() if not state.transient and name not in ends)


def reachable(status: str) -> Collection[str]:
    """The states that may follow a status; all of them when the status is unknown: it may lead anywhere.

    Ways through a failure do not count, ways through another lasting state do: an action that was accepted may not show
    in the status yet.
    """
    return _reachable(status) if status in LIFECYCLE.states else LIFECYCLE.states


@functools.cache
def _reachable(status: str) -> frozenset[str]:
    seen: set[str] = set()
    ahead = [] if status in failures() else list(LIFECYCLE.states[status].next)
    while ahead:
        state = ahead.pop()
        if state not in seen:
            seen.add(state)
            ahead.extend([] if state in failures() else LIFECYCLE.states[state].next)
    return frozenset(seen)


def explain(seen: Sequence[str], goal: str) -> str:
    """Say how an instance got to the last of the states that were seen, and why no way leads from there to a goal."""
    status = seen[-1]
    if status in failures():
        out = [name for name, move in LIFECYCLE.operations.items() if status in move.accepted_in and move.through]
        why = f"{status} is left by {_either(out)} only"
    else:
        why = f"{status} leads to {_either(LIFECYCLE.states[status].next)}, and from there never to {goal}"
    return f"seen: {' -> '.join(seen)}; {why}"


def _either(names: Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1]))) if names else "nothing"

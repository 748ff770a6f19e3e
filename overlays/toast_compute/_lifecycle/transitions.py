"""Transitions: which statuses can follow a status, and why a goal can no longer be reached."""

from __future__ import annotations

import functools
from collections.abc import Collection, Sequence

from toast_compute_api.behaviour import LIFECYCLE


@functools.cache
def failures() -> frozenset[str]:
    """Return the lasting statuses in which no operation ends."""
    ends = {move.to for move in LIFECYCLE.operations.values()}
    return frozenset(name for name, state in LIFECYCLE.states.items() if not state.transient and name not in ends)


def reachable(status: str) -> Collection[str]:
    """Return the statuses that can follow a status; all of them when it is unknown, for it may lead anywhere.

    Ways through a failure do not count. Ways through another lasting status do: an action that was accepted may not
    show in the status yet.
    """
    return _reachable(status) if status in LIFECYCLE.states else LIFECYCLE.states


@functools.cache
def _reachable(status: str) -> frozenset[str]:
    found: set[str] = set()
    ahead = [] if status in failures() else list(LIFECYCLE.states[status].next)
    while ahead:
        state = ahead.pop()
        if state not in found:
            found.add(state)
            ahead.extend([] if state in failures() else LIFECYCLE.states[state].next)
    return frozenset(found)


def explain(path: Sequence[str], goal: str) -> str:
    """Return the statuses of an instance so far, and why the last of them does not lead to a goal, for a message."""
    status = path[-1]
    if status in failures():
        ways_out = [name for name, move in LIFECYCLE.operations.items() if status in move.accepted_in and move.through]
        reason = f"{status} is left by {_either(ways_out)} only"
    else:
        reason = f"{status} leads to {_either(LIFECYCLE.states[status].next)}, and from there never to {goal}"
    return f"seen: {' -> '.join(path)}; {reason}"


def _either(names: Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1]))) if names else "nothing"

"""Is a wait after each change of status over when the change is, and not before? Also when its reply was lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from toast_compute import AmbiguousOutcomeError, InstanceFailedError, WaitTimeoutError
from toast_compute_api.behaviour import LIFECYCLE
from toast_compute_mock import MockCloud, faults

from .driver import Call, opened
from .kinds import CHANGES, RUNNING, STOPPED, Kind
from .model import FAILED, GONE
from .story import COLOURS, WORLD, shown_status

_MOVES = {
    kind: make
    for kind, make in CHANGES.items()
    if kind.name in LIFECYCLE.operations and LIFECYCLE.operations[kind.name].through and kind.name != "createInstance"
}
"""The changes of an instance's status."""
_STALE = 1.5  # seconds after a change in which reads may be from before it: shorter than any change of status
_READS = 2
_ENOUGH = 600.0
_SHORT = 6.0


def _problems(kind: Kind) -> Iterator[str]:
    id, goal = _goal(kind)
    for colour in COLOURS:
        for is_lost in (False, True):
            cloud, _, driver = opened(colour)
            try:
                lost = [faults.lose_reply(kind.operation, action=kind.action or None)] if is_lost else []
                cloud.faults.add(*lost, faults.stale_read(None, seconds=_STALE, budget=_READS))
                _, error = driver.call(_MOVES[kind])
                if error is not None and not isinstance(error, AmbiguousOutcomeError):
                    yield f"{colour}: {kind.name} ended as {type(error).__name__}"
                    continue
                _, error = driver.call(_wait(id, goal, _ENOUGH))
                truth = _status(cloud, id)
            finally:
                driver.close()
            after = f"{colour}: a wait for {goal} after {kind.name}{', whose reply was lost,' if is_lost else ''}"
            if error is not None or truth != goal:
                yield f"{after} ended as {type(error).__name__ if error else 'done'}, and the instance is {truth}"


def _problems_of_failures(kind: Kind) -> Iterator[str]:
    """Let a change fail, and then wait for what it was to lead to, and for a deletion that nobody has begun."""
    id, goal = _goal(kind)
    for colour in COLOURS:
        cloud, _, driver = opened(colour)
        try:
            cloud.faults.add(faults.end_in_error())
            driver.call(_MOVES[kind])
            _, failed = driver.call(_wait(id, goal, _ENOUGH))
            _, waited = driver.call(_wait(id, GONE, _SHORT))
            truth = _status(cloud, id)
        finally:
            driver.close()
        if truth != FAILED or not isinstance(failed, InstanceFailedError):
            yield f"{colour}: a wait for {goal} after a {kind.name} that failed ended as {type(failed).__name__}"
        if not isinstance(waited, WaitTimeoutError):
            yield f"{colour}: a wait for the deletion of an instance in {FAILED} ended as {type(waited).__name__}"


def _goal(kind: Kind) -> tuple[str, str]:
    """Return the instance that a change is made of, and the status that it leads to."""
    id, to = STOPPED.id if kind.name in ("start", "resize") else RUNNING.id, LIFECYCLE.operations[kind.name].to
    return id, to if to in (GONE, *LIFECYCLE.states) else "STOP"


def _wait(id: str, goal: str, timeout: float) -> Call:
    def wait(toast: Any) -> Any:
        if goal == GONE:
            return toast.instances.wait_until_deleted(id, timeout=timeout)
        return toast.instances.wait_for_status(id, goal, timeout=timeout)

    return wait


def _status(cloud: MockCloud, id: str) -> str:
    world = cloud.worlds.get(WORLD.user_id)
    return shown_status(world, id) if id in world.instances else GONE


CHECKS: Mapping[str, Callable[[], str]] = {
    f"{kind.name} and a wait, {how}": lambda kind=kind, find=find: next(find(kind), "")  # type: ignore[misc]
    for kind in _MOVES
    for how, find in {"which is right": _problems, "which fails": _problems_of_failures}.items()
}
"""By name: returns what is wrong, empty for nothing."""

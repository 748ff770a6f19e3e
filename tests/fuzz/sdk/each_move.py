"""Is a wait after each change of status over when the change is, and not before? Also when its reply was lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from toast_compute import AmbiguousOutcomeError, InstanceFailedError, WaitTimeoutError
from toast_compute_api.behaviour import LIFECYCLE
from toast_compute_mock import MockCloud, faults
from toast_compute_mock.faults import Fault

from .driver import Driver, Make, opened
from .kinds import CHANGES, RUNNING, STOPPED, Kind
from .model import FAILED, GONE
from .story import COLOURS, WORLD, shown_status

_MOVES = {
    kind: make
    for kind, make in CHANGES.items()
    if kind.name in LIFECYCLE.operations and LIFECYCLE.operations[kind.name].through and kind.name != "createInstance"
}
"""The changes of an instance's status."""
_STALE = 0.9  # of the longest time that a change takes: so long after it may reads be from before it
_FEW = 1.5  # seconds of the same, where a look after a lost reply has to see the change
_READS = 100
_ENOUGH = 600.0
_SHORT = 6.0


def _problems(kind: Kind) -> Iterator[str]:
    id, goal = _goal(kind)
    for colour in COLOURS:
        for is_lost in (False, True):
            cloud, _, driver = opened(colour)
            try:
                lost = [faults.lose_reply(kind.operation, action=kind.action or None)] if is_lost else []
                cloud.faults.add(*lost, _stale(_FEW if is_lost else _most(kind)))
                _, error = driver.call(_MOVES[kind])
                if error is not None and not isinstance(error, AmbiguousOutcomeError):
                    yield f"{colour}: {kind.name} ended as {type(error).__name__}"
                    continue
                _, error = driver.call(_wait(id, goal, _ENOUGH))
                truth = _status(cloud, id)
            finally:
                driver.close()
            after = f"{colour}: a wait for {goal} after {kind.name}{', whose reply was lost,' if is_lost else ''}"
            if cloud.faults.unused():
                yield f"{colour}: {kind.name} met no {', '.join(cloud.faults.unused())}"
            if error is not None or truth != goal:
                yield f"{after} ended as {type(error).__name__ if error else 'done'}, and the instance is {truth}"


def _problems_of_others(kind: Kind) -> Iterator[str]:
    """Let somebody else make a change, and wait for its end by what was seen before it."""
    id, goal = _goal(kind)
    if goal == GONE:
        return
    for colour in COLOURS:
        cloud, clock, driver = opened(colour)
        other = Driver(cloud, clock, colour)
        seen: list[str] = []
        try:
            before, _ = driver.call(lambda toast: toast.instances.get_details(id))
            other.call(lambda toast: toast.availability_zones.list())
            cloud.faults.add(_stale(_most(kind)))
            other.call(_MOVES[kind])
            _, error = driver.call(_wait(id, goal, _ENOUGH, since=before, on_poll=partial(_note, seen)))
            truth = _status(cloud, id)
        finally:
            driver.close()
            other.close()
        if cloud.faults.unused():
            yield f"{colour}: somebody else's {kind.name} met no old read"
        if error is not None or truth != goal:
            ended = type(error).__name__ if error else "done"
            yield f"{colour}: a wait since before somebody else's {kind.name} ended as {ended} at {truth}"
        elif seen[-1:] != [goal]:
            yield f"{colour}: a wait for {goal} told last of {', '.join(seen[-1:]) or 'nothing'}"


def _stale(seconds: float) -> Fault:
    """Reads that are from before a change for so long."""
    return faults.stale_read(None, seconds=seconds, budget=_READS)


def _most(kind: Kind) -> float:
    """Nearly as many seconds as a change may take."""
    return _STALE * LIFECYCLE.operations[kind.name].max_seconds


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


def _note(seen: list[str], instance: Any) -> None:
    seen.append(GONE if instance is None else str(instance.status))


def _wait(id: str, goal: str, timeout: float, **options: Any) -> Make:
    def wait(toast: Any) -> Any:
        if goal == GONE:
            return toast.instances.wait_until_deleted(id, timeout=timeout)
        return toast.instances.wait_for_status(id, goal, timeout=timeout, **options)

    return wait


def _status(cloud: MockCloud, id: str) -> str:
    world = cloud.worlds.get(WORLD.user_id)
    return shown_status(world, id) if id in world.instances else GONE


CHECKS: Mapping[str, Callable[[], str]] = {
    f"{kind.name} and a wait, {how}": lambda kind=kind, find=find: next(find(kind), "")  # type: ignore[misc]
    for kind in _MOVES
    for how, find in {
        "which is right": _problems,
        "of somebody else": _problems_of_others,
        "which fails": _problems_of_failures,
    }.items()
}
"""By name: returns what is wrong, empty for nothing."""

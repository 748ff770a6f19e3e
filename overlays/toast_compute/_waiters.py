"""When is a wait over, and how did it end?

Which states can still lead to the goal is read from the lifecycle in the contract.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

from toast_compute_api.behaviour import LIFECYCLE
from toast_compute_api.models import Instance

from ._config import is_seconds
from ._core import Core
from ._effects import Plan, ReadClock, Sleep
from ._input import refuse, text
from ._plans import brief_instance, brief_instances
from ._refusals import absent
from .errors import APITimeoutError, InstanceFailedError, NotFoundError, WaitTimeoutError

T = TypeVar("T")

# The interval between two looks grows from the first to the last: most moves take seconds, some take many minutes.
FIRST_INTERVAL = 1.0
LAST_INTERVAL = 15.0
GROWTH = 1.5
# A given interval is cut to a day: operating systems sleep no longer than some years at once.
MAX_INTERVAL = 86_400.0
# What is left for the last look when the deadline is there already.
LAST_LOOK_SECONDS = 1.0
_LIST = "listInstances"


def wait_for_status(core: Core, id: str, status: str, *, timeout: float, poll_interval: float | None) -> Plan[Instance]:
    """Look at one instance until it is in a status."""
    goal = _goal(status)

    def look(seconds: float) -> Plan[Instance]:
        return brief_instance(core, id, timeout=seconds)

    def is_over(instance: Instance) -> bool:
        return _is_reached(instance, goal)

    return (yield from _poll(core, look, is_over, timeout, poll_interval, f"{id} to be {goal}", _one))


def wait_until_deleted(core: Core, id: str, *, timeout: float, poll_interval: float | None) -> Plan[None]:
    """Look at one instance until it is gone."""
    deleting = LIFECYCLE.operations["deleteInstance"].through
    seen_deleting = False

    def look(seconds: float) -> Plan[Instance | None]:
        try:
            return (yield from brief_instance(core, id, timeout=seconds))
        except NotFoundError as error:
            # A token or an appkey that is not found says nothing about the instance.
            if error.operation != _LIST:
                raise
            return None

    def is_over(instance: Instance | None) -> bool:
        nonlocal seen_deleting
        if instance is None:
            return True
        # An instance that failed before can be deleted; only one that fails while it is being deleted stays.
        if seen_deleting and instance.status in _failures():
            raise InstanceFailedError(
                f"Instance {instance.id} is {instance.status}: its deletion failed", last=instance, operation=_LIST
            )
        seen_deleting = seen_deleting or instance.status in deleting
        return False

    yield from _poll(core, look, is_over, timeout, poll_interval, f"{id} to be deleted", _one)


def wait_for_all(
    core: Core, ids: Iterable[str], status: str, *, timeout: float, poll_interval: float | None
) -> Plan[list[Instance]]:
    """Look at all instances with one request at a time until each one has been seen in a status."""
    goal = _goal(status)
    if isinstance(ids, str):
        refuse(_LIST, "ids", "expected a list of ids, got one string")
    given = [text(_LIST, f"ids[{index}]", id) for index, id in enumerate(ids)]
    for id in given:
        # Building the request checks the id.
        brief_instances(core, id)
    wanted = [id.casefold() for id in given]
    if not wanted:
        return []
    reached: dict[str, Instance] = {}

    def look(seconds: float) -> Plan[list[Instance]]:
        reply = yield from core.call(brief_instances(core), timeout=seconds)
        present = {instance.id.casefold(): instance for instance in reply.instances}
        missing = [id for id, key in zip(given, wanted, strict=True) if key not in present and key not in reached]
        if missing:
            raise absent(_LIST, f"instance {', '.join(missing)}", "instance")
        return [reached.get(key) or present[key] for key in wanted]

    def is_over(instances: Collection[Instance]) -> bool:
        for instance in instances:
            if instance.id.casefold() not in reached and _is_reached(instance, goal):
                reached[instance.id.casefold()] = instance
        return len(reached) == len(set(wanted))

    def describe(instances: Collection[Instance]) -> str:
        waiting = [_one(instance) for instance in instances if instance.id.casefold() not in reached]
        return ", ".join(waiting[:3]) + (f" and {len(waiting) - 3} more" if len(waiting) > 3 else "")

    yield from _poll(
        core, look, is_over, timeout, poll_interval, f"{len(set(wanted))} instances to be {goal}", describe
    )
    return [reached[key] for key in wanted]


def _poll(
    core: Core,
    look: Callable[[float], Plan[T]],
    is_over: Callable[[T], bool],
    timeout: float,
    poll_interval: float | None,
    what: str,
    describe: Callable[[T], str],
) -> Plan[T]:
    _check_seconds(timeout, poll_interval)
    started: float = yield ReadClock()
    deadline = started + timeout
    interval = FIRST_INTERVAL if poll_interval is None else min(poll_interval, MAX_INTERVAL)
    last: T | None = None
    now = started
    while True:
        out_of_time: APITimeoutError | None = None
        try:
            last = yield from look(min(core.timeout, max(deadline - now, LAST_LOOK_SECONDS)))
        except APITimeoutError as error:
            out_of_time = error
        else:
            if is_over(last):
                return last
        now = yield ReadClock()
        if now >= deadline:
            seen = "nothing was seen" if last is None else f"last seen: {describe(last)}"
            raise WaitTimeoutError(
                f"Waited {timeout:g} s for {what}; {seen}", last=last, timeout=timeout, operation=_LIST
            ) from out_of_time
        if out_of_time is not None:
            raise out_of_time
        yield Sleep(min(interval, deadline - now))
        now = yield ReadClock()
        if poll_interval is None:
            interval = min(interval * GROWTH, LAST_INTERVAL)


def _check_seconds(timeout: float, poll_interval: float | None) -> None:
    if not is_seconds(timeout) or timeout <= 0:
        refuse(_LIST, "timeout", "expected a finite number of seconds over 0")
    if poll_interval is not None and (not is_seconds(poll_interval) or poll_interval <= 0):
        refuse(_LIST, "poll_interval", "expected a finite number of seconds over 0, or None")


def _goal(status: object) -> str:
    if not isinstance(status, str) or status not in LIFECYCLE.states:
        refuse(_LIST, "status", f"expected one of {', '.join(LIFECYCLE.states)}")
    return str(status)


def _one(instance: Instance | None) -> str:
    return "nothing" if instance is None else f"{instance.id} is {instance.status}"


def _is_reached(instance: Instance, goal: str) -> bool:
    status = str(instance.status)
    if status == goal:
        return True
    if goal not in _reachable(status):
        raise InstanceFailedError(
            f"Instance {instance.id} is {status} and can no longer become {goal}", last=instance, operation=_LIST
        )
    return False


@functools.cache
def _failures() -> frozenset[str]:
    """The states that last although no operation ends in them."""
    ends = {move.to for move in LIFECYCLE.operations.values()}
    return frozenset(name for name, state in LIFECYCLE.states.items() if not state.transient and name not in ends)


def _reachable(status: str) -> Collection[str]:
    """The states that may follow a status; all of them when the status is unknown: it may lead anywhere.

    Ways through a failure do not count, ways through another lasting state do: an action that was accepted may not show
    in the status yet.
    """
    if status not in LIFECYCLE.states:
        return LIFECYCLE.states
    return _reachable_known(status)


@functools.cache
def _reachable_known(status: str) -> frozenset[str]:
    seen: set[str] = set()
    ahead = [] if status in _failures() else list(LIFECYCLE.states[status].next)
    while ahead:
        state = ahead.pop()
        if state not in seen:
            seen.add(state)
            ahead.extend([] if state in _failures() else LIFECYCLE.states[state].next)
    return frozenset(seen)

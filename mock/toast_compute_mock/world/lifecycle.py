"""Apply the contract's lifecycle: the status of an instance, what it allows, and what follows.

Nothing ticks. A change of status is kept as (through, to, started, due) and applied when the instance is read, with the
times that it would have had. All states, moves and durations come from `x-lifecycle` in the contract.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from toast_compute_api.behaviour import LIFECYCLE

from ..rules import RefusedError, Rule
from .state import Instance, Transition, World

_SAME = "same"
GONE = "gone"
_MIGRATING = "MIGRATING"
_RUNNING = "ACTIVE"  # guide: "인스턴스 구동 중"; a change of status that ends here has booted the instance


def find(world: World, instance_id: str, now: datetime) -> Instance:
    """Return an instance as it is now. Raises RefusedError when it is unknown or gone."""
    instance = world.instances.get(instance_id)
    if instance is None or not _apply_if_due(world, instance, now):
        raise RefusedError(Rule.NO_INSTANCE)
    return instance


def find_all(world: World, now: datetime) -> list[Instance]:
    """Return all instances as they are now, in the order of creation, without those that are gone."""
    found = []
    for instance in list(world.instances.values()):
        change = instance.transition  # checked here, since most instances have no change that is due
        if change is None or now < change.due or _apply(world, instance, change):
            found.append(instance)
    return found


def status(instance: Instance, now: datetime) -> str:
    """Return the status that an instance shows now; it has to come from `find` or `find_all` at the same time."""
    change = instance.transition
    if change is None:
        return instance.status
    if now <= change.started or len(change.through) == 1:
        return change.through[0]
    share = (now - change.started) / (change.due - change.started)
    return change.through[min(int(share * len(change.through)), len(change.through) - 1)]


def require(instance: Instance, operation: str, now: datetime) -> None:
    """Raise RefusedError unless the instance's status allows the operation: an operationId, or an action of its own."""
    current = status(instance, now)
    if current not in LIFECYCLE.operations[operation].accepted_in:
        raise RefusedError(Rule.WRONG_STATE, status=current)


def begin(world: World, instance: Instance, operation: str, now: datetime, *, flavor: str | None = None) -> None:
    """Begin what an operation leads to; `flavor` is the flavor's id from the end of the change on."""
    move = LIFECYCLE.operations[operation]
    instance.updated_at = now
    seconds = 0.0
    if move.through:
        seconds = move.min_seconds + (move.max_seconds - move.min_seconds) * world.mint.fraction()
    due = now + timedelta(seconds=seconds)
    instance.transition = change = Transition(
        through=move.through,
        to=instance.status if move.to == _SAME else move.to,
        started=now,
        due=due,
        flavor=flavor,
    )
    if now >= due:
        _apply(world, instance, change)


def migrate(instance: Instance, now: datetime, seconds: float) -> None:
    """Begin a migration, which the service does by itself. Raises RefusedError when its status does not allow it."""
    current = status(instance, now)
    if _MIGRATING not in LIFECYCLE.states[current].next:
        raise RefusedError(Rule.WRONG_STATE, status=current)
    due = now + timedelta(seconds=seconds)
    instance.updated_at = now
    instance.transition = Transition(through=(_MIGRATING,), to=instance.status, started=now, due=due)


def _apply_if_due(world: World, instance: Instance, now: datetime) -> bool:
    """Apply the change that is due; False when the instance is gone."""
    change = instance.transition
    return change is None or now < change.due or _apply(world, instance, change)


def _apply(world: World, instance: Instance, change: Transition) -> bool:
    """Apply a change that is due; False when the instance is gone then."""
    to = change.to
    if to == GONE:
        del world.instances[instance.id]
        return False
    instance.transition = None
    instance.status = to
    instance.updated_at = change.due
    if to == _RUNNING and change.through and _MIGRATING not in change.through:
        instance.launched_at = change.due
    if change.flavor is not None:
        instance.flavor = change.flavor
    return True

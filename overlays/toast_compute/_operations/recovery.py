"""Recovery from lost replies: whether a change was carried out, and which instance a create has created.

The change is not sent again. Only the state is read, up to three times, since it may be stale. When a change is refused
after an attempt whose reply was lost, that attempt may be the reason: the instance to delete is gone, the one to start
runs. Then the call has succeeded; the state decides, not the text of the refusal.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from toast_compute_api import models
from toast_compute_api.behaviour import LIFECYCLE
from toast_compute_api.models import InstanceDetail, InstanceSpec, RootVolume, RootVolumeSpec

from .._core.call import OutcomeProbe
from .._core.error_mapping import is_absence
from .._effects import Effects
from .._lifecycle.staleness import GONE
from ..errors import AmbiguousOutcomeError, APIError, NotFoundError, ToastComputeError

T = TypeVar("T")

Pause: TypeAlias = Callable[[float], Effects[bool]]
"""Waits for some seconds, and returns whether the deadline left time for that."""

# The seconds before each read.
_PAUSES = (0.0, 1.0, 3.0)
_MOST_RETURNED = 10_000


def poll_until(pause: Pause, is_decided: Callable[[], Effects[bool]]) -> Effects[bool]:
    """Return whether `is_decided` returned True. It is called up to three times, and as long as there is time."""
    for seconds in _PAUSES:
        if seconds and not (yield from pause(seconds)):
            return False
        if (yield from is_decided()):
            return True
    return False


@dataclass(frozen=True, slots=True)
class StateReader(Generic[T]):
    """Reads the state of the resource that a call changes."""

    what: str
    """The subsystem of refusals that mean that the resource does not exist: instance or keypair."""
    read: Callable[[], Effects[T]]
    pause: Pause


def keypair_is_gone(reader: StateReader[models.Keypair]) -> OutcomeProbe:
    """Return a probe that confirms the deletion of a key pair when it does not exist."""

    def probe(error: APIError) -> Effects[bool]:
        return is_absence(error, reader.what) or (yield from _shows(reader, lambda _: False, is_gone_done=True))

    return probe


def has_begun(reader: StateReader[models.InstanceDetail], move: str) -> OutcomeProbe:
    """Return a probe that confirms a change of status when the status shows that it has begun."""
    expected = LIFECYCLE.operations[move]
    ends = expected.to == GONE

    def probe(error: APIError) -> Effects[bool]:
        if is_absence(error, reader.what):
            return ends
        begun = (*expected.through, expected.to)
        return (yield from _shows(reader, lambda detail: str(detail.status) in begun, is_gone_done=ends))

    return probe


def volume_is_detached(reader: StateReader[models.InstanceDetail], volume_id: str) -> OutcomeProbe:
    """Return a probe that confirms a detachment when the instance no longer has the volume."""
    return _when(reader, lambda detail: volume_id.casefold() not in _volumes(detail))


def action_is_done(reader: StateReader[models.InstanceDetail], action: models.InstanceAction) -> OutcomeProbe:
    """Return a probe that confirms an action when the instance is as the action would leave it."""
    match action:
        case models.AddFloatingIpAction(parameters=models.AddFloatingIpParameters(address=wanted, ip_address=own)):
            return _when(reader, lambda detail: (own, wanted) in _floating_ips(detail))
        case models.RemoveFloatingIpAction(parameters=models.RemoveFloatingIpParameters(address=unwanted)):
            return _when(reader, lambda detail: all(address != unwanted for _, address in _floating_ips(detail)))
        case models.AddSecurityGroupAction(parameters=models.AddSecurityGroupParameters(name=joined)):
            return _when(reader, lambda detail: joined in _security_groups(detail))
        case models.RemoveSecurityGroupAction(parameters=models.RemoveSecurityGroupParameters(name=left)):
            return _when(reader, lambda detail: left not in _security_groups(detail))
        case _:
            return has_begun(reader, str(action.__struct_config__.tag))


def _when(reader: StateReader[models.InstanceDetail], is_done: Callable[[models.InstanceDetail], bool]) -> OutcomeProbe:
    def probe(_: APIError) -> Effects[bool]:
        return (yield from _shows(reader, is_done))

    return probe


def _shows(reader: StateReader[T], is_done: Callable[[T], bool], *, is_gone_done: bool = False) -> Effects[bool]:
    def is_decided() -> Effects[bool]:
        try:
            return is_done((yield from reader.read()))
        except NotFoundError as error:
            return is_gone_done and is_absence(error, reader.what)
        except ToastComputeError:
            return False  # a failed read proves nothing, so the refusal stands

    return (yield from poll_until(reader.pause, is_decided))


def _volumes(detail: models.InstanceDetail) -> set[str]:
    return {volume.id.casefold() for volume in detail.volumes.attachments}


def _floating_ips(detail: models.InstanceDetail) -> set[tuple[str, str | None]]:
    return {(address.ip_address, address.floating_ip_address) for address in detail.addresses}


def _security_groups(detail: models.InstanceDetail) -> set[str]:
    return {group.name for group in detail.security_groups}


class ReturnedIds:
    """The ids of instances that calls of a client returned; none of them is the outcome of another call.

    Threads share it without a lock: `setdefault` decides which of two calls takes an id.
    """

    def __init__(self) -> None:
        self._owners: dict[str, object] = {}

    def __contains__(self, id: str) -> bool:
        return id.casefold() in self._owners

    def add(self, id: str) -> None:
        """Note that an instance was returned. Of too many, the oldest are forgotten."""
        self._owners.setdefault(id.casefold(), object())
        while len(self._owners) > _MOST_RETURNED:
            self._owners.pop(next(iter(self._owners)), None)

    def take(self, ids: Iterable[str]) -> bool:
        """Take ids for one call, all or none. Return False when another call has one of them."""
        owner = object()
        wanted = [id.casefold() for id in ids]
        taken = [id for id in wanted if self._owners.setdefault(id, owner) is owner]
        if len(taken) == len(wanted):
            return True
        for id in taken:
            self._owners.pop(id, None)
        return False


def find_created(
    read: Callable[[], Effects[list[InstanceDetail]]],
    pause: Pause,
    before: Sequence[InstanceDetail],
    wanted: InstanceSpec,
    lost: AmbiguousOutcomeError,
    returned: ReturnedIds,
) -> Effects[InstanceDetail]:
    """Return the one new instance that matches the request.

    Args:
        read: reads all instances in detail.
        pause: waits between two reads.
        before: the instances before the create was sent.
        wanted: the instance that the create asked for.
        lost: the error of the create.
        returned: the ids that other calls of the client returned; the ids that are found are added.

    Raises:
        AmbiguousOutcomeError: fewer or more instances match than the create asked for, or none could be read;
            `candidates` has those that match.
    """
    count = wanted.count if isinstance(wanted.count, int) else 1
    old = {detail.id.casefold() for detail in before}
    newest = max((detail.created_at for detail in before), default=None)
    matching: list[InstanceDetail] = []
    found: list[InstanceDetail] = []
    problem = ""

    def is_decided() -> Effects[bool]:
        nonlocal matching, problem
        try:
            details = yield from read()
        except ToastComputeError as error:
            # Not raised: it would pass for the outcome of the create, of which it proves nothing.
            problem = f"; the last read failed: {error}"
            return False
        problem = ""
        matching = [
            detail
            for detail in details
            if detail.id.casefold() not in old
            and detail.id not in returned
            # The list from before may have been stale, and not have shown an older instance that matches.
            and (newest is None or detail.created_at >= newest)
            and _matches(detail, wanted)
        ]
        if len(matching) == count and returned.take(detail.id for detail in matching):
            found.extend(matching)
        return bool(found) or len(matching) > count

    yield from poll_until(pause, is_decided)
    if found:
        return found[0]
    unclear = AmbiguousOutcomeError(
        f"createInstance may or may not have been carried out: {_summary(matching, count)}{problem}; "
        "check the state before sending it again",
        operation="createInstance",
        candidates=matching,
    )
    unclear.attempts = lost.attempts
    raise unclear from lost


def _summary(matching: Collection[InstanceDetail], count: int) -> str:
    found = ", ".join(detail.id for detail in matching)
    if not matching:
        return "no new instance like this can be seen"
    return f"{len(matching)} new instances like this can be seen, {count} were asked for: {found}"


def _matches(detail: InstanceDetail, wanted: InstanceSpec) -> bool:
    return (
        detail.name == wanted.name
        and detail.image.casefold() == wanted.image.casefold()
        and detail.flavor.id.casefold() == wanted.flavor.casefold()
        and detail.key_name == wanted.key_name
        and detail.availability_zone == wanted.availability_zone
        and len(detail.addresses) == len(wanted.networks)
        and {group.name for group in detail.security_groups} == {group.name for group in wanted.security_groups}
        and _is_root_disk(detail.volumes.root, wanted.volume)
    )


def _is_root_disk(disk: RootVolume, wanted: object) -> bool:
    if not isinstance(wanted, RootVolumeSpec):
        return True
    is_size = not isinstance(wanted.size, int) or disk.size == wanted.size
    return is_size and (not isinstance(wanted.type, str) or disk.type == wanted.type)

"""Which instance came of a create whose reply was lost?

The create is never sent again. What there was before is read first, so that afterwards only what is new can match.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from toast_compute_api.models import InstanceDetail, InstanceSpec, RootVolume, RootVolumeSpec

from .._effects import Effects
from ..errors import AmbiguousOutcomeError, ToastComputeError
from .polling import Pause, poll_until

_MOST_RETURNED = 10_000


class ReturnedIds:
    """The ids of instances that were returned to a client: none of them can be the outcome of another call."""

    def __init__(self) -> None:
        self._owners: dict[str, object] = {}

    def __contains__(self, id: str) -> bool:
        return id.casefold() in self._owners

    def add(self, id: str) -> None:
        """Note that an instance was returned; the oldest are forgotten when there are many."""
        self._owners.setdefault(id.casefold(), object())
        while len(self._owners) > _MOST_RETURNED:
            self._owners.pop(next(iter(self._owners)), None)

    def take(self, ids: Iterable[str]) -> bool:
        """Take ids for one call, all or none: another call of the client may have taken one of them meanwhile."""
        mine = object()
        wanted = [id.casefold() for id in ids]
        taken = [id for id in wanted if self._owners.setdefault(id, mine) is mine]
        if len(taken) == len(wanted):
            return True
        for id in taken:
            self._owners.pop(id, None)
        return False


def find_created(
    look: Callable[[], Effects[list[InstanceDetail]]],
    pause: Pause,
    before: Sequence[InstanceDetail],
    wanted: InstanceSpec,
    lost: AmbiguousOutcomeError,
    returned: ReturnedIds,
) -> Effects[InstanceDetail]:
    """Return the one new instance that is what was asked for.

    Args:
        look: reads all instances in detail.
        pause: waits between two looks.
        before: the instances that there were before the create was sent.
        wanted: what was asked for.
        lost: the error of the create.
        returned: the ids that were returned to other calls of the client already; those that are found are added.

    Raises:
        AmbiguousOutcomeError: there is none, or there are more than were asked for, or nothing could be seen:
            `candidates` has what was found.
    """
    count = wanted.count if isinstance(wanted.count, int) else 1
    known = {detail.id.casefold() for detail in before}
    newest = max((detail.created_at for detail in before), default=None)
    matching: list[InstanceDetail] = []
    found: list[InstanceDetail] = []
    trouble = ""

    def is_decided() -> Effects[bool]:
        nonlocal matching, trouble
        try:
            details = yield from look()
        except ToastComputeError as error:
            # It says nothing of the create, and must not be taken for its outcome.
            trouble = f"; the last look failed: {error}"
            return False
        trouble = ""
        matching = [
            detail
            for detail in details
            if detail.id.casefold() not in known
            and detail.id not in returned
            # A list from before that was stale is no reason to take an older instance for the new one.
            and (newest is None or detail.created_at >= newest)
            and _is(detail, wanted)
        ]
        if len(matching) == count and returned.take(detail.id for detail in matching):
            found.extend(matching)
        return bool(found) or len(matching) > count

    yield from poll_until(pause, is_decided)
    if found:
        return found[0]
    unclear = AmbiguousOutcomeError(
        f"createInstance may or may not have been carried out: {_seen(matching, count)}{trouble}; look before sending "
        "it again",
        operation="createInstance",
        candidates=matching,
    )
    unclear.attempts = lost.attempts
    raise unclear from lost


def _seen(matching: Collection[InstanceDetail], count: int) -> str:
    found = ", ".join(detail.id for detail in matching)
    if not matching:
        return "no new instance like this can be seen"
    return f"{len(matching)} new instances like this can be seen, {count} were asked for: {found}"


def _is(detail: InstanceDetail, wanted: InstanceSpec) -> bool:
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
    has_size = not isinstance(wanted.size, int) or disk.size == wanted.size
    return has_size and (not isinstance(wanted.type, str) or disk.type == wanted.type)

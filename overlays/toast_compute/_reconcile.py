"""Which instance came of a create whose reply was lost?

The create is never sent again. What there was before is read first, so that afterwards only what is new can match.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from toast_compute_api.models import InstanceDetail, InstanceSpec

from ._effects import Plan, Sleep
from .errors import AmbiguousOutcomeError

# A list may lag behind: the looks for the new instance, and the seconds before each.
_LOOKS = (0.0, 1.0, 3.0)


def find_created(
    look: Callable[[], Plan[list[InstanceDetail]]],
    before: Collection[str],
    wanted: InstanceSpec,
    lost: AmbiguousOutcomeError,
) -> Plan[InstanceDetail]:
    """Return the one new instance that is what was asked for.

    Args:
        look: reads all instances in detail.
        before: the ids that there were before the create was sent.
        wanted: what was asked for.
        lost: the error of the create.

    Raises:
        AmbiguousOutcomeError: there is none, or there are more than were asked for: `candidates` has them.
    """
    count = wanted.count if isinstance(wanted.count, int) else 1
    matching: list[InstanceDetail] = []
    for pause in _LOOKS:
        if pause:
            yield Sleep(pause)
        details = yield from look()
        matching = [detail for detail in details if detail.id not in before and _is(detail, wanted)]
        if len(matching) == count:
            return matching[0]
        if len(matching) > count:
            break
    found = ", ".join(detail.id for detail in matching) or "none"
    error = AmbiguousOutcomeError(
        f"createInstance may or may not have been carried out: of {count} new instances like this were found {found}",
        operation="createInstance",
        candidates=matching,
    )
    error.attempts = lost.attempts
    raise error from lost


def _is(detail: InstanceDetail, wanted: InstanceSpec) -> bool:
    return (
        detail.name == wanted.name
        and detail.image == wanted.image
        and detail.flavor.id == wanted.flavor
        and detail.key_name == wanted.key_name
    )

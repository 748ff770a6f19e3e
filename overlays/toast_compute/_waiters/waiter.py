"""The waits that clients offer: for a status of one instance or of many, and for a deletion.

The lifecycle in the contract defines which statuses can still lead to the goal (`_lifecycle.transitions`) and which may
be stale (`_lifecycle.staleness`). `tracker` applies that to what a poll shows, and `poller` decides when to poll.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from toast_compute_api.behaviour import LIFECYCLE
from toast_compute_api.models import Instance, InstanceDetail

from .._core.client_core import Core
from .._effects import Effects
from .._lifecycle.staleness import GONE, change_since
from .._operations.instances import LIST
from .._validation import one_of, one_or_many, refuse, text, texts
from .poller import OnPoll, Options, options, poll
from .tracker import InstanceTracker, TrackedInstances


def wait_for_status(
    core: Core,
    id: str,
    status: str,
    *,
    timeout: float,
    poll_interval: float | None,
    on_poll: OnPoll | None = None,
    since: InstanceDetail | None = None,
) -> Effects[Instance]:
    """Poll one instance until it is in a status."""
    goal = one_of(LIST, "status", status, LIFECYCLE.states)
    checked = options(timeout, poll_interval, on_poll)
    key = text(LIST, "id", id).casefold()
    before: Mapping[str, InstanceDetail] = {} if since is None else _by_id([since])
    if before and key not in before:
        refuse(LIST, "since", "is about another instance")
    reached = yield from _reach(core, [id], goal, checked, before=before, is_single=True)
    return _present(reached[key])


def wait_for_all(
    core: Core,
    ids: Iterable[str],
    status: str,
    *,
    timeout: float,
    poll_interval: float | None,
    on_poll: OnPoll | None = None,
    since: Iterable[InstanceDetail] = (),
) -> Effects[list[Instance]]:
    """Poll all instances, with one request for all of them, until each has been seen in a status."""
    goal = one_of(LIST, "status", status, LIFECYCLE.states)
    checked = options(timeout, poll_interval, on_poll)
    given = texts(LIST, "ids", ids)
    reached = yield from _reach(core, given, goal, checked, before=_by_id(since), is_single=False)
    return [_present(reached[id.casefold()]) for id in given]


def wait_until_deleted(
    core: Core, id: str, *, timeout: float, poll_interval: float | None, on_poll: OnPoll | None = None
) -> Effects[None]:
    """Poll one instance until it is gone."""
    checked = options(timeout, poll_interval, on_poll)
    yield from _reach(core, [id], GONE, checked, before={}, is_single=True)


def _reach(
    core: Core,
    ids: Sequence[str],
    goal: str,
    checked: Options,
    *,
    before: Mapping[str, InstanceDetail],
    is_single: bool,
) -> Effects[Mapping[str, Instance | None]]:
    # An id that is given twice, or in another case, is one instance.
    trackers: dict[str, InstanceTracker] = {}
    for id in ids:
        key = text(LIST, "id", id).casefold()
        if key not in trackers:
            trackers[key] = InstanceTracker(core, id, goal, change_since(before[key]) if key in before else None)
    instances = TrackedInstances(core, list(trackers.values()), goal, is_single=is_single)
    if trackers:
        yield from poll(core, instances, checked)
    return instances.reached


def _by_id(details: object) -> Mapping[str, InstanceDetail]:
    by_id: dict[str, InstanceDetail] = {}
    for detail in one_or_many(details):
        if not isinstance(detail, InstanceDetail):
            refuse(LIST, "since", "expected what get_details or list_details returns")
        by_id[detail.id.casefold()] = detail
    return by_id


def _present(instance: Instance | None) -> Instance:
    assert instance is not None, "only a deletion ends without an instance"
    return instance

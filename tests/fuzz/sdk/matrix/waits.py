"""Check that waits end when a change is over, and not before, alone and together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
from toast_compute import AmbiguousOutcomeError, InstanceFailedError, WaitTimeoutError
from toast_compute_api.behaviour import LIFECYCLE
from toast_compute_mock import MockCloud, ScaledClock, faults

from ..bench import CREDENTIALS, GONE, Bench, Client, Fault, Wire
from ..calls import ARGUMENTS, MOVES, NEW, Call, Make, usual
from ..contract import LIST
from .table import check

FAILED = "ERROR"
_STALE = 0.9  # of the longest time that a change takes: so long after it may reads be from before it
_FEW = 1.5  # seconds of the same, where a poll after a lost reply has to see the change
_READS = 100
_ENOUGH = 600.0
_SHORT = 6.0
_WAITS = 3
_POLLS = 5  # by so many lists, all waits use the same poll
_SPEED = 50.0
_ABSENT = 20.0


@check(MOVES)
def a_wait_after_a_change(variant: str, call: Call) -> Iterator[str]:
    """Make a change, lose its reply or not, read what is stale for some time, and wait for the end of the change."""
    id, goal = _goal(call)
    for is_lost in (False, True):
        with Bench(variant) as bench:
            lost = [faults.lose_reply(call.operation, action=call.action or None)] if is_lost else []
            bench.cloud.faults.add(*lost, _stale(_FEW if is_lost else _most(call)))
            _, error = bench.call(call.make)
            if error is not None and not isinstance(error, AmbiguousOutcomeError):
                yield f"the change ended as {type(error).__name__}"
            _, error = bench.call(_wait(id, goal, _ENOUGH))
            yield from _problems(bench, id, goal, error)
            if bench.cloud.faults.unused():
                yield f"the change met no {', '.join(bench.cloud.faults.unused())}"


@check(call for call in MOVES if call.change != "deleteInstance")
def a_wait_after_a_change_by_another_client(variant: str, call: Call) -> Iterator[str]:
    """Wait for the end of a change that another client makes by what was read before it."""
    id, goal = _goal(call)
    seen: list[str] = []
    with Bench(variant) as bench, Bench(variant, cloud=bench.cloud, clock=bench.clock) as other:
        before, _ = bench.call(usual("instances.get_details", id=id))
        bench.cloud.faults.add(_stale(_most(call)))
        other.call(call.make)
        _, error = bench.call(
            _wait(id, goal, _ENOUGH, since=before, on_poll=lambda one: seen.append(str(one.status) if one else GONE))
        )
        yield from _problems(bench, id, goal, error)
    if bench.cloud.faults.unused():
        yield "nothing stale was read"
    if seen[-1:] != [goal]:
        yield f"on_poll was given {', '.join(seen[-1:]) or 'nothing'} at the end of a wait for {goal}"


@check(MOVES)
def a_wait_after_a_change_that_fails(variant: str, call: Call) -> Iterator[str]:
    id, goal = _goal(call)
    with Bench(variant) as bench:
        bench.cloud.faults.add(faults.end_in_error())
        bench.call(call.make)
        _, failed = bench.call(_wait(id, goal, _ENOUGH))
        _, waited = bench.call(_wait(id, GONE, _SHORT))
        if bench.status(id) != FAILED or not isinstance(failed, InstanceFailedError):
            yield f"a wait for {goal} ended as {type(failed).__name__}"
        if not isinstance(waited, WaitTimeoutError):
            yield f"a wait for a deletion at {FAILED} ended as {type(waited).__name__}"


class _ShortList(Wire):
    """Leaves one instance out of each list of all, as a service does whose lists have a limit."""

    hidden = ""
    """The id of the instance; empty for none."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        response.read()
        return self._cut(request, response)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        await response.aread()
        return self._cut(request, response)

    def _cut(self, request: httpx.Request, response: httpx.Response) -> httpx.Response:
        body = json.loads(response.content)
        if "id" not in request.url.params and "instances" in body:
            body["instances"] = [one for one in body["instances"] if one["id"] != self.hidden]
        return httpx.Response(response.status_code, json=body)


@check()
def waits_that_share_their_polls(variant: str) -> Iterator[str]:
    cloud = MockCloud(clock=ScaledClock(_SPEED))
    waits = [_wait(id, "ACTIVE", _ENOUGH, poll_interval=2) for id in _new(cloud, _WAITS)]
    cloud.faults.add(faults.result_code(LIST, -3, nth=_POLLS))
    ends = _together(variant, cloud, Wire(cloud), waits)
    if ends != ["ACTIVE"] * _WAITS:
        yield f"{_WAITS} waits for new instances ended as {', '.join(ends)}"


@check()
def waits_that_share_a_short_list(variant: str) -> Iterator[str]:
    """Leave an instance out of the common lists, and wait for its deletion: a short list proves none."""
    cloud = MockCloud(clock=ScaledClock(_SPEED))
    wire = _ShortList(cloud)
    wire.hidden, other = _new(cloud, 2)
    waits = [_wait(wire.hidden, GONE, _ABSENT, poll_interval=2), _wait(other, "STOP", _ABSENT, poll_interval=2)]
    ends = _together(variant, cloud, wire, waits)
    if ends != [WaitTimeoutError.__name__] * 2:
        yield f"waits for what does not happen ended as {', '.join(ends)}"


def _goal(call: Call) -> tuple[str, str]:
    to = LIFECYCLE.operations[call.change].to
    return ARGUMENTS[call.method]["id"], to if to in (GONE, *LIFECYCLE.states) else "STOP"


def _stale(seconds: float) -> Fault:
    return faults.stale_read(None, seconds=seconds, budget=_READS)


def _most(call: Call) -> float:
    return _STALE * LIFECYCLE.operations[call.change].max_seconds


def _wait(id: str, goal: str, timeout: float, **options: Any) -> Make:
    if goal == GONE:
        return usual("instances.wait_until_deleted", id=id, timeout=timeout, **options)
    return usual("instances.wait_for_status", id=id, status=goal, timeout=timeout, **options)


def _problems(bench: Bench, id: str, goal: str, error: Exception | None) -> Iterator[str]:
    if error is not None or bench.status(id) != goal:
        ended = type(error).__name__ if error else "done"
        yield f"a wait for {goal} ended as {ended}, and the instance is {bench.status(id)}"


def _new(cloud: MockCloud, number: int) -> list[str]:
    client = Client("sync", transport=cloud.transport, clock=cloud.clock)
    made = [client.call(usual("instances.create", **NEW))[0].id for _ in range(number)]
    client.close()
    return made


def _together(variant: str, cloud: MockCloud, wire: Wire, waits: list[Make]) -> list[str]:
    client = Client(variant, CREDENTIALS, transport=wire, clock=cloud.clock)
    ends = client.call_all(waits)
    client.close()
    return [type(end).__name__ if isinstance(end, Exception) else str(end.status) if end else GONE for end in ends]

"""Do waits that share their looks end as each would end alone? Threads and tasks that wait side by side."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx
from toast_compute import AsyncToastCompute, ToastCompute
from toast_compute_mock import MockCloud, ScaledClock, faults

from .driver import CREDENTIALS
from .kinds import new_instance
from .story import COLOURS

Wait = Callable[[Any], Any]

_LIST = "listInstances"
_WAITS = 3
_LOOKS = 5
"""By so many lists, all waits use the same look."""
_PATIENCE = 20.0  # real seconds
_SPEED = 50.0
_LONGEST = 600.0  # seconds of that clock
_SHORT = 20.0
_TIMEOUT = "WaitTimeoutError"
_ENDLESS = "without end"


class _Wire(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Leaves one instance out of each list of all, as a service does whose lists have a limit."""

    def __init__(self, cloud: MockCloud) -> None:
        self._cloud = cloud
        self.hidden = ""
        """The id of the instance; empty for none."""

    def _cut(self, request: httpx.Request, response: httpx.Response) -> httpx.Response:
        body = json.loads(response.content)
        if "id" not in request.url.params and "instances" in body:
            body["instances"] = [one for one in body["instances"] if one["id"] != self.hidden]
        return httpx.Response(response.status_code, json=body)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a request on."""
        response = self._cloud.transport.handle_request(request)
        response.read()
        return self._cut(request, response)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a request on."""
        response = await self._cloud.async_transport.handle_async_request(request)
        await response.aread()
        return self._cut(request, response)


def shared_waits_end(colour: str) -> str:
    """Return what is wrong with waits that share their looks, in one of which the token is refused."""
    cloud = MockCloud(clock=ScaledClock(_SPEED))
    waits = [_until(id, "ACTIVE", _LONGEST) for id in _new(cloud, _WAITS)]
    cloud.faults.add(faults.result_code(_LIST, -3, nth=_LOOKS))
    ends = _side_by_side(colour, cloud, _Wire(cloud), waits)
    return "" if ends == ["ACTIVE"] * _WAITS else f"{_WAITS} waits for new instances ended as: {', '.join(ends)}"


def a_short_list_proves_no_deletion(colour: str) -> str:
    """Return what is wrong with waits whose common lists leave an instance out that is there."""
    cloud = MockCloud(clock=ScaledClock(_SPEED))
    wire = _Wire(cloud)
    wire.hidden, other = _new(cloud, 2)

    def until_deleted(toast: Any) -> Any:
        return toast.instances.wait_until_deleted(wire.hidden, poll_interval=2, timeout=_SHORT)

    ends = _side_by_side(colour, cloud, wire, [until_deleted, _until(other, "STOP", _SHORT)])
    return "" if ends == [_TIMEOUT] * 2 else f"waits for what does not happen ended as: {', '.join(ends)}"


def _new(cloud: MockCloud, number: int) -> list[str]:
    """Create so many instances, and return their ids."""
    with ToastCompute(*CREDENTIALS, transport=cloud.transport, clock=cloud.clock) as toast:
        return [toast.instances.create(**new_instance()).id for _ in range(number)]


def _until(id: str, status: str, timeout: float) -> Wait:
    return lambda toast: toast.instances.wait_for_status(id, status, poll_interval=2, timeout=timeout)


def _side_by_side(colour: str, cloud: MockCloud, wire: _Wire, waits: Sequence[Wait]) -> list[str]:
    """Wait with one client, and return for each wait the status, "gone", "without end" or the error."""
    return _tasks(cloud, wire, waits) if colour == "asyncio" else _threads(cloud, wire, waits)


def _threads(cloud: MockCloud, wire: _Wire, waits: Sequence[Wait]) -> list[str]:
    ends = [_ENDLESS] * len(waits)
    with ToastCompute(*CREDENTIALS, transport=wire, clock=cloud.clock) as toast:

        def run(number: int, wait: Wait) -> None:
            try:
                ends[number] = _end(wait(toast))
            except Exception as error:  # whatever it is, it is judged
                ends[number] = _end(error)

        # Threads that do not end must not keep the process from ending.
        threads = [threading.Thread(target=run, args=one, daemon=True) for one in enumerate(waits)]
        for thread in threads:
            thread.start()
        until = time.monotonic() + _PATIENCE
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
        return [*ends]


def _tasks(cloud: MockCloud, wire: _Wire, waits: Sequence[Wait]) -> list[str]:
    async def main() -> list[str]:
        async with AsyncToastCompute(*CREDENTIALS, transport=wire, clock=cloud.clock) as toast:
            running = asyncio.gather(*(wait(toast) for wait in waits), return_exceptions=True)
            return [_end(one) for one in await asyncio.wait_for(running, _PATIENCE)]

    try:
        return asyncio.run(main())
    except TimeoutError:
        return [_ENDLESS] * len(waits)


def _end(came: Any) -> str:
    if isinstance(came, BaseException):
        return type(came).__name__
    return "gone" if came is None else str(came.status)


CHECKS: Mapping[str, Callable[[], str]] = {
    f"{check.__name__.replace('_', ' ')}, {colour}": lambda check=check, colour=colour: check(colour)  # type: ignore[misc]
    for check in (shared_waits_end, a_short_list_proves_no_deletion)
    for colour in COLOURS
}
"""By name: returns what is wrong, empty for nothing."""

"""What exactly does the SDK send? A client whose transport takes every request apart, and refuses it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from operator import attrgetter
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import httpx
from toast_compute_api.behaviour import SERVER_URL
from toast_compute_mock import MockCloud

from .clocks import SteppingClock
from .driver import Driver
from .served import operation_of
from .told import TOKEN

Sent: TypeAlias = dict[str, Any]
"""A request: its `method`, the pieces of its `path`, the pairs of its `query`, and its `body` in JSON or None."""

_CONFLICT = 40409
_REFUSAL = {"header": {"isSuccessful": False, "resultCode": _CONFLICT, "resultMessage": "Conflict"}}


def target_of(sent: Sent) -> str:
    """Return the path and the query of a request, put together again."""
    path = "/".join(quote(piece, safe="") for piece in sent["path"])
    query = urlencode([(name, value) for name, value in sent["query"]], quote_via=quote)
    return f"{path}?{query}" if query else path


class _Recorder(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Notes each request and refuses it; requests for tokens go to a mock, and are not noted."""

    def __init__(self, cloud: MockCloud) -> None:
        self._cloud = cloud
        self.sent: list[Sent] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        request.read()
        return self._noted(request) or self._cloud.transport.handle_request(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        await request.aread()
        return self._noted(request) or await self._cloud.async_transport.handle_async_request(request)

    def _noted(self, request: httpx.Request) -> httpx.Response | None:
        if operation_of(request.method, request.url.path) == TOKEN:
            return None
        path, _, query = request.url.raw_path.decode().partition("?")
        self.sent.append(
            {
                "method": request.method,
                "path": [unquote(piece) for piece in path.removeprefix(urlsplit(SERVER_URL).path).split("/")],
                "query": [list(pair) for pair in parse_qsl(query, keep_blank_values=True)],
                "body": json.loads(request.content) if request.content else None,
            }
        )
        return httpx.Response(200, json=_REFUSAL)


class Bench:
    """A client of one colour, and what it sends."""

    def __init__(self, colour: str) -> None:
        cloud, clock = MockCloud(), SteppingClock()
        self._recorder = _Recorder(cloud)
        self._driver = Driver(cloud, clock, colour, transport=self._recorder)

    def call(self, method: str, arguments: Mapping[str, Any]) -> tuple[list[Sent], Exception | None]:
        """Call a method, and return what it has sent and raised."""
        self._recorder.sent.clear()
        _, error = self._driver.call(lambda toast: attrgetter(method)(toast)(**arguments))
        return [*self._recorder.sent], error

    def close(self) -> None:
        """Close the client."""
        self._driver.close()

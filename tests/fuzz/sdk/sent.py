"""What exactly does the SDK send, and how does it refuse to? A transport that takes every request apart."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import httpx
from toast_compute import InvalidRequestError
from toast_compute_api.behaviour import SERVER_URL
from toast_compute_mock import MockCloud

from .clocks import SteppingClock
from .driver import Driver
from .served import operation_of
from .told import TOKEN
from .wrong_values import PLANTED

_CONFLICT = 40409
_LONGEST_SENTENCE = 500
_REFUSAL = {"header": {"isSuccessful": False, "resultCode": _CONFLICT, "resultMessage": "Conflict"}}


@dataclass(frozen=True, slots=True)
class Sent:
    """A request, taken apart."""

    method: str
    path: tuple[str, ...]
    query: tuple[tuple[str, str], ...]
    body: Any = None

    @property
    def target(self) -> str:
        """The path and the query, put together again."""
        path = "/".join(quote(piece, safe="") for piece in self.path)
        return f"{path}?{urlencode(self.query, quote_via=quote)}" if self.query else path


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
        body = json.loads(request.content) if request.content else None
        pieces = tuple(map(unquote, path.removeprefix(urlsplit(SERVER_URL).path).split("/")))
        self.sent.append(Sent(request.method, pieces, tuple(parse_qsl(query, keep_blank_values=True)), body))
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


def problem_of_refusal(sent: Sequence[Sent], error: Exception | None, name: str) -> str:
    """Return what is wrong with how a call ended that cannot be made, for something that is named like this."""
    if sent:
        return "was sent, and it is not allowed"
    if not isinstance(error, InvalidRequestError):
        return f"ended as {type(error).__name__}"
    said = str(error)
    if PLANTED in said:
        return "shows the value in its error"
    if "\n" in said or len(said) > _LONGEST_SENTENCE:
        return "is told of in more than a sentence"
    if not any(name in path.lower() for path, _ in error.findings):
        return f"is told of without its name ({said})"
    return ""

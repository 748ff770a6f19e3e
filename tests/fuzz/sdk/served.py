"""How does the SDK get exactly these bytes? Transports of httpx that serve them and note what was asked."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

import httpx

from .facts import operations

JSON = (("content-type", "application/json;charset=UTF-8"),)


@dataclass(frozen=True, slots=True)
class Served:
    """What comes back to a request: a reply, or an exception of the transport."""

    body: bytes = b""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = JSON
    raw_headers: tuple[tuple[bytes, bytes], ...] = ()
    """Headers that no text can be made of."""
    piece: int = 0
    """How many bytes come at a time; 0 is all of them."""
    error: Callable[[httpx.Request], Exception] | None = None
    never_left: bool = False
    """Whether the error says that the request did not leave this machine."""

    @property
    def is_reply(self) -> bool:
        """Whether anything comes back."""
        return self.error is None


class _Pieces(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that comes piece by piece."""

    def __init__(self, body: bytes, piece: int) -> None:
        self._body, self._piece = body, piece or max(1, len(body))

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self._body), self._piece):
            yield self._body[start : start + self._piece]

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


@dataclass
class Service:
    """What is served for each operation, and what was asked; it is a transport of both colours."""

    replies: Mapping[str, Served]
    """By operationId. `request` stands for what the contract does not know."""
    asked: list[str] = field(default_factory=list)
    """The operationIds in the order in which they were asked for."""

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Return the reply to a request, or raise the exception in its place."""
        operation = operation_of(request.method, request.url.path)
        self.asked.append(operation)
        served = self.replies[operation]
        if served.error is not None:
            raise served.error(request)
        headers = [(name.encode(), value.encode("latin-1")) for name, value in served.headers]
        return httpx.Response(
            served.status, headers=[*headers, *served.raw_headers], stream=_Pieces(served.body, served.piece)
        )


class BlockingTransport(httpx.BaseTransport):
    """Serves a blocking client."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        request.read()
        return self._service.answer(request)


class AsyncTransport(httpx.AsyncBaseTransport):
    """Serves an asynchronous client."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        await request.aread()
        return self._service.answer(request)


def operation_of(method: str, path: str) -> str:
    """Return the operationId that a method and a path stand for; `request` when the contract has none."""
    return next((id for own, pattern, id in _patterns() if own == method and pattern.search(path)), "request")


@cache
def _patterns() -> list[tuple[str, re.Pattern[str], str]]:
    return [
        (facts.method, re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(facts.path)) + "$"), facts.id)
        for facts in operations().values()
    ]

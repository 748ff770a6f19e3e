"""How does an httpx client reach the mock without a socket?"""

from __future__ import annotations

from collections.abc import Callable

import httpx

from .exchange import Reply, Request


class MockTransport(httpx.BaseTransport):
    """Answers a blocking httpx client."""

    def __init__(self, handle: Callable[[Request], Reply]) -> None:
        self._handle = handle

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request, whatever host it is for."""
        request.read()
        return _answer(self._handle, request)


class AsyncMockTransport(httpx.AsyncBaseTransport):
    """Answers an asynchronous httpx client."""

    def __init__(self, handle: Callable[[Request], Reply]) -> None:
        self._handle = handle

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request, whatever host it is for."""
        await request.aread()
        return _answer(self._handle, request)


def _answer(handle: Callable[[Request], Reply], request: httpx.Request) -> httpx.Response:
    headers = {name.lower(): value for name, value in request.headers.items()}
    reply = handle(Request(request.method, request.url.raw_path.decode("ascii"), headers, request.content))
    length = ("content-length", str(len(reply.body)))
    return httpx.Response(
        reply.status,
        headers=[*reply.headers, length],
        content=b"" if request.method == "HEAD" else reply.body,
    )

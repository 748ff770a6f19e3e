"""Answer httpx clients without a socket, also with replies that are lost or damaged."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator, Callable, Iterator
from http import HTTPStatus
from typing import NamedTuple

import httpx

from ..clock.clocks import Clock
from ..exchange import Break, Deferred, Reply, Request
from .deferred import ReplyTimeoutError, wait_for_reply, wait_for_reply_async
from .framing import as_request, content_length, has_body, refusal
from .http11_writer import (
    INVALID_CHUNK_SIZE,
    INVALID_STATUS_LINE,
    claimed_length,
    first_half,
    serialize_head,
    split_pieces,
)

_RESET = f"[Errno {errno.ECONNRESET}] {os.strerror(errno.ECONNRESET)}"
_NO_RESPONSE = "Server disconnected without sending a response."
_NO_STATUS_LINE = f"illegal status line: {bytearray(INVALID_STATUS_LINE)!r}"
_NO_CHUNK = f"illegal chunk header: {bytearray(INVALID_CHUNK_SIZE)!r}"
_SHORT = "peer closed connection without sending complete message body (received {} bytes, expected {})"


class MockTransport(httpx.BaseTransport):
    """Answers a blocking httpx client.

    What a client would see of a delay, or of a fault on the wire, it sees here as well: the same exceptions of httpx,
    after the same time on the mock's clock. The client's read timeout is measured on that clock, too.
    """

    def __init__(self, answer: Callable[[Request], Reply | Deferred], clock: Clock) -> None:
        self._answer = answer
        self._clock = clock

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request, whatever host it is for. Raises httpx.TransportError where the reply gets lost."""
        request.read()
        received = _read_request(request)
        reply = refusal(received) if isinstance(received, HTTPStatus) else self._answer(received)
        if isinstance(reply, Reply) and not reply.delay and reply.wire is None:
            return _response(reply, request)
        client = _Client(request, _read_timeout(request), is_async=False)
        try:
            reply = wait_for_reply(reply, client.read_timeout)
        except ReplyTimeoutError:
            raise client.timeout() from None
        for seconds in _before(reply, client):
            self._clock.sleep(seconds)
        return _response(reply, request) if reply.wire is None else self._damaged(reply, client)

    def _damaged(self, reply: Reply, client: _Client) -> httpx.Response:
        stream = _Stream(_body(reply, client), self._clock)
        return httpx.Response(reply.status, headers=_damaged_headers(reply), stream=stream)


class AsyncMockTransport(httpx.AsyncBaseTransport):
    """Answers an asynchronous httpx client, as `MockTransport` does a blocking one."""

    def __init__(self, answer: Callable[[Request], Reply | Deferred], clock: Clock) -> None:
        self._answer = answer
        self._clock = clock

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request, whatever host it is for. Raises httpx.TransportError where the reply gets lost."""
        await request.aread()
        received = _read_request(request)
        reply = refusal(received) if isinstance(received, HTTPStatus) else self._answer(received)
        if isinstance(reply, Reply) and not reply.delay and reply.wire is None:
            return _response(reply, request)
        client = _Client(request, _read_timeout(request), is_async=True)
        try:
            reply = await wait_for_reply_async(reply, client.read_timeout)
        except ReplyTimeoutError:
            raise client.timeout() from None
        for seconds in _before(reply, client):
            await self._clock.sleep_async(seconds)
        return _response(reply, request) if reply.wire is None else self._damaged(reply, client)

    def _damaged(self, reply: Reply, client: _Client) -> httpx.Response:
        stream = _AsyncStream(_body(reply, client), self._clock)
        return httpx.Response(reply.status, headers=_damaged_headers(reply), stream=stream)


class _Stream(httpx.SyncByteStream):
    """A body that comes piece by piece; numbers among the pieces are seconds to wait."""

    def __init__(self, steps: Iterator[bytes | float], clock: Clock) -> None:
        self._steps = steps
        self._clock = clock

    def __iter__(self) -> Iterator[bytes]:
        for step in self._steps:
            if isinstance(step, bytes):
                yield step
            else:
                self._clock.sleep(step)


class _AsyncStream(httpx.AsyncByteStream):
    """The same for an asynchronous client."""

    def __init__(self, steps: Iterator[bytes | float], clock: Clock) -> None:
        self._steps = steps
        self._clock = clock

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for step in self._steps:
            if isinstance(step, bytes):
                yield step
            else:
                await self._clock.sleep_async(step)


class _Client(NamedTuple):
    """Who waits for a reply, and how it names what goes wrong: httpx has fewer words when it is asynchronous."""

    request: httpx.Request
    read_timeout: float | None
    """The read timeout in seconds; None waits as long as it takes."""
    is_async: bool

    def timeout(self) -> httpx.ReadTimeout:
        return httpx.ReadTimeout("" if self.is_async else "timed out", request=self.request)

    def reset(self) -> httpx.ReadError:
        return httpx.ReadError("" if self.is_async else _RESET, request=self.request)

    def nonsense(self, message: str) -> httpx.RemoteProtocolError:
        return httpx.RemoteProtocolError(message, request=self.request)

    def wait(self, seconds: float) -> Iterator[float]:
        """Yield how long to sleep for something that takes so long. Raises ReadTimeout when it is too long."""
        if self.read_timeout is not None and seconds > self.read_timeout:
            yield self.read_timeout
            raise self.timeout()
        if seconds > 0:
            yield seconds


def _before(reply: Reply, client: _Client) -> Iterator[float]:
    """Yield how long to sleep before the head of the reply is there. Raises what a client sees if it never is."""
    yield from client.wait(reply.delay)
    wire = reply.wire
    if wire is None:
        return
    match wire.kind:
        case Break.RESET:
            raise client.reset()
        case Break.CLOSE:
            raise client.nonsense(_NO_RESPONSE)
        case Break.GARBAGE:
            raise client.nonsense(_NO_STATUS_LINE)
        case Break.PIECES:
            for _ in range((_head_length(reply) - 1) // wire.piece):
                yield from client.wait(wire.pause)


def _body(reply: Reply, client: _Client) -> Iterator[bytes | float]:
    """Yield the body as it arrives behind its head, with the seconds between. Raises what a client sees of its end."""
    assert reply.wire is not None
    if client.request.method == "HEAD" or not has_body(reply.status):
        return
    if reply.wire.kind is Break.PIECES:
        # The last piece of the head may bring the first bytes of the body.
        size = reply.wire.piece
        joint = -_head_length(reply) % size
        if joint:
            yield reply.body[:joint]
        for piece in split_pieces(reply.body[joint:], size):
            yield from client.wait(reply.wire.pause)
            yield piece
        return
    arrives = first_half(reply.body)
    if arrives:
        yield arrives
    match reply.wire.kind:
        case Break.SHORT_BODY:
            raise client.nonsense(_SHORT.format(len(arrives), claimed_length(reply.body)))
        case Break.BAD_CHUNK:
            raise client.nonsense(_NO_CHUNK)
        case Break.STALL:
            if client.read_timeout is not None:
                yield client.read_timeout
            raise client.timeout()  # without a read timeout it comes at once: every wait has an end


def _head_length(reply: Reply) -> int:
    return len(serialize_head(reply, keep=True, version="1.1"))


def _damaged_headers(reply: Reply) -> list[tuple[bytes, bytes]]:
    assert reply.wire is not None
    match reply.wire.kind:
        case Break.PIECES:
            return _headers(reply, content_length(reply))
        case Break.BAD_CHUNK:
            return [*_headers(reply, None), (b"transfer-encoding", b"chunked")]
        case _:
            return _headers(reply, claimed_length(reply.body))


def _read_request(request: httpx.Request) -> Request | HTTPStatus:
    target: str | bytes = request.extensions.get("target", request.url.raw_path)
    text = target if isinstance(target, str) else target.decode("latin-1")
    return as_request(request.method, text, request.headers.raw, request.content, peer="")


def _read_timeout(request: httpx.Request) -> float | None:
    timeout: float | None = request.extensions.get("timeout", {}).get("read")
    return timeout


def _response(reply: Reply, request: httpx.Request) -> httpx.Response:
    is_head = request.method == "HEAD" or not has_body(reply.status)
    headers = _headers(reply, content_length(reply))
    return httpx.Response(reply.status, headers=headers, content=b"" if is_head else reply.body)


def _headers(reply: Reply, length: int | None) -> list[tuple[bytes, bytes]]:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers]
    return headers if length is None else [*headers, (b"content-length", b"%d" % length)]

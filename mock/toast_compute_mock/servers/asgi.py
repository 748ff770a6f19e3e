"""Serve the mock as an ASGI application."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from http import HTTPStatus
from typing import Any, TypeAlias, TypeVar
from urllib.parse import quote, unquote_to_bytes

from ..clock.clocks import Clock
from ..exchange import Break, Deferred, Reply, Request, Wire
from .deferred import wait_for_reply_async
from .framing import BODY_LIMIT, UNKNOWN_PEER, as_request, content_length, has_body, refusal
from .http11 import IDLE_SECONDS
from .http11_writer import claimed_length, first_half, split_pieces

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

_SAFE = "/:@!$&'()*+,;=-._~"  # RFC 3986: what may stand in a path as it is
_T = TypeVar("_T")


class LostReplyError(ConnectionError):
    """A fault wants the connection to be cut here, and ASGI can express that only by an exception."""


class _GoneError(Exception):
    """The client has left."""


class AsgiApp:
    """The mock as an ASGI application: HTTP and lifespan; a WebSocket is refused.

    It may be mounted anywhere, since it uses the path below `root_path`; that begins with the mock's own prefix,
    as everywhere. A reply's delay is waited for on the mock's clock, and ends when the client leaves.

    Faults on the wire are what ASGI allows of them. Where it lets a reply only be incomplete, the application raises
    LostReplyError; a server logs that and closes the connection, and `httpx.ASGITransport` raises it in the test.

    - `RESET`, `CLOSE`, `GARBAGE`: the head arrives, announcing a body of which nothing comes. Where a reply has no
      body (HEAD, or a status without one), it is raised before the head, and the server answers 500 in its own way.
    - `SHORT_BODY`: the head arrives, and half of the body that it announces.
    - `BAD_CHUNK`: half of the body arrives in chunks, and no last chunk.
    - `STALL`: half of the body arrives, and nothing more until the client leaves or `idle_seconds` have passed.
    - `PIECES`: the head arrives whole, and the body in pieces with pauses between.
    """

    def __init__(
        self,
        answer: Callable[[Request], Reply | Deferred],
        clock: Clock,
        *,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._answer = answer
        self._clock = clock
        self._idle_seconds = idle_seconds

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection of ASGI. Raises LostReplyError, and ValueError for another protocol."""
        match scope["type"]:
            case "http":
                with contextlib.suppress(_GoneError):
                    await self._serve(scope, receive, send)
            case "lifespan":
                await _live(receive, send)
            case "websocket":
                await receive()
                await send({"type": "websocket.close", "code": 1000, "reason": ""})  # before it is accepted: HTTP 403
            case other:
                raise ValueError(f"scope: the mock does not speak {other}")

    async def _serve(self, scope: Message, receive: Receive, send: Send) -> None:
        received = await _read_request(scope, receive)
        is_head = scope["method"] == "HEAD"
        if isinstance(received, HTTPStatus):
            # The rest of the request is not read, so it cannot be followed by another one.
            closing = [(b"connection", b"close")] if scope.get("http_version", "1.1").startswith("1") else []
            await _send_whole(refusal(received), send, is_head=is_head, extra=closing)
            return
        reply = self._answer(received)
        if isinstance(reply, Deferred):
            reply = await _unless_gone(receive, wait_for_reply_async(reply))
        if reply.delay:
            await _unless_gone(receive, self._clock.sleep_async(reply.delay))
        if reply.wire is None:
            await _send_whole(reply, send, is_head=is_head)
        else:
            await self._send_damaged(reply, reply.wire, receive, send, is_head=is_head or not has_body(reply.status))

    async def _send_damaged(self, reply: Reply, wire: Wire, receive: Receive, send: Send, *, is_head: bool) -> None:
        kind = wire.kind
        if is_head:
            if kind in (Break.RESET, Break.CLOSE, Break.GARBAGE):
                raise LostReplyError(f"a fault of the mock: {kind.value}")
            await _send_whole(reply, send, is_head=True)
            return
        if kind is Break.PIECES:
            await send(_start(reply, content_length(reply)))
            for number, piece in enumerate(split_pieces(reply.body, wire.piece)):
                if number and wire.pause:
                    await _unless_gone(receive, self._clock.sleep_async(wire.pause))
                await send(_body(piece, more=True))
            await send(_body(b""))
            return
        await send(_start(reply, None if kind is Break.BAD_CHUNK else claimed_length(reply.body)))
        if kind in (Break.SHORT_BODY, Break.BAD_CHUNK, Break.STALL):
            await send(_body(first_half(reply.body), more=True))
        if kind is Break.STALL:
            await _unless_gone(receive, asyncio.sleep(self._idle_seconds))
        raise LostReplyError(f"a fault of the mock: {kind.value}")


async def _live(receive: Receive, send: Send) -> None:
    """Confirm the start and the end of the server: there is nothing to prepare."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _read_request(scope: Message, receive: Receive) -> Request | HTTPStatus:
    """Read a request, or find why it is refused. Raises _GoneError."""
    announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if announced.isdigit() and int(announced) > BODY_LIMIT:
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _GoneError
        body += message.get("body", b"")
        if len(body) > BODY_LIMIT:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        more = message.get("more_body", False)
    client = scope.get("client")
    peer = client[0] if client else UNKNOWN_PEER
    return as_request(scope["method"], _target(scope), scope["headers"], bytes(body), peer)


def _target(scope: Message) -> str:
    """Return the path below the application's root and the query, as on the wire where the server passes that on."""
    raw: bytes | None = scope.get("raw_path")
    path = quote(scope["path"], safe=_SAFE) if raw is None else raw.partition(b"?")[0].decode("latin-1")
    query: str = scope.get("query_string", b"").decode("latin-1")
    path = _below(scope.get("root_path", ""), path)
    return f"{path}?{query}" if query else path


def _below(root: str, path: str) -> str:
    """Cut a path, which is percent-encoded, behind the root, which is not; a path that is not below it stays."""
    wanted = root.rstrip("/").encode()
    if not wanted:
        return path
    # Each byte of the root takes one to three characters of the path.
    for end in range(len(wanted), min(3 * len(wanted), len(path)) + 1):
        if path[end : end + 1] in ("/", "") and unquote_to_bytes(path[:end]) == wanted:
            return path[end:] or "/"
    return path


async def _unless_gone(receive: Receive, waited_for: Coroutine[Any, Any, _T]) -> _T:
    """Return what comes of waiting. Raises _GoneError as soon as the client leaves."""
    waiting = asyncio.ensure_future(waited_for)
    leaving = asyncio.ensure_future(_until_gone(receive))
    try:
        await asyncio.wait({waiting, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            raise _GoneError
        return waiting.result()
    finally:
        for task in (waiting, leaving):
            task.cancel()
        await asyncio.gather(waiting, leaving, return_exceptions=True)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_whole(
    reply: Reply, send: Send, *, is_head: bool, extra: list[tuple[bytes, bytes]] | None = None
) -> None:
    message = _start(reply, content_length(reply))
    message["headers"] += extra or []
    await send(message)
    await send(_body(b"" if is_head or not has_body(reply.status) else reply.body))


def _start(reply: Reply, length: int | None) -> Message:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers]
    if length is not None:
        headers.append((b"content-length", b"%d" % length))
    return {"type": "http.response.start", "status": reply.status, "headers": headers}


def _body(content: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": content, "more_body": more}

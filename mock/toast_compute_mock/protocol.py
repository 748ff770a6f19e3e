"""How does one connection speak HTTP/1.1? Requests in their order, limits, and a clean end."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from typing import NamedTuple

import httptools

from .exchange import CONTENT_TYPE, Reply, Request

HEAD_LIMIT = 64 * 1024
BODY_LIMIT = 1024 * 1024
IDLE_SECONDS = 75.0
_LINGER_SECONDS = 1.0
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_VERSIONS = ("1.0", "1.1")

_log = logging.getLogger("toast_compute_mock")


class _Due(NamedTuple):
    """What is to be answered: a request, or why there is none."""

    what: Request | HTTPStatus
    keep: bool
    """Whether the connection lives on."""
    version: str


class HttpProtocol(asyncio.Protocol):
    """One connection. Whatever cannot be answered as a request ends it, after a reply that says why."""

    def __init__(
        self, handle: Callable[[Request], Reply], open_connections: set[HttpProtocol], idle_seconds: float
    ) -> None:
        self._handle = handle
        self._idle_seconds = idle_seconds
        self._open_connections = open_connections
        self._transport: asyncio.Transport
        self._parser = httptools.HttpRequestParser(self)
        self._timer: asyncio.TimerHandle | None = None
        self._due: deque[_Due] = deque()
        self._paused = False
        self._deaf = False
        self._stopping = False
        self._in_request = False
        self._in_body = False
        self._head_size = 0
        self._body_size = 0
        self._target: list[bytes] = []
        self._headers: list[tuple[str, bytes]] = []
        self._body: list[bytes] = []

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to watch for idleness."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._open_connections.add(self)
        self._wait_for_more()

    def connection_lost(self, _: Exception | None) -> None:
        """Forget the connection."""
        self._open_connections.discard(self)
        self._deaf = True
        self._due.clear()
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Answer every request that is now complete."""
        if self._deaf:
            return  # what comes after the last request is read only so that the client gets to see the last reply
        self._wait_for_more()
        if not self._in_body:
            # Counted here as well, since the parser keeps a header line to itself until it is complete.
            self._head_size += len(data)
        self._feed(data)
        if self._in_request and not self._in_body and self._head_size > HEAD_LIMIT:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def eof_received(self) -> bool:
        """Let the connection close: no request can become complete any more."""
        return False

    def pause_writing(self) -> None:
        """Answer no more requests, and take none, while the client does not read the replies."""
        self._paused = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on when it does."""
        self._paused = False
        self._wait_for_more()
        self._answer()
        if not self._paused:
            self._transport.resume_reading()

    # What the server calls

    def finish(self) -> None:
        """Answer what has been received, and the request that is being received, if there is one; then close."""
        self._stopping = True
        if not self._in_request and not self._due:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    # What the parser calls

    def on_message_begin(self) -> None:
        """Start with an empty request."""
        self._in_request = True
        self._in_body = False
        self._body_size = 0
        self._target = []
        self._headers = []
        self._body = []

    def on_url(self, url: bytes) -> None:
        """Keep a piece of the target."""
        self._target.append(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; those that trail a chunked body mean nothing here."""
        if not self._in_body:
            self._headers.append((name.decode("latin-1").lower(), value))

    def on_headers_complete(self) -> None:
        """Refuse what can be told from the head, and ask for the body where the client waits for that."""
        self._in_body = True
        size = sum(map(len, self._target)) + sum(len(name) + len(value) for name, value in self._headers)
        self._head_size = 0
        if self._deaf or self._parser.should_upgrade():  # the head of an upgrade is read a second time
            return
        headers = dict(self._headers)
        length = headers.get("content-length", b"0")
        hosts = sum(name == "host" for name, _ in self._headers)
        version = self._parser.get_http_version()
        if size > HEAD_LIMIT:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif int(length) > BODY_LIMIT:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        elif version not in _VERSIONS or hosts > 1 or (hosts == 0 and version == "1.1"):
            self._refuse(HTTPStatus.BAD_REQUEST)
        elif headers.get("expect", b"").lower() == b"100-continue" and version == "1.1" and not self._due:
            self._transport.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body, up to the limit."""
        self._body_size += len(body)
        if self._body_size > BODY_LIMIT:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """Answer the request, or put it behind those that wait."""
        if self._deaf or self._parser.should_upgrade():
            return
        self._in_request = self._in_body = False
        method = self._parser.get_method().decode("latin-1")
        request = Request(method, self._own_target(), self._joined_headers(), b"".join(self._body))
        keep = self._parser.should_keep_alive() and not self._stopping
        self._deaf = not keep
        self._due.append(_Due(request, keep, self._parser.get_http_version()))
        self._answer()

    # Reading

    def _feed(self, data: bytes) -> None:
        while data and not self._deaf:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = self._stay_with_http(data[upgrade.args[0] :])
            except httptools.HttpParserError:
                self._refuse(HTTPStatus.BAD_REQUEST)
                return
            else:
                return

    def _stay_with_http(self, rest: bytes) -> bytes:
        """Read a request that asks for another protocol as if it had not, and return what is left to read.

        The parser stops behind the head of such a request and leaves its body to the other protocol. Some clients ask
        for HTTP/2 in this way on every first request, and are content to be answered in HTTP/1.1.
        """
        method = self._parser.get_method()
        if method == b"CONNECT":
            self._refuse(HTTPStatus.BAD_REQUEST)
            return b""
        version = self._parser.get_http_version().encode("latin-1")
        lines = [b"%s %s HTTP/%s" % (method, b"".join(self._target), version)]
        lines += [
            b"%s: %s" % (name.encode("latin-1"), value)
            for name, value in self._headers
            if name not in ("upgrade", "connection")
        ]
        wishes = {
            wish.strip().lower() for name, value in self._headers if name == "connection" for wish in value.split(b",")
        }
        lines += [b"connection: %s" % wish for wish in (b"close", b"keep-alive") if wish in wishes]
        self._parser = httptools.HttpRequestParser(self)
        return b"\r\n".join(lines) + b"\r\n\r\n" + rest

    def _own_target(self) -> str:
        """The request's path and query; a whole URL, which proxies get, is cut down to them."""
        target = b"".join(self._target).decode("latin-1")
        if target.startswith("/"):
            return target
        _, scheme, rest = target.partition("://")
        return "/" + rest.partition("/")[2] if scheme else target

    def _joined_headers(self) -> dict[str, str]:
        joined: dict[str, str] = {}
        for name, value in self._headers:
            text = value.decode("latin-1")
            joined[name] = f"{joined[name]}, {text}" if name in joined else text
        return joined

    # Writing and ending

    def _refuse(self, status: HTTPStatus) -> None:
        """Say that this cannot be answered, and hear no more. Only the first reason counts."""
        if not self._deaf:
            self._deaf = True
            self._in_request = False
            self._due.append(_Due(status, keep=False, version="1.1"))
            self._answer()

    def _answer(self) -> None:
        """Write the replies that are due, as long as the client reads them."""
        while self._due and not self._paused:
            due = self._due.popleft()
            reply = _error(due.what) if isinstance(due.what, HTTPStatus) else self._reply(due.what)
            keep = due.keep and reply.status < HTTPStatus.INTERNAL_SERVER_ERROR
            bare = isinstance(due.what, Request) and due.what.method == "HEAD"
            self._write(reply, with_body=not bare, keep=keep, version=due.version)
            if not keep:
                self._end()
                return
        if self._stopping and not self._due and not self._in_request:
            self._end()

    def _reply(self, request: Request) -> Reply:
        try:
            return self._handle(request)
        except Exception:
            _log.exception("the mock could not answer a %s request", request.method)
            return _error(HTTPStatus.INTERNAL_SERVER_ERROR)

    def _write(self, reply: Reply, *, with_body: bool, keep: bool, version: str) -> None:
        lines = [f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in reply.headers]
        lines.append(f"content-length: {len(reply.body)}")
        if not keep:
            lines.append("connection: close")
        elif version == "1.0":
            lines.append("connection: keep-alive")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        self._transport.write(head + reply.body if with_body else head)

    def _end(self) -> None:
        """Say that no more replies come, and give the client a moment to read the last one.

        Closing with unread bytes in the socket would reset the connection, and the client might lose the reply.
        """
        self._deaf = True
        self._due.clear()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        # Who still reads the last reply has the time of any client that is slow.
        self._close_in(self._idle_seconds if self._transport.get_write_buffer_size() else _LINGER_SECONDS)

    def _close(self) -> None:
        self._deaf = True
        if self._transport.get_write_buffer_size():
            self._transport.abort()  # who has not read by now will not read
        else:
            self._transport.close()

    def _wait_for_more(self) -> None:
        self._close_in(self._idle_seconds)

    def _close_in(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._close)


def _error(status: HTTPStatus) -> Reply:
    """A reply from the server itself: what it is about was no request, so the service's envelope does not apply."""
    content = json.dumps({"status": status.value, "message": status.phrase}).encode()
    return Reply(status.value, (("content-type", CONTENT_TYPE),), content)

"""How does one connection speak HTTP/1.1? Requests in their order, limits, and a clean end."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from http import HTTPStatus

import httptools

from .exchange import CONTENT_TYPE, Reply, Request

HEAD_LIMIT = 64 * 1024
BODY_LIMIT = 1024 * 1024
IDLE_SECONDS = 75.0
_LINGER_SECONDS = 1.0
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_VERSIONS = ("1.0", "1.1")

_log = logging.getLogger("toast_compute_mock")


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
        self._ended = False
        self._ends_after_reply = False
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
        self._ended = True
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Answer every request that is now complete."""
        if self._ended:
            return  # what comes after the last reply is read only so that the client gets to see that reply
        self._wait_for_more()
        if not self._in_body:
            # Counted here as well, since the parser keeps a header line to itself until it is complete.
            self._head_size += len(data)
        self._feed(data)
        if not self._ended and not self._in_body and self._in_request and self._head_size > HEAD_LIMIT:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def eof_received(self) -> bool:
        """Let the connection close: no request can become complete any more."""
        return False

    def pause_writing(self) -> None:
        """Take no more requests from a client that does not read its replies."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on when it does."""
        self._transport.resume_reading()

    # What the server calls

    def finish(self) -> None:
        """Answer the request that is being received, if there is one, then close."""
        self._ends_after_reply = True
        if not self._in_request:
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
        if self._ended or self._parser.should_upgrade():  # the head of an upgrade is read a second time
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
        elif headers.get("expect", b"").lower() == b"100-continue" and version == "1.1":
            self._transport.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body, up to the limit."""
        self._body_size += len(body)
        if self._ended:
            return
        if self._body_size > BODY_LIMIT:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """Answer the request."""
        if self._ended or self._parser.should_upgrade():
            return
        self._in_request = self._in_body = False
        method = self._parser.get_method().decode("latin-1")
        keep = self._parser.should_keep_alive() and not self._ends_after_reply
        try:
            reply = self._handle(Request(method, self._own_target(), self._joined_headers(), b"".join(self._body)))
        except Exception:
            _log.exception("the mock could not answer a %s request", method)
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR)
            return
        self._write(reply, with_body=method != "HEAD", keep=keep)
        if not keep:
            self._end()

    # Reading

    def _feed(self, data: bytes) -> None:
        while data and not self._ended:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = self._stay_with_http(data[upgrade.args[0] :])
            except httptools.HttpParserError:
                if not self._ended:
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
        lines = [b"%s %s HTTP/1.1" % (method, b"".join(self._target))]
        lines += [
            b"%s: %s" % (name.encode("latin-1"), value)
            for name, value in self._headers
            if name not in ("upgrade", "connection")
        ]
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

    def _write(self, reply: Reply, *, with_body: bool, keep: bool) -> None:
        lines = [f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in reply.headers]
        lines.append(f"content-length: {len(reply.body)}")
        if not keep:
            lines.append("connection: close")
        elif self._parser.get_http_version() == "1.0":
            lines.append("connection: keep-alive")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        self._transport.write(head + reply.body if with_body else head)

    def _refuse(self, status: HTTPStatus) -> None:
        """Say that this cannot be answered, and end."""
        content = json.dumps({"status": status.value, "message": status.phrase}).encode()
        reply = Reply(status.value, (("content-type", CONTENT_TYPE),), content)
        self._write(reply, with_body=True, keep=False)
        self._end()

    def _end(self) -> None:
        """Say that no more replies come, and give the client a moment to read the last one.

        Closing with unread bytes in the socket would reset the connection, and the client might lose the reply.
        """
        self._ended = True
        self._in_request = False
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._close_in(_LINGER_SECONDS)

    def _close(self) -> None:
        self._ended = True
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

"""Parse the requests of one HTTP/1.1 connection within limits, without I/O."""

from __future__ import annotations

from http import HTTPStatus
from typing import Protocol

import httptools
import msgspec

from ..exchange import Request
from .framing import BODY_LIMIT, HEAD_LIMIT, joined

_VERSIONS = ("1.0", "1.1")


class ParsedRequest(msgspec.Struct, frozen=True, gc=False):
    """A request, or the status that refuses what came."""

    request: Request | HTTPStatus
    keep: bool
    """Whether the connection lives on."""
    version: str
    is_head: bool
    """Whether the reply goes without its body."""


class RequestSink(Protocol):
    """Takes what a reader finds."""

    def on_request(self, parsed: ParsedRequest, /) -> None:
        """Take the next one."""
        ...

    def on_expect_continue(self) -> None:
        """Ask for the body of the request that is being received: the client may wait for that."""
        ...


class RequestParser:
    """Reads one connection, up to the last request or the first that is invalid; then it stops."""

    def __init__(self, sink: RequestSink, peer: str) -> None:
        self._sink = sink
        self._peer = peer
        self._parser = httptools.HttpRequestParser(self)
        self.is_stopped = False
        """Return whether nothing that comes is read any more."""
        self.in_request = False
        """Whether a request has begun that is not complete."""
        self._in_body = False
        self._head_size = 0
        self._body_size = 0
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._joined: dict[str, str] = {}
        self._version = ""
        self._upgrades = False
        self._body: list[bytes] = []

    @property
    def has_body_begun(self) -> bool:
        """Return whether something of the body of the present request has come."""
        return self._body_size > 0

    def feed(self, data: bytes) -> None:
        """Read on, and pass everything that is now complete to the sink."""
        if not self._in_body:
            # Counted here as well, since the parser keeps a header line to itself until it is complete.
            self._head_size += len(data)
        while data and not self.is_stopped:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = self._ignore_upgrade(data[upgrade.args[0] :])
            except httptools.HttpParserError:
                self._refuse(HTTPStatus.BAD_REQUEST)
            else:
                break
        if self.in_request and not self._in_body and self._head_size > HEAD_LIMIT:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def stop(self) -> None:
        """Read nothing more."""
        self.is_stopped = True
        self.in_request = False

    # What the parser calls

    def on_message_begin(self) -> None:
        """Start with an empty request."""
        self.in_request = not self.is_stopped
        self._in_body = False
        self._body_size = 0
        self._target = b""
        self._headers = []
        self._body = []

    def on_url(self, url: bytes) -> None:
        """Keep a piece of the target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; those that trail a chunked body mean nothing here."""
        if not self._in_body:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Refuse what is invalid in the head, and ask for the body where the client waits for that."""
        self._in_body = True
        received, self._head_size = self._head_size, 0
        self._upgrades = self._parser.should_upgrade()
        if self.is_stopped or self._upgrades:  # the head of an upgrade is read a second time
            return
        headers = self._joined = joined(self._headers)
        version = self._version = self._parser.get_http_version()
        if received > HEAD_LIMIT and self._size_of_head() > HEAD_LIMIT:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif "content-length" in headers and int(headers["content-length"]) > BODY_LIMIT:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        elif version not in _VERSIONS or not self._has_valid_host(version):
            self._refuse(HTTPStatus.BAD_REQUEST)
        elif "expect" in headers and headers["expect"].lower() == "100-continue" and version == "1.1":
            self._sink.on_expect_continue()

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body, up to the limit."""
        self._body_size += len(body)
        if self._body_size > BODY_LIMIT:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """Hand over the request."""
        if self.is_stopped or self._upgrades:
            return
        self.in_request = self._in_body = False
        method = self._parser.get_method().decode("latin-1")
        request = Request(method, self._path_and_query(), self._joined, b"".join(self._body), self._peer)
        keep = self._parser.should_keep_alive()
        self.is_stopped = not keep
        self._target = b""
        self._sink.on_request(ParsedRequest(request, keep, self._version, method == "HEAD"))

    # What comes of it

    def _refuse(self, status: HTTPStatus) -> None:
        """Refuse what came, and read nothing more. Only the first reason counts."""
        if not self.is_stopped:
            self.stop()
            # The parser knows the method when it has come to the target.
            is_head = bool(self._target) and self._parser.get_method() == b"HEAD"
            self._sink.on_request(ParsedRequest(status, keep=False, version="1.1", is_head=is_head))

    def _size_of_head(self) -> int:
        return len(self._target) + sum(len(name) + len(value) for name, value in self._headers)

    def _has_valid_host(self, version: str) -> bool:
        if len(self._joined) == len(self._headers):  # no header came twice
            return "host" in self._joined or version == "1.0"
        hosts = sum(name.lower() == b"host" for name, _ in self._headers)
        return hosts == 1 or (hosts == 0 and version == "1.0")

    def _ignore_upgrade(self, rest: bytes) -> bytes:
        """Read a request that asks for another protocol as if it had not, and return what is left to read.

        The parser stops behind the head of such a request and leaves its body to the other protocol. Some clients ask
        for HTTP/2 in this way on every first request, and are content to be answered in HTTP/1.1.
        """
        method = self._parser.get_method()
        if method == b"CONNECT":
            self._refuse(HTTPStatus.BAD_REQUEST)
            return b""
        version = self._parser.get_http_version().encode("latin-1")
        lines = [b"%s %s HTTP/%s" % (method, self._target, version)]
        wishes: set[bytes] = set()
        for name, value in self._headers:
            match name.lower():
                case b"connection":
                    wishes.update(wish.strip().lower() for wish in value.split(b","))
                case b"upgrade":
                    pass
                case _:
                    lines.append(b"%s: %s" % (name, value))
        lines += [b"connection: %s" % wish for wish in (b"close", b"keep-alive") if wish in wishes]
        self._parser = httptools.HttpRequestParser(self)
        return b"\r\n".join(lines) + b"\r\n\r\n" + rest

    def _path_and_query(self) -> str:
        """Return the request's path and query; a whole URL, which proxies get, is cut down to them."""
        target = self._target.decode("latin-1")
        if target.startswith("/"):
            return target
        _, scheme, rest = target.partition("://")
        return "/" + rest.partition("/")[2] if scheme else target

"""Keep a server busy with prepared requests over a few keep-alive connections, and check every reply.

One thread, plain sockets: a request goes out on every connection, and then all the replies are read. What this costs
does not matter, since only the server's own processor time is counted.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from itertools import islice
from types import TracebackType
from typing import NamedTuple

CONNECTIONS = 8

_SECONDS = 30.0
_PIECE = 64 * 1024
_SHOWN = 200  # of a reply that was not the wanted one
_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


class LoadError(Exception):
    """A server did not answer as it should; its text is one sentence."""


class Answer(NamedTuple):
    """One reply."""

    status: int
    body: bytes


class Load:
    """A few connections to one server, opened when they are first needed, and closed at the end of a `with` block."""

    def __init__(self, address: tuple[str, int], connections: int = CONNECTIONS) -> None:
        self._connections = [_Connection(address) for _ in range(connections)]

    def __enter__(self) -> Load:
        """Return the load itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        for connection in self._connections:
            connection.close()

    def ask(self, request: bytes) -> Answer:
        """Send one request and return its reply. Raises LoadError."""
        connection = self._connections[0]
        connection.send(request)
        return connection.receive()

    def run(self, requests: Iterable[bytes], wanted: bytes) -> int:
        """Send all requests, and return how many; each has to be answered by 200 and a body with `wanted` in it.

        Raises LoadError.
        """
        waiting = iter(requests)
        done = 0
        while batch := list(islice(waiting, len(self._connections))):
            for connection, request in zip(self._connections, batch, strict=False):
                connection.send(request)
            for connection, _ in zip(self._connections, batch, strict=False):
                answer = connection.receive()
                if answer.status != 200 or wanted not in answer.body:
                    shown = answer.body[:_SHOWN].decode("utf-8", "replace")
                    raise LoadError(f"a request was answered by {answer.status} and {shown!r}")
            done += len(batch)
        return done


class _Connection:
    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._socket: socket.socket | None = None

    def send(self, request: bytes) -> None:
        try:
            if self._socket is None:
                self._socket = socket.create_connection(self._address, _SECONDS)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.sendall(request)
        except OSError as error:
            raise LoadError(f"a request could not be sent: {error}") from None

    def receive(self) -> Answer:
        head, _, body = self._read(b"", _END_OF_HEAD).partition(_END_OF_HEAD)
        length = _LENGTH.search(head)
        if length is None:
            raise LoadError("a reply has no content-length")
        body = self._read(body, int(length[1]))
        if _CLOSE.search(head):
            self.close()
        return Answer(int(head.split(b" ", 2)[1]), body)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _read(self, data: bytes, until: bytes | int) -> bytes:
        """Read on until this has come, or this many bytes."""
        assert self._socket is not None
        while len(data) < until if isinstance(until, int) else until not in data:
            try:
                piece = self._socket.recv(_PIECE)
            except OSError as error:
                raise LoadError(f"a reply did not come: {error}") from None
            if not piece:
                raise LoadError("the connection was closed before the reply was complete")
            data += piece
        return data


def request(method: str, target: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """Return an HTTP/1.1 request as it goes over the wire."""
    lines = [f"{method} {target} HTTP/1.1", "host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    if body:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join(lines).encode() + _END_OF_HEAD + body

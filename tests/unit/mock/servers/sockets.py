"""Provide a raw connection, and clocks on which nobody really waits."""

from __future__ import annotations

import asyncio
import io
import json
import socket
import time
from collections.abc import Callable
from http.client import HTTPResponse
from typing import Any, cast

from toast_compute_mock.exchange import Deferred, Reply, Request
from toast_compute_mock.servers.server import ServerThread

TINY = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class NotingClock:
    """Moves on by itself when somebody sleeps on it, and notes for how long."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> float:
        return sum(self.slept)

    def monotonic(self) -> float:
        return self.now()

    def sleep(self, seconds: float, /) -> None:
        self.slept.append(seconds)

    async def sleep_async(self, seconds: float, /) -> None:
        self.slept.append(seconds)


class StandingClock(NotingClock):
    """Nobody who sleeps on it wakes up before `go_on`; `left` counts those who stopped waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.left = 0
        self._goes_on = False

    def go_on(self) -> None:
        self._goes_on = True

    def sleep(self, seconds: float, /) -> None:
        self.slept.append(seconds)
        while not self._goes_on:
            time.sleep(0.002)

    async def sleep_async(self, seconds: float, /) -> None:
        self.slept.append(seconds)
        try:
            while not self._goes_on:
                await asyncio.sleep(0.002)
        except asyncio.CancelledError:
            self.left += 1
            raise


def serving(
    answer: Callable[[Request], Reply | Deferred], clock: NotingClock | None = None, **options: Any
) -> ServerThread:
    """Return a server of one's own answers."""
    return ServerThread(answer, clock or NotingClock(), "127.0.0.1", 0, "", **options)


class Connection:
    """One TCP connection to the server, on which a test writes whatever it likes."""

    def __init__(self, server: ServerThread) -> None:
        host, _, port = server.base_url.removeprefix("http://").removesuffix("/compute").partition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=5)
        self._replies = _Replies(socket.SocketIO(self.socket, "r"))

    def send(self, *pieces: str | bytes) -> None:
        for piece in pieces:
            self.socket.sendall(piece.encode() if isinstance(piece, str) else piece)
            if len(pieces) > 1:
                time.sleep(0.002)  # lets the server see the pieces one by one

    def reply(self, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
        """Read one reply."""
        response = HTTPResponse(cast(socket.socket, self._replies), method=method)
        response.begin()
        body = response.read()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, body

    def code(self, method: str = "GET") -> int:
        return int(json.loads(self.reply(method)[2])["header"]["resultCode"])

    def read(self, size: int) -> bytes:
        """Read so many bytes."""
        return self._replies.read(size)

    def rest(self) -> bytes:
        """Read until the server closes the connection."""
        return self._replies.read()

    def is_closed(self) -> bool:
        return self._replies.read(1) == b""

    def is_silent(self, seconds: float = 0.1) -> bool:
        """Say whether nothing comes for a while."""
        self.socket.settimeout(seconds)
        try:
            self.socket.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(5)
        return False

    def close(self) -> None:
        self.socket.close()


class _Replies(io.BufferedReader):
    """All replies of a connection: `HTTPResponse` closes its file behind each of them, which must not count."""

    def makefile(self, *_: Any) -> io.BufferedReader:
        return self

    def close(self) -> None:
        """Stay open."""

"""Serve exactly these bytes, or an exception of the transport, to a client of either variant."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import httpx

from ..bench import Wire
from ..calls import ASKED_TOKEN, Call
from ..contract import TOKEN, operation_of
from ..secrecy import spellings

JSON = (("content-type", "application/json;charset=UTF-8"),)
APPKEY = "planted-Appkey-71c0"
USERNAME = "planted@example.com"
PASSWORD = f"{APPKEY}/Password 83fe"  # contains another secret, so that a rest may be left
OWN_TOKEN = "planted-Token-2b9d"
PRIVATE_KEY = "planted Private Key 6aa4"
SENSITIVE = {"id": OWN_TOKEN, "privateKey": PRIVATE_KEY}
"""By member name, what stands in the sensitive members of a reply."""
SECRETS = (APPKEY, PASSWORD, OWN_TOKEN, PRIVATE_KEY, ASKED_TOKEN)
_BOMB_KB = 300 * 1024  # more than the SDK takes


@dataclass(frozen=True, slots=True)
class Served:
    """What comes back to a request: a reply, or an exception of the transport."""

    body: bytes = b""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = JSON
    raw_headers: tuple[tuple[bytes, bytes], ...] = ()
    """Headers that are not text."""
    piece: int = 0
    """How many bytes come at a time; 0 is all of them."""
    error: Callable[[httpx.Request], Exception] | None = None
    is_unsent: bool = False
    """Whether the error proves that the request did not leave this machine."""


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


class Service(Wire):
    """Serves one reply for each operation; `request` stands for what the contract does not know."""

    def __init__(self, replies: Mapping[str, Served]) -> None:
        self._replies = replies
        self.asked: list[str] = []
        """The operationIds in the order in which they were asked for."""

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Return the reply to a request, or raise the exception in its place."""
        operation = operation_of(request.method, request.url.path)
        self.asked.append(operation)
        served = self._replies[operation]
        if served.error is not None:
            raise served.error(request)
        headers = [(name.encode(), value.encode("latin-1")) for name, value in served.headers]
        stream = _Pieces(served.body, served.piece)
        return httpx.Response(served.status, headers=[*headers, *served.raw_headers], stream=stream)


def secrets_sent(call: Call) -> tuple[str, ...]:
    """Return the secrets that a client sends in the course of a call: it can know none but these in a message."""
    own = {TOKEN: (), "getToken": (ASKED_TOKEN,)}
    return (APPKEY, PASSWORD, *own.get(call.operation, (OWN_TOKEN,)))


def quoting(secrets: Collection[str]) -> str:
    """Return a text with the secrets in every spelling."""
    return " ".join(spellings(secrets))


_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)
_SENT = (
    httpx.ReadError, httpx.ReadTimeout, httpx.WriteError, httpx.WriteTimeout, httpx.CloseError,
    httpx.LocalProtocolError, httpx.RemoteProtocolError,
)  # fmt: skip
_OTHER = (TimeoutError, OSError, ValueError, RuntimeError, Exception)
EXCEPTIONS: Mapping[str, type[Exception]] = {kind.__name__: kind for kind in (*_UNSENT, *_SENT, *_OTHER)}
_SHOWN = (httpx.ConnectError, httpx.ProxyError, httpx.UnsupportedProtocol)
"""Those whose text is shown, since it is the operating system's. What is in the request may stand in it."""


def raising(name: str, call: Call) -> Served:
    """Return an exception of the transport by its name, with secrets in its text."""
    kind = EXCEPTIONS[name]
    text = quoting(secrets_sent(call) if kind in _SHOWN else SECRETS)
    is_unsent = kind in _UNSENT

    def error(request: httpx.Request) -> Exception:
        if issubclass(kind, httpx.TransportError):
            return kind(f"no route {text}" if is_unsent else text, request=request)
        return kind(text)

    return Served(error=error, is_unsent=is_unsent)


@cache
def bomb() -> Served:
    """Return a small reply that becomes larger than any the SDK takes when it is decompressed."""
    body = gzip.compress(b"\0" * 1024 * _BOMB_KB, compresslevel=1)
    return Served(body, headers=(*JSON, ("content-encoding", "gzip")), piece=16 * 1024)

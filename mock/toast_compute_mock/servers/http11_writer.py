"""Serialize a reply for the wire, also one that is lost or damaged on its way."""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from http import HTTPStatus
from typing import NamedTuple

from ..exchange import Break, Reply, Wire
from .framing import has_body

INVALID_STATUS_LINE = b"\x15\x03\x03\x00\x02\x02\x50 this is no status line"
"""Begins like an alert of TLS, which is what a client sees that has come to the wrong port."""
INVALID_CHUNK_SIZE = b"no size\r\n"
"""Stands where the size of a chunk is due."""


class End(Enum):
    """What becomes of the connection when the last piece has been sent."""

    KEEP = 1
    CLOSE = 2
    RESET = 3
    STALL = 4


class Delivery(NamedTuple):
    """How a reply is sent: piece by piece, with a pause between two."""

    pieces: tuple[bytes, ...]
    end: End
    pause: float = 0.0
    """Seconds on the mock's clock."""


def serialize(reply: Reply, *, is_head: bool, keep: bool, version: str) -> bytes:
    """Return a reply as it goes out when nothing is wrong.

    `is_head` leaves out the body, `keep` says whether the connection lives on, and `version` is the request's.
    """
    start, end, has_length = _head_parts(reply.status, reply.headers, keep, version)
    sent = b"" if is_head else reply.body
    if not has_length:
        return start + end + sent
    return b"%bcontent-length: %d\r\n%b%b" % (start, len(reply.body), end, sent)


def serialize_head(reply: Reply, *, keep: bool, version: str) -> bytes:
    """Return the status line and the headers of a reply, up to and with the empty line."""
    return serialize(reply, is_head=True, keep=keep, version=version)


def plan_delivery(reply: Reply, wire: Wire, *, is_head: bool, keep: bool, version: str) -> Delivery:
    """Return how a reply goes out with which something is wrong. Without a body, no body can be damaged."""
    kind = wire.kind
    if kind is Break.RESET:
        return Delivery((), End.RESET)
    if kind is Break.CLOSE:
        return Delivery((), End.CLOSE)
    if kind is Break.GARBAGE:
        return Delivery((INVALID_STATUS_LINE + b"\r\n\r\n",), End.CLOSE)
    if kind is Break.PIECES:
        content = serialize(reply, is_head=is_head, keep=keep, version=version)
        return Delivery(split_pieces(content, wire.piece), End.KEEP if keep else End.CLOSE, wire.pause)
    start, end, _ = _head_parts(reply.status, reply.headers, False, version)
    arrives = b"" if is_head else first_half(reply.body)
    if kind is Break.BAD_CHUNK:
        broken = b"" if is_head else chunk(arrives) + INVALID_CHUNK_SIZE
        return Delivery((b"%btransfer-encoding: chunked\r\n%b%b" % (start, end, broken),), End.CLOSE)
    content = b"%bcontent-length: %d\r\n%b%b" % (start, claimed_length(reply.body), end, arrives)
    return Delivery((content,), End.STALL if kind is Break.STALL else End.CLOSE)


def first_half(body: bytes) -> bytes:
    """Return what arrives of a body that ends in the middle."""
    return body[: len(body) // 2]


def claimed_length(body: bytes) -> int:
    """Return the content-length of a reply whose body ends in the middle: even of an empty one, something lacks."""
    return max(len(body), 1)


def chunk(content: bytes) -> bytes:
    """Return a chunk; nothing for empty content, since an empty chunk would end the body."""
    return b"%x\r\n%b\r\n" % (len(content), content) if content else b""


def split_pieces(content: bytes, size: int) -> tuple[bytes, ...]:
    """Cut bytes into pieces of this size."""
    return tuple(content[start : start + size] for start in range(0, len(content), size))


@lru_cache(maxsize=64)
def _head_parts(
    status: int, headers: tuple[tuple[str, str], ...], keep: bool, version: str
) -> tuple[bytes, bytes, bool]:
    """Return what stands before and behind the content-length header, and whether there is such a header.

    Raises ValueError.
    """
    lines = [f"HTTP/1.1 {status} {_phrase(status)}", *(f"{name}: {value}" for name, value in headers)]
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a header of a reply has a line break")
    behind = ""
    if not keep:
        behind = "connection: close\r\n"
    elif version == "1.0":
        behind = "connection: keep-alive\r\n"
    start, end = "\r\n".join(lines) + "\r\n", behind + "\r\n"
    return start.encode("latin-1"), end.encode("latin-1"), has_body(status)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""

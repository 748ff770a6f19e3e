"""Define the requests and replies of the engine, free of sockets and HTTP libraries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple, TypeAlias

JsonObject: TypeAlias = dict[str, Any]
"""A decoded JSON object."""

CONTENT_TYPE = "application/json;charset=UTF-8"  # guide: the header that its own samples carry


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. Its repr shows the method alone: target, headers and body carry secrets."""

    method: str
    target: str = field(repr=False)
    """The path and query as they stood on the wire, percent-encoded."""
    headers: Mapping[str, str] = field(repr=False)
    """By name in lower case; a header that came more than once is joined by a comma."""
    body: bytes = field(default=b"", repr=False)
    peer: str = ""
    """The address that it came from; empty when it came from this very process."""


class Break(Enum):
    """How a reply gets lost or damaged on its way."""

    RESET = "reset"
    """The connection is reset; nothing of the reply arrives."""
    CLOSE = "close"
    """The connection is closed in an orderly way; nothing of the reply arrives."""
    GARBAGE = "garbage"
    """What arrives does not begin with a status line."""
    SHORT_BODY = "short-body"
    """The body ends in the middle, before its content-length."""
    BAD_CHUNK = "bad-chunk"
    """The body is chunked, and a chunk's size is not a number."""
    STALL = "stall"
    """The head and half of the body arrive, and then nothing more."""
    PIECES = "pieces"
    """Everything arrives, in small pieces."""


class Wire(NamedTuple):
    """What happens to a reply on the wire."""

    kind: Break
    piece: int = 16
    """Bytes in a piece, head and body alike; for PIECES."""
    pause: float = 0.0
    """Seconds between two pieces, on the mock's clock; for PIECES."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP reply. The servers add `content-length` and nothing else that a client could read."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)
    delay: float = 0.0
    """Seconds on the mock's clock before anything of it is sent."""
    wire: Wire | None = None
    """What goes wrong when it is sent; None for nothing."""


class Deferred(NamedTuple):
    """A reply that is not there yet. Fronts ask again and again, a few hundredths of a second apart."""

    poll: Callable[[], Reply | None]

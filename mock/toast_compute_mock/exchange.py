"""What goes into the engine, and what comes out? One request and one reply, free of sockets and HTTP libraries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

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


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP reply. The fronts add `content-length` and nothing else that a client could read."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)

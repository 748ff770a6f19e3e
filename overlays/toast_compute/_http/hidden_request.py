"""How does a request stay out of tracebacks that show local variables? By a repr without its URL. Loads httpx."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx


class HiddenRequest(httpx.Request):
    """A request whose repr shows neither its URL, in which the appkey stands, nor its headers."""

    def __repr__(self) -> str:
        return f"<Request({self.method!r})>"


def hidden_request(
    method: str, url: str, headers: Mapping[str, str], content: bytes | None, extensions: dict[str, Any]
) -> httpx.Request:
    """Return the request that a transport gets."""
    return HiddenRequest(method, url, headers=headers, content=content, extensions=extensions)

"""What went over the wire? One request, its reply, and what is remembered of both."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

JsonObject: TypeAlias = dict[str, Any]

JSON = "application/json"


@dataclass(frozen=True)
class Request:
    """A request as it was sent. `target` is the path below the base URL, and the query."""

    method: str
    target: str
    headers: Mapping[str, str]
    """By name in lower case."""
    body: bytes = b""

    @property
    def size_of_head(self) -> int:
        """The bytes of the target and the headers."""
        return len(self.target) + sum(len(name) + len(value) for name, value in self.headers.items())


@dataclass(frozen=True)
class Reply:
    """A reply as it came."""

    status: int
    content_type: str
    body: bytes

    @property
    def media_type(self) -> str:
        """The content type without its parameters."""
        return self.content_type.partition(";")[0].strip().lower()

    @cached_property
    def content(self) -> JsonObject | None:
        """The body as a JSON object; None when it is none."""
        try:
            content = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return content if isinstance(content, dict) else None

    @cached_property
    def code(self) -> int | None:
        """The result code; None when the reply has no envelope that can be read."""
        header = (self.content or {}).get("header")
        code = header.get("resultCode") if isinstance(header, dict) else None
        return code if isinstance(code, int) and not isinstance(code, bool) else None

    @cached_property
    def accepted(self) -> bool:
        """Whether the service says that it did what it was asked for."""
        header = (self.content or {}).get("header")
        return isinstance(header, dict) and header.get("isSuccessful") is True


@dataclass(frozen=True)
class Exchange:
    """A request, its reply, and where in the run they stood."""

    number: int
    at: float
    """Seconds on the clock of the service, as far as the run knows it."""
    request: Request
    reply: Reply
    phase: str
    link: str = ""
    """The link of the contract that the request followed."""
    prepared: bool = False
    """Whether everything that the request needs was made ready for it, so that nothing is left to refuse it for."""

    @property
    def content(self) -> JsonObject | None:
        """What the reply holds as a JSON object; None when it holds none."""
        return self.reply.content

"""Requests, replies, and what is kept of both."""

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
    """A request as it was sent."""

    method: str
    target: str
    """The path below the base URL, and the query."""
    headers: Mapping[str, str]
    """By name in lower case."""
    body: bytes = b""

    @property
    def size_of_head(self) -> int:
        """The bytes of the target and the headers."""
        return len(self.target) + sum(len(name) + len(value) for name, value in self.headers.items())


@dataclass(frozen=True)
class Reply:
    """A reply as it was received."""

    status: int
    content_type: str
    body: bytes

    @property
    def media_type(self) -> str:
        """The content type without its parameters."""
        return self.content_type.partition(";")[0].strip().lower()

    @cached_property
    def content(self) -> JsonObject | None:
        """The body as a JSON object; None when it is not one."""
        try:
            content = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return content if isinstance(content, dict) else None

    @cached_property
    def header(self) -> JsonObject:
        """The header of the envelope; empty when the reply has no envelope."""
        header = (self.content or {}).get("header")
        return header if isinstance(header, dict) else {}

    @cached_property
    def code(self) -> int | None:
        """The result code; None when the reply has no envelope that can be read."""
        code = self.header.get("resultCode")
        return code if isinstance(code, int) and not isinstance(code, bool) else None

    @cached_property
    def accepted(self) -> bool:
        """Whether the service reports a success."""
        return self.header.get("isSuccessful") is True


@dataclass(frozen=True)
class Exchange:
    """A request and its reply, at their place in the run."""

    number: int
    at: float
    """Seconds on the clock of the service, as far as the run knows it."""
    request: Request
    reply: Reply
    phase: str
    prepared: bool = False
    """Whether all that the request needs is there, so that there is no reason to refuse it."""

    @property
    def content(self) -> JsonObject:
        """The reply as a JSON object; empty when it is not one."""
        return self.reply.content or {}

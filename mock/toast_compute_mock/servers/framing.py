"""Define what all servers share: limits of a request, its headers, and which replies have a body."""

from __future__ import annotations

import json
from collections.abc import Iterable
from http import HTTPStatus

from ..exchange import CONTENT_TYPE, Reply, Request

HEAD_LIMIT = 64 * 1024
"""Bytes of target and headers together."""
BODY_LIMIT = 1024 * 1024
UNKNOWN_PEER = "unknown"
"""Stands for an unknown address of a client; it is never trusted."""

_BODILESS = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)


def refusal(status: HTTPStatus) -> Reply:
    """Return a reply of the server itself: it got no valid request, so the envelope does not apply."""
    content = json.dumps({"status": status.value, "message": status.phrase}).encode()
    return Reply(status.value, (("content-type", CONTENT_TYPE),), content)


def joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers by name in lower case; one that came more than once is joined by a comma."""
    by_name: dict[str, str] = {}
    for raw_name, value in headers:
        name, text = raw_name.decode("latin-1").lower(), value.decode("latin-1")
        by_name[name] = f"{by_name[name]}, {text}" if name in by_name else text
    return by_name


def as_request(
    method: str, target: str, headers: Iterable[tuple[bytes, bytes]], body: bytes, peer: str
) -> Request | HTTPStatus:
    """Return the request that a library has read, or the status that the socket server would refuse it with."""
    by_name = joined(headers)
    if len(target) + sum(len(name) + len(value) for name, value in by_name.items()) > HEAD_LIMIT:
        return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    if len(body) > BODY_LIMIT:
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    return Request(method, target, by_name, body, peer)


def has_body(status: int) -> bool:
    """Return whether HTTP lets a reply of this status have a body."""
    return status not in _BODILESS


def content_length(reply: Reply) -> int | None:
    """Return what to announce as the length of the reply, which for HEAD is that for GET; None for nothing."""
    return len(reply.body) if has_body(reply.status) else None

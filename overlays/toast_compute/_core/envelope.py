"""The judgement of a reply: a success, a refusal, or not a valid reply."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TypeVar

import msgspec
from toast_compute_api.models import Failure, ResultHeader
from toast_compute_runtime.operation import Request, decode

from .._effects import Reply
from ..errors import MalformedResponseError

S = TypeVar("S")

# Everything that decoding hostile bytes can raise: wrong shape, no JSON, no UTF-8, a date out of range, deep nesting.
_UNREADABLE = (msgspec.MsgspecError, ValueError, OverflowError, RecursionError)


def judge(request: Request[S], reply: Reply) -> S | ResultHeader | MalformedResponseError:
    """Return the success that a reply carries, which is parsed once, the header of a refusal, or an error.

    The error, which never shows the reply's text, is for a reply that is neither a success nor a refusal. It is
    returned and not raised, since the local variables here hold the reply and would be in its traceback.
    """
    operation = request.operation.id
    if reply.status != HTTPStatus.OK:
        return _malformed(operation, reply, f"has HTTP status {reply.status} instead of 200")
    success, problem = _read(reply.body, request.success)
    header: ResultHeader | None = getattr(success, "header", None)
    if header is None:
        failure, header_problem = _read(reply.body, Failure)
        if failure is None:
            return _malformed(operation, reply, *_describe(header_problem))
        header = failure.header
    if header.is_successful != (header.result_code == 0):
        what = f"contradicts itself: isSuccessful is {str(header.is_successful).lower()}"
        return _malformed(operation, reply, f"{what} and resultCode is {header.result_code}", "header")
    if not header.is_successful:
        return header
    if success is None:
        return _malformed(operation, reply, *_describe(problem))
    return success


def _read(body: bytes, type_: type[S]) -> tuple[S | None, Exception | None]:
    try:
        return decode(body, type_), None
    except _UNREADABLE as problem:
        return None, problem


def _describe(problem: Exception | None) -> tuple[str, str | None]:
    if not isinstance(problem, msgspec.ValidationError):
        return "is not JSON that can be read", None
    text = str(problem)
    missing = re.match(r"Object missing required field `(\w+)`", text)
    place = re.search(r" - at `\$(.*)`$", text)
    path = (place.group(1) if place else "").removeprefix(".")
    if missing:
        path = f"{path}.{missing.group(1)}".removeprefix(".")
        return f"lacks {path}", path
    return f"breaks the contract at {path or 'its top'}", path


def _malformed(operation: str, reply: Reply, what: str, path: str | None = None) -> MalformedResponseError:
    return MalformedResponseError(f"{operation}: the reply {what}", operation=operation, status=reply.status, path=path)

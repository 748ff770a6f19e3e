"""How is the mock steered over HTTP? The admin API under `/_mock/`, and the page that uses it."""

from __future__ import annotations

import re
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec

from ..exchange import Deferred, Reply, Request
from .access import Access
from .document import PREFIX, load_document
from .refusal import AdminError
from .routes import Operation, Routes, read_call
from .views import Answer, Views
from .waiting import Later

if TYPE_CHECKING:
    from ..cloud import MockCloud

__all__ = ["Admin"]

_PAGE = "/"
_encode = msgspec.json.Encoder().encode
# What it says is of the moment, and is never to be taken for anything but JSON.
_HEADERS = (("content-type", "application/json"), ("cache-control", "no-store"), ("x-content-type-options", "nosniff"))
_TO_THE_PAGE = Reply(HTTPStatus.PERMANENT_REDIRECT.value, (("location", f"{PREFIX}{_PAGE}"),), b"")


class Admin:
    """The admin API of one cloud. Without `token` it answers this machine alone; with one, whoever gives it."""

    def __init__(self, cloud: MockCloud, token: str | None = None) -> None:
        document = load_document()
        self._access = Access(token)
        self._routes = Routes(document)
        self._views = Views(cloud, document)

    def answer(self, request: Request) -> Reply | Deferred:
        """Return the reply to a request whose path is `/_mock` or begins with `/_mock/`, or the promise of one."""
        try:
            return self._answer(request)
        except AdminError as refused:
            return _reply(refused.status.value, {"message": refused.message}, *refused.headers)

    def _answer(self, request: Request) -> Reply | Deferred:
        path, _, query = request.target.removeprefix(PREFIX).partition("?")
        self._access.admit(request, is_page=path in ("", _PAGE))
        if not path:
            return _TO_THE_PAGE
        operation, in_path = self._routes.find(request.method, path)
        call = read_call(operation, in_path, query, request)
        answer: Answer = getattr(self._views, method_name(operation.id))(call)
        return _finish(operation, answer)


def method_name(operation_id: str) -> str:
    """Return the name of the method of Views: `find_entries` for `findEntries`."""
    return re.sub("[A-Z]", lambda letter: "_" + letter[0].lower(), operation_id)


def _finish(operation: Operation, answer: Answer) -> Reply | Deferred:
    if not isinstance(answer, Later):
        return _reply(operation.status, answer)
    return _poll(operation, answer) or Deferred(partial(_poll, operation, answer))


def _poll(operation: Operation, later: Later) -> Reply | None:
    payload = later.poll()
    return None if payload is None else _reply(operation.status, payload)


def _reply(status: int, answer: object, *headers: tuple[str, str]) -> Reply:
    if isinstance(answer, Reply):
        return answer
    return Reply(status, (*_HEADERS, *headers), answer if isinstance(answer, bytes) else _encode(answer))

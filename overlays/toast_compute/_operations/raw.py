"""Raw requests, for paths that the contract does not know."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, get_args

import msgspec
from toast_compute_api.models import EmptySuccess
from toast_compute_runtime.operation import Operation, Parameter, Request, Retry

from .._core.capture import capturing
from .._core.client_core import Core
from .._effects import Effects
from .._validation import check_leaves, is_mapping, is_sequence, one_of, refuse, text
from ..errors import MalformedResponseError

_NAME = "request"
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_ROOT = "/v1.0/appkeys/{appkey}"
# The characters of a path by RFC 3986, with percent-encoded ones; braces would be taken for parameters.
_PATH = re.compile(r"(/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)+")
_DOTS = re.compile(r"(^|/)(\.|%2[Ee]){1,2}(/|$)")


def send_raw(core: Core, method: object, path: object, query: object, body: object, retry: object) -> Effects[Any]:
    """Send a request below the appkey's path, and return the reply as decoded JSON, with its header."""
    verb = one_of(_NAME, "method", method, _METHODS)
    kind = one_of(_NAME, "retry", retry, get_args(Retry))
    below = text(_NAME, "path", path)
    if not _PATH.fullmatch(below) or _DOTS.search(below):
        refuse(_NAME, "path", "expected a path such as /instances, without query, `..` and empty segments")
    try:
        _check_leaves(body)
    except RecursionError:
        refuse(_NAME, "body", "is nested too deeply")
    request = core.request(lambda appkey: _request(appkey, verb, below, query, body, kind))
    with capturing(core) as exchanges:
        yield from core.call(request)
    exchange = exchanges[-1]
    try:
        return msgspec.json.decode(exchange.body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass
    # Outside of the handler: the traceback of the decoder would show the reply.
    raise MalformedResponseError(
        f"{_NAME}: the reply is not JSON that can be read", operation=_NAME, status=exchange.status
    )


def _request(appkey: str, method: str, path: str, query: object, body: object, retry: Any) -> Request[EmptySuccess]:
    pairs = _query(query)
    operation = Operation(
        id=_NAME,
        method=method,
        path=_ROOT + path,
        retry=retry,
        needs_token=True,
        success=EmptySuccess,
        summary="",
        parameters=(
            Parameter("appkey", "path", str, sensitive=True),
            *(Parameter(name, "query", str) for name in pairs),
        ),
        body=None if body is None else Any,
    )
    return operation.request({**pairs, "appkey": appkey}, body)


def _check_leaves(body: object) -> None:
    """Refuse values that the JSON encoder would silently convert, such as sets and bytes."""
    if is_mapping(body):
        for name, member in body.items():
            text(_NAME, "body", name)
            _check_leaves(member)
    elif is_sequence(body):
        for entry in body:
            _check_leaves(entry)
    else:
        check_leaves(body, operation=_NAME, path="body")


def _query(query: object) -> Mapping[str, str]:
    if query is None:
        return {}
    if not is_mapping(query):
        refuse(_NAME, "query", "expected a mapping of strings")
    return {text(_NAME, "query", name): text(_NAME, f"query.{name}", value) for name, value in query.items()}

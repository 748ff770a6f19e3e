"""Record an exchange in the journal, without its secrets."""

from __future__ import annotations

import re
from itertools import islice

from ..contract.operations import Operation
from ..contract.redaction_rules import (
    cut_target,
    redact_json,
    redact_secrets_in_body,
    redact_secrets_in_target,
    redact_target,
    redact_unknown_target,
)
from ..exchange import Reply, Request
from ..journal.journal import COUNTED_BODY, Journal, Kind
from ..redaction import REDACTED, Vault, decode_base64
from ..world.registry import Registry
from .routing import TOKEN_HEADER_KEY, ResolvedRequest, Route

_METHOD_LIMIT = 20  # a method that the client made up is cut here
_ISSUE = "issueToken"
_APPKEY = re.compile("(?<=/appkeys/)[^/?]*")
_AUTHORIZATION = ("authorization", "proxy-authorization")


def record(
    journal: Journal,
    registry: Registry,
    resolved: ResolvedRequest,
    at: float,
    reply: Reply,
    result_code: int | None,
    applied: int,
    faults: tuple[str, ...] = (),
) -> None:
    """Record an exchange, without its secrets."""
    request, operation, route, vault = resolved.request, resolved.operation, resolved.route, registry.vault
    method, request_body, reply_body = request.method, request.body, reply.body
    if operation is None or route is None:
        target, request_body, searched_body = redact_unknown_target(request.target), b"", b""
    else:
        secrets = operation.secrets
        if "?" in request.target:
            target = redact_target(request.target, secrets.path_pieces, secrets.shown_parameters)
        else:
            target = route.redacted_path
        searched_body = request_body
        if secrets.has_request:
            request_body = searched_body = redact_json(request_body, secrets.request)
            if applied and operation.id == _ISSUE and resolved.world is not None:
                vault.add_tokens(islice(reversed(resolved.world.tokens), applied))
        # What was accepted has no unknown members.
        elif request_body and (resolved.call is None or operation.body is None):
            request_body = redact_json(request_body, secrets.request)
        if secrets.reply is not None:
            reply_body = redact_json(reply_body, secrets.reply)
    leaks: tuple[str, ...] = ()
    if (
        operation is None
        or route is None
        or not resolved.worlds
        or _may_leak(vault, resolved, operation, route, searched_body)
    ):
        leaks = _leaks(vault, resolved, searched_body)
        if leaks:
            target, method = redact_secrets_in_target(target, vault), vault.redact(method)
            request_body = redact_secrets_in_body(request_body, vault)
            reply_body = redact_secrets_in_body(reply_body, vault)
            registry.may_show_secrets = registry.may_show_secrets or applied > 0
        if operation is None:
            target = cut_target(target)
    if registry.may_show_secrets and not leaks:
        reply_body = redact_secrets_in_body(reply_body, vault)
    operation_id = "" if operation is None else operation.id
    kind = Kind(
        operation_id,
        resolved.action,
        "" if resolved.world is None else resolved.world.account.user_id,
        result_code,
    )
    # By the whole body as it came: two may be equal without their secrets, or when they are cut.
    identity = hash(request.body) if applied and operation_id == COUNTED_BODY else None
    journal.note(
        at,
        kind,
        method[:_METHOD_LIMIT],
        target,
        reply.status,
        applied,
        faults,
        leaks,
        request_body,
        reply_body,
        identity,
    )


def _may_leak(
    vault: Vault, resolved: ResolvedRequest, operation: Operation, route: Route, searched_body: bytes
) -> bool:
    """Return whether to search for leaks. It is nearly never needed, and one text shows that without decoding."""
    headers = resolved.request.headers
    query = resolved.request.target.partition("?")[2]
    if query and operation.secrets.has_parameters:
        query = _without_token(vault, query, operation)
    if "+" in query or "authorization" in headers or "proxy-authorization" in headers:
        return True
    others = dict(headers)
    if others.pop(TOKEN_HEADER_KEY, "") and not resolved.token_id:
        return True
    text = "\n".join((route.redacted_path, query, *others.values(), searched_body.decode("utf-8", "replace")))
    return "%" in text or "\\" in text or vault.contains(text)


def _leaks(vault: Vault, resolved: ResolvedRequest, searched_body: bytes) -> tuple[str, ...]:
    """Return where a secret stands that does not belong there; `searched_body` is the body without those that do."""
    request, operation = resolved.request, resolved.operation
    path, _, query = request.target.partition("?")
    if operation is not None and operation.secrets.has_parameters:
        query = _without_token(vault, query, operation)
    router = {
        "method": request.method if operation is None else "",
        "path": _APPKEY.sub(lambda own: REDACTED if vault.is_appkey(own[0]) else own[0], path, count=1),
        "query": query,
        "headers": _searchable_headers(vault, request),
        "body": searched_body.decode("utf-8", "replace"),
    }
    return tuple(route for route, text in router.items() if vault.contains_encoded(text))


def _without_token(vault: Vault, query: str, operation: Operation) -> str:
    """Return a query without the token that is looked up."""
    redacted_path = operation.secrets.shown_parameters
    pairs = (pair.partition("=") for pair in query.split("&"))
    return "&".join(
        name if name not in redacted_path and vault.is_token(value) else name + "=" + value for name, _, value in pairs
    )


def _searchable_headers(vault: Vault, request: Request) -> str:
    """Return the values of all headers, and what they hold in Base64, without the token in the header for tokens."""
    others = dict(request.headers)
    token = others.pop(TOKEN_HEADER_KEY, "")
    decoded = [decode_base64(others[name]) for name in _AUTHORIZATION if name in others]
    return "\n".join([*others.values(), *decoded, "" if vault.is_token(token) else token])

"""What of a request and its reply goes into the journal?"""

from __future__ import annotations

import re
from itertools import islice

from ..contract.operations import Operation
from ..contract.redaction_rules import conceal, cut_target, guessed_target, hide_in_body, hide_in_target, shown_target
from ..exchange import Reply, Request
from ..journal.journal import COUNTED_BODY, Journal, Kind
from ..redaction import HIDDEN, Vault, in_base64
from ..world.registry import Registry
from .routing import TOKEN_HEADER_KEY, Place, Visit

_METHOD_LIMIT = 20  # a method that the client made up is cut here
_ISSUE = "issueToken"
_APPKEY = re.compile("(?<=/appkeys/)[^/?]*")
_AUTHORIZATION = ("authorization", "proxy-authorization")


def record(
    journal: Journal,
    registry: Registry,
    visit: Visit,
    at: float,
    reply: Reply,
    result_code: int | None,
    applied: int,
    faults: tuple[str, ...] = (),
) -> None:
    """Note an exchange, without its secrets."""
    request, operation, place, vault = visit.request, visit.operation, visit.place, registry.vault
    method, asked, answered = request.method, request.body, reply.body
    if operation is None or place is None:
        target, asked, searched = guessed_target(request.target), b"", b""
    else:
        hidden = operation.secrets
        if "?" in request.target:
            target = shown_target(request.target, hidden.path_pieces, hidden.shown_parameters)
        else:
            target = place.shown
        searched = asked
        if hidden.has_request:
            asked = searched = conceal(asked, hidden.request)
            if applied and operation.id == _ISSUE and visit.world is not None:
                vault.add_tokens(islice(reversed(visit.world.tokens), applied))
        elif asked and (visit.call is None or operation.body is None):  # what was accepted has no unknown members
            asked = conceal(asked, hidden.request)
        if hidden.reply is not None:
            answered = conceal(answered, hidden.reply)
    leaks: tuple[str, ...] = ()
    if operation is None or place is None or not visit.worlds or _may_leak(vault, visit, operation, place, searched):
        leaks = _leaks(vault, visit, searched)
        if leaks:
            target, method = hide_in_target(target, vault), vault.hide(method)
            asked, answered = hide_in_body(asked, vault), hide_in_body(answered, vault)
            registry.shows_secrets = registry.shows_secrets or applied > 0
        if operation is None:
            target = cut_target(target)
    if registry.shows_secrets and not leaks:
        answered = hide_in_body(answered, vault)
    operation_id = "" if operation is None else operation.id
    kind = Kind(
        operation_id,
        visit.action,
        "" if visit.world is None else visit.world.account.user_id,
        result_code,
    )
    # By the whole body as it came: two may look alike without their secrets, or when they are cut.
    identity = hash(request.body) if applied and operation_id == COUNTED_BODY else None
    journal.note(
        at, kind, method[:_METHOD_LIMIT], target, reply.status, applied, faults, leaks, asked, answered, identity
    )


def _may_leak(vault: Vault, visit: Visit, operation: Operation, place: Place, searched: bytes) -> bool:
    """Whether to look for leaks: nearly never, and this is told from one text, without decoding anything."""
    headers = visit.request.headers
    query = visit.request.target.partition("?")[2]
    if query and operation.secrets.has_parameters:
        query = _without_token(vault, query, operation)
    if "+" in query or "authorization" in headers or "proxy-authorization" in headers:
        return True
    others = dict(headers)
    if others.pop(TOKEN_HEADER_KEY, "") and not visit.token_id:
        return True
    text = "\n".join((place.shown, query, *others.values(), searched.decode("utf-8", "replace")))
    return "%" in text or "\\" in text or vault.holds(text)


def _leaks(vault: Vault, visit: Visit, searched: bytes) -> tuple[str, ...]:
    """Where a secret stands that does not belong there; `searched` is the body without those that do."""
    request, operation = visit.request, visit.operation
    path, _, query = request.target.partition("?")
    if operation is not None and operation.secrets.has_parameters:
        query = _without_token(vault, query, operation)
    places = {
        "method": request.method if operation is None else "",
        "path": _APPKEY.sub(lambda own: HIDDEN if vault.is_appkey(own[0]) else own[0], path, count=1),
        "query": query,
        "headers": _shown_headers(vault, request),
        "body": searched.decode("utf-8", "replace"),
    }
    return tuple(place for place, text in places.items() if vault.holds_encoded(text))


def _without_token(vault: Vault, query: str, operation: Operation) -> str:
    """A query without the token that is looked up."""
    shown = operation.secrets.shown_parameters
    pairs = (pair.partition("=") for pair in query.split("&"))
    return "&".join(
        name if name not in shown and vault.is_token(value) else name + "=" + value for name, _, value in pairs
    )


def _shown_headers(vault: Vault, request: Request) -> str:
    """The values of all headers, and what they say in Base64, without the token in the header for tokens."""
    others = dict(request.headers)
    token = others.pop(TOKEN_HEADER_KEY, "")
    decoded = [in_base64(others[name]) for name in _AUTHORIZATION if name in others]
    return "\n".join([*others.values(), *decoded, "" if vault.is_token(token) else token])

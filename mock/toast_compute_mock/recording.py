"""What of a request and its reply goes into the journal?"""

from __future__ import annotations

from .contract import Operation
from .exchange import Reply, Request
from .journal import Journal, Kind
from .masking import conceal, guessed_target, holds_secret, mask_secrets, shown_target
from .registry import Registry
from .visit import TOKEN_HEADER_KEY, Visit

_METHOD_LIMIT = 20  # a method that the client made up is cut here


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
    request, operation, place = visit.request, visit.operation, visit.place
    asked, answered = request.body, reply.body
    if operation is None or place is None:
        target, asked = guessed_target(request.target, registry.secrets()), b""
    else:
        hidden = operation.secrets
        if "?" in request.target:
            target = shown_target(request.target, hidden.path_pieces, hidden.shown_parameters)
        else:
            target = place.shown
        if hidden.request is not None:
            asked = conceal(asked, hidden.request)
        if hidden.reply is not None:
            answered = conceal(answered, hidden.reply)
    leaks: tuple[str, ...] = ()
    if not visit.worlds or _may_leak(visit, asked):
        if visit.worlds:
            secrets = [secret for world in visit.worlds for secret in (world.account.password, *world.tokens)]
        else:
            secrets = registry.secrets()  # it leads nowhere, so anybody's may be in it
        leaks = _leaks(operation, request, asked, secrets)
        if leaks:
            target = mask_secrets(target, secrets)
            asked = mask_secrets(asked.decode("utf-8", "replace"), secrets).encode()
            answered = mask_secrets(answered.decode("utf-8", "replace"), secrets).encode()
    kind = Kind(
        "" if operation is None else operation.id,
        visit.action,
        "" if visit.world is None else visit.world.account.user_id,
        result_code,
    )
    journal.note(
        at, kind, request.method[:_METHOD_LIMIT], target, reply.status, applied, faults, leaks, asked, answered
    )


def _may_leak(visit: Visit, asked: bytes) -> bool:
    """Whether to look for leaks: nearly never, and this is told from one text and without a list of the secrets."""
    request, operation = visit.request, visit.operation
    target = request.target
    if operation is not None and operation.secrets.has_parameters:
        target = target.partition("?")[0]
    headers = dict(request.headers)
    headers.pop(TOKEN_HEADER_KEY, None)
    text = "\n".join((target, *headers.values(), asked.decode("utf-8", "replace")))
    for world in visit.worlds:
        if world.account.password in text:
            return True
        for token_id in world.tokens:
            if token_id in text:
                return True
    return False


def _leaks(operation: Operation | None, request: Request, asked: bytes, secrets: list[str]) -> tuple[str, ...]:
    """Where a secret stands that does not belong there; `asked` is the body without those that do."""
    path, _, query = request.target.partition("?")
    places = {
        "path": path,
        "query": "" if operation is not None and operation.secrets.has_parameters else query,
        "headers": "\n".join([value for name, value in request.headers.items() if name != TOKEN_HEADER_KEY]),
        "body": asked.decode("utf-8", "replace"),
    }
    return tuple(place for place, text in places.items() if holds_secret(text, secrets))

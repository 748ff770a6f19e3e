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
    request, operation = visit.request, visit.operation
    if visit.worlds:
        secrets = [secret for world in visit.worlds for secret in (world.account.password, *world.tokens)]
    else:
        secrets = registry.secrets()  # it leads nowhere, so anybody's may be in it
    if operation is None:
        target, asked, answered = guessed_target(request.target, secrets), b"", reply.body
    else:
        hidden = operation.secrets
        target = shown_target(request.target, hidden.path_pieces, hidden.shown_parameters)
        asked, answered = conceal(request.body, hidden.request), conceal(reply.body, hidden.reply)
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


def _leaks(operation: Operation | None, request: Request, asked: bytes, secrets: list[str]) -> tuple[str, ...]:
    """Where a secret stands that does not belong there; `asked` is the body without those that do."""
    path, _, query = request.target.partition("?")
    places = {
        "path": path,
        "query": "" if operation is not None and operation.secrets.has_parameters else query,
        "headers": "\n".join([value for name, value in request.headers.items() if name != TOKEN_HEADER_KEY]),
        "body": asked.decode("utf-8", "replace"),
    }
    if not holds_secret("\n".join(places.values()), secrets):  # nearly always, and then there is no more to do
        return ()
    return tuple(place for place, text in places.items() if holds_secret(text, secrets))

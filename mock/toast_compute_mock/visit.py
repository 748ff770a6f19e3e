"""What does a request ask for, who asks, and may it?"""

from __future__ import annotations

from datetime import datetime

from toast_compute_api.behaviour import TOKEN_HEADER

from .behaviours import RefusedError, Rule
from .contract import Contract, Operation
from .exchange import Request
from .intake import JsonObject, read_body, read_parameters
from .operations import Call
from .operations.tokens import world_meant, world_of
from .registry import Registry
from .state import World

TOKEN_HEADER_KEY = TOKEN_HEADER.lower()
_APPKEY = "appkey"


class Visit:
    """A request, and what could be made of it. `refused` says why there is no `call`."""

    __slots__ = ("call", "now", "operation", "refused", "request", "token_age", "world", "worlds")

    def __init__(self, request: Request, now: datetime) -> None:
        self.request = request
        self.now = now
        self.operation: Operation | None = None
        self.worlds: list[World] = []
        """The worlds that the request may see."""
        self.world: World | None = None
        """The one that it is about, where that is known."""
        self.token_age: float | None = None
        """How old its token is, in seconds; None without a valid token."""
        self.call: Call | None = None
        self.refused: RefusedError | None = None

    @property
    def action(self) -> str:
        """The action that it asks for; empty when its operation has none."""
        if self.call is None or self.operation is None or self.operation.body is None or not self.operation.body.tag:
            return ""
        action: str = self.call.body[self.operation.body.tag]
        return action


def recognise(contract: Contract, registry: Registry, request: Request, now: datetime) -> Visit:
    """Check path and method, appkey, token, parameters and body in this order, up to the first that is wrong."""
    visit = Visit(request, now)
    try:
        path, _, query = request.target.partition("?")
        visit.operation, in_path = contract.find(request.method, path)
        visit.worlds = registry.behind(in_path[_APPKEY].decode("utf-8", "replace"), now)
        if visit.operation.needs_token:
            _admit(visit)
        parameters = read_parameters(visit.operation, in_path, query)
        body: JsonObject = {} if visit.operation.body is None else read_body(visit.operation.body, request.body)
        visit.call = Call(visit.operation.id, now, parameters, body)
        if visit.world is None:
            visit.world = world_meant(visit.worlds, visit.call)
    except RefusedError as refused:
        visit.refused = refused
    return visit


def _admit(visit: Visit) -> None:
    """Let the request see the world that its token opens, and no other. Raises RefusedError."""
    token_id = visit.request.headers.get(TOKEN_HEADER_KEY, "")
    world = world_of(visit.worlds, token_id, visit.now)
    if world is None:
        raise RefusedError(Rule.BAD_TOKEN)
    visit.world = world
    visit.token_age = (visit.now - world.tokens[token_id].issued_at).total_seconds()

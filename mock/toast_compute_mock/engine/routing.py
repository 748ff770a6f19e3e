"""Resolve a request: where it leads, who sends it, and whether it is allowed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec
from toast_compute_api.behaviour import TOKEN_HEADER

from ..contract.operations import Contract, Operation
from ..contract.redaction_rules import redact_target
from ..contract.request_parsing import read_body, read_parameters
from ..exchange import Request
from ..operations.call import Call
from ..operations.tokens import world_meant, world_of
from ..rules import RefusedError, Rule
from ..world.state import World

TOKEN_HEADER_KEY = TOKEN_HEADER.lower()
_APPKEY = "appkey"
_MAX_ROUTES = 500  # places that are remembered, and how long
_MAX_PATH_LENGTH = 200  # a path may be


class Route(msgspec.Struct, frozen=True):
    """Where a method and a path lead."""

    operation: Operation
    in_path: Mapping[str, bytes]
    appkey: str
    parameters: Mapping[str, str] | None
    """What the operation gets when there is no query; None when it has to be parsed, since it may be refused."""
    redacted_path: str
    """The path without its secrets."""


class Router:
    """Finds where a method and a path lead, and caches it where every request of a client has the same path.

    That is most of them: all but those on one instance have nothing in their path but the client's appkey.
    """

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._routes: dict[tuple[str, str], Route] = {}

    def find(self, method: str, path: str) -> Route:
        """Return the route. Raises RefusedError when there is none."""
        route = self._routes.get((method, path))
        return self._find_route(method, path) if route is None else route

    def _find_route(self, method: str, path: str) -> Route:
        operation, in_path = self._contract.find(method, path)
        try:
            parameters = read_parameters(operation, in_path, "")
        except RefusedError:
            parameters = None
        appkey = in_path[_APPKEY].decode("utf-8", "replace")
        route = Route(operation, in_path, appkey, parameters, redact_target(path, operation.secrets.path_pieces, ()))
        if len(in_path) == 1 and len(path) <= _MAX_PATH_LENGTH:
            if len(self._routes) >= _MAX_ROUTES:
                self._routes.clear()
            self._routes[method, path] = route
        return route


class ResolvedRequest:
    """A request, resolved as far as possible. `refused` is the reason why there is no `call`."""

    __slots__ = ("action", "call", "now", "operation", "refused", "request", "route", "token_id", "world", "worlds")

    def __init__(self, request: Request, now: datetime) -> None:
        self.request = request
        self.now = now
        self.route: Route | None = None
        """Where it leads; None for nowhere."""
        self.operation: Operation | None = None
        """What it asks for there."""
        self.worlds: list[World] = []
        """The worlds that the request may see."""
        self.world: World | None = None
        """The one that it is about, where that is known."""
        self.token_id = ""
        """The token that let it in; empty when it needed none or has none that is valid."""
        self.call: Call | None = None
        self.action = ""
        """The action that it asks for; empty when its operation has none."""
        self.refused: RefusedError | None = None

    @property
    def token_age(self) -> float | None:
        """How old its token is, in seconds; None without a valid token."""
        if self.world is None or not self.token_id:
            return None
        return (self.now - self.world.tokens[self.token_id].issued_at).total_seconds()


def resolve(
    router: Router, worlds_behind: Callable[[str, datetime], list[World]], request: Request, now: datetime
) -> ResolvedRequest:
    """Check path and method, appkey, token, parameters and body in this order, up to the first that is wrong."""
    resolved = ResolvedRequest(request, now)
    try:
        path, _, query = request.target.partition("?")
        resolved.route = route = router.find(request.method, path)
        resolved.operation = operation = route.operation
        resolved.worlds = worlds = worlds_behind(route.appkey, now)
        # Before parameters and body: without a token, nobody learns which values are valid.
        if operation.needs_token:  # then it sees the world that its token opens, and no other
            token_id = request.headers.get(TOKEN_HEADER_KEY, "")
            resolved.world = world_of(worlds, token_id, now)
            if resolved.world is None:
                raise RefusedError(Rule.BAD_TOKEN)
            resolved.token_id = token_id
        parameters = route.parameters
        if query or parameters is None:
            parameters = read_parameters(operation, route.in_path, query)
        expected = operation.body
        if expected is None:
            resolved.call = Call(operation.id, now, parameters, {})
        else:
            body = read_body(expected, request.body)
            resolved.call = Call(operation.id, now, parameters, body)
            if expected.tag:
                resolved.action = body[expected.tag]
        if resolved.world is None:
            resolved.world = world_meant(worlds, resolved.call)
    except RefusedError as refused:
        resolved.refused = refused
    return resolved

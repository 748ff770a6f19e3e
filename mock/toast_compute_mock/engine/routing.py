"""What does a request ask for, who asks, and may it?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec
from toast_compute_api.behaviour import TOKEN_HEADER

from ..contract.operations import Contract, Operation
from ..contract.redaction_rules import shown_target
from ..contract.request_parsing import read_body, read_parameters
from ..exchange import Request
from ..operations.call import Call
from ..operations.tokens import world_meant, world_of
from ..rules import RefusedError, Rule
from ..world.state import World

TOKEN_HEADER_KEY = TOKEN_HEADER.lower()
_APPKEY = "appkey"
_MOST_KNOWN = 500  # places that are remembered, and how long
_LONGEST_KNOWN = 200  # a path may be


class Place(msgspec.Struct, frozen=True):
    """Where a method and a path lead."""

    operation: Operation
    in_path: Mapping[str, bytes]
    appkey: str
    parameters: Mapping[str, str] | None
    """What the operation gets when there is no query; None when that has to be found out, since it may be refused."""
    shown: str
    """The path without its secrets."""


class Places:
    """Finds where a method and a path lead, and remembers it where every request of a client has the same path.

    That is most of them: all but those on one instance have nothing in their path but the client's appkey.
    """

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._known: dict[tuple[str, str], Place] = {}

    def find(self, method: str, path: str) -> Place:
        """Return the place. Raises RefusedError when there is none."""
        place = self._known.get((method, path))
        return self._look_up(method, path) if place is None else place

    def _look_up(self, method: str, path: str) -> Place:
        operation, in_path = self._contract.find(method, path)
        try:
            parameters = read_parameters(operation, in_path, "")
        except RefusedError:
            parameters = None
        appkey = in_path[_APPKEY].decode("utf-8", "replace")
        place = Place(operation, in_path, appkey, parameters, shown_target(path, operation.secrets.path_pieces, ()))
        if len(in_path) == 1 and len(path) <= _LONGEST_KNOWN:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[method, path] = place
        return place


class Visit:
    """A request, and what could be made of it. `refused` says why there is no `call`."""

    __slots__ = ("action", "call", "now", "operation", "place", "refused", "request", "token_id", "world", "worlds")

    def __init__(self, request: Request, now: datetime) -> None:
        self.request = request
        self.now = now
        self.place: Place | None = None
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


def recognise(
    places: Places, worlds_behind: Callable[[str, datetime], list[World]], request: Request, now: datetime
) -> Visit:
    """Check path and method, appkey, token, parameters and body in this order, up to the first that is wrong."""
    visit = Visit(request, now)
    try:
        path, _, query = request.target.partition("?")
        visit.place = place = places.find(request.method, path)
        visit.operation = operation = place.operation
        visit.worlds = worlds = worlds_behind(place.appkey, now)
        if operation.needs_token:  # then it sees the world that its token opens, and no other
            token_id = request.headers.get(TOKEN_HEADER_KEY, "")
            visit.world = world_of(worlds, token_id, now)
            if visit.world is None:
                raise RefusedError(Rule.BAD_TOKEN)
            visit.token_id = token_id
        parameters = place.parameters
        if query or parameters is None:
            parameters = read_parameters(operation, place.in_path, query)
        asked = operation.body
        if asked is None:
            visit.call = Call(operation.id, now, parameters, {})
        else:
            body = read_body(asked, request.body)
            visit.call = Call(operation.id, now, parameters, body)
            if asked.tag:
                visit.action = body[asked.tag]
        if visit.world is None:
            visit.world = world_meant(worlds, visit.call)
    except RefusedError as refused:
        visit.refused = refused
    return visit

"""What does the service answer to a request at a moment in time? The whole mock, without I/O and without a clock."""

from __future__ import annotations

from datetime import UTC, datetime

from toast_compute_api.behaviour import TOKEN_HEADER

from . import replies
from .behaviours import RefusedError, Rule
from .contract import Contract, Operation
from .exchange import Reply, Request
from .intake import JsonObject, read_body, read_parameters
from .operations import HANDLERS, OPEN_HANDLERS, Call, Payload
from .operations.tokens import world_of
from .schemas import Schema
from .state import Account, World
from .worlds import SeedWorld, default_seed_world, start_world

_APPKEY = "appkey"
_TOKEN_HEADER = TOKEN_HEADER.lower()


class Engine:
    """The service. The same seed and the same requests at the same times give the same replies, byte for byte.

    A world starts when the first request with its appkey comes. Not safe for threads: a front lets one request in at a
    time.
    """

    def __init__(self, seed: int = 0, seed_world: SeedWorld | None = None) -> None:
        self._seed = seed
        self._seed_world = seed_world or default_seed_world()
        self._contract = Contract()
        self._worlds: dict[str, list[World]] = {}
        self._accounts: dict[str, list[Account]] = {}
        for account in self._seed_world.accounts:
            self._accounts.setdefault(account.appkey, []).append(account)

    @property
    def prefix(self) -> str:
        """The path before every operation's own path."""
        return self._contract.prefix

    def handle(self, request: Request, now: float) -> Reply:
        """Return the reply to a request that comes at `now`, in seconds since 1970.

        Raises BrokenReplyError when the mock itself is wrong; a request never makes it raise anything.
        """
        path, _, query = request.target.partition("?")
        failure: Schema | None = None
        try:
            operation, in_path = self._contract.find(request.method, path)
            failure = operation.failure
            call, worlds = self._admit(operation, in_path, query, request, datetime.fromtimestamp(now, UTC))
            payload = self._answer(operation, worlds, call)
        except RefusedError as refused:
            return replies.refusal(refused, failure)
        return replies.success(payload, _success_schema(operation, call.body))

    def _admit(
        self, operation: Operation, in_path: dict[str, bytes], query: str, request: Request, now: datetime
    ) -> tuple[Call, list[World]]:
        """Check appkey, token, parameters and body in this order. The worlds are those that the request may see."""
        worlds = self._worlds_of(in_path[_APPKEY].decode("utf-8", "replace"), now)
        if operation.needs_token:
            world = world_of(worlds, request.headers.get(_TOKEN_HEADER, ""), now)
            if world is None:
                raise RefusedError(Rule.BAD_TOKEN)
            worlds = [world]
        parameters = read_parameters(operation, in_path, query)
        body: JsonObject = {} if operation.body is None else read_body(operation.body, request.body)
        return Call(operation.id, now, parameters, body), worlds

    def _answer(self, operation: Operation, worlds: list[World], call: Call) -> Payload:
        if operation.needs_token:
            (world,) = worlds
            return HANDLERS[operation.id](world, call)
        return OPEN_HANDLERS[operation.id](worlds, call)

    def _worlds_of(self, appkey: str, now: datetime) -> list[World]:
        """The worlds behind an appkey, started now if this is the first request with it. Raises RefusedError."""
        worlds = self._worlds.get(appkey)
        if worlds is None:
            accounts = self._accounts.get(appkey)
            if accounts is None:
                raise RefusedError(Rule.UNKNOWN_APPKEY)
            worlds = [start_world(self._seed_world, account, self._seed, now) for account in accounts]
            self._worlds[appkey] = worlds
        return worlds


def _success_schema(operation: Operation, body: JsonObject) -> Schema:
    """The schema that a success has to keep; it may depend on the body's tag."""
    tag = body.get(operation.body.tag, "") if operation.body is not None else ""
    return operation.successes.get(tag, operation.successes[""])

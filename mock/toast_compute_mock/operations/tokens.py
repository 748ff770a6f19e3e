"""Answer issueToken and getToken, and find the world that a token opens."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ..rules import RefusedError, Rule
from ..world.state import Token, World, issue_token
from .call import Call, Payload, timestamp


def issue(worlds: list[World], call: Call) -> Payload:
    """Answer issueToken. Guide: Token 발급."""
    credentials = call.body["auth"]
    for world in worlds:
        account = world.account
        if account.username == credentials["username"] and account.password == credentials["password"]:
            return _access(world, issue_token(world, world.mint.token_id(), call.now))
    raise RefusedError(Rule.WRONG_CREDENTIALS)


def look_up(worlds: list[World], call: Call) -> Payload:
    """Answer getToken. Guide: Token 정보 조회."""
    token_id = call.parameters["id"]
    world = world_of(worlds, token_id, call.now)
    if world is None:
        raise RefusedError(Rule.NO_TOKEN)
    return _access(world, world.tokens[token_id])


def world_of(worlds: Iterable[World], token_id: str, now: datetime) -> World | None:
    """Return the world that a token opens, None when it opens none of these or has expired."""
    for world in worlds:
        token = world.tokens.get(token_id)
        if token is not None and now < token.expires:
            return world
    return None


def world_meant(worlds: Iterable[World], call: Call) -> World | None:
    """Return the world that a call without a token header is about, whether or not it may see it."""
    if call.operation == "issueToken":
        username = call.body["auth"]["username"]
        return next((world for world in worlds if world.account.username == username), None)
    return world_of(worlds, call.parameters["id"], call.now)


def _access(world: World, token: Token) -> Payload:
    return {
        "access": {
            "token": {
                "expires": token.expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "id": token.id,
                "issued_at": timestamp(token.issued_at),
            },
            "user": {"id": world.account.user_id, "roles": [{"name": role} for role in world.account.roles]},
        }
    }

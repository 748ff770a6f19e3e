"""Keep one world for each user of each appkey."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ..contract.operations import contract
from ..redaction import Vault
from ..rules import RefusedError, Rule
from .ids import Mint, user_id
from .seed import SeedWorld, start_world
from .state import Account, World

_DEFAULT_ROLES = ["member"]
_PRIVATE = frozenset({"account", "accounts", "mint", "tokens"})  # what no reply shows


class WorldError(ValueError):
    """There is no such world, or there cannot be; its text is one sentence."""


class Registry:
    """One world for each user of each appkey. A world starts when the first request with its appkey comes."""

    def __init__(self, seed_world: SeedWorld, seed: int) -> None:
        self._seed_world = seed_world
        self._seed = self._first_seed = seed
        self._accounts: dict[str, list[Account]] = {}
        self._worlds: dict[str, list[World]] = {}
        self._origins: dict[str, bytes] = {}
        self.history: dict[tuple[str, bool], tuple[datetime, World]] = {}
        """When the last change was, and the world before it, for stale reads. By the world's id and whether the change
        needed a token: issuing tokens is kept apart from all else."""
        self.vault = Vault(self._opens_a_world)
        """Every secret that there has been here; it never shrinks, whatever becomes of the worlds."""
        self.forget()
        self.may_show_secrets = self._contains_secrets(seed_world)
        """Whether a secret may stand where a reply shows it, such as in the name of a key pair."""

    @property
    def seed(self) -> int:
        """What all ids, keys and chance derive from."""
        return self._seed

    def behind(self, appkey: str, now: datetime) -> list[World]:
        """Return the worlds behind an appkey. Raises RefusedError when nobody has it."""
        worlds = self._worlds.get(appkey)
        if worlds is None:
            accounts = self._accounts.get(appkey)
            if accounts is None:
                raise RefusedError(Rule.UNKNOWN_APPKEY)
            worlds = self._worlds[appkey] = [self._start(account, now) for account in accounts]
        return worlds

    def all(self, now: datetime) -> list[World]:
        """Return all worlds; those that nobody has asked for yet start now."""
        return [world for appkey in self._accounts for world in self.behind(appkey, now)]

    def started(self) -> list[World]:
        """Return the worlds that somebody has asked for."""
        return [world for worlds in self._worlds.values() for world in worlds]

    def get(self, world_id: str, now: datetime) -> World:
        """Return one world; its id is the id of its user. Raises WorldError."""
        for world in self.all(now):
            if world.account.user_id == world_id:
                return world
        raise WorldError(f"world: there is none with the id {world_id!r}")

    def add(self, appkey: str, username: str, password: str, source: str | None, now: datetime) -> World:
        """Add a world for a new user: a copy of the world `source`, or the seed world. Raises WorldError.

        Tokens are not copied, and what the copy makes has other ids than what its source makes.
        """
        _require_usable(appkey, username, password)
        if any(account.username == username for account in self._accounts.get(appkey, ())):
            raise WorldError("username: there is a world of this user and appkey")
        account = Account(
            appkey=appkey,
            username=username,
            password=password,
            user_id=user_id(self._seed, appkey, username),
            roles=list(_DEFAULT_ROLES),
        )
        if source is None:
            world = start_world(self._seed_world, account, self._seed, now)
        else:
            original = self.get(source, now)
            world = copy_of(original)
            world.account = account
            world.mint = Mint(seed=self._seed, appkey=appkey, username=username, counters=original.mint.counters.copy())
            world.tokens = {}
            self._origins[account.user_id] = msgspec.msgpack.encode(world)
        if appkey in self._accounts:
            self.behind(appkey, now).append(world)
            self._accounts[appkey].append(account)
        else:
            self._worlds[appkey] = [world]
            self._accounts[appkey] = [account]
        self._register_secrets(account)
        return world

    def reset(self, world_id: str, now: datetime) -> None:
        """Take a world back to what it began with: the seed world, its source, or a snapshot. Raises WorldError."""
        old = self.get(world_id, now)
        origin = self._origins.get(world_id)
        new = self._start(old.account, now) if origin is None else msgspec.msgpack.decode(origin, type=World)
        self._put(old, new)
        self.history.clear()

    def forget(self) -> None:
        """Go back to the first seed, the accounts of the seed world, and worlds that have not started."""
        self._seed = self._first_seed
        self._accounts = {}
        self._worlds = {}
        self._origins = {}
        self.history.clear()
        for account in self._seed_world.accounts:
            self._accounts.setdefault(account.appkey, []).append(account)
            self._register_secrets(account)

    def replace(self, worlds: list[World], seed: int) -> None:
        """Put these worlds in the place of all that there are. They begin as they are now."""
        self._seed = seed
        self._accounts = {}
        self._worlds = {}
        self._origins = {}
        self.history.clear()
        for world in worlds:
            account = world.account
            self._accounts.setdefault(account.appkey, []).append(account)
            self._worlds.setdefault(account.appkey, []).append(world)
            self._origins[account.user_id] = msgspec.msgpack.encode(world)
            self._register_secrets(account)
            self.vault.add_tokens(world.tokens)
        self.may_show_secrets = self.may_show_secrets or any(map(self._contains_secrets, worlds))

    def _register_secrets(self, account: Account) -> None:
        self.vault.add_account(account.appkey, account.password, account.token)

    def _opens_a_world(self, token_id: str) -> bool:
        return any(token_id in world.tokens for worlds in self._worlds.values() for world in worlds)

    def _contains_secrets(self, resources: World | SeedWorld) -> bool:
        parts = {name: getattr(resources, name) for name in resources.__struct_fields__ if name not in _PRIVATE}
        return self.vault.contains_encoded(msgspec.json.encode(parts).decode("utf-8", "replace"))

    def _start(self, account: Account, now: datetime) -> World:
        return start_world(self._seed_world, account, self._seed, now)

    def _put(self, old: World, new: World) -> None:
        worlds = self._worlds[old.account.appkey]
        worlds[next(index for index, world in enumerate(worlds) if world is old)] = new


def _require_usable(appkey: str, username: str, password: str) -> None:
    """Raise WorldError when the contract would not let anybody ask for a token with these."""
    (issue,) = [operation for operation in contract().operations if operation.id == "issueToken"]
    (in_path,) = issue.parameters
    assert issue.body is not None
    assert issue.body.schema is not None
    credentials = {"auth": {"username": username, "password": password}}
    problem = in_path.schema.problem(appkey, "appkey") or issue.body.schema.problem(credentials, "body")
    if problem is not None:
        raise WorldError(f"{problem.path.removeprefix('auth.')}: {problem.reason}")


def copy_of(world: World) -> World:
    """Return a copy that shares nothing with the world."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(world), type=World)

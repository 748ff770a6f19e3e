"""Read and change a cloud from outside the service's own API."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from datetime import UTC, datetime

from .clock.clocks import Clock, SettableClock
from .contract.operations import contract
from .engine.replies import Replies
from .rules import RefusedError
from .validation import check_quota
from .world import snapshots
from .world.diff import Change, diff
from .world.lifecycle import find, find_all, migrate
from .world.registry import Registry, WorldError, copy_of
from .world.snapshots import Snapshot
from .world.state import Quotas, World, WorldInfo


class Worlds:
    """The worlds of a cloud. A world's id is the id of its user. Safe for threads."""

    def __init__(self, registry: Registry, lock: AbstractContextManager[object], now: Callable[[], float]) -> None:
        self._registry = registry
        self._lock = lock
        self._now = now

    def get(self, world_id: str) -> World:
        """Return a copy of a world as it is now. Raises WorldError."""
        with self._lock:
            now = self._now_utc()
            return _current_copy(self._registry.get(world_id, now), now)

    def fork(self, source: str | None = None, *, appkey: str, username: str, password: str) -> str:
        """Make a world for a new user, a copy of `source` or, without one, of the seed world, and return its id.

        Tokens are not copied. Raises WorldError when there is no such source, or such a user already.
        """
        with self._lock:
            world = self._registry.add(appkey, username, password, source, self._now_utc())
            return world.account.user_id

    def reset(self, world_id: str | None = None) -> None:
        """Take a world back to what it began with; None takes all back, and forgets the forks. Raises WorldError."""
        with self._lock:
            if world_id is None:
                self._registry.forget()
            else:
                self._registry.reset(world_id, self._now_utc())

    def diff(self, before: str | World, after: str | World) -> list[Change]:
        """Return what differs between two worlds, by id or as returned by `get`. Raises WorldError."""
        with self._lock:
            now = self._now_utc()
            first, second = (
                _current_copy(self._registry.get(world, now), now) if isinstance(world, str) else world
                for world in (before, after)
            )
            return diff(first, second, now)

    def set_quotas(self, world_id: str, *, instances: int | None = None, keypairs: int | None = None) -> None:
        """Set how many instances and key pairs there can be; None is any number. Raises WorldError or ValueError."""
        check_quota("instances", instances)
        check_quota("keypairs", keypairs)
        with self._lock:
            world = self._registry.get(world_id, self._now_utc())
            world.quotas = Quotas(instances=instances, keypairs=keypairs)

    def migrate(self, world_id: str, instance_id: str, seconds: float = 60.0) -> None:
        """Let the service migrate an instance for so many seconds, which no client can ask for.

        Raises WorldError when there is no such world, no such instance, or its status does not allow it.
        """
        if not math.isfinite(seconds) or seconds <= 0:
            raise WorldError("seconds: must be a finite number above 0")
        with self._lock:
            now = self._now_utc()
            world = self._registry.get(world_id, now)
            try:
                migrate(find(world, instance_id, now), now, seconds)
            except RefusedError as refused:
                raise WorldError(f"instance: {refused.message}") from None

    def revoke_tokens(self, world_id: str) -> int:
        """Make all tokens of a world worthless, and return how many there were. Raises WorldError."""
        with self._lock:
            tokens = self._registry.get(world_id, self._now_utc()).tokens
            number = len(tokens)
            tokens.clear()
            return number

    def secrets(self) -> set[str]:
        """Return the passwords, tokens and appkeys that there are or were, to search for them elsewhere."""
        with self._lock:
            self._registry.all(self._now_utc())
            return set(self._registry.vault.all())

    def snapshot(self) -> Snapshot:
        """Return a copy of all worlds, and the time. It carries the mock's passwords and tokens."""
        with self._lock:
            now = self._now_utc()
            worlds = [_current_copy(world, now) for world in self._registry.all(now)]
            return Snapshot(seed=self._registry.seed, now=now.timestamp(), worlds=worlds)

    def restore(self, snapshot: Snapshot) -> None:
        """Put the worlds of a snapshot in the place of all that there are."""
        with self._lock:
            self._registry.replace([copy_of(world) for world in snapshot.worlds], snapshot.seed)

    def next_event(self) -> float | None:
        """Return when the next change of an instance's status is due, in seconds since 1970; None when none is."""
        with self._lock:
            moments = (
                instance.transition.due.timestamp()
                for world in self._registry.started()
                for instance in world.instances.values()
                if instance.transition is not None
            )
            return min(moments, default=None)

    def list(self) -> list[WorldInfo]:
        """Return all worlds in brief."""
        with self._lock:
            now = self._now_utc()
            return [
                WorldInfo(world.account.user_id, world.account.username, len(find_all(world, now)), len(world.tokens))
                for world in self._registry.all(now)
            ]

    def _now_utc(self) -> datetime:
        return datetime.fromtimestamp(self._now(), UTC)


def _current_copy(world: World, now: datetime) -> World:
    find_all(world, now)
    return copy_of(world)


class Control:
    """What can be seen and changed of a cloud, whatever its requests come through. Safe for threads."""

    def __init__(
        self, registry: Registry, replies: Replies, clock: Clock, lock: AbstractContextManager[object]
    ) -> None:
        self._replies = replies
        self._clock = clock
        self._lock = lock
        self.worlds = Worlds(registry, lock, clock.now)

    @property
    def clock(self) -> Clock:
        """The clock that the cloud runs on. The SDK accepts it, too: then it sleeps on this clock."""
        return self._clock

    @property
    def prefix(self) -> str:
        """The path before every operation's own path."""
        return contract().prefix

    @property
    def evolution(self) -> tuple[str, ...]:
        """The options of a later release that the replies have. Raises ValueError when set to an unknown one."""
        return self._replies.evolution

    @evolution.setter
    def evolution(self, habits: Collection[str]) -> None:
        with self._lock:
            self._replies.evolution = tuple(habits)

    def snapshot(self) -> bytes:
        """Return all worlds and the time as JSON text, for `restore`. It carries the mock's passwords and tokens."""
        return snapshots.write(self.worlds.snapshot())

    def restore(self, content: bytes) -> None:
        """Go on where a snapshot was taken. Raises SnapshotError, and changes nothing then."""
        self.resume(snapshots.read(content))

    def resume(self, snapshot: Snapshot) -> None:
        """Go on where a snapshot was taken; a clock that can be set moves on to its time, if that is ahead."""
        self.worlds.restore(snapshot)
        if isinstance(self._clock, SettableClock) and snapshot.now > self._clock.now():
            self._clock.set(snapshot.now)

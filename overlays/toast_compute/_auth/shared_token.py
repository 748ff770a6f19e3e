"""A token that is shared through a store, whose failures never fail a call.

The first failure is warned of. The methods yield effects, as those of the token manager do.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from .._effects import Effects, RunInThread
from .._redaction import Secret
from .._validation import is_seconds
from .stored_token import StoredToken, TokenStore, TokenStoreError, TokenStoreWarning, is_token


class SharedToken:
    """The token that a store keeps under one key."""

    def __init__(self, store: TokenStore, key: str) -> None:
        self._store = store
        self._key = key
        self._warned = False

    def load(self) -> Effects[StoredToken | None]:
        """Return the token of the store, or None when it has none that can be used."""
        found = yield from self._ask("load", lambda: self._store.load(self._key))
        if found is None or (isinstance(found, StoredToken) and _is_sound(found)):
            return found
        self._warn("load", f"it returned no StoredToken that can be used, but {type(found).__name__}")
        return None

    def save(self, secret: Secret, lifetime: float, remaining: float) -> Effects[None]:
        """Put a token in place of the present one."""

        def work() -> None:
            self._store.save(self._key, StoredToken(secret.reveal(), lifetime, remaining))

        yield from self._ask("save", work)

    def forget(self, secret: Secret) -> Effects[None]:
        """Drop a token if it is still the present one."""
        yield from self._ask("forget", lambda: self._store.forget(self._key, secret.reveal()))

    def lock(self, seconds: float) -> Effects[StoreLock | None]:
        """Try to acquire the lock. Return None when the store fails."""
        lock = StoreLock(lambda: self._store.lock(self._key, seconds))
        try:
            answered = yield from self._ask("lock", lock.acquire)
        except BaseException:
            # A driver that is cancelled lets the work in its thread end first, so the lock may be held here.
            lock.release()
            raise
        return lock if answered else None

    def unlock(self, lock: StoreLock | None) -> Effects[None]:
        """Release the lock if it is held."""
        if lock is not None:
            yield from self._ask("unlock", lock.release)

    def _ask(self, what: str, work: Callable[[], Any]) -> Effects[Any]:
        try:
            result, _ = yield RunInThread(work)
            return result
        except Exception as error:
            problem = _reason(error)
        # Outside of the handler: the error of a store may show the token in its context.
        self._warn(what, problem)
        return None

    def _warn(self, what: str, problem: str) -> None:
        if not self._warned:
            self._warned = True
            warnings.warn(
                f"The token store failed to {what}: {problem}. The client goes on without it.",
                TokenStoreWarning,
                stacklevel=2,
            )


class StoreLock:
    """The lock of a store: acquired at most once, released at most once."""

    def __init__(self, make: Callable[[], AbstractContextManager[object]]) -> None:
        self._make = make
        self._lock: AbstractContextManager[object] | None = None

    @property
    def is_held(self) -> bool:
        """Whether the lock is held."""
        return self._lock is not None

    def acquire(self) -> bool:
        """Try to acquire the lock; `is_held` is whether that succeeded. Return True: the store has answered."""
        try:
            lock = self._make()
            lock.__enter__()
        except TimeoutError:
            return True
        self._lock = lock
        return True

    def release(self) -> None:
        """Release the lock if it is held."""
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.__exit__(None, None, None)


def _is_sound(token: StoredToken) -> bool:
    return is_token(token.id) and is_seconds(token.lifetime) and is_seconds(token.remaining)


def _reason(error: Exception) -> str:
    if isinstance(error, TokenStoreError):
        return str(error)
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return type(error).__name__

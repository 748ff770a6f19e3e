"""What does a token's keeper do with a store, and what when the store fails?

It warns once and goes on without. Everything here is a plan, like the keeper itself.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from .._effects import Effects, RunInThread
from .._redaction import Secret
from .._validation import is_seconds

if TYPE_CHECKING:
    from .stored_token import StoredToken, TokenStore


class SharedToken:
    """The token that a store keeps under one key."""

    def __init__(self, store: TokenStore, key: str) -> None:
        self._store = store
        self._key = key
        self._warned = False

    def load(self) -> Effects[StoredToken | None]:
        """Return the token, if there is one that can be used."""
        from .stored_token import StoredToken  # loaded by those who have a store

        found = yield from self._ask("load", lambda: self._store.load(self._key))
        if found is None or (isinstance(found, StoredToken) and _is_sound(found)):
            return found
        self._warn("load", f"it returned no StoredToken that can be used, but {type(found).__name__}")
        return None

    def save(self, secret: Secret, lifetime: float, remaining: float) -> Effects[None]:
        """Put a token in place of the present one."""
        from .stored_token import StoredToken

        def work() -> None:
            self._store.save(self._key, StoredToken(secret.reveal(), lifetime, remaining))

        yield from self._ask("save", work)

    def forget(self, secret: Secret) -> Effects[None]:
        """Drop a token if it is still the present one."""
        yield from self._ask("forget", lambda: self._store.forget(self._key, secret.reveal()))

    def turn(self, seconds: float) -> Effects[Turn | None]:
        """Try to get the lock. Return None when the store cannot give it."""
        turn = Turn(lambda: self._store.lock(self._key, seconds))
        try:
            tried = yield from self._ask("lock", turn.enter)
        except BaseException:
            turn.leave()
            raise
        return turn if tried else None

    def leave(self, turn: Turn | None) -> Effects[None]:
        """Give the lock back, if there is one."""
        if turn is not None:
            yield from self._ask("unlock", turn.leave)

    def _ask(self, what: str, work: Callable[[], Any]) -> Effects[Any]:
        try:
            result, _ = yield RunInThread(work)
            return result
        except Exception as error:
            problem = _reason(error)
        # Outside of the handler: the error of a store may show what must not be shown.
        self._warn(what, problem)
        return None

    def _warn(self, what: str, problem: str) -> None:
        from .stored_token import TokenStoreWarning

        if not self._warned:
            self._warned = True
            warnings.warn(
                f"The token store failed to {what}: {problem}. The client goes on without it.",
                TokenStoreWarning,
                stacklevel=2,
            )


class Turn:
    """The lock of a store: tried for, maybe held, and left once."""

    def __init__(self, make: Callable[[], AbstractContextManager[object]]) -> None:
        self._make = make
        self._lock: AbstractContextManager[object] | None = None

    @property
    def has_come(self) -> bool:
        """Whether the lock is held."""
        return self._lock is not None

    def enter(self) -> bool:
        """Try to get the lock; `has_come` says whether that succeeded. Return True."""
        try:
            lock = self._make()
            lock.__enter__()
        except TimeoutError:
            return True
        self._lock = lock
        return True

    def leave(self) -> None:
        """Give the lock back if it is held."""
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.__exit__(None, None, None)


def _is_sound(token: StoredToken) -> bool:
    from .token_file import is_token

    return is_token(token.id) and is_seconds(token.lifetime) and is_seconds(token.remaining)


def _reason(error: Exception) -> str:
    from .stored_token import TokenStoreError

    if isinstance(error, TokenStoreError):
        return str(error)
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return type(error).__name__

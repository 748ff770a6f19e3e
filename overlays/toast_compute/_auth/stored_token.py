"""The protocol of token stores."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol, TypeGuard

# The characters that a header may hold. The contract limits the length of a token.
_TOKEN = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class StoredToken:
    """A token and how long it holds. Its repr does not show the token."""

    id: str = field(repr=False)
    """The token itself, a secret."""
    lifetime: float
    """The seconds from its issue to its end."""
    remaining: float
    """The seconds that are left of them now, when it is saved or has just been loaded."""


class TokenStore(Protocol):
    """The methods that a store needs. Threads share it; with `AsyncToastCompute` its methods run in worker threads.

    A store counts the life of a token itself, so that `remaining` is right whenever it is loaded; one that cannot know
    it returns None. Any exception makes the client warn and go on without the store. The warning holds the text of a
    `TokenStoreError`, and of every other exception only the class, since its text might show the token.
    """

    def load(self, key: str, /) -> StoredToken | None:
        """Return the token that is kept under the key, or None. The key is a hash and shows nothing."""
        ...

    def save(self, key: str, token: StoredToken, /) -> None:
        """Keep a token in place of the present one."""
        ...

    def forget(self, key: str, token_id: str, /) -> None:
        """Drop the token, which the service refused, if it is still the one that is kept. Called behind the lock."""
        ...

    def lock(self, key: str, timeout: float, /) -> AbstractContextManager[object]:
        """Return a context in which nobody else of those who share the store is issuing a token for the key.

        Entering it waits for at most so many real seconds, maybe none, and raises TimeoutError when it is not
        free by then. It may be left in another thread than the one that entered it, and leaving must be quick.
        """
        ...


class TokenStoreError(Exception):
    """A store cannot do its work. The text gives the reason, without any secret."""


class TokenStoreWarning(UserWarning):
    """A token store, or a file in it, could not be used. The client goes on without."""


def is_token(value: object) -> TypeGuard[str]:
    """Return whether a value is a string that can be a token."""
    return isinstance(value, str) and _TOKEN.fullmatch(value) is not None

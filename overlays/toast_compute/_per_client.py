"""Where does a part of the SDK keep what all calls of one client share, without the core knowing of it?"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from ._core.client_core import Core

T = TypeVar("T")


class PerClient(Generic[T]):
    """One thing for each client, made when it is first asked for and gone with the client. Safe for threads."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        # What is kept must not hold the core, or neither would ever go.
        self._kept: WeakKeyDictionary[Core, T] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def of(self, core: Core) -> T:
        """Return the one of a client."""
        with self._lock:
            found = self._kept.get(core)
            if found is None:
                found = self._kept[core] = self._make()
            return found

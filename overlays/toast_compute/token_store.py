"""Stores that keep a token for other clients and other processes.

Without a store, each client keeps its token to itself. `MemoryTokenStore` is shared by the clients that are given it,
`FileTokenStore` by all processes of a user; any other object with the methods of `TokenStore` serves as well:

    from toast_compute import ToastCompute
    from toast_compute.token_store import FileTokenStore

    with ToastCompute(token_store=FileTokenStore()) as toast:
        toast.flavors.list()

A store is a help, never a condition: when one fails, the client warns once (`TokenStoreWarning`) and goes on without.
"""

from __future__ import annotations

import os
import re
import threading
import time
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from . import _files
from ._auth.stored_token import StoredToken, TokenStore, TokenStoreError, TokenStoreWarning
from ._auth.token_file import read_record, write_record
from .errors import ConfigurationError

__all__ = [
    "FileTokenStore",
    "MemoryTokenStore",
    "StoredToken",
    "TokenStore",
    "TokenStoreError",
    "TokenStoreWarning",
]

# A token is issued in about that time. Shorter intervals would fill the cores when many processes wait.
_POLL_SECONDS = 0.05
_KEY = re.compile(r"[A-Za-z0-9_-]{1,128}")


class MemoryTokenStore:
    """Keeps tokens in this process, for all clients that are given the same object.

    Args:
        monotonic: counts the life of tokens; the `monotonic` of the clients' clock, if they have one of their own.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._kept: dict[str, tuple[StoredToken, float]] = {}
        self._locks: dict[str, threading.Lock] = {}

    def load(self, key: str, /) -> StoredToken | None:
        """Return the token that is kept under the key, or None when it is missing or has ended."""
        token, ends = self._kept.get(key, (None, 0.0))
        left = ends - self._monotonic()
        return None if token is None or left <= 0 else StoredToken(token.id, token.lifetime, left)

    def save(self, key: str, token: StoredToken, /) -> None:
        """Keep a token in place of the present one."""
        self._kept[key] = (token, self._monotonic() + token.remaining)

    def forget(self, key: str, token_id: str, /) -> None:
        """Drop the token if it is still the one that is kept."""
        token, _ = self._kept.get(key, (None, 0.0))
        if token is not None and token.id == token_id:
            del self._kept[key]

    @contextmanager
    def lock(self, key: str, timeout: float, /) -> Generator[None, None, None]:
        """Keep other clients from issuing a token for the key. Raises TimeoutError."""
        lock = self._locks.setdefault(key, threading.Lock())  # atomic, so two threads get the same lock
        if not lock.acquire(timeout=max(timeout, 0.0)):
            raise TimeoutError("another client is issuing a token")
        try:
            yield
        finally:
            lock.release()

    def __repr__(self) -> str:
        return "MemoryTokenStore()"


class FileTokenStore:
    """Keeps tokens in files that only this user can read, for all processes on this machine.

    One file for each endpoint, appkey and user, of mode 0600 in a folder of mode 0700. A file is written as a whole or
    not at all, and a lock file next to it makes processes that start together issue one token. A file that is
    broken, is somebody else's, can be read by others, is a link, or is of a later version of this package is left
    aside with one TokenStoreWarning, and replaced with the next token. A folder that others can write to is not used.

    The life of a token is counted by what the system has counted since it started, on Linux, so setting the clock makes
    no difference. Elsewhere, after a restart, and between machines that share the folder, it is counted by the clock:
    set forward, a token is replaced too early; a token from the future is not used; and if the clock was set back by
    less than the token's age, the token may be used after its end, until the service refuses it. It is dropped and
    replaced then like every refused one. The time is always this machine's, even if the client has another clock.

    Anybody who can read the file can act as its user until the token ends: a changed password does not end it.

    Args:
        path: the folder; without it, `toast-compute/tokens` in the user's cache folder. It is made when needed.

    Raises:
        ConfigurationError: no path is given, and the user has no cache folder.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        if path is None:
            cache = _files.cache_folder()
            if cache is None:
                raise ConfigurationError("This user has no cache folder: name one with FileTokenStore(path=...).")
            path = cache / "tokens"
        self._folder = Path(path).absolute()
        self._warned: set[Path] = set()

    @property
    def path(self) -> Path:
        """The folder."""
        return self._folder

    def load(self, key: str, /) -> StoredToken | None:
        """Return the token that is kept under the key, or None when it is missing or may have ended."""
        path = self._file(key, "json")
        if not self._folder.exists():
            return None
        self._check_folder()
        content = _files.read(path)
        if content is None:
            return None
        record = read_record(content, key) if isinstance(content, _files.Content) else content.reason
        del content
        if isinstance(record, str):
            self._warn(path, record)
            return None
        left = record.remaining()
        return None if left is None or left <= 0 else StoredToken(record.token.reveal(), record.lifetime, left)

    def save(self, key: str, token: StoredToken, /) -> None:
        """Write a token in place of the present one. Raises TokenStoreError."""
        path = self._file(key, "json")
        self._make_folder()
        problem = _files.replace(path, write_record(token, key))
        if problem is not None:
            raise TokenStoreError(f"{path} cannot be written: {problem}")
        self._warned.discard(path)

    def forget(self, key: str, token_id: str, /) -> None:
        """Remove the file if this token is still in it. Raises TokenStoreError."""
        token = self.load(key)
        if token is None or token.id != token_id:
            return
        try:
            self._file(key, "json").unlink(missing_ok=True)
        except OSError as error:
            problem = _files.reason(error)
        else:
            return
        raise TokenStoreError(f"{self._file(key, 'json')} cannot be removed: {problem}")

    @contextmanager
    def lock(self, key: str, timeout: float, /) -> Generator[None, None, None]:
        """Keep other processes and threads from issuing a token for the key.

        Raises:
            TimeoutError: another one holds the lock for longer than so many seconds.
            TokenStoreError: the lock cannot be made.
        """
        from filelock import FileLock, Timeout  # loaded at the first lock: it slows down the start

        path = self._file(key, "lock")
        self._make_folder()
        lock = FileLock(
            path,
            mode=0o600,
            # An asyncio program may release the lock in another thread.
            thread_local=False,
            # A lock by the mere presence of a file would stay behind when its process is killed.
            fallback_to_soft=False,
            poll_interval=_POLL_SECONDS,
        )
        busy, problem = False, ""
        try:
            lock.acquire(timeout=max(timeout, 0.0))
        except Timeout:
            busy = True
        except OSError as error:
            problem = _files.reason(error)
        if busy:
            raise TimeoutError("another process is issuing a token")
        if problem:
            raise TokenStoreError(f"{path} cannot be locked: {problem}")
        try:
            yield
        finally:
            lock.release()

    def __repr__(self) -> str:
        return f"FileTokenStore({str(self._folder)!r})"

    def _file(self, key: str, ending: str) -> Path:
        if not _KEY.fullmatch(key):
            raise ValueError("a key is made of letters, digits, - and _")
        return self._folder / f"{key}.{ending}"

    def _make_folder(self) -> None:
        try:
            self._folder.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):
                self._folder.mkdir(mode=0o700)
        except OSError as error:
            problem = _files.reason(error)
        else:
            self._check_folder()
            return
        raise TokenStoreError(f"{self._folder} cannot be made: {problem}")

    def _check_folder(self) -> None:
        problem = _files.folder_problem(self._folder)
        if problem is not None:
            raise TokenStoreError(f"{self._folder} is not used: {problem}")

    def _warn(self, path: Path, reason: str) -> None:
        if path not in self._warned:
            self._warned.add(path)
            warnings.warn(f"The token file {path} is left aside: {reason}.", TokenStoreWarning, stacklevel=3)

"""The user's folders, and files with secrets in them that nobody else can read or replace."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

_APPLICATION = "toast-compute"
# Far more than any file of ours, and little enough to read at once.
MAX_BYTES = 1024 * 1024
# Not on Windows, where a file in the user's folders is the user's by inheritance.
_HAS_OWNERS = hasattr(os, "geteuid")
# Never follow a link; never wait for the other end of a pipe.
_READ = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


def config_folder() -> Path | None:
    """Return the folder of the user's configuration, which need not exist, or None for a user without a home."""
    try:
        from platformdirs import user_config_path  # not loaded for `--help`

        return _absolute(user_config_path(_APPLICATION, appauthor=False, roaming=True))
    except (RuntimeError, KeyError):
        return None


def cache_folder() -> Path | None:
    """Return the folder of files that may be lost, which need not exist, or None for a user without a home."""
    try:
        from platformdirs import user_cache_path

        return _absolute(user_cache_path(_APPLICATION, appauthor=False))
    except (RuntimeError, KeyError):
        return None


def _absolute(path: Path) -> Path | None:
    # Older versions return "~" for a home that they cannot find.
    return path if path.is_absolute() else None


@dataclass(frozen=True, slots=True)
class Content:
    """The content of a file. It may hold secrets, so it stays out of the repr."""

    text: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why a file is not used."""

    reason: str


def read(path: Path) -> Content | Unfit | None:
    """Read a file that only its owner can read. Return its content, why it is not used, or None when it is missing."""
    try:
        descriptor = os.open(path, _READ)
    except FileNotFoundError:
        return None
    except OSError as error:
        return Unfit("it is a link" if path.is_symlink() else reason(error))
    try:
        problem = _file_problem(os.fstat(descriptor))
        return Content(os.read(descriptor, MAX_BYTES)) if problem is None else Unfit(problem)
    except OSError as error:
        return Unfit(reason(error))
    finally:
        os.close(descriptor)


def replace(path: Path, content: Content) -> str | None:
    """Replace a file as a whole, with mode 0600. Return why it failed, or None."""
    import tempfile  # loaded by those who write

    name = ""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "wb") as file:
            file.write(content.text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError as error:
        problem = reason(error)
    except BaseException:
        _remove(name)
        raise
    else:
        return None
    _remove(name)
    return problem


def folder_problem(path: Path) -> str | None:
    """Return why a folder cannot hold secrets, or None."""
    try:
        found = path.lstat()
    except OSError as error:
        return reason(error)
    if stat.S_ISLNK(found.st_mode):
        return "it is a link"
    if not stat.S_ISDIR(found.st_mode):
        return "it is not a folder"
    if _HAS_OWNERS and found.st_uid != os.geteuid():
        return "it belongs to somebody else"
    if _HAS_OWNERS and found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "others can write to it"
    return None


def open_to_others(mode: int) -> bool:
    """Return whether others than the owner can do anything with a file of this mode."""
    return _HAS_OWNERS and bool(mode & (stat.S_IRWXG | stat.S_IRWXO))


def reason(error: OSError) -> str:
    """Return the system's text for a failure, in lower case and without the path."""
    return (os.strerror(error.errno) if error.errno else type(error).__name__).lower()


def _file_problem(found: os.stat_result) -> str | None:
    if not stat.S_ISREG(found.st_mode):
        return "it is not a regular file"
    if _HAS_OWNERS and found.st_uid != os.geteuid():
        return "it belongs to somebody else"
    if open_to_others(found.st_mode):
        return "others can use it"
    if found.st_size >= MAX_BYTES:
        return "it is too long"
    return None


def _remove(name: str) -> None:
    if name:
        Path(name).unlink(missing_ok=True)

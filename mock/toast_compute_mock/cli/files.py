"""Read and write the files of the command; a file is written completely or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from ..world.snapshots import Snapshot, SnapshotError, read, write


def save(path: str | os.PathLike[str], snapshot: Snapshot) -> None:
    """Write a snapshot into a file that only its owner can read: wholly, or not at all. Raises SnapshotError.

    A symbolic link stays, and the file that it leads to is replaced.
    """
    content = write(snapshot)
    try:
        target = Path(os.path.realpath(path))
        if target.exists() and not stat.S_ISREG(target.stat().st_mode):
            # Replacing would put a file in the place of the folder, the pipe or the device.
            raise SnapshotError(f"{_shown(path)}: cannot be written: it is not a regular file")
        _replace(target, content)
    except OSError as problem:
        raise SnapshotError(f"{_shown(path)}: cannot be written: {_reason(problem)}") from None


def load(path: str | os.PathLike[str]) -> Snapshot:
    """Read a snapshot from a file. Raises SnapshotError."""
    try:
        content = Path(path).read_bytes()
    except OSError as problem:
        raise SnapshotError(f"{_shown(path)}: cannot be read: {_reason(problem)}") from None
    try:
        return read(content)
    except SnapshotError as problem:
        raise SnapshotError(f"{_shown(path)}: {problem}") from None


def write_whole(path: Path, text: str) -> None:
    """Write a file that is either not there or complete."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def _replace(target: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".snapshot-")  # for the owner alone
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _reason(problem: OSError) -> str:
    return problem.strerror or type(problem).__name__


def _shown(path: str | os.PathLike[str]) -> str:
    """Return a path on one line, whatever it is made of."""
    return " ".join(os.fsencode(path).decode("utf-8", "replace").splitlines())

"""Say how to repeat a run of the fuzzer."""

from __future__ import annotations

import sys
from pathlib import Path

_chosen: list[str] = []


def note_mutant(name: str) -> None:
    """Record the mutant of this run: a repeated run needs it too."""
    _chosen[:] = ["--mutant", name]


def command(part: str) -> str:
    """Return the command of a part, with the present interpreter where it is one of the project."""
    own = Path(sys.executable)
    python = own.relative_to(Path.cwd()) if own.is_relative_to(Path.cwd()) else "python"
    return " ".join([str(python), "-m", "tests.fuzz", part, *_chosen])

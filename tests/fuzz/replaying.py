"""How is a part of the fuzzer called again from the folder of the project?"""

from __future__ import annotations

import sys
from pathlib import Path

_planted: list[str] = []


def note_bug(name: str) -> None:
    """Take in that a deliberate bug was planted: without it, nothing would be found again."""
    _planted[:] = ["--bug", name]


def command(part: str) -> str:
    """Return what to type: with the interpreter that runs now, where that is one of the project's own."""
    own = Path(sys.executable)
    python = own.relative_to(Path.cwd()) if own.is_relative_to(Path.cwd()) else "python"
    return " ".join([str(python), "-m", "tests.fuzz", part, *_planted])

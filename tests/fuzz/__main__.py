"""Which part of the fuzzer is wanted? `python -m tests.fuzz PART [options]`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from .replaying import note_bug

_PARTS = {
    "service": "tests.fuzz.service.command",
    "replies": "tests.fuzz.sdk.replies_command",
    "story": "tests.fuzz.sdk.story_command",
    "proof": "tests.fuzz.bugs.proof",
}
_BAD_USE = 2
_NOT_READ = 141  # as of a program that the signal ends
_BUG = "--bug"


def main(arguments: Sequence[str]) -> int:
    """Run a part. With `--bug NAME` before it or behind it, a deliberate bug is planted first."""
    rest = list(arguments)
    bug = None
    if _BUG in rest:
        place = rest.index(_BUG)
        if place + 1 == len(rest):
            return _refuse(f"{_BUG}: needs the name of a bug")
        bug = rest[place + 1]
        del rest[place : place + 2]
    if rest and rest[0] in ("-h", "--help"):
        print(f"usage: python -m tests.fuzz PART [{_BUG} NAME] [options]; PART is one of {', '.join(_PARTS)}")
        return 0
    if not rest or rest[0] not in _PARTS:
        named = f"{rest[0]!r} is no part" if rest else "names no part"
        return _refuse(f"{named}; there are {', '.join(_PARTS)}")
    if bug is not None:
        # Before anything of ours is imported: a bug is planted in the text of a module while that is loaded.
        from .bugs.planting import BugError, plant

        try:
            plant(bug)
            note_bug(bug)
        except BugError as error:
            return _refuse(f"{_BUG}: {error}")
    part = import_module(_PARTS[rest[0]])
    try:
        status: int = part.main(rest[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        # Nobody reads on, and Python must not find that out once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _NOT_READ
    return status


def _refuse(sentence: str) -> int:
    print(f"python -m tests.fuzz: {sentence}", file=sys.stderr)
    return _BAD_USE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

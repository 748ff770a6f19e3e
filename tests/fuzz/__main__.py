"""The command `python -m tests.fuzz PART [options]`."""

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
_OUTPUT_CLOSED = 141  # the status of a program that SIGPIPE ends
_BUG = "--bug"


def main(arguments: Sequence[str]) -> int:
    """Run a part. With `--bug NAME` anywhere in the arguments, with that mutant."""
    rest = list(arguments)
    bug = None
    if _BUG in rest:
        index = rest.index(_BUG)
        if index + 1 == len(rest):
            return _refuse(f"{_BUG}: needs the name of a bug")
        bug = rest[index + 1]
        del rest[index : index + 2]
    if rest and rest[0] in ("-h", "--help"):
        print(f"usage: python -m tests.fuzz PART [{_BUG} NAME] [options]; PART is one of {', '.join(_PARTS)}")
        return 0
    if not rest or rest[0] not in _PARTS:
        named = f"{rest[0]!r} is not a part" if rest else "names no part"
        return _refuse(f"{named}; there are {', '.join(_PARTS)}")
    if bug is not None:
        # Before anything of ours is imported: a mutant is applied to the text of a module while that is loaded.
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
        # Nobody reads the output any more, and Python must not report that once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _OUTPUT_CLOSED
    return status


def _refuse(sentence: str) -> int:
    print(f"python -m tests.fuzz: {sentence}", file=sys.stderr)
    return _BAD_USE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

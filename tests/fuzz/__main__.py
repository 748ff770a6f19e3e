"""The command `python -m tests.fuzz PART [options]`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from .replaying import note_mutant

_PARTS = {
    "service": "tests.fuzz.service.command",
    "replies": "tests.fuzz.sdk.replies_command",
    "stateful": "tests.fuzz.sdk.stateful_command",
    "mutants": "tests.fuzz.mutants.mutation_test",
}
_BAD_USE = 2
_OUTPUT_CLOSED = 141  # the status of a program that SIGPIPE ends
_MUTANT = "--mutant"


def main(arguments: Sequence[str]) -> int:
    """Run a part. With `--mutant NAME` anywhere in the arguments, with that mutant."""
    rest = list(arguments)
    mutant = None
    if _MUTANT in rest:
        index = rest.index(_MUTANT)
        if index + 1 == len(rest):
            return _refuse(f"{_MUTANT}: needs the name of a mutant")
        mutant = rest[index + 1]
        del rest[index : index + 2]
    if rest and rest[0] in ("-h", "--help"):
        print(f"usage: python -m tests.fuzz PART [{_MUTANT} NAME] [options]; PART is one of {', '.join(_PARTS)}")
        return 0
    if not rest or rest[0] not in _PARTS:
        named = f"{rest[0]!r} is not a part" if rest else "names no part"
        return _refuse(f"{named}; there are {', '.join(_PARTS)}")
    if mutant is not None:
        # Before anything of ours is imported: a symbol is replaced while its module is loaded.
        from .mutants.catalog import MutantError
        from .mutants.importing import install

        try:
            install(mutant)
            note_mutant(mutant)
        except MutantError as error:
            return _refuse(f"{_MUTANT}: {error}")
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

"""What may be said on the command line of a part of the fuzzer, and how is a mistake in it told?"""

from __future__ import annotations

import argparse
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

DEFAULT_REPORTS = Path("build/fuzz")
_LARGEST_SEED = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for."""

    seed: int
    minutes: float | None
    """How long to go on; None for the short run."""
    reports: Path
    only: str | None = None
    """The name of the one call to try, where a part has such."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # One sentence, and not argparse's usage before it.
        self.exit(2, f"{self.prog}: {message}\n")


def read_options(part: str, what: str, arguments: Sequence[str], calls: Collection[str] = ()) -> Options:
    """Return what was asked for. Ends the process with status 2 and one sentence when it cannot be used.

    `calls` are the names that `--only` may have; without any there is no such option.
    """
    parser = _Parser(prog=f"python -m tests.fuzz {part}", description=what, allow_abbrev=False)
    parser.add_argument("--seed", type=_seed, default=1, metavar="N", help="what all chance derives from (1)")
    parser.add_argument("--minutes", type=_minutes, metavar="M", help="go on with one seed after another for so long")
    parser.add_argument(
        "--reports", type=Path, default=DEFAULT_REPORTS, metavar="FOLDER", help=f"for reports ({DEFAULT_REPORTS})"
    )
    if calls:
        parser.add_argument("--only", metavar="CALL", help="the one call to try, such as 'instances.get'")
    given = parser.parse_args(arguments)
    only: str | None = given.only if calls else None
    if only is not None and only not in calls:
        parser.error(f"argument --only: there is no call {only!r}")
    try:
        given.reports.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        parser.error(f"--reports: {given.reports} cannot be made: {problem.strerror}")
    return Options(given.seed, given.minutes, given.reports, only)


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) > _LARGEST_SEED:
        raise argparse.ArgumentTypeError(f"expected a whole number from 0 to {_LARGEST_SEED}, got {text!r}")
    return int(text)


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = math.nan
    if not 0 < minutes < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return minutes

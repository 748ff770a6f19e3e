"""The mutation test: the fuzzer has to find every mutant, with the part that the mutant names.

The runs without a mutant have to be clean first, since otherwise a finding says nothing. Each run is a process of its
own, because a mutant is installed while the product is imported.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TypeAlias

from .catalog import PARTS, Mutant, MutantError, find, mutants
from .importing import NOT_REACHED

ROOT = Path(__file__).parents[3]
OPTION = "--mutant"
AT_ONCE = 2
LONGEST_RUN = 300.0  # seconds; a run takes about a tenth of this
_FASTER = {"service": ("--fail-fast",)}  # the other parts end at their first finding anyway
_CRASH = "Traceback (most recent call last)"
_SHOWN_LINES = 12


class Outcome(Enum):
    """How one run ended."""

    CLEAN = "nothing found"
    FOUND = "found"
    CRASHED = "crashed"
    REFUSED = "refused"
    NOT_REACHED = "not reached"
    ENDLESS = "did not end"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one part."""

    part: str
    outcome: Outcome
    seconds: float
    output: str = ""
    """The end of what it printed."""


Start: TypeAlias = Callable[[str, str], Run]
"""Runs a part with the mutant of a name, or with none when the name is empty."""


def main(arguments: Sequence[str]) -> int:
    """Run the mutation test. Returns 0 when all is as it should be, 1 when it is not, 2 for bad use."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz mutants", description=__doc__)
    parser.add_argument("--only", action="extend", nargs="+", metavar="NAME", help="these mutants instead of all")
    parser.add_argument("--seed", type=int, default=1, help="the seed of every run (1)")
    parser.add_argument("--reports", type=Path, default=Path("build/fuzz"), help="the folder for the runs' reports")
    given = parser.parse_args(arguments)
    try:
        chosen = [find(name) for name in given.only or mutants()]
    except MutantError as error:
        print(f"mutants: {error}", file=sys.stderr)
        return 2

    def start(part: str, name: str) -> Run:
        return run_part(part, name, seed=given.seed, reports=given.reports / "mutants" / (name or "none"))

    return mutation_test(chosen, start)


def mutation_test(chosen: Sequence[Mutant], start: Start) -> int:
    """Run the parts without a mutant, then each mutant, and print how each run ended. Returns the exit status."""
    parts = {mutant.part for mutant in chosen}
    unclean = [run for run in (start(part, "") for part in PARTS if part in parts) if run.outcome is not Outcome.CLEAN]
    for run in unclean:
        print(f"The {run.part} run without a mutant: {run.outcome.value}.\n{run.output}", file=sys.stderr)
    if unclean:
        return 1
    missed = 0
    for mutant, run in _runs(chosen, start):
        missed += run.outcome is not Outcome.FOUND
        print(f"{mutant.name:<45} {run.part:<9} {run.outcome.value:<13} {run.seconds:6.1f} s", flush=True)
    print(f"{len(chosen) - missed} of {len(chosen)} mutants found.")
    return 1 if missed else 0


def _runs(chosen: Iterable[Mutant], start: Start) -> Iterator[tuple[Mutant, Run]]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(lambda mutant: (mutant, start(mutant.part, mutant.name)), chosen)


def run_part(part: str, name: str, *, seed: int, reports: Path) -> Run:
    """Run one part of the fuzzer in a process of its own."""
    chosen = [OPTION, name] if name else []
    options = ["--seed", str(seed), "--reports", str(reports), *_FASTER.get(part, ())]
    command = [sys.executable, "-m", "tests.fuzz", part, *chosen, *options]
    began = time.perf_counter()
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, errors="replace", timeout=LONGEST_RUN, check=False
        )
    except subprocess.TimeoutExpired:
        return Run(part, Outcome.ENDLESS, time.perf_counter() - began)
    output = "\n".join((done.stdout + done.stderr).splitlines()[-_SHOWN_LINES:])
    return Run(part, outcome_of(done.returncode, done.stderr), time.perf_counter() - began, output)


def outcome_of(status: int, errors: str) -> Outcome:
    """Return what the exit status of a run means; a crash of the fuzzer has the status of a finding and is not one."""
    if NOT_REACHED in errors:
        return Outcome.NOT_REACHED
    if status == 0:
        return Outcome.CLEAN
    if status == 1:
        return Outcome.CRASHED if _CRASH in errors else Outcome.FOUND
    return Outcome.REFUSED if status == 2 else Outcome.CRASHED

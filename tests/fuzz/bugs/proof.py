"""Would the fuzzer notice if something were wrong? Runs its short runs against every deliberate bug.

A run without any bug has to be clean first, since otherwise a finding says nothing. Then each bug is planted in a
process of its own, which runs the part that is expected to find it and, if that finds nothing, the other parts.
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

from ..markdown import table
from .planting import PARTS, Bug, BugError, changed_sources, names, read

ROOT = Path(__file__).parents[3]
WANTED_SHARE = 0.95
AT_ONCE = 2
LONGEST_RUN = 300.0
"""Seconds; a short run takes a fifth of this, so one that is not over then has no end."""
_FASTER = {"service": ("--fail-fast",)}
"""What ends a run at its first finding, where a part has an option for that."""
_CRASH = "Traceback (most recent call last)"
_SHOWN_LINES = 12


class End(Enum):
    """How one run ended."""

    CLEAN = "clean"
    FOUND = "found"
    CRASHED = "crashed"
    REFUSED = "refused"
    ENDLESS = "without end"


@dataclass(frozen=True, slots=True)
class Run:
    """One short run of one part."""

    part: str
    end: End
    seconds: float
    said: str = ""
    """The end of what it printed, for people."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one bug."""

    bug: Bug
    runs: tuple[Run, ...]

    @property
    def finder(self) -> Run | None:
        """The run that found it."""
        return next((run for run in self.runs if run.end is End.FOUND), None)

    @property
    def seconds(self) -> float:
        """How long the run took that found it, or all of them when none did."""
        return self.finder.seconds if self.finder else sum(run.seconds for run in self.runs)


Start = Callable[[str, str | None], Run]
"""Runs a part, with a bug of this name or without any."""


def main(arguments: Sequence[str]) -> int:
    """Run the proof and return its exit status: 0 proven, 1 not, 2 bad use."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz proof", description="Hold the fuzzer against deliberate bugs."
    )
    parser.add_argument(
        "--only", action="extend", nargs="+", metavar="NAME", help="the bugs to try, when not all of them"
    )
    parser.add_argument("--seed", type=int, default=1, help="the seed of every run (1)")
    parser.add_argument("--reports", type=Path, default=Path("build/fuzz"), help="where the table is written")
    given = parser.parse_args(arguments)
    reports: Path = given.reports
    try:
        bugs = [read(name) for name in given.only or names()]
        for bug in bugs:
            changed_sources(bug)  # a bug that no longer fits is told of now, and not in an hour
        reports.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        print(f"proof: --reports: {error.filename} cannot be made: {error.strerror}", file=sys.stderr)
        return 2
    except BugError as error:
        print(f"proof: {error}", file=sys.stderr)
        return 2

    def start(part: str, bug: str | None) -> Run:
        return _start(part, bug, seed=given.seed, reports=reports / "proof" / (bug or "clean"))

    dirty = [run for run in (start(part, None) for part in PARTS) if run.end is not End.CLEAN]
    if dirty:
        for run in dirty:
            print(
                f"proof: void, since the {run.part} run without any bug is {run.end.value}:\n{run.said}",
                file=sys.stderr,
            )
        return 1
    results = []
    width = max(len(bug.name) for bug in bugs)
    for result in prove(bugs, start):
        results.append(result)
        print(f"{result.bug.name:<{width}}  {_outcome(result):<22}  {result.seconds:6.1f} s", flush=True)
    problems = list(shortcomings(results))
    _write(reports / "proof.md", results, problems)
    print("", _share(results), *problems, f"The table: {reports / 'proof.md'}", sep="\n")
    return 1 if problems else 0


def prove(bugs: Iterable[Bug], start: Start) -> Iterator[Result]:
    """Yield what comes of each bug, in the order of the bugs."""

    def one(bug: Bug) -> Result:
        runs: list[Run] = []
        for part in (bug.part, *(part for part in PARTS if part != bug.part)):
            runs.append(start(part, bug.name))
            if runs[-1].end is End.FOUND:
                break
        return Result(bug, tuple(runs))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(one, bugs)


def shortcomings(results: Sequence[Result]) -> Iterator[str]:
    """Say why the proof has failed, if it has."""
    found = sum(result.finder is not None for result in results)
    if found < WANTED_SHARE * len(results):
        yield f"Under {WANTED_SHARE:.0%} of the bugs were found."
    for result in results:
        name, because = result.bug.name, result.bug.not_found_because
        if result.finder is None and not because:
            yield f"{name} was not found, and its file does not say why (not_found_because)."
        if result.finder is not None and because:
            yield f"{name} was found, and its file says why it is not (not_found_because)."


def end_of(status: int, errors: str) -> End:
    """Return what the exit status of a run means. A crash of the fuzzer has the status of a finding, and is none."""
    if status == 0:
        return End.CLEAN
    if status == 1:
        return End.CRASHED if _CRASH in errors else End.FOUND
    return End.REFUSED if status == 2 else End.CRASHED


def page(results: Sequence[Result], problems: Sequence[str]) -> str:
    """Return the results as Markdown."""
    lines = ["# Deliberate bugs", "", _share(results), *problems, ""]
    lines += table(("bug", "what is wrong", "expected of", "outcome", "seconds"), map(_row, results))
    return "\n".join(lines) + "\n"


def _row(result: Result) -> tuple[str, ...]:
    bug = result.bug
    what = bug.what if result.finder or not bug.not_found_because else f"{bug.what} {bug.not_found_because}"
    return (bug.name, what, bug.part, _outcome(result), f"{result.seconds:.1f}")


def _start(part: str, bug: str | None, *, seed: int, reports: Path) -> Run:
    planted = [] if bug is None else ["--bug", bug]
    options = ["--seed", str(seed), "--reports", str(reports), *_FASTER.get(part, ())]
    command = [sys.executable, "-m", "tests.fuzz", part, *planted, *options]
    began = time.perf_counter()
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, errors="replace", timeout=LONGEST_RUN, check=False
        )
    except subprocess.TimeoutExpired:
        return Run(part, End.ENDLESS, time.perf_counter() - began)
    said = "\n".join((done.stdout + done.stderr).splitlines()[-_SHOWN_LINES:])
    return Run(part, end_of(done.returncode, done.stderr), time.perf_counter() - began, said)


def _outcome(result: Result) -> str:
    if result.finder is not None:
        return f"found by {result.finder.part}"
    ends = {run.end for run in result.runs} - {End.CLEAN}
    return "not found" + (f" ({', '.join(sorted(end.value for end in ends))})" if ends else "")


def _share(results: Sequence[Result]) -> str:
    found = sum(result.finder is not None for result in results)
    return f"{found} of {len(results)} bugs found ({found / len(results):.0%})."


def _write(file: Path, results: Sequence[Result], problems: Sequence[str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(page(results, problems), encoding="utf-8")

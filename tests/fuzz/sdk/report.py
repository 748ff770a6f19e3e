"""Read the options of a part, set Hypothesis up, and report what was found."""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, NoReturn
from xml.etree import ElementTree

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity

DEFAULT_REPORTS = Path("build/fuzz")
MORE_ROUNDS = 2
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class FindingError(Exception):
    """Something is wrong. The text is one sentence; the steps that led to it are with it."""

    def __init__(self, problem: str, steps: Sequence[str] = ()) -> None:
        super().__init__(problem)
        self.steps = tuple(steps)


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for."""

    seed: int
    minutes: float | None
    """How long to go on; None for the short run."""
    reports: Path
    only: str | None = None
    """The name of the one call to try, where a part has such."""

    def seeds(self, is_incomplete: Callable[[], bool] = lambda: False) -> Iterator[int]:
        """Yield one seed, two more as long as a run is incomplete, and others as long as there is time."""
        ends = time.monotonic() + 60 * (self.minutes or 0)
        for seed in count(self.seed):
            yield seed
            is_due = is_incomplete() and seed - self.seed < MORE_ROUNDS
            if not is_due and time.monotonic() >= ends:
                return


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        # One sentence, without argparse's usage before it.
        self.exit(2, f"{self.prog}: {message}\n")


def read_options(part: str, what: str, arguments: Sequence[str], calls: Collection[str] = ()) -> Options:
    """Return what was asked for. Ends the process with status 2 and one sentence when it cannot be used.

    `calls` are the names that `--only` may have; without any there is no such option.
    """
    parser = _Parser(prog=f"python -m tests.fuzz {part}", description=what, allow_abbrev=False)
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="what all chance derives from (1)")
    parser.add_argument("--minutes", type=float, metavar="M", help="go on with one seed after another for so long")
    folder = f"for reports ({DEFAULT_REPORTS})"
    parser.add_argument("--reports", type=Path, default=DEFAULT_REPORTS, metavar="FOLDER", help=folder)
    if calls:
        parser.add_argument("--only", metavar="CALL", help="the one call to try, such as 'instances.get'")
    options = Options(**vars(parser.parse_args(arguments)))
    if options.only is not None and options.only not in calls:
        parser.error(f"argument --only: there is no call {options.only!r}")
    try:
        options.reports.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        parser.error(f"--reports: {options.reports} cannot be made: {problem.strerror}")
    return options


def settings_for(examples: int, **more: Any) -> hypothesis.settings:
    """Return settings of Hypothesis by which a seed decides the run, and nothing is kept, timed or printed."""
    return hypothesis.settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=False,
        report_multiple_bugs=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
        **more,
    )


class Report:
    """The cases of one run, each of which was held against the rules."""

    def __init__(self, part: str) -> None:
        self._part = part
        self._began = self._since = time.monotonic()
        self._cases: list[tuple[str, float, str]] = []

    @property
    def findings(self) -> int:
        """How many cases have failed."""
        return sum(bool(problem) for _, _, problem in self._cases)

    def add(self, name: str, problem: str = "") -> None:
        """Add a case that has just been tried; its problem is empty when all is well. Prints the problem."""
        now = time.monotonic()
        self._cases.append((name, now - self._since, problem))
        self._since = now
        if problem:
            print(problem, flush=True)

    def finish(self, folder: Path, counts: str) -> int:
        """Print what was tried and found, write it as JUnit XML, and return the exit status."""
        seconds = time.monotonic() - self._began
        print(f"{self._part}: {counts}, {self.findings} findings, {seconds:.1f} s")
        root = ElementTree.Element("testsuites")
        numbers = {"tests": len(self._cases), "failures": self.findings, "errors": 0, "time": f"{seconds:.3f}"}
        about = {"name": self._part, **{name: str(number) for name, number in numbers.items()}}
        suite = ElementTree.SubElement(root, "testsuite", about)
        for name, took, problem in self._cases:
            about = {"classname": self._part, "name": _NO_XML.sub("?", name), "time": f"{took:.3f}"}
            case = ElementTree.SubElement(suite, "testcase", about)
            if problem:
                text = _NO_XML.sub("?", problem)
                ElementTree.SubElement(case, "failure", message=text.splitlines()[0]).text = text
        ElementTree.ElementTree(root).write(folder / f"{self._part}.xml", encoding="utf-8", xml_declaration=True)
        return int(self.findings > 0)

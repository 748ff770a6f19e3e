"""Hold the SDK and the mock against the truth, in a matrix and in scenarios: `python -m tests.fuzz stateful`."""

from __future__ import annotations

from collections.abc import Sequence

from ..replaying import command
from .matrix import CHECKS
from .report import Report, read_options
from .stateful.machine import TO_REACH, not_reached, run_scenarios
from .stateful.scenario import RunStats

SCENARIOS = 140
STEPS = 40
MOST_FINDINGS = 3
"""The matrix ends when so many of its checks have failed: one mistake is found by many."""


def main(arguments: Sequence[str]) -> int:
    """Run this part, and return its exit status: 0 nothing found, 1 something found, 2 bad use."""
    options = read_options("stateful", "Hold SDK and mock against a model, in many calls.", arguments)
    stats, report = RunStats(), Report("stateful")
    for name, check in CHECKS.items():
        problem = check()
        report.add(name, f"{name}: {problem}\n  replay: {command('stateful')}" if problem else "")
        if report.findings >= MOST_FINDINGS:
            break
    for seed in options.seeds(lambda: bool(not_reached(stats))) if not report.findings else ():
        finding = run_scenarios(seed, stats, scenarios=SCENARIOS, steps=STEPS)
        lines = []
        if finding is not None:
            steps = [f"{number}. {step}" for number, step in enumerate(finding.steps, 1)]
            lines = [str(finding), *steps, f"replay: {command('stateful')} --seed {seed}"]
        report.add(f"scenarios of seed {seed}", "\n  ".join(lines))
        if finding is not None:
            break
    if not report.findings:
        missed = not_reached(stats)
        report.add("everything happened", f"Did not happen: {', '.join(missed)}." if missed else "")
    return report.finish(
        options.reports,
        f"{len(CHECKS)} checks, {stats.scenarios} scenarios, {len(stats.reached)} of {len(TO_REACH)} things reached, "
        f"{sum(number for (what, _), number in stats.reached.items() if what == 'step')} steps",
    )

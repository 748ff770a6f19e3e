"""Hold the SDK against every reply of the contract, and against wrong ones: `python -m tests.fuzz replies`."""

from __future__ import annotations

from collections.abc import Sequence

from ..replaying import command
from .bench import VARIANTS
from .calls import CALLS, public_methods
from .replies.run import KINDS, Run, open_run
from .report import FindingError, Report, read_options

MOST_FINDINGS = 2
"""A run ends when so many calls have failed: one mistake is found by many."""


def main(arguments: Sequence[str]) -> int:
    """Run this part, and return its exit status: 0 nothing found, 1 something found, 2 bad use."""
    options = read_options("replies", "Serve the SDK replies of the contract, and wrong ones.", arguments, CALLS)
    chosen = [call for name, call in CALLS.items() if options.only in (None, name)]
    report = Report("replies")
    with open_run() as run:
        for seed in options.seeds():
            for call in chosen:
                problem = ""
                try:
                    run.try_call(call, seed)
                except FindingError as finding:
                    again = f"replay: {command('replies')} --seed {seed} --only '{call}'"
                    problem = "\n  ".join([str(finding), *finding.steps, again])
                report.add(str(call), problem)
                if report.findings >= MOST_FINDINGS:
                    break
            if report.findings:
                break
    if options.only is None and not report.findings:
        missed = not_reached(run)
        report.add("everything was tried", f"Not tried: {', '.join(missed)}." if missed else "")
    methods = {name.split()[0] for name in run.methods}
    return report.finish(
        options.reports,
        f"{run.kinds.total()} calls, {len(methods)} of {len(public_methods())} methods, {len(VARIANTS)} variants, "
        f"{len(run.kinds)} of {len(KINDS)} kinds of replies",
    )


def not_reached(run: Run) -> list[str]:
    """Return which methods and which kinds of replies a run has left out."""
    methods = {f"{method} {variant}" for method in public_methods() for variant in VARIANTS}
    return sorted([*(methods - run.methods.keys()), *({*KINDS} - run.kinds.keys())])

"""Report what a run has found: in lines for people, and as JUnit for CI; neither with a secret."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from schemathesis.config import OutputConfig
from schemathesis.reporting.junitxml import JunitXmlWriter

from ..run import Finding
from ..session import Outcome
from .curl import CurlWriter

JUNIT = "service.xml"


def describe(outcome: Outcome, finding: Finding, replay: str) -> str:
    """Return a finding in lines: what broke, how to repeat it, and the request, which may name what the run made."""
    curl = CurlWriter(outcome.run.target.credentials.appkey, outcome.run.ledger.secrets)
    times = f" ({finding.count} times)" if finding.count > 1 else ""
    return "\n".join(
        (
            f"{finding.name} {finding.sentence}{times}",
            f"  check:   {finding.check}",
            f"  replay:  {replay} --seed {outcome.plan.seed} --until {finding.number}",
            f"  request: {curl.line(finding.request)}",
        )
    )


def write_junit(folder: Path, outcomes: Sequence[Outcome], replay: str) -> Path:
    """Write a test for each check or each of its findings, and for what was to be reached. Raises OSError."""
    writer = JunitXmlWriter(folder / JUNIT)
    for outcome in outcomes:
        findings, label = outcome.run.findings.values(), f"seed {outcome.plan.seed}"
        passed = outcome.run.counters.checks - {finding.check for finding in findings}
        for name in (*sorted(passed), "reached", "fuzzer"):
            writer.record_scenario(f"{label}: {name}", 0.0, [], None, OutputConfig())
        for finding in findings:
            writer.record_error(f"{label}: {finding.check} of {finding.name}", describe(outcome, finding, replay))
        for name, sentences in (("reached", outcome.missed), ("fuzzer", outcome.errors)):
            for sentence in sentences:
                writer.record_error(f"{label}: {name}", sentence)
    writer.close()
    return folder / JUNIT

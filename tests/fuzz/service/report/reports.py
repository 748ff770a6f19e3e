"""What does a run leave behind? JUnit for machines, Markdown for people; neither with a secret."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree

from toast_compute_api.behaviour import LIFECYCLE

from ...markdown import table
from ..check.result_codes import family_of
from ..run import Finding
from ..session import Outcome
from .coverage import link_names

JUNIT = "service.xml"
MARKDOWN = "service.md"
_NOWHERE = "outside the contract"


def write_reports(folder: Path, outcomes: Sequence[Outcome], replay: str) -> None:
    """Write both reports. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / JUNIT).write_bytes(junit(outcomes))
    (folder / MARKDOWN).write_text("\n".join(markdown(outcomes, replay)) + "\n", encoding="utf-8")


def replay_of(replay: str, outcome: Outcome, finding: Finding) -> str:
    """Return the command that shows a finding again."""
    return f"{replay} --seed {outcome.plan.seed} --until {finding.number}"


def describe(outcome: Outcome, finding: Finding, replay: str) -> Iterator[str]:
    """Return a finding in lines: what broke, how to see it again, and the request, which may name what the run made."""
    times = f" ({finding.count} times)" if finding.count > 1 else ""
    yield f"{finding.name} {finding.sentence}{times}"
    yield f"  check:   {finding.check}"
    yield f"  replay:  {replay_of(replay, outcome, finding)}"
    yield f"  request: {finding.curl}"


def junit(outcomes: Sequence[Outcome]) -> bytes:
    """Return a report in JUnit's XML: a test for each check or each of its findings, and for what to reach."""
    suites = ElementTree.Element("testsuites")
    for outcome in outcomes:
        suite = ElementTree.SubElement(suites, "testsuite", name=f"fuzz service, seed {outcome.plan.seed}")
        tests = failures = 0
        findings = outcome.run.findings.values()
        for check in sorted({check for check, _ in outcome.run.tally.judged} - {one.check for one in findings}):
            _case(suite, "checks", check)
            tests += 1
        for finding in findings:
            _fail(_case(suite, finding.name, finding.check), f"{finding.name} {finding.sentence}", finding.curl)
            tests += 1
            failures += 1
        for kind, sentences in (("reached", outcome.missed), ("fuzzer", outcome.errors)):
            case = _case(suite, kind, kind)
            tests += 1
            if sentences:
                failures += 1
                _fail(case, sentences[0], "\n".join(sentences))
        suite.set("tests", str(tests))
        suite.set("failures", str(failures))
        suite.set("time", f"{outcome.seconds:.1f}")
    content: bytes = ElementTree.tostring(suites, encoding="utf-8", xml_declaration=True)
    return content


def markdown(outcomes: Sequence[Outcome], replay: str) -> Iterator[str]:
    """Return the lines of the report for people."""
    yield "# Fuzzing of the service"
    for outcome in outcomes:
        yield ""
        yield f"## Seed {outcome.plan.seed}"
        yield ""
        yield f"{outcome.run.number} exchanges in {outcome.seconds:.0f} s, fingerprint {outcome.run.fingerprint}. "
        yield _verdict(outcome)
        for title, lines in (
            ("Findings", _findings(outcome, replay)),
            ("Not reached", outcome.missed),
            ("Errors of the fuzzer", outcome.errors),
        ):
            rows = [f"- {line}" for line in lines]
            if rows:
                yield from ("", f"### {title}", "", *rows)
        yield from _phases(outcome)
        yield from _codes(outcome)
        yield from _states(outcome)
        yield from _links(outcome)
        yield from _probes(outcome)
        yield from _checks(outcome)


def _verdict(outcome: Outcome) -> str:
    if outcome.is_good:
        return "Nothing was found."
    return f"{len(outcome.run.findings)} findings, {len(outcome.missed)} not reached, {len(outcome.errors)} errors."


def _findings(outcome: Outcome, replay: str) -> Iterator[str]:
    for finding in outcome.run.findings.values():
        first, *rest = describe(outcome, finding, replay)
        yield first + "".join(f"<br>`{line.strip()}`" for line in rest)


def _phases(outcome: Outcome) -> Iterator[str]:
    tally = outcome.run.tally
    yield from _table(
        "Phases",
        ("phase", "exchanges", "seconds"),
        ((phase, number, f"{tally.seconds[phase]:.1f}") for phase, number in tally.phases.items()),
    )


def _codes(outcome: Outcome) -> Iterator[str]:
    by_name: dict[str, list[str]] = defaultdict(list)
    for (name, code), number in sorted(outcome.run.tally.codes.items(), key=lambda item: (item[0][0], item[0][1] or 0)):
        what = "no envelope" if code is None else str(code)
        by_name[name or _NOWHERE].append(f"{what}: {number}")
    yield from _table(
        "Operations and result codes",
        ("operation or action", "result code: how often"),
        ((name, ", ".join(codes)) for name, codes in by_name.items()),
    )
    families: dict[str, int] = defaultdict(int)
    for (_, code), number in outcome.run.tally.codes.items():
        families["no envelope" if code is None else family_of(code).value] += number
    yield from _table("Outcomes", ("reason", "how often"), sorted(families.items()))


def _states(outcome: Outcome) -> Iterator[str]:
    states = outcome.run.tally.states
    rows = []
    for name in sorted({name for name, _, _ in states}):
        cells = []
        for status in LIFECYCLE.states:
            accepted, refused = states[name, status, True], states[name, status, False]
            cells.append(f"{accepted}/{refused}" if accepted or refused else "")
        rows.append((name, *cells))
    yield from _table("States: accepted/refused", ("operation or action", *LIFECYCLE.states), rows)


def _links(outcome: Outcome) -> Iterator[str]:
    followed = outcome.run.tally.links
    yield from _table("Links", ("link", "followed"), ((name, followed[name]) for name in link_names(outcome.run)))


def _probes(outcome: Outcome) -> Iterator[str]:
    probes = outcome.run.tally.probes
    yield from _table(
        "Tokens that open nothing", ("token", "requests"), ((kind, probes[kind]) for kind in outcome.probes)
    )


def _checks(outcome: Outcome) -> Iterator[str]:
    judged: dict[str, int] = defaultdict(int)
    for (check, _), number in outcome.run.tally.judged.items():
        judged[check] += number
    found: dict[str, int] = defaultdict(int)
    for check, _ in outcome.run.findings:
        found[check] += 1
    rows = ((check, judged.get(check, ""), found[check]) for check in sorted({*judged, *found}))
    yield from _table("Checks", ("check", "exchanges that were held against it", "findings"), rows)
    yield from ("", "Most checks have nothing to say of most exchanges: those of states, say, of a login.")


def _table(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield from ("", f"### {title}", "", *table(head, rows))


def _case(suite: ElementTree.Element, classname: str, name: str) -> ElementTree.Element:
    return ElementTree.SubElement(suite, "testcase", classname=classname, name=name)


def _fail(case: ElementTree.Element, message: str, text: str) -> None:
    ElementTree.SubElement(case, "failure", message=_printable(message)).text = _printable(text)


def _printable(text: str) -> str:
    """Text that XML can hold: it has no control characters."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text)

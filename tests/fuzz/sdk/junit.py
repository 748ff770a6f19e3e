"""How is a run told to a CI system? As JUnit XML: one case for each thing that was held against the rules."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

# What XML 1.0 cannot hold, not even escaped.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the report."""

    name: str
    seconds: float = 0.0
    problem: str = ""
    """What was found, with how to replay it; empty when all is well."""


def write_junit(file: Path, suite: str, cases: Iterable[Case]) -> None:
    """Write a report of all cases."""
    cases = list(cases)
    root = ElementTree.Element("testsuites")
    element = ElementTree.SubElement(
        root,
        "testsuite",
        name=suite,
        tests=str(len(cases)),
        failures=str(sum(bool(case.problem) for case in cases)),
        errors="0",
        time=f"{sum(case.seconds for case in cases):.3f}",
    )
    for case in cases:
        line = ElementTree.SubElement(
            element, "testcase", classname=suite, name=_clean(case.name), time=f"{case.seconds:.3f}"
        )
        if case.problem:
            told = _clean(case.problem)
            ElementTree.SubElement(line, "failure", message=told.splitlines()[0]).text = told
    ElementTree.ElementTree(root).write(file, encoding="utf-8", xml_declaration=True)


def _clean(text: str) -> str:
    return _NO_XML.sub("?", text)

"""Test that the programs and lists of the mock's documentation match the code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from toast_compute_mock.cli.options import option_names
from toast_compute_mock.cli.rules_page import as_markdown
from toast_compute_mock.engine.schema_evolution import OPTIONS
from toast_compute_mock.faults import EFFECTS, PRESETS, read_faults
from toast_compute_pytest.checks import CHECKS

DOCS = Path(__file__).resolve().parents[2] / "docs"
MOCK = (DOCS / "mock.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", MOCK, re.DOTALL | re.MULTILINE)


def section(title: str) -> str:
    return MOCK.split(f"\n## {title}\n")[1].split("\n## ")[0]


def in_code(text: str) -> set[str]:
    return set(re.findall(r"`([a-z0-9-]+)`", text))


def test_page_of_behaviours_equals_the_output_of_the_mock() -> None:
    assert (DOCS / "behaviours.md").read_text(encoding="utf-8") == as_markdown() + "\n"


def test_test_on_the_page_passes(pytester: pytest.Pytester) -> None:
    test, _ = blocks("python")
    pytester.makepyfile(test)
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_program_on_the_page_runs(tmp_path: Path) -> None:
    _, program = blocks("python")
    (tmp_path / "program.py").write_text(program)
    result = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert (result.stdout, result.stderr, result.returncode) == ("Permission denied : token\n", "", 0)


def test_faults_on_the_page_can_be_read() -> None:
    (content,) = blocks("json")
    first, *others = read_faults(content.encode())
    assert (first.name, first.match.nth, first.effect.kind) == ("the second create", 2, "lose-reply")
    assert [fault.effect for fault in others] == [fault.effect for fault in PRESETS["flaky-network"]]


def test_every_effect_and_preset_is_on_the_page() -> None:
    named = in_code(section("What goes wrong"))
    assert EFFECTS.keys() <= named
    assert PRESETS.keys() <= named


def test_every_habit_is_on_the_page() -> None:
    assert in_code(section("The next release")) == set(OPTIONS)


def test_every_check_is_on_the_page() -> None:
    assert in_code(section("In tests")) >= {*CHECKS, "all"}


def test_every_option_of_the_command_is_on_the_page() -> None:
    named = set(re.findall(r"(?<![-\w])--[a-z][a-z-]+", MOCK))
    assert option_names() - {"--help"} == named - {"--toast-fail-on"}

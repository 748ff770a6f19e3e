"""Test that the page on fuzzing names what exists."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/fuzzing.md").read_text(encoding="utf-8")


def test_targets_on_the_page_are_in_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"`make ([a-z-]+)", PAGE))
    assert named >= {"fuzz", "fuzz-long", "fuzz-mutants", "contract-diff"}
    assert named <= set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))


def test_parts_on_the_page_are_those_of_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", "nonsense"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    parts = set(re.findall(r"[a-z]+", done.stderr.partition("there are ")[2])) - {"mutants"}
    assert parts == set(re.findall(r"^- \*\*([a-z]+)\*\*", PAGE, re.MULTILINE))
    assert done.returncode == 2


def test_mutant_on_the_page_exists() -> None:
    (name,) = set(re.findall(r"--mutant\s+([a-z-]+)", PAGE)) | set(re.findall(r"--only ([a-z-]+)", PAGE))
    source = (ROOT / "tests/fuzz/mutants/sdk.py").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert shown in source
    assert f"def {name.replace('-', '_')}(" in shown

"""Test that tests name private modules of the SDK only in the unit tests of their room."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
UNIT = Path("tests/unit/sdk")
# Mutants quote the source of the SDK, and so does this module; the test of the page of the API is to be replaced.
EXCLUDED = (Path("tests/fuzz/mutants"), UNIT / "test_private_names.py")
# Effects are the arguments and results of the functions of these rooms.
ROOMS_WITH_EFFECTS = {"auth", "drivers", "http", "operations"}
NAME = re.compile(r"\btoast_compute(?:\.\w+)+")


def named_modules(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the dotted name of each part of the SDK that is imported, or named in a string."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from ((node.lineno, name) for name in NAME.findall(node.value))


def is_allowed(name: str, path: Path) -> bool:
    """Return whether a test may name a part of the SDK."""
    package, *parts = name.split(".")
    private = next((part for part in parts if re.match(r"_[^_]", part)), None)
    if package != "toast_compute" or private is None:
        return True
    room = parts[0].lstrip("_")
    if path.parent == UNIT / room or path == UNIT / f"test_{room}.py":
        return True
    return private == "_effects" and path.parent in {UNIT / room for room in ROOMS_WITH_EFFECTS}


def violations(source: str, path: Path) -> list[str]:
    """Return file, line and name of each private module that a test must not name."""
    named = sorted(set(named_modules(source)))
    return [f"{path}:{line}: {name}" for line, name in named if not is_allowed(name, path)]


def test_private_modules_are_named_in_the_unit_tests_of_their_room_only() -> None:
    found: list[str] = []
    for path in sorted((ROOT / "tests").rglob("*.py")):
        relative = path.relative_to(ROOT)
        if not any(relative.is_relative_to(folder) for folder in EXCLUDED):
            found += violations(path.read_text(encoding="utf-8"), relative)
    assert found == []


@pytest.mark.parametrize(
    ("source", "path", "name"),
    [
        ("from toast_compute._http import sender", "core/test_call.py", "toast_compute._http.sender"),
        ("import toast_compute._redaction", "http/test_sender.py", "toast_compute._redaction"),
        ("from toast_compute import _effects", "resources/test_requests.py", "toast_compute._effects"),
        (
            "PROGRAM = 'import toast_compute.resources._client as one'",
            "test_exports.py",
            "toast_compute.resources._client",
        ),
        ("from toast_compute.aio._base import AsyncResource", "test_clock.py", "toast_compute.aio._base.AsyncResource"),
    ],
)
def test_private_module_outside_of_its_room_is_reported(source: str, path: str, name: str) -> None:
    assert violations(source, UNIT / path) == [f"{UNIT / path}:1: {name}"]


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("from toast_compute._http.sender import HttpSender", "http/test_sender.py"),
        ("from toast_compute._redaction import Secret", "test_redaction.py"),
        ("from toast_compute._effects import Send", "drivers/test_sync.py"),
        ("from toast_compute.clock import RealClock", "test_clock.py"),
        ("assert toast_compute.__all__", "test_exports.py"),
        ("from toast_compute_mock._private import anything", "test_clock.py"),
    ],
)
def test_public_module_and_module_of_the_room_are_allowed(source: str, path: str) -> None:
    assert violations(source, UNIT / path) == []

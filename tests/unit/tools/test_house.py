"""The measures of the house see what they are meant to see."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.house import (
    PACKAGES,
    ROOT,
    begins_with_a_question,
    changes_of_module,
    floors,
    imports_of,
    measured_steps,
    python_files,
    shape,
    strongly_connected,
)


def package_of(tmp_path: Path, **sources: str) -> Path:
    package = tmp_path / "house"
    package.mkdir()
    (package / "__init__.py").write_text("")
    for name, source in sources.items():
        (package / f"{name}.py").write_text(source)
    return tmp_path


def test_nested_typing_and_string_imports_count(tmp_path: Path) -> None:
    folder = package_of(
        tmp_path,
        roof='from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .hall import x\nMODULE = "house.attic"\n',
        attic="def climb():\n    from . import hall\n",
        hall="import house.cellar\n",
        cellar="",
    )
    graph = imports_of("house", folder)
    assert graph["house.roof"] == {"house.hall", "house.attic"}
    assert graph["house.attic"] == {"house.hall"}
    assert floors(graph, strongly_connected(graph)) == 4


def test_circle_is_found_and_counts_as_one_floor(tmp_path: Path) -> None:
    folder = package_of(tmp_path, one="from . import two\n", two="from .three import x\n", three="from . import one\n")
    measured = shape("house", folder)
    assert (measured.largest_circle, measured.floors, measured.fullest_folder) == (3, 1, 3)


@pytest.mark.parametrize(
    ("docstring", "asks"),
    [("How does it go?", True), ("Send one request. Is it sent twice?", True), ("Send one request.", False)],
)
def test_question_in_the_first_line_is_found(tmp_path: Path, docstring: str, asks: bool) -> None:
    file = tmp_path / "module.py"
    file.write_text(f'"""{docstring}\n\nWhy not?\n"""\n')
    assert begins_with_a_question(file) is asks


@pytest.mark.parametrize(("package", "most_floors"), [("toast_compute", 12), ("toast_compute_mock", 10)])
def test_package_keeps_its_floors_and_has_no_circle(package: str, most_floors: int) -> None:
    measured = shape(package, ROOT / PACKAGES[package])
    assert measured.floors <= most_floors
    assert measured.largest_circle == 1
    assert measured.fullest_folder <= 12


@pytest.mark.parametrize(("call", "most"), [("flavors.list()", 40), ("instances.create(...)", 80)])
def test_call_changes_module_a_bounded_number_of_times(call: str, most: int) -> None:
    assert changes_of_module(measured_steps()[call]) <= most


def test_modules_begin_with_a_statement() -> None:
    assert [str(file) for file in python_files() if begins_with_a_question(file)] == []

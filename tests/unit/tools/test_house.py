"""The measures of the house see what they are meant to see."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.house import begins_with_a_question, floors, imports_of, shape, strongly_connected


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

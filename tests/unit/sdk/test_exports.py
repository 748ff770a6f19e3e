"""Test that every public name can be imported, and that type checkers see the same names."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import toast_compute


def test_every_public_name_can_be_imported() -> None:
    for name in toast_compute.__all__:
        assert getattr(toast_compute, name) is not None
    assert set(toast_compute.__all__) <= set(dir(toast_compute))


def test_static_names_equal_the_public_names() -> None:
    tree = ast.parse(Path(toast_compute.__file__ or "").read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    static = {alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert static == set(toast_compute.__all__)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        getattr(toast_compute, "Nothing")  # noqa: B009

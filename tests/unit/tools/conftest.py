"""Fixtures for the tests of the maintainers' tools."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from generator.contract.document import load

CONTRACT = Path(__file__).resolve().parents[3] / "openapi.yaml"


@pytest.fixture(scope="session")
def contract_text() -> str:
    """The real contract as it is written."""
    return CONTRACT.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def _loaded() -> dict[str, Any]:
    return load(CONTRACT).data


@pytest.fixture
def contract(_loaded: dict[str, Any]) -> dict[str, Any]:
    """The real contract as data, free to be changed."""
    return deepcopy(_loaded)

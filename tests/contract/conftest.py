"""Fixtures for the tests of the contract: the real contract, runs of the generator, and a generated variant."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from generator.__main__ import main
from generator.contract import Contract
from generator.contract.document import load
from generator.package import generate

ROOT = Path(__file__).resolve().parents[2]
CONTRACT = ROOT / "openapi.yaml"
PACKAGE = ROOT / "generated" / "toast_compute_api"


@dataclass(frozen=True)
class Outcome:
    """The outcome of a run of the generator's command line."""

    status: int
    lines: list[str]
    output: Path


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


@pytest.fixture
def strict_document() -> dict[str, Any]:
    """The committed strict document, free to be changed."""
    document: dict[str, Any] = json.loads((PACKAGE / "strict.json").read_text(encoding="utf-8"))
    return document


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run the command line on a contract given as text."""

    def call(text: str, command: str = "check") -> Outcome:
        source = tmp_path / "openapi.yaml"
        source.write_text(text, encoding="utf-8")
        output = tmp_path / "package"
        status = main([command, "--contract", str(source), "--output", str(output)])
        return Outcome(status, capsys.readouterr().err.splitlines(), output)

    return call


@pytest.fixture(scope="session")
def variant(_loaded: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The models generated from the real contract with peculiar schemas added, imported under another name."""
    folder = tmp_path_factory.mktemp("variant")
    data = deepcopy(_loaded)
    add_peculiar_schemas(data["components"]["schemas"])
    generate(Contract(data), folder / "variant_api")
    sys.path.insert(0, str(folder))
    try:
        yield importlib.import_module("variant_api.models")
    finally:
        sys.path.remove(str(folder))


def add_peculiar_schemas(schemas: dict[str, Any]) -> None:
    """Add schemas that the real contract does not have yet, but may get."""
    schemas["KeypairSpec"]["properties"] |= {
        "passPhrase": {"type": "string", "description": "A secret.", "format": "password", "x-sensitive": True},
        "comment": {"type": ["string", "null"], "description": 'A "quoted" \\ path, """triple""" too.'},
        "label": {"type": "string", "pattern": r"^[a-z]+\$$", "default": "x$"},
        "kind": {"$ref": "#/components/schemas/VolumeType"},
    }
    schemas["CreatedKeypair"]["properties"]["unlockCode"] = {"type": "string", "x-sensitive": True}
    schemas["CreatedKeypair"]["properties"]["note"] = {"type": "string", "minLength": 3, "pattern": "^[a-z]+$"}
    schemas["CreatedKeypair"]["properties"]["useCount"] = {"type": "integer", "minimum": 5}

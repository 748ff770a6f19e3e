"""Checks of the extensions: their names, places and values."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

from ..contract import Contract
from ..contract.document import pointer_of, walk
from ..errors import ContractError
from .structure import pointer_to

FOLDER = Path(__file__).parent.parent / "extensions"
# Inside these, a key that begins with x- is data of the service, not an extension.
_DATA = re.compile(r"/(example|examples|default|const|enum)(/|$)")


def check(contract: Contract) -> None:
    """Check every key that begins with ``x-``.

    Raises:
        ContractError: An extension is unknown, at a place where nothing reads it, or has a wrong value.
    """
    for pointer, value in walk(contract.data):
        if not isinstance(value, dict) or _DATA.search(pointer):
            continue
        for key, member in value.items():
            if key.startswith("x-") and not pointer.endswith("/properties"):
                _check_one(key, member, pointer)


def _check_one(name: str, value: Any, holder: str) -> None:
    pointer = pointer_of(holder, name)
    if name not in (known := _schemas()):
        raise ContractError(pointer, f"{name} is an unknown extension; known are {', '.join(sorted(known))}")
    places, validator = known[name]
    if not any(re.search(pattern, holder) for pattern in places):
        raise ContractError(pointer, f"nothing reads {name} at this place")
    for problem in sorted(validator.iter_errors(value), key=lambda problem: -len(problem.instance_path)):
        raise ContractError(pointer_to(problem.instance_path, pointer), problem.message)


@cache
def _schemas() -> dict[str, tuple[list[str], jsonschema_rs.Validator]]:
    known: dict[str, tuple[list[str], jsonschema_rs.Validator]] = {}
    for source in sorted(FOLDER.glob("*.schema.json")):
        schema = json.loads(source.read_text(encoding="utf-8"))
        known[source.name.removesuffix(".schema.json")] = (
            schema["x-stands-at"],
            jsonschema_rs.validator_for(schema),
        )
    return known

"""Is the contract fit to generate from? Runs every check, the ones that others build on first."""

from __future__ import annotations

from typing import Any

from . import examples, extensions, operations, references, schemas, structure, tables


def check(data: dict[str, Any]) -> None:
    """Check a loaded contract.

    Raises:
        ContractError: The first thing that is wrong, with its place.
    """
    structure.check(data)
    references.check(data)
    extensions.check(data)
    operations.check(data)
    schemas.check(data)
    references.check_unused(data)
    tables.check(data)
    examples.check(data)
    operations.check_links(data)

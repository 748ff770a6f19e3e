"""The checks that a contract has to pass before anything is generated from it."""

from __future__ import annotations

from ..contract import Contract
from . import examples, extensions, operations, references, schemas, structure, tables


def check(contract: Contract) -> None:
    """Run every check on a loaded contract, first those that others rely on.

    Raises:
        ContractError: The first thing that is wrong, with its place.
    """
    structure.check(contract)
    references.check(contract)
    extensions.check(contract)
    operations.check(contract)
    schemas.check(contract)
    references.check_unused(contract)
    tables.check(contract)
    examples.check(contract)
    operations.check_links(contract)

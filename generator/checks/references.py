"""Checks of references: `$ref`, the operations that links name, and unused components."""

from __future__ import annotations

from typing import Any

from ..contract import Contract
from ..contract.document import pointer_of, resolve, walk
from ..contract.references import SCHEMAS
from ..errors import ContractError


def check(contract: Contract) -> None:
    """Check all references.

    Raises:
        ContractError: A reference points at nothing.
    """
    data = contract.data
    known = {
        operation.get("operationId")
        for item in data["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict)
    }
    for pointer, value in walk(data):
        if not isinstance(value, dict):
            continue
        reference = value.get("$ref")
        if isinstance(reference, str):
            _resolve(data, reference, pointer_of(pointer, "$ref"))
        for name, link in value.get("links", {}).items() if "/responses/" in pointer else ():
            if link.get("operationId") not in known:
                raise ContractError(
                    f"{pointer}/links/{name}/operationId", f"no operation is called {link.get('operationId')}"
                )


def check_unused(contract: Contract) -> None:
    """Check that every schema component is used: a dead one would be generated into every language.

    Raises:
        ContractError: A component is used by nothing but itself.
    """
    used = {
        value["$ref"]
        for pointer, value in walk(contract.data)
        if isinstance(value, dict)
        and isinstance(value.get("$ref"), str)
        and not pointer.startswith(value["$ref"] + "/")
    }
    for name in contract.schemas:
        if pointer_of(SCHEMAS, name) not in used:
            raise ContractError(pointer_of(SCHEMAS, name), "nothing uses this component")


def _resolve(data: dict[str, Any], reference: str, pointer: str) -> None:
    try:
        resolve(data, reference)
    except KeyError:
        raise ContractError(pointer, f"{reference} leads nowhere") from None

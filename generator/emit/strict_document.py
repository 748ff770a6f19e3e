"""The strict document, which tells a valid reply from an invalid one. The mock and the fuzzer read it."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from ..contract import Contract
from ..contract.document import walk
from ..contract.references import is_object, ref, referenced
from ..contract.replies import FAILURE, Reply, Success, operations_of

SUCCESS_HEADER = "SuccessHeader"
FAILURE_HEADER = "FailureHeader"


def derive(contract: Contract) -> dict[str, Any]:
    """Return the contract with a closed success and failure schema for each reply.

    The 200 reply of an operation becomes `oneOf` its successes and `Failure`; ``x-strict`` on the operation names
    them: ``success``, ``failure``, and ``successFor`` where a value of the body's discriminator has its own.
    Everything else stays as it is written.

    Raises:
        ContractError: A reply does not follow the convention.
    """
    result = deepcopy(contract.data)
    schemas: dict[str, Any] = result["components"]["schemas"]

    for name in contract.received:
        if is_object(schemas[name]):
            schemas[name]["additionalProperties"] = False
    for _, value in walk(schemas):
        if isinstance(value, dict) and isinstance(value.get("x-timestamp"), dict):
            value["pattern"] = value["x-timestamp"]["pattern"]
    schemas |= _headers(schemas["ResultHeader"])
    schemas[FAILURE] = _closed(
        Success(FAILURE, "A failed reply: its header says why, and it is all there is."), FAILURE_HEADER
    )
    for operation in operations_of(result):
        reply = contract.replies[operation.id]
        for form in reply.successes.values():
            schemas[form.name] = _closed(form, SUCCESS_HEADER)
        operation.spec["responses"]["200"]["content"]["application/json"]["schema"] = {
            "oneOf": [ref(name) for name in (*reply.successes, FAILURE)]
        }
        operation.spec["x-strict"] = _names(reply)
    _drop_lenient(schemas, {name for name in contract.received if "x-success" in schemas[name]})
    return result


def _names(reply: Reply) -> dict[str, Any]:
    names: dict[str, Any] = {"success": reply.success.name, "failure": FAILURE}
    if reply.success_for:
        names["successFor"] = {value: form.name for value, form in reply.success_for.items()}
    return names


def _headers(header: dict[str, Any]) -> dict[str, Any]:
    success, failure = deepcopy(header), deepcopy(header)
    success["description"] = "The header of a success."
    success["properties"]["isSuccessful"]["const"] = True
    success["properties"]["resultCode"]["const"] = 0
    failure["description"] = "The header of a failure."
    failure["properties"]["isSuccessful"]["const"] = False
    failure["properties"]["resultCode"]["not"] = {"const": 0}
    return {SUCCESS_HEADER: success, FAILURE_HEADER: failure}


def _closed(form: Success, header: str) -> dict[str, Any]:
    return {
        "type": "object",
        "description": form.description,
        "additionalProperties": False,
        "required": ["header", *form.required],
        "properties": {"header": ref(header), **deepcopy(form.members)},
    }


def _drop_lenient(schemas: dict[str, Any], lenient: set[str]) -> None:
    """Remove the lenient replies and what only they used."""
    for name in lenient:
        del schemas[name]
    for name in ("Envelope", "ResultHeader"):
        others = [schema for other, schema in schemas.items() if other != name]
        if name not in referenced({"components": {"schemas": schemas}}, others):
            schemas.pop(name, None)

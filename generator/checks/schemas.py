"""Checks of schemas: names, unions, enums and the two directions, so that every language can have them."""

from __future__ import annotations

from typing import Any

from ..contract import Contract
from ..contract.document import pointer_of
from ..contract.references import SCHEMAS, is_object
from ..errors import ContractError
from .structure import subschemas


def check(contract: Contract) -> None:
    """Check every schema component.

    Raises:
        ContractError: A schema would be generated wrongly in some language.
    """
    schemas = contract.schemas
    _check_directions(contract)
    values: dict[str, str] = {}
    for name, schema in schemas.items():
        pointer = pointer_of(SCHEMAS, name)
        for where, part in subschemas(schema, pointer):
            _check_part(where, part, is_component=where == pointer, is_payload=where == f"{pointer}/allOf/1")
        if name.startswith("New") and name.removeprefix("New") in schemas:
            raise ContractError(pointer, f"{name} is also what Go calls the constructor of {name.removeprefix('New')}")
        if "discriminator" in schema:
            _check_union(schemas, schema, pointer)
        for value in schema.get("enum", []):
            if value in values:
                raise ContractError(
                    f"{pointer}/enum", f"{value!r} is in the enum {values[value]} too, which Go refuses"
                )
            values[value] = name


def _check_part(where: str, part: dict[str, Any], *, is_component: bool, is_payload: bool) -> None:
    if is_object(part) and not is_component and not is_payload:
        raise ContractError(where, "an object must be a named component; generators invent names for inline ones")
    if "enum" in part and not is_component:
        raise ContractError(where, "an enum must be a named component")
    if not all(isinstance(value, str) for value in part.get("enum", [])):
        raise ContractError(f"{where}/enum", "an enum must be of strings")
    if part.get("format") == "date-time":
        raise ContractError(
            f"{where}/format", "the service writes times without a zone; use x-timestamp, not date-time"
        )
    for required in part.get("required", []):
        if required not in part.get("properties", {}):
            raise ContractError(f"{where}/required", f"{required} is required but not described")


def _check_directions(contract: Contract) -> None:
    for name, schema in contract.schemas.items():
        pointer = pointer_of(SCHEMAS, name)
        if not is_object(schema):
            continue
        if name in contract.sent and name in contract.received:
            raise ContractError(
                pointer, f"{name} is used in requests, which are closed, and in replies, which are open"
            )
        closed = schema.get("additionalProperties") is False
        if name in contract.sent and not closed:
            raise ContractError(pointer, "an object in a request must be closed with additionalProperties: false")
        if name in contract.received and closed:
            raise ContractError(
                f"{pointer}/additionalProperties", "an object in a reply must stay open for new members"
            )


def _check_union(schemas: dict[str, dict[str, Any]], schema: dict[str, Any], pointer: str) -> None:
    tag = schema["discriminator"]["propertyName"]
    members = {part.get("$ref") for part in schema.get("oneOf", [])}
    mapping = schema["discriminator"].get("mapping", {})
    for value, reference in mapping.items():
        place = pointer_of(f"{pointer}/discriminator/mapping", value)
        name = str(reference).rpartition("/")[2]
        if name not in schemas or reference != pointer_of(SCHEMAS, name):
            raise ContractError(place, f"{reference} leads nowhere")
        if reference not in members:
            raise ContractError(place, f"{name} is not a member of oneOf")
        own = schemas[name].get("properties", {}).get(tag, {})
        if own.get("const") != value or own.get("default") != value:
            raise ContractError(place, f"{tag} of {name} must have const and default {value!r}")
        if tag not in schemas[name].get("required", []):
            raise ContractError(place, f"{tag} must be required in {name}")
    unmapped = sorted(str(reference).rpartition("/")[2] for reference in members - set(mapping.values()))
    if unmapped:
        raise ContractError(f"{pointer}/discriminator", f"no value is mapped to {', '.join(unmapped)}")

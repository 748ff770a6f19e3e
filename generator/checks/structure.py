"""Checks of the structure: the official schema of OpenAPI 3.1, and known schema keywords only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema_rs

from ..contract import Contract
from ..contract.document import pointer_of
from ..contract.references import SCHEMAS
from ..errors import ContractError

_HOLD_SCHEMAS = ("properties", "patternProperties", "$defs", "dependentSchemas")
_LIST_SCHEMAS = ("allOf", "oneOf", "anyOf", "prefixItems")
_ARE_SCHEMAS = ("items", "additionalProperties", "not", "contains", "propertyNames", "if", "then", "else")
_PLAIN = (
    "$ref", "type", "description", "title", "enum", "const", "default", "format", "pattern", "minLength", "maxLength",
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems", "uniqueItems",
    "minProperties", "maxProperties", "required", "discriminator", "examples", "deprecated", "readOnly",
)  # fmt: skip
# Left out on purpose: writeOnly, which drops members in some languages, and what no generator was tried with.
_KEYWORDS = frozenset((*_HOLD_SCHEMAS, *_LIST_SCHEMAS, *_ARE_SCHEMAS, *_PLAIN))


def check(contract: Contract) -> None:
    """Check the shape of the document and of every schema in it.

    Raises:
        ContractError: The document is not OpenAPI 3.1, or a schema is not a JSON Schema.
    """
    data = contract.data
    problems = sorted(_openapi().iter_errors(data), key=lambda problem: -len(problem.instance_path))
    for problem in problems:
        raise ContractError(pointer_to(problem.instance_path), problem.message)
    for required in ("paths", "components"):
        if required not in data:
            raise ContractError("#", f"{required} is missing")
    for name in ("Envelope", "ResultHeader"):
        if name not in data["components"].get("schemas", {}):
            raise ContractError(SCHEMAS, f"the component {name} is missing")
    for name, schema in contract.schemas.items():
        pointer = pointer_of(SCHEMAS, name)
        try:
            jsonschema_rs.meta.validate(schema)
        except jsonschema_rs.ValidationError as problem:
            raise ContractError(pointer_to(problem.instance_path, pointer), problem.message) from None
        for where, part in subschemas(schema, pointer):
            for keyword in part:
                if keyword not in _KEYWORDS and not keyword.startswith("x-"):
                    raise ContractError(
                        pointer_of(where, keyword), f"{keyword} is not a schema keyword that is used here"
                    )


def pointer_to(path: list[str | int], pointer: str = "#") -> str:
    """Return the pointer of an instance path below a pointer."""
    for part in path:
        pointer = pointer_of(pointer, part)
    return pointer


def subschemas(schema: Any, pointer: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a schema and all schemas inside it with their pointers, outermost first; `$ref` is not followed."""
    if not isinstance(schema, dict):
        return
    yield pointer, schema
    for keyword in _HOLD_SCHEMAS:
        for name, part in schema.get(keyword, {}).items():
            yield from subschemas(part, pointer_of(pointer_of(pointer, keyword), name))
    for keyword in _LIST_SCHEMAS:
        for index, part in enumerate(schema.get(keyword, [])):
            yield from subschemas(part, pointer_of(pointer_of(pointer, keyword), index))
    for keyword in _ARE_SCHEMAS:
        yield from subschemas(schema.get(keyword), pointer_of(pointer, keyword))


@cache
def _openapi() -> jsonschema_rs.Validator:
    # The official schema, as openapi-spec-validator ships it. Its own checker takes a hundred times as long.
    source = files("openapi_spec_validator") / "resources" / "schemas" / "v3.1" / "schema.json"
    return jsonschema_rs.validator_for(json.loads(source.read_text(encoding="utf-8")))

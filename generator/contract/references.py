"""Which schemas travel in requests, and which in replies? Follows references from the operations."""

from __future__ import annotations

from typing import Any

from .document import walk
from .replies import SCHEMAS, component_name, operations


def referenced(data: dict[str, Any], roots: list[Any]) -> set[str]:
    """Return the names of all components that are reached from some schemas through ``$ref``."""
    schemas = data["components"]["schemas"]
    found: set[str] = set()
    pending = list(roots)
    while pending:
        for _, value in walk(pending.pop()):
            if isinstance(value, dict) and isinstance(value.get("$ref"), str):
                name = component_name(value)
                if name is not None and name not in found and name in schemas:
                    found.add(name)
                    pending.append(schemas[name])
    return found


def sent(data: dict[str, Any]) -> set[str]:
    """Return the components that requests are made of: bodies and parameters."""
    roots: list[Any] = []
    for place in operations(data):
        roots += [place.request_schema or {}, place.spec.get("parameters", [])]
    roots.append(data["components"].get("parameters", {}))
    return referenced(data, roots)


def received(data: dict[str, Any]) -> set[str]:
    """Return the components that replies are made of."""
    return referenced(data, [place.reply_schema or {} for place in operations(data)])


def is_object(schema: dict[str, Any]) -> bool:
    """Tell whether a schema is an object with named members (a map from any key is none)."""
    return schema.get("type") == "object" and not isinstance(schema.get("additionalProperties"), dict)


def is_enum(schema: dict[str, Any]) -> bool:
    """Tell whether a schema is a named enumeration of strings."""
    return schema.get("type") == "string" and "enum" in schema


def ref(name: str) -> dict[str, str]:
    """Return a reference to a component."""
    return {"$ref": f"{SCHEMAS}/{name}"}

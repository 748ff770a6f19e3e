"""References between schema components."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .document import walk

SCHEMAS = "#/components/schemas"


def component_name(schema: Mapping[str, Any] | None) -> str | None:
    """Return the component that a schema refers to, or None if it is not a reference to one."""
    reference = (schema or {}).get("$ref", "")
    head, _, name = reference.rpartition("/")
    return name if head == SCHEMAS else None


def ref(name: str) -> dict[str, str]:
    """Return a reference to a component."""
    return {"$ref": f"{SCHEMAS}/{name}"}


def referenced(data: dict[str, Any], roots: Iterable[Any]) -> frozenset[str]:
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
    return frozenset(found)


def is_object(schema: dict[str, Any]) -> bool:
    """Return whether a schema is an object with named members, not a map from any key."""
    return schema.get("type") == "object" and not isinstance(schema.get("additionalProperties"), dict)


def is_enum(schema: dict[str, Any]) -> bool:
    """Return whether a schema is a named enumeration of strings."""
    return schema.get("type") == "string" and "enum" in schema

"""The document that the two public generators read, so that the models and functions come out as we want them."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from toast_compute_runtime.problems import IPV4_PATTERN

from ..contract import Contract
from ..contract.document import walk
from ..contract.references import ref
from ..contract.replies import FAILURE, Reply, Success, operations_of

_CONSTRAINTS = (
    "minLength", "maxLength", "pattern", "multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
    "minItems", "maxItems", "minProperties", "maxProperties", "uniqueItems",
)  # fmt: skip


def derive(contract: Contract) -> dict[str, Any]:
    """Return a document with named success and failure models, one direction for each schema, and Python patterns."""
    result = deepcopy(contract.data)
    schemas: dict[str, Any] = result["components"]["schemas"]
    timestamps = {name for name, schema in schemas.items() if "x-timestamp" in schema}

    for name in contract.received - contract.sent:
        _loosen(schemas[name])
    for schema in schemas.values():
        _prepare(schema, timestamps)

    for operation in operations_of(result):
        _name_successes(operation.spec, contract.replies[operation.id], schemas, timestamps)
    schemas[FAILURE] = _envelope(Success(FAILURE, "A failed reply: its header says why."))
    _prepare(schemas[FAILURE], timestamps)
    used = contract.sent | contract.received | (set(schemas) - set(contract.schemas))
    for name in list(schemas):
        # Replies are replaced by their successes; a component that nothing uses would be dead code.
        if name in timestamps or name not in used or "x-success" in schemas[name] or name == "Envelope":
            del schemas[name]
    result["components"].pop("examples", None)
    return result


def _name_successes(spec: dict[str, Any], reply: Reply, schemas: dict[str, Any], timestamps: set[str]) -> None:
    for form in reply.successes.values():
        schemas[form.name] = _envelope(form)
        _prepare(schemas[form.name], timestamps)
    spec["responses"]["200"]["content"]["application/json"] = {"schema": ref(reply.success.name)}
    spec["responses"]["200"].pop("links", None)
    spec.get("requestBody", {}).get("content", {}).get("application/json", {}).pop("examples", None)


def _envelope(form: Success) -> dict[str, Any]:
    return {
        "type": "object",
        "description": form.description,
        "required": ["header", *form.required],
        "properties": {"header": ref("ResultHeader") | {"description": "The outcome."}, **deepcopy(form.members)},
    }


def _loosen(schema: dict[str, Any]) -> None:
    """Drop what would make a reply unreadable when the service is less strict than its document."""
    for _, value in walk(schema):
        if isinstance(value, dict):
            for keyword in _CONSTRAINTS:
                if keyword not in value.get("properties", {}):
                    value.pop(keyword, None)


def _prepare(schema: dict[str, Any], timestamps: set[str]) -> None:
    """Rewrite one component in place: times, patterns, defaults and member descriptions."""
    for _, value in list(walk(schema)):
        if not isinstance(value, dict):
            continue
        if value.get("$ref", "").rpartition("/")[2] in timestamps:
            value.pop("$ref")
            value |= {"type": "string", "format": "date-time"}
        if value.get("format") == "ipv4":
            value.pop("format")
            value["pattern"] = IPV4_PATTERN
        if value.get("format") == "password":
            # As a format it would change the type; the mask is made from x-sensitive.
            value.pop("format")
            value["x-sensitive"] = True
        if isinstance(value.get("pattern"), str):
            value["pattern"] = python_pattern(value["pattern"])
        if "const" not in value and not isinstance(value.get("default"), dict | list):
            value.pop("default", None)
        for member in value.get("properties", {}).values():
            # msgspec would carry a description into every Meta; the template writes it as documentation instead.
            if "description" in member:
                member["x-description"] = member.pop("description").strip()


def python_pattern(pattern: str) -> str:
    """Return an ECMA pattern for Python: there, an unescaped final `$` also matches before a trailing newline."""
    body = pattern.removesuffix("$")
    escaped = (len(body) - len(body.rstrip("\\"))) % 2 == 1
    return pattern if body == pattern or escaped else body + r"\Z"

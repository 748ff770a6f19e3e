"""Operations, and what a success of each carries by the reply convention (envelope plus payload, `x-success`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import ContractError
from .document import pointer_of, resolve
from .references import SCHEMAS, component_name

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
ENVELOPE = f"{SCHEMAS}/Envelope"
EMPTY_SUCCESS = "EmptySuccess"
FAILURE = "Failure"


@dataclass(frozen=True, slots=True)
class Success:
    """One form of success: the name of its component, its payload members and which of them must be there."""

    name: str
    description: str
    members: dict[str, Any] = field(default_factory=dict)
    required: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """The reply of one operation: the usual success and those that single values of the discriminator have."""

    success: Success
    success_for: dict[str, Success] = field(default_factory=dict)

    @property
    def successes(self) -> dict[str, Success]:
        """All forms of success by component name."""
        return {form.name: form for form in (self.success, *self.success_for.values())}


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of the contract and its place."""

    pointer: str
    path: str
    method: str
    spec: dict[str, Any]

    @property
    def id(self) -> str:
        """The operationId."""
        return str(self.spec["operationId"])

    @property
    def request_schema(self) -> dict[str, Any] | None:
        """The schema of the JSON body, or None."""
        return _json_schema(self.spec.get("requestBody"))

    @property
    def reply_pointer(self) -> str:
        """The pointer of the reply's schema."""
        return f"{self.pointer}/responses/200/content/application~1json/schema"

    @property
    def reply_schema(self) -> dict[str, Any] | None:
        """The schema of the 200 reply, or None."""
        return _json_schema(self.spec.get("responses", {}).get("200"))


def operations_of(data: Mapping[str, Any]) -> Iterator[Operation]:
    """Yield the operations of a document in the order in which they are written."""
    for path, item in data.get("paths", {}).items():
        for method, spec in item.items():
            if method in METHODS:
                pointer = pointer_of(pointer_of("#/paths", path), method)
                yield Operation(pointer, path, method, spec)


def reply_of(data: dict[str, Any], operation: Operation) -> Reply:
    """Read an operation's reply.

    Raises:
        ContractError: The reply does not follow the convention.
    """
    name = component_name(operation.reply_schema)
    if name is None:
        raise ContractError(operation.reply_pointer, "the 200 reply must be a $ref to a component in application/json")
    pointer = f"{SCHEMAS}/{name}"
    if pointer == ENVELOPE:
        return Reply(Success(EMPTY_SUCCESS, "A success that carries nothing but its header."))
    schema = resolve(data, pointer)
    if not name.endswith("Reply"):
        raise ContractError(
            operation.reply_pointer, f"a reply component must be Envelope or be called ...Reply, not {name}"
        )
    members = _payload(schema, pointer)
    rule = schema.get("x-success")
    if rule is None:
        raise ContractError(pointer, "x-success is missing: it lists what a success must carry")
    stem = name.removesuffix("Reply")
    for listed in _listed(rule):
        if listed not in members:
            raise ContractError(f"{pointer}/x-success", f"{listed} is not a payload member of {name}")
    if "required" in rule:
        description = f"A success: it carries {' and '.join(f'`{member}`' for member in rule['required'])}."
        return Reply(Success(f"{stem}Success", description, members, tuple(rule["required"])))
    # Members that only some actions carry are absent for all the others.
    success_for = {
        value: Success(
            f"{value[:1].upper()}{value[1:]}Success",
            f"A success of the action {value}.",
            {member: members[member] for member in required},
            tuple(required),
        )
        for value, required in rule["requiredFor"].items()
    }
    bound = {member for form in success_for.values() for member in form.members}
    rest = {member: schema for member, schema in members.items() if member not in bound}
    usual = Success(f"{stem}Success" if rest else EMPTY_SUCCESS, "A success that carries nothing but its header.", rest)
    return Reply(usual, success_for)


def _listed(rule: Mapping[str, Any]) -> list[str]:
    return [*rule.get("required", []), *(name for names in rule.get("requiredFor", {}).values() for name in names)]


def _payload(schema: dict[str, Any], pointer: str) -> dict[str, Any]:
    parts = schema.get("allOf", [])
    if len(parts) != 2 or parts[0].get("$ref") != ENVELOPE or "properties" not in parts[1]:
        raise ContractError(pointer, "a reply must be allOf of Envelope and one object with the payload's properties")
    if parts[1].get("required"):
        raise ContractError(
            f"{pointer}/allOf/1/required",
            "payload members are optional here; x-success lists those that a success carries",
        )
    return dict(parts[1]["properties"])


def _json_schema(holder: Any) -> dict[str, Any] | None:
    schema = (holder or {}).get("content", {}).get("application/json", {}).get("schema")
    return schema if isinstance(schema, dict) else None

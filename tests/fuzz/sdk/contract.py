"""Read the strict contract: operations, retry safety, result codes and schemas."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, TypeAlias

import jsonschema_rs
import toast_compute_api

Schema: TypeAlias = dict[str, Any]
Sent: TypeAlias = dict[str, Any]
"""A request: its `method`, the pieces of its `path`, the pairs of its `query`, and its `body` in JSON or None."""

SAFE, IDEMPOTENT, NEVER = "safe", "idempotent", "never"
TOKEN, LIST, DETAILS, CREATE, ACTION = (
    "issueToken", "listInstances", "listInstanceDetails", "createInstance", "runInstanceAction",
)  # fmt: skip
_METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One operation; an action is named by `action`, which is empty for all operations but one."""

    id: str
    method: str
    path: str
    spec: Schema

    @property
    def body(self) -> Schema:
        """The schema of the body; empty when there is none."""
        content: Schema = self.spec.get("requestBody", {}).get("content", {})
        return content.get("application/json", {}).get("schema", {})  # type: ignore[no-any-return]

    @property
    def variants(self) -> Mapping[str, str]:
        """By action, the reference to its schema."""
        return resolved(self.body).get("discriminator", {}).get("mapping", {})  # type: ignore[no-any-return]

    def retry(self, action: str = "") -> str:
        """Return whether a request is safe to retry."""
        return str(resolved({"$ref": self.variants[action]})["x-retry"] if action else self.spec["x-retry"])

    def success(self, action: str = "") -> str:
        """Return the name of the schema of a success."""
        strict = self.spec["x-strict"]
        return str(strict.get("successFor", {}).get(action, strict["success"]))


@cache
def document() -> Schema:
    """Return the strict contract."""
    return json.loads((files(toast_compute_api) / "strict.json").read_bytes())  # type: ignore[no-any-return]


@cache
def operations() -> Mapping[str, Operation]:
    """Return all operations by their ids."""
    return {
        spec["operationId"]: Operation(spec["operationId"], method.upper(), path, spec)
        for path, item in document()["paths"].items()
        for method, spec in item.items()
        if method in _METHODS
    }


def actions() -> tuple[str, ...]:
    """Return the names of all actions."""
    return tuple(operations()[ACTION].variants)


def resolved(schema: Schema) -> Schema:
    """Return what a schema refers to, or itself."""
    while "$ref" in schema:
        found: Any = document()
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema


def schema_named(name: str) -> Schema:
    """Return a schema of the contract."""
    return resolved({"$ref": f"#/components/schemas/{name}"})


def kind_of(code: int) -> str:
    """Return the kind of error of a result code: one that is listed, or one in the range of a subsystem."""
    rules = document()["x-result-codes"]
    listed = [known["kind"] for known in rules["codes"] if known["code"] == code]
    ranges = [part for part in rules["ranges"] if part["from"] <= code <= part["to"]]
    return str(listed[0] if listed else rules["statuses"].get(str(code % 1000), "other") if ranges else "other")


def _advice(code: int) -> str:
    listed = document()["x-result-codes"]["codes"]
    return next((str(known["retry"]) for known in listed if known["code"] == code), "")


def proves_nothing(code: int) -> bool:
    """Return whether the service failed inside, after which the request may have been carried out."""
    return kind_of(code) == "server-error" and _advice(code) == "support"


def asks_for_fresh_token(code: int | None) -> bool:
    """Return whether a refusal with this code may mean only that the token ended."""
    return code is not None and (kind_of(code) == "authentication" or _advice(code) == "fresh-token")


def operation_of(method: str, path: str) -> str:
    """Return the operationId that a method and a path stand for; `request` when the contract has none."""
    return next((id for own, pattern, id in _patterns() if own == method and pattern.search(path)), "request")


@cache
def _patterns() -> list[tuple[str, re.Pattern[str], str]]:
    return [
        (one.method, re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(one.path)) + "$"), one.id)
        for one in operations().values()
    ]


def is_allowed(sent: Sent) -> bool:
    """Return whether the contract allows a request, as far as its path, its query and its body go."""
    pieces: Sequence[str] = sent["path"]
    for one in operations().values():
        template = one.path.split("/")
        if one.method == sent["method"] and len(template) == len(pieces):
            pairs = list(zip(template, pieces, strict=True))
            if all(want.startswith("{") or want == given for want, given in pairs):
                return _are_allowed(one, sent, {want[1:-1]: given for want, given in pairs if want.startswith("{")})
    return False


def _are_allowed(one: Operation, sent: Sent, in_path: Mapping[str, str]) -> bool:
    given = {**in_path, **dict(sent["query"])}
    for parameter in map(resolved, one.spec.get("parameters", ())):
        value = given.get(parameter["name"])
        wanted = parameter.get("required", False) if value is None else True
        if wanted and not validator(parameter["schema"]).is_valid(value):
            return False
    return not one.body or bool(validator(one.body).is_valid(sent["body"]))


def validator(schema: Schema, *, has_open_enums: bool = False) -> Any:
    """Return a validator of a schema; enums may be open, as they are in replies."""
    return _validator(json.dumps(schema), has_open_enums)


@cache
def _validator(schema: str, has_open_enums: bool) -> Any:
    whole = {**json.loads(schema), "components": document()["components"]}
    return jsonschema_rs.Draft202012Validator(_without_enums(whole) if has_open_enums else whole, validate_formats=True)


def _without_enums(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _without_enums(member)
            for name, member in value.items()
            if name != "enum" or not isinstance(member, list)
        }
    return [_without_enums(entry) for entry in value] if isinstance(value, list) else value

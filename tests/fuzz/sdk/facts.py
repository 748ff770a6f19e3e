"""What does the strict contract say of each operation's replies, retries and result codes?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import toast_compute_api

Schema = dict[str, Any]
_METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class OperationFacts:
    """One operation."""

    id: str
    method: str
    path: str
    retry: str
    action_retries: Mapping[str, str]
    """By action, for the operation whose body is one."""
    success: str
    action_successes: Mapping[str, str]
    """By action, where it is another than `success`."""
    failure: str

    def retry_of(self, action: str) -> str:
        """Return whether a request may be sent twice."""
        return self.action_retries[action] if action else self.retry

    def success_of(self, action: str) -> str:
        """Return the name of the schema of a success."""
        return self.action_successes.get(action, self.success)


@cache
def document() -> Schema:
    """Return the strict contract."""
    content = (files(toast_compute_api) / "strict.json").read_bytes()
    read: Schema = json.loads(content)
    return read


@cache
def operations() -> Mapping[str, OperationFacts]:
    """Return all operations by their ids."""
    return {facts.id: facts for facts in _operations()}


@cache
def actions() -> tuple[str, ...]:
    """Return the names of all actions."""
    return tuple(name for facts in operations().values() for name in facts.action_retries)


def _operations() -> Iterator[OperationFacts]:
    for path, item in document()["paths"].items():
        for method in _METHODS:
            if method not in item:
                continue
            operation = item[method]
            strict = operation["x-strict"]
            yield OperationFacts(
                id=operation["operationId"],
                method=method.upper(),
                path=path,
                retry=operation["x-retry"],
                action_retries=_action_retries(operation),
                success=strict["success"],
                action_successes=strict.get("successFor", {}),
                failure=strict["failure"],
            )


def _action_retries(operation: Schema) -> dict[str, str]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    body = resolved(content.get("schema", {}))
    mapping = body.get("discriminator", {}).get("mapping", {})
    return {action: resolved({"$ref": target})["x-retry"] for action, target in mapping.items()}


def resolved(schema: Schema) -> Schema:
    """Return what a schema refers to, or itself."""
    if "$ref" not in schema:
        return schema
    found: Any = document()
    for part in schema["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return resolved(found)


def schema_named(name: str) -> Schema:
    """Return a schema of the contract."""
    return resolved({"$ref": f"#/components/schemas/{name}"})


def kind_of(code: int) -> str:
    """Return what a result code means: one that is listed, or one in the range of a part of the service."""
    rules = document()["x-result-codes"]
    for known in rules["codes"]:
        if known["code"] == code:
            return str(known["kind"])
    for part in rules["ranges"]:
        if part["from"] <= code <= part["to"]:
            return str(rules["statuses"].get(str(code % 1000), "other"))
    return "other"


def retry_of_code(code: int) -> str:
    """Return what the contract advises after a result code; empty for one that it does not list."""
    listed = document()["x-result-codes"]["codes"]
    return next((str(known["retry"]) for known in listed if known["code"] == code), "")


def proves_nothing(code: int) -> bool:
    """Return whether the service failed inside, after which the request may have been carried out."""
    return kind_of(code) == "server-error" and retry_of_code(code) == "support"


def asks_for_fresh_token(code: int) -> bool:
    """Return whether a refusal with this code may mean no more than that the token ended."""
    return kind_of(code) == "authentication" or retry_of_code(code) == "fresh-token"

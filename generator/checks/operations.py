"""Checks of operations: ids, tags, parameters, bodies, retry safety, replies and links."""

from __future__ import annotations

import re
from typing import Any

from ..contract import Contract
from ..contract.document import pointer_of, resolve
from ..contract.references import component_name
from ..contract.replies import METHODS, Operation
from ..errors import ContractError


def check(contract: Contract) -> None:
    """Check every operation.

    Raises:
        ContractError: An operation cannot be generated.
    """
    for path, item in contract.data["paths"].items():
        for key in item:
            if key not in METHODS:
                reason = "parameters belong to the operation, since positional order differs between generators"
                pointer = pointer_of(pointer_of("#/paths", path), key)
                raise ContractError(pointer, reason if key == "parameters" else f"{key} is not allowed on a path here")
    seen: dict[str, str] = {}
    for operation in contract.operations:
        _check_identity(contract, operation, seen)
        _check_parameters(contract, operation)
        if "requestBody" in operation.spec and component_name(operation.request_schema) is None:
            raise ContractError(
                f"{operation.pointer}/requestBody", "the body must be a $ref to a component in application/json"
            )
        if list(operation.spec["responses"]) != ["200"]:
            raise ContractError(
                f"{operation.pointer}/responses", "the service answers 200 to everything: document exactly that"
            )
    # Replies are found by operationId, so only once the ids are known to be sound.
    for operation in contract.operations:
        _check_discriminated(contract, operation)


def check_links(contract: Contract) -> None:
    """Check that every link passes an existing value to an existing parameter.

    Raises:
        ContractError: A link names an unknown parameter, or an expression leads nowhere.
    """
    by_id = {operation.id: operation for operation in contract.operations}
    for operation in contract.operations:
        reply = operation.spec["responses"]["200"]
        example = reply["content"]["application/json"]["examples"]["success"]["value"]
        own = _parameters(contract, operation)
        for name, link in reply.get("links", {}).items():
            target = _parameters(contract, by_id[link["operationId"]])
            for key, expression in link.get("parameters", {}).items():
                pointer = pointer_of(f"{operation.pointer}/responses/200/links/{name}/parameters", key)
                if key not in target:
                    raise ContractError(pointer, f"{link['operationId']} has no parameter {key}")
                head, _, body = expression.partition("$response.body")
                if not head and not _leads_to_text(example, body):
                    raise ContractError(pointer, f"{expression} leads nowhere in the success example")
                if head and expression.removeprefix("$request.") not in own:
                    raise ContractError(
                        pointer, f"{operation.id} has no parameter {expression.removeprefix('$request.')}"
                    )


def _parameters(contract: Contract, operation: Operation) -> set[str]:
    return {f"{spec['in']}.{spec['name']}" for spec in _resolved(contract, operation)}


def _resolved(contract: Contract, operation: Operation) -> list[dict[str, Any]]:
    specs = operation.spec.get("parameters", [])
    return [resolve(contract.data, spec["$ref"]) if "$ref" in spec else spec for spec in specs]


def _leads_to_text(example: Any, pointer: str) -> bool:
    try:
        return isinstance(resolve(example, pointer), str)
    except KeyError:
        return False


def _check_identity(contract: Contract, operation: Operation, seen: dict[str, str]) -> None:
    if not operation.spec.get("operationId"):
        raise ContractError(operation.pointer, "operationId is missing")
    if operation.id in seen:
        raise ContractError(
            f"{operation.pointer}/operationId", f"{operation.id} is the operationId of {seen[operation.id]} too"
        )
    seen[operation.id] = operation.pointer
    for needed in ("summary", "description", "x-retry"):
        if needed not in operation.spec:
            raise ContractError(operation.pointer, f"{needed} is missing on {operation.id}")
    tags = {tag["name"] for tag in contract.data.get("tags", [])}
    own = operation.spec.get("tags", [])
    if len(own) != 1 or own[0] not in tags:
        raise ContractError(operation.pointer, f"{operation.id} needs exactly one of the document's tags")


def _check_parameters(contract: Contract, operation: Operation) -> None:
    named = re.findall(r"{([^}]*)}", operation.path)
    given: list[str] = []
    for index, parameter in enumerate(_resolved(contract, operation)):
        pointer = f"{operation.pointer}/parameters/{index}"
        name, location = parameter["name"], parameter["in"]
        if location not in ("path", "query"):
            raise ContractError(pointer, f"a {location} parameter is not generated; the token is a security scheme")
        type_ = component_name(parameter.get("schema"))
        if type_ is None:
            raise ContractError(pointer, "the schema of a parameter must be a $ref to a component")
        if contract.schemas[type_].get("type") != "string":
            raise ContractError(pointer, f"a parameter must be a string, and {type_} is not")
        if location == "path":
            given.append(name)
    if sorted(named) != sorted(given):
        raise ContractError(
            operation.pointer, f"the path names {sorted(named)}, the path parameters are {sorted(given)}"
        )


def _check_discriminated(contract: Contract, operation: Operation) -> None:
    body = operation.request_schema or {}
    mapping = resolve(contract.data, body["$ref"]).get("discriminator", {}).get("mapping", {}) if "$ref" in body else {}
    for value in sorted(contract.replies[operation.id].success_for.keys() - mapping.keys()):
        raise ContractError(
            f"#/components/schemas/{component_name(operation.reply_schema)}/x-success/requiredFor/{value}",
            f"{value} is not a discriminator value of the body of {operation.id}",
        )

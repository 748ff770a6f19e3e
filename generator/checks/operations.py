"""Can each operation become one function? Checks ids, tags, parameters, bodies, retry safety and replies."""

from __future__ import annotations

import re
from typing import Any

from ..contract.document import pointer_of, resolve
from ..contract.replies import METHODS, OperationPlace, component_name, operations, reply_of
from ..errors import ContractError


def check(data: dict[str, Any]) -> None:
    """Check every operation.

    Raises:
        ContractError: An operation cannot be generated.
    """
    for path, item in data["paths"].items():
        for key in item:
            if key not in METHODS:
                reason = "parameters stand on the operation, since positional order differs between generators"
                pointer = pointer_of(pointer_of("#/paths", path), key)
                raise ContractError(pointer, reason if key == "parameters" else f"{key} does not stand on a path here")
    seen: dict[str, str] = {}
    for place in operations(data):
        _check_identity(place, data, seen)
        _check_parameters(data, place)
        if "requestBody" in place.spec and component_name(place.request_schema) is None:
            raise ContractError(
                f"{place.pointer}/requestBody", "the body must be a $ref to a component in application/json"
            )
        if list(place.spec["responses"]) != ["200"]:
            raise ContractError(
                f"{place.pointer}/responses", "the service answers 200 to everything: document exactly that"
            )
        reply = reply_of(data, place)
        if reply.success_for:
            _check_discriminated(data, place, set(reply.success_for))


def check_links(data: dict[str, Any]) -> None:
    """Check that every link hands on what is there to a parameter that is there.

    Raises:
        ContractError: A link names an unknown parameter, or an expression leads nowhere.
    """
    places = {place.id: place for place in operations(data)}
    for place in places.values():
        reply = place.spec["responses"]["200"]
        example = reply["content"]["application/json"]["examples"]["success"]["value"]
        own = _parameters(data, place)
        for name, link in reply.get("links", {}).items():
            target = _parameters(data, places[link["operationId"]])
            for key, expression in link.get("parameters", {}).items():
                pointer = pointer_of(f"{place.pointer}/responses/200/links/{name}/parameters", key)
                if key not in target:
                    raise ContractError(pointer, f"{link['operationId']} has no parameter {key}")
                head, _, body = expression.partition("$response.body")
                if not head and not _leads_to_text(example, body):
                    raise ContractError(pointer, f"{expression} leads nowhere in the success example")
                if head and expression.removeprefix("$request.") not in own:
                    raise ContractError(pointer, f"{place.id} has no parameter {expression.removeprefix('$request.')}")


def _parameters(data: dict[str, Any], place: OperationPlace) -> set[str]:
    specs = [resolve(data, spec["$ref"]) if "$ref" in spec else spec for spec in place.spec.get("parameters", [])]
    return {f"{spec['in']}.{spec['name']}" for spec in specs}


def _leads_to_text(example: Any, pointer: str) -> bool:
    try:
        return isinstance(resolve(example, pointer), str)
    except KeyError:
        return False


def _check_identity(place: OperationPlace, data: dict[str, Any], seen: dict[str, str]) -> None:
    if not place.spec.get("operationId"):
        raise ContractError(place.pointer, "operationId is missing")
    if place.id in seen:
        raise ContractError(f"{place.pointer}/operationId", f"{place.id} is the operationId of {seen[place.id]} too")
    seen[place.id] = place.pointer
    for needed in ("summary", "description", "x-retry"):
        if needed not in place.spec:
            raise ContractError(place.pointer, f"{needed} is missing on {place.id}")
    tags = {tag["name"] for tag in data.get("tags", [])}
    own = place.spec.get("tags", [])
    if len(own) != 1 or own[0] not in tags:
        raise ContractError(place.pointer, f"{place.id} needs exactly one of the document's tags")


def _check_parameters(data: dict[str, Any], place: OperationPlace) -> None:
    named = re.findall(r"{([^}]*)}", place.path)
    given: list[str] = []
    for index, spec in enumerate(place.spec.get("parameters", [])):
        pointer = f"{place.pointer}/parameters/{index}"
        parameter = resolve(data, spec["$ref"]) if "$ref" in spec else spec
        name, location = parameter["name"], parameter["in"]
        if location not in ("path", "query"):
            raise ContractError(pointer, f"a {location} parameter is not generated; the token is a security scheme")
        type_ = component_name(parameter.get("schema"))
        if type_ is None:
            raise ContractError(pointer, "the schema of a parameter must be a $ref to a component")
        if data["components"]["schemas"][type_].get("type") != "string":
            raise ContractError(pointer, f"a parameter must be a string, and {type_} is none")
        if location == "path":
            given.append(name)
    if sorted(named) != sorted(given):
        raise ContractError(place.pointer, f"the path names {sorted(named)}, the path parameters are {sorted(given)}")


def _check_discriminated(data: dict[str, Any], place: OperationPlace, values: set[str]) -> None:
    body = place.request_schema or {}
    mapping = resolve(data, body["$ref"]).get("discriminator", {}).get("mapping", {}) if "$ref" in body else {}
    for value in sorted(values - set(mapping)):
        raise ContractError(
            f"#/components/schemas/{component_name(place.reply_schema)}/x-success/requiredFor/{value}",
            f"{value} is no discriminator value of the body of {place.id}",
        )

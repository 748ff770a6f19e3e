"""The contract, rewritten in memory for the engine: the HTTP status distinguishes success from failure."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator
from typing import Any
from urllib.parse import quote

from ..contract import Contract, name_of
from ..exchange import JSON, JsonObject
from ..target import Credentials
from . import placeholders
from .fixtures import Fixtures, create_body
from .placeholders import PLACES

_ON_FAILURE = ("4XX", "5XX")
_INSTANCE = "instanceId"


def instance_parameter(action: str) -> str:
    """Return the name of the instance's parameter in the path that each action has for itself."""
    return f"{action}Id" if action else _INSTANCE


def links_of(contract: Contract) -> list[str]:
    """Return the links of the contract as `source -> target`, one for each action where there are actions."""
    return [
        f"{name_of(source, action)} -> {name_of(link['operationId'], target)}"
        for source in contract.operations
        for link in contract.spec(source)["responses"]["200"].get("links", {}).values()
        for action in contract.actions(source)
        for target in contract.actions(link["operationId"])
    ]


def document_for(
    contract: Contract,
    *,
    base_url: str,
    credentials: Credentials,
    fixtures: Fixtures,
    only: Collection[str] | None = None,
) -> JsonObject:
    """Return the document for the engine; `only` names the operations and actions that it has.

    Status 200 is the strict success, every other a failure. Each action has a path, a success and links of its own. The
    appkey is part of the paths. What the examples name is in the fixtures, or a placeholder.
    """
    names = contract.names if only is None else only
    paths: JsonObject = {}
    for operation in contract.operations:
        for action in contract.actions(operation):
            if name_of(operation, action) not in names:
                continue
            spec = _operation(contract, operation, action, names)
            if "requestBody" in spec:
                schema = {"$ref": contract.variants(operation)[action]} if action else contract.body_schema(operation)
                bodies = examples_of(contract, operation, action, credentials, fixtures)
                examples = {name: {"value": body} for name, body in bodies.items()}
                spec["requestBody"] = {"required": True, "content": {JSON: {"schema": schema, "examples": examples}}}
            path = contract.path(operation).replace("{appkey}", quote(credentials.appkey, safe=""))
            path = path.replace("{" + _INSTANCE + "}", "{" + instance_parameter(action) + "}")
            paths.setdefault(path, {})[contract.method(operation)] = spec
    document = copy.deepcopy(contract.document) | {"servers": [{"url": base_url}], "paths": paths}
    del document["components"]["parameters"]
    return document


def example_bodies(
    contract: Contract, credentials: Credentials, fixtures: Fixtures
) -> Iterator[tuple[str, str, JsonObject]]:
    """Return operation, action and body of every example, with placeholders."""
    for operation in contract.operations:
        for action in contract.actions(operation) if contract.body_schema(operation) is not None else ():
            for body in examples_of(contract, operation, action, credentials, fixtures).values():
                yield operation, action, body


def examples_of(
    contract: Contract, operation: str, action: str, credentials: Credentials, fixtures: Fixtures
) -> dict[str, JsonObject]:
    """Return the examples of one body, by name."""
    return {
        name: _example(operation, action, copy.deepcopy(value), credentials, fixtures)
        for name, value in contract.body_examples(operation).items()
        if not action or value["action"] == action
    }


def _operation(contract: Contract, operation: str, action: str, names: Collection[str]) -> JsonObject:
    spec = copy.deepcopy(contract.spec(operation))
    strict = spec.pop("x-strict")
    links = spec["responses"]["200"].get("links", {})
    parameters = [copy.deepcopy(one) for one in contract.parameters(operation) if one["name"] != "appkey"]
    for one in parameters:
        place = (one["in"], one["name"])
        if one["name"] == _INSTANCE:
            one.pop("examples", None)
            one |= {"name": instance_parameter(action), "example": placeholders.OWN_INSTANCE}
        elif place in PLACES.get(operation, {}):
            one["example"] = PLACES[operation][place]
    success = _reply(contract.success_name(operation, action))
    return {
        **spec,
        "operationId": name_of(operation, action),
        "parameters": parameters,
        "responses": {
            "200": {**success, "links": dict(_links(contract, links, action, names))},
            **{status: _reply(strict["failure"]) for status in _ON_FAILURE},
        },
    }


def _links(contract: Contract, links: JsonObject, source: str, names: Collection[str]) -> Iterator[tuple[str, Any]]:
    of_source = f"path.{instance_parameter(source)}"
    for name, link in links.items():
        target: str = link["operationId"]
        for action in contract.actions(target):
            if name_of(target, action) in names:
                parameters = {
                    place.replace(_INSTANCE, instance_parameter(action)): value.replace(f"path.{_INSTANCE}", of_source)
                    for place, value in link["parameters"].items()
                    if place != "path.appkey"
                }
                yield name_of(name, action), {"operationId": name_of(target, action), "parameters": parameters}


def _example(
    operation: str, action: str, value: JsonObject, credentials: Credentials, fixtures: Fixtures
) -> JsonObject:
    if operation == "issueToken":
        value["auth"] = {"username": credentials.username, "password": credentials.password}
    elif operation == "createInstance":
        spec: JsonObject = value["instance"]
        spec |= create_body(fixtures, spec["name"], placeholders.OWN_KEYPAIR)["instance"]
    for path, placeholder in PLACES.get(action or operation, {}).items():
        if path[0] == "body":
            value[path[1]][path[2]] = placeholder
    return value


def _reply(schema: str) -> JsonObject:
    content = {JSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": schema, "content": content}

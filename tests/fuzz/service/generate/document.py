"""What document does the engine get? The contract, rewritten in memory so that status tells success from failure."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Mapping
from urllib.parse import quote

from ..contract import METHODS, Contract
from ..exchange import JSON, JsonObject
from ..target import Credentials
from . import placeholders
from .fixtures import Material, spec_of

_ON_FAILURE = ("4XX", "5XX")
_INSTANCE = "instanceId"
_KEY_NAME = "name"
_PARAMETER_EXAMPLES: Mapping[tuple[str, str], str] = {
    ("getToken", "id"): placeholders.OWN_TOKEN,
    ("listInstances", "id"): placeholders.OWN_INSTANCE,
    ("listInstanceDetails", "id"): placeholders.OWN_INSTANCE,
    ("deleteInstance", "id"): placeholders.OWN_INSTANCE,
    ("detachVolume", "volumeId"): placeholders.OWN_VOLUME,
    ("listKeypairs", _KEY_NAME): placeholders.OWN_KEYPAIR,
    ("deleteKeypair", _KEY_NAME): placeholders.OWN_KEYPAIR,
}
_ACTION_EXAMPLES: Mapping[str, Mapping[str, str]] = {
    "resize": {"flavor": placeholders.OTHER_FLAVOR},
    "addFloatingIp": {"address": placeholders.OWN_ADDRESS, "ipAddress": placeholders.OWN_PORT},
    "removeFloatingIp": {"address": placeholders.OWN_ADDRESS},
    "addSecurityGroup": {"name": placeholders.OTHER_GROUP},
    "removeSecurityGroup": {"name": placeholders.OWN_GROUP},
}


def instance_parameter(action: str) -> str:
    """Return the name of the instance's path parameter in the path that an action gets for itself."""
    return f"{action}Id" if action else _INSTANCE


def links_of(contract: Contract) -> Iterator[tuple[str, str]]:
    """Return source and target of the links of the contract, with one for each action where there are actions."""
    for source in contract.operations:
        links: JsonObject = contract.spec(source)["responses"]["200"].get("links", {})
        for link in links.values():
            for origin in _with_actions(contract, source):
                for target in _with_actions(contract, link["operationId"]):
                    yield origin, target


def document_for(
    contract: Contract,
    *,
    base_url: str,
    credentials: Credentials,
    material: Material,
    only: Collection[str] | None = None,
) -> JsonObject:
    """Return the document for the engine.

    Status 200 is the strict success, every 4XX a failure. Each action has a path, a success and links of its own. The
    appkey stands in the paths. What the examples name is there at the service, or a placeholder of `material`.
    `only` names the operations and actions that it is about.
    """
    writer = _Writer(contract, credentials, material, only)
    document = copy.deepcopy(contract.document)
    document["servers"] = [{"url": base_url}]
    document["paths"] = writer.paths()
    del document["components"]["parameters"]
    return document


def example_bodies(
    contract: Contract, credentials: Credentials, material: Material
) -> Iterator[tuple[str, str, JsonObject]]:
    """Return operation, action and body of every example that the document has."""
    writer = _Writer(contract, credentials, material, None)
    for operation in contract.operations:
        if contract.body_schema(operation) is not None:
            for action in writer.actions(operation):
                for body in writer.examples(operation, action).values():
                    yield operation, action, body


class _Writer:
    def __init__(
        self, contract: Contract, credentials: Credentials, material: Material, only: Collection[str] | None
    ) -> None:
        self._only = contract.names if only is None else only
        self._contract = contract
        self._credentials = credentials
        self._material = material

    def paths(self) -> JsonObject:
        """Return the paths of the document."""
        paths: JsonObject = {}
        appkey = quote(self._credentials.appkey, safe="")
        for operation in self._contract.operations:
            for action in self.actions(operation):
                path = self._contract.path(operation).replace("{appkey}", appkey)
                path = path.replace("{" + _INSTANCE + "}", "{" + instance_parameter(action) + "}")
                method = self._contract.method(operation)
                assert method in METHODS
                paths.setdefault(path, {})[method] = self._operation(operation, action)
        return paths

    def actions(self, operation: str) -> Iterator[str]:
        """The actions of an operation that the document is about; one without a name where there are no actions."""
        for action in tuple(self._contract.variants(operation)) or ("",):
            if _name(operation, action) in self._only:
                yield action

    def _operation(self, operation: str, action: str) -> JsonObject:
        spec = copy.deepcopy(self._contract.spec(operation))
        strict = spec.pop("x-strict")
        links = spec["responses"]["200"].get("links", {})
        success = self._contract.success_name(operation, action)
        spec["operationId"] = _name(operation, action)
        spec["parameters"] = list(self._parameters(operation, action))
        spec["responses"] = {
            "200": {**_reply(success), "links": dict(self._links(links, action))},
            **{status: _reply(strict["failure"]) for status in _ON_FAILURE},
        }
        if "requestBody" in spec:
            spec["requestBody"] = self._body(operation, action)
        return spec

    def _parameters(self, operation: str, action: str) -> Iterator[JsonObject]:
        for parameter in copy.deepcopy(list(self._contract.parameters(operation))):
            name = parameter["name"]
            if name == "appkey":
                continue
            if name == _INSTANCE:
                parameter.pop("examples", None)
                parameter |= {"name": instance_parameter(action), "example": placeholders.OWN_INSTANCE}
            elif (operation, name) in _PARAMETER_EXAMPLES:
                parameter["example"] = _PARAMETER_EXAMPLES[operation, name]
            yield parameter

    def _links(self, links: JsonObject, source: str) -> Iterator[tuple[str, JsonObject]]:
        for name, link in links.items():
            target: str = link["operationId"]
            for action in self.actions(target):
                parameters = {}
                for place, value in link["parameters"].items():
                    if place == "path.appkey":
                        continue
                    renamed = place.replace(_INSTANCE, instance_parameter(action))
                    parameters[renamed] = value.replace(f"path.{_INSTANCE}", f"path.{instance_parameter(source)}")
                yield _name(name, action), {"operationId": _name(target, action), "parameters": parameters}

    def _body(self, operation: str, action: str) -> JsonObject:
        schema = self._contract.body_schema(operation)
        if action:
            schema = {"$ref": self._contract.variants(operation)[action]}
        examples = {name: {"value": body} for name, body in self.examples(operation, action).items()}
        return {"required": True, "content": {JSON: {"schema": schema, "examples": examples}}}

    def examples(self, operation: str, action: str) -> dict[str, JsonObject]:
        """Return the examples of a body, by name."""
        content = self._contract.spec(operation)["requestBody"]["content"][JSON]
        return {
            name: self._example(operation, action, copy.deepcopy(example["value"]))
            for name, example in content["examples"].items()
            if not action or example["value"]["action"] == action
        }

    def _example(self, operation: str, action: str, value: JsonObject) -> JsonObject:
        material = self._material
        match operation:
            case "issueToken":
                value["auth"] = {"username": self._credentials.username, "password": self._credentials.password}
            case "createInstance":
                spec: JsonObject = value["instance"]
                spec |= spec_of(material, spec["name"], placeholders.OWN_KEYPAIR)["instance"]
            case "createKeypair":
                value["keypair"]["name"] = placeholders.NEW_KEYPAIR
            case "attachVolume":
                value["attachment"]["volumeId"] = placeholders.OWN_VOLUME
            case _ if action in _ACTION_EXAMPLES:
                value["parameters"] |= _ACTION_EXAMPLES[action]
        return value


def _name(operation: str, action: str) -> str:
    return f"{operation}.{action}" if action else operation


def _reply(schema: str) -> JsonObject:
    return {
        "description": schema,
        "content": {JSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
    }


def _with_actions(contract: Contract, operation: str) -> tuple[str, ...]:
    return tuple(f"{operation}.{action}" for action in contract.variants(operation)) or (operation,)

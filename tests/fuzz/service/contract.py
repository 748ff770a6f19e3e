"""The contract, compiled to judge requests and replies by what went over the wire alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cache, cached_property
from importlib.resources import files
from itertools import chain
from typing import Any
from urllib.parse import parse_qsl, quote, unquote_to_bytes, urlencode

from jsonschema_rs import Draft202012Validator, Registry
from toast_compute_api.behaviour import TOKEN_HEADER

from .exchange import JSON, JsonObject, Request

ACTION = "runInstanceAction"
DELETE = "deleteInstance"
BRIEF, DETAIL = LISTS = ("listInstances", "listInstanceDetails")
KEY = TOKEN_HEADER.lower()
_BASE = "urn:contract"


class Place(Enum):
    """Where a request departs from the contract."""

    PATH = "path"
    METHOD = "method"
    APPKEY = "appkey"
    TOKEN = "token"
    PARAMETER = "parameter"
    BODY = "body"


@dataclass(frozen=True)
class Fault:
    """One way in which a request departs from the contract; never names the value."""

    place: Place
    what: str


@dataclass(frozen=True)
class Meaning:
    """What a request asks for."""

    operation: str = ""
    """The operationId; empty when the contract has no such operation."""
    action: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Path and query parameters, without the appkey."""
    body: JsonObject | None = None
    faults: tuple[Fault, ...] = ()
    unclear: bool = False
    """Whether the contract leaves open what the service makes of it."""

    @property
    def name(self) -> str:
        return name_of(self.operation, self.action)

    @property
    def step(self) -> str:
        """The operation or action under its name in `x-lifecycle`."""
        return self.action or self.operation

    @property
    def instance_id(self) -> str:
        """The instance that the request is about; empty when there is none."""
        return self.parameter("id" if self.operation in (*LISTS, DELETE) else "instanceId")

    def parameter(self, name: str) -> str:
        return self.parameters.get(name, "")

    def member(self, *path: str) -> Any:
        """Return a member of the body by its path; None when it is missing."""
        value: Any = self.body
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        return value


def name_of(operation: str, action: str) -> str:
    """Return the name of an operation or of one of its actions."""
    return f"{operation}.{action}" if action else operation


class Contract:
    """The strict form of the contract."""

    def __init__(self) -> None:
        self.document: JsonObject = json.loads((files("toast_compute_api") / "strict.json").read_bytes())
        self._registry = Registry([(_BASE, self.document)])
        self._compiled: dict[str, Draft202012Validator] = {}
        self._operations: dict[str, tuple[str, str, JsonObject]] = {
            spec["operationId"]: (path, method, spec)
            for path, item in self.document["paths"].items()
            for method, spec in item.items()
            if isinstance(spec, dict) and "operationId" in spec
        }
        self.operations = tuple(self._operations)
        self.names = tuple(
            name_of(operation, action) for operation in self.operations for action in self.actions(operation)
        )

    def spec(self, operation: str) -> JsonObject:
        return self._operations[operation][2]

    def path(self, operation: str) -> str:
        return self._operations[operation][0]

    def method(self, operation: str) -> str:
        return self._operations[operation][1]

    def changes(self, operation: str) -> bool:
        return self.method(operation) != "get"

    def needs_token(self, operation: str) -> bool:
        return bool(self.spec(operation).get("security", self.document["security"]))

    @cached_property
    def secret_parameters(self) -> frozenset[str]:
        """The query parameters that are secret in one operation at least."""
        every = (parameter for operation in self.operations for parameter in self.parameters(operation))
        return frozenset(one["name"] for one in every if one["in"] == "query" and one.get("x-sensitive"))

    @cached_property
    def secret_members(self) -> frozenset[str]:
        """The members of bodies that are secret; not `id`, since tokens are hidden as a whole."""
        schemas = self.document["components"]["schemas"].values()
        every = chain.from_iterable(schema.get("properties", {}).items() for schema in schemas)
        return frozenset(name for name, member in every if member.get("x-sensitive") and name != "id")

    def variants(self, operation: str) -> Mapping[str, str]:
        """Return the schemas of an operation's actions, by action; empty for most operations."""
        schema = self.body_schema(operation)
        mapping: dict[str, str] = self.resolve(schema or {}).get("discriminator", {}).get("mapping", {})
        return mapping

    def actions(self, operation: str) -> tuple[str, ...]:
        return tuple(self.variants(operation)) or ("",)

    def body_schema(self, operation: str) -> JsonObject | None:
        """Return the schema of an operation's body; None when it has no body."""
        body = self.spec(operation).get("requestBody")
        schema: JsonObject | None = None if body is None else body["content"][JSON]["schema"]
        return schema

    def body_examples(self, operation: str) -> Mapping[str, JsonObject]:
        """Return the example bodies of an operation, by name."""
        examples = self.spec(operation)["requestBody"]["content"][JSON]["examples"]
        return {name: example["value"] for name, example in examples.items()}

    def success_name(self, operation: str, action: str = "") -> str:
        """Return the component of a success of this operation and action."""
        strict = self.spec(operation)["x-strict"]
        name: str = strict.get("successFor", {}).get(action, strict["success"])
        return name

    def is_success(self, operation: str, content: object) -> bool:
        """Return whether a reply is a success of this operation as the strict schema has it."""
        return self.problem(f"#/components/schemas/{self.success_name(operation)}", content) is None

    def parameters(self, operation: str) -> Iterator[JsonObject]:
        """Return an operation's parameters, the appkey included."""
        return map(self.resolve, self.spec(operation).get("parameters", []))

    def resolve(self, schema: JsonObject) -> JsonObject:
        """Follow a reference into the document."""
        while "$ref" in schema:
            found: Any = self.document
            for step in schema["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            schema = found
        return schema

    def problem(self, reference: str, value: object) -> str | None:
        """Return where a value breaks a schema and which rule, or None. Never the value: it may be a secret."""
        validator = self._compiled.get(reference)
        if validator is None:
            schema = {"$ref": f"{_BASE}{quote(reference, safe='#/')}"}
            validator = Draft202012Validator(schema, registry=self._registry, validate_formats=True)
            self._compiled[reference] = validator
        if validator.is_valid(value):
            return None
        error = next(iter(validator.iter_errors(value)))
        place = ".".join(map(str, error.instance_path)) or "the whole"
        rule = next((step for step in reversed(list(error.schema_path)) if isinstance(step, str)), "its schema")
        return f"{place} breaks {rule}"

    def request(
        self,
        operation: str,
        *,
        appkey: str,
        token: str | None,
        parameters: Mapping[str, str] | None = None,
        body: JsonObject | None = None,
    ) -> Request:
        """Return the request that calls an operation."""
        given = {"appkey": appkey, **(parameters or {})}
        path = self.path(operation)
        query: dict[str, str] = {}
        for parameter in self.parameters(operation):
            name = parameter["name"]
            if name in given and parameter["in"] == "path":
                path = path.replace("{" + name + "}", quote(given[name], safe=""))
            elif name in given:
                query[name] = given[name]
        headers = {} if token is None else {KEY: token}
        content = b""
        if body is not None:
            headers["content-type"] = JSON
            content = json.dumps(body, ensure_ascii=False).encode()
        target = f"{path}?{urlencode(query)}" if query else path
        return Request(self.method(operation).upper(), target, headers, content)

    def meaning(self, request: Request, *, appkey: str, tokens: Mapping[str, bool | None]) -> Meaning:
        """Return what a request asks for, and in what it departs from the contract.

        `tokens` has for each known token whether it is valid; None for one of which that is not certain.
        """
        path, _, query = request.target.partition("?")
        found = self._route(path)
        if found is None:
            return Meaning(faults=(Fault(Place.PATH, "the path is not in the contract"),))
        by_method, in_path = found
        operation = by_method.get(request.method.lower())
        if operation is None:
            return Meaning(faults=(Fault(Place.METHOD, f"the path has no method {request.method}"),))
        faults: list[Fault] = []
        unclear = False
        if in_path.pop("appkey", b"") != appkey.encode():
            faults.append(Fault(Place.APPKEY, "the appkey is unknown"))
        if self.needs_token(operation):
            valid = tokens.get(request.headers.get(KEY, ""), False)
            unclear = valid is None
            if valid is False:
                faults.append(Fault(Place.TOKEN, "the token is missing, unknown, expired or of another appkey"))
        values, problems, repeated = self._parameter_values(operation, in_path, query)
        body, action, problem = self._body(operation, request.body)
        faults += [Fault(Place.PARAMETER, problem) for problem in problems]
        faults += [Fault(Place.BODY, problem)] if problem is not None else []
        return Meaning(operation, action, values, body, tuple(faults), unclear or repeated)

    def _route(self, path: str) -> tuple[dict[str, str], dict[str, bytes]] | None:
        """Return the operations on a path by method, and the values of its parameters as bytes."""
        pieces = path.split("/")
        for template in dict.fromkeys(path for path, _, _ in self._operations.values()):
            wanted = template.split("/")
            if len(wanted) != len(pieces):
                continue
            pairs = list(zip(wanted, map(unquote_to_bytes, pieces), strict=True))
            if all(want.startswith("{") or want.encode() == given for want, given in pairs):
                values = {want[1:-1]: given for want, given in pairs if want.startswith("{")}
                return {method: name for name, (at, method, _) in self._operations.items() if at == template}, values
        return None

    def _parameter_values(
        self, operation: str, in_path: Mapping[str, bytes], query: str
    ) -> tuple[dict[str, str], list[str], bool]:
        pairs = [(name, value.encode("latin-1")) for name, value in parse_qsl(query, True, encoding="latin-1")]
        values: dict[str, str] = {}
        problems: list[str] = []
        repeated = False
        for parameter in self.parameters(operation):
            name = parameter["name"]
            if name == "appkey":
                continue
            found = [value for key, value in (pairs if parameter["in"] == "query" else in_path.items()) if key == name]
            repeated = repeated or len(found) > 1  # the contract does not state which of them counts
            if not found:
                if parameter.get("required"):
                    problems.append(f"{name} is missing")
                continue
            try:
                values[name] = found[0].decode()
            except UnicodeDecodeError:
                problems.append(f"{name} is not UTF-8")
                continue
            problem = self.problem(parameter["schema"]["$ref"], values[name])
            if problem is not None:
                problems.append(f"{name}: {problem}")
        return values, problems, repeated

    def _body(self, operation: str, content: bytes) -> tuple[JsonObject | None, str, str | None]:
        """Return the body, the action that it names, and in what it departs from the contract."""
        schema = self.body_schema(operation)
        if schema is None:
            return None, "", None
        try:
            value = json.loads(content.decode(), parse_constant=_refuse_constant)
            json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair cannot be encoded
        except (ValueError, RecursionError):
            return None, "", "the body is not JSON in UTF-8"
        body = value if isinstance(value, dict) else None
        variants = self.variants(operation)
        if not variants:
            return body, "", self.problem(schema["$ref"], value)
        tag = self.resolve(schema)["discriminator"]["propertyName"]
        action = (body or {}).get(tag)
        if not isinstance(action, str) or action not in variants:
            return body, "", f"{tag} is not in the contract"
        return body, action, self.problem(variants[action], value)


@cache
def contract() -> Contract:
    """Return the contract; it is read once."""
    return Contract()


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")

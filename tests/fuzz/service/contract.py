"""What does the contract say of a request and of its reply? Judged by what went over the wire, and by nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qsl, quote, unquote_to_bytes

from jsonschema_rs import Draft202012Validator, Registry
from toast_compute_api.behaviour import TOKEN_HEADER

from .exchange import JSON, JsonObject, Request

_BASE = "urn:contract"
METHODS = ("get", "post", "put", "patch", "delete", "head", "options", "trace")


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
    """One way in which a request departs from the contract; never says the value."""

    place: Place
    what: str


@dataclass(frozen=True)
class Meaning:
    """What a request asks for."""

    operation: str = ""
    """The operationId; empty for none."""
    action: str = ""
    parameters: Mapping[str, str] | None = None
    """Path and query parameters, without the appkey."""
    body: JsonObject | None = None
    faults: tuple[Fault, ...] = ()
    unclear: bool = False
    """Whether the contract leaves open what the service makes of it."""

    @property
    def name(self) -> str:
        """The operation, or the operation with its action."""
        return f"{self.operation}.{self.action}" if self.action else self.operation

    def parameter(self, name: str) -> str:
        """Return a parameter, or nothing."""
        return (self.parameters or {}).get(name, "")

    def member(self, *path: str) -> Any:
        """Return a member of the body by its path; None when it is not there."""
        value: Any = self.body
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        return value


class Contract:
    """The strict form of the contract, compiled for judging."""

    def __init__(self) -> None:
        self.document: JsonObject = json.loads((files("toast_compute_api") / "strict.json").read_bytes())
        self._registry = Registry([(_BASE, self.document)])
        self._compiled: dict[str, Draft202012Validator] = {}
        self._operations: dict[str, tuple[str, str, JsonObject]] = {
            spec["operationId"]: (path, method, spec)
            for path, item in self.document["paths"].items()
            for method, spec in item.items()
            if method in METHODS
        }

    @property
    def operations(self) -> tuple[str, ...]:
        """The operationIds."""
        return tuple(self._operations)

    @property
    def names(self) -> tuple[str, ...]:
        """The operations, and one name for each action where an operation has actions."""
        return tuple(
            f"{operation}.{action}" if action else operation
            for operation in self._operations
            for action in (tuple(self.variants(operation)) or ("",))
        )

    def needs_token(self, operation: str) -> bool:
        """Say whether an operation is refused without a token."""
        return bool(self.spec(operation).get("security", self.document["security"]))

    def spec(self, operation: str) -> JsonObject:
        """Return what the document says of an operation."""
        return self._operations[operation][2]

    def path(self, operation: str) -> str:
        """Return an operation's path template."""
        return self._operations[operation][0]

    def method(self, operation: str) -> str:
        """Return an operation's method, in lower case."""
        return self._operations[operation][1]

    def changes(self, operation: str) -> bool:
        """Say whether an operation changes something."""
        return self.method(operation) != "get"

    @property
    def secret_parameters(self) -> frozenset[str]:
        """The query parameters that are secret in one operation at least."""
        return frozenset(
            parameter["name"]
            for operation in self._operations
            for parameter in self.parameters(operation)
            if parameter["in"] == "query" and parameter.get("x-sensitive")
        )

    @property
    def secret_members(self) -> frozenset[str]:
        """The members of bodies that are secret."""
        return frozenset(
            name
            for schema in self.document["components"]["schemas"].values()
            for name, member in schema.get("properties", {}).items()
            if member.get("x-sensitive")
            and name != "id"  # an id is a secret of tokens only, and those are hidden whole
        )

    def variants(self, operation: str) -> Mapping[str, str]:
        """Return the schemas of an operation's actions, by action; empty for most."""
        schema = self.body_schema(operation)
        spec = self.resolve(schema) if schema else {}
        mapping: dict[str, str] = spec.get("discriminator", {}).get("mapping", {})
        return mapping

    def body_schema(self, operation: str) -> JsonObject | None:
        """Return the schema of an operation's body; None when it has no body."""
        spec = self.spec(operation)
        if "requestBody" not in spec:
            return None
        schema: JsonObject = spec["requestBody"]["content"][JSON]["schema"]
        return schema

    def success_name(self, operation: str, action: str) -> str:
        """Return the component that a success of this operation and action keeps."""
        strict = self.spec(operation)["x-strict"]
        name: str = strict.get("successFor", {}).get(action, strict["success"])
        return name

    def parameters(self, operation: str) -> Iterator[JsonObject]:
        """Return an operation's parameters, the appkey among them."""
        for parameter in self.spec(operation).get("parameters", []):
            yield self.resolve(parameter)

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
        place = ".".join(str(step) for step in error.instance_path) or "the whole"
        return f"{place} breaks {_rule(list(error.schema_path))}"

    def meaning(self, request: Request, *, appkey: str, tokens: Mapping[str, bool | None]) -> Meaning:
        """Return what a request asks for, and in what it departs from the contract.

        `tokens` says of each token that is known whether it is valid; None for one of which that cannot be told.
        """
        path, _, query = request.target.partition("?")
        found = self._route(path)
        if found is None:
            return Meaning(faults=(Fault(Place.PATH, "the path is none of the contract"),))
        by_method, in_path = found
        operation = by_method.get(request.method.lower())
        if operation is None:
            return Meaning(faults=(Fault(Place.METHOD, f"the path has no method {request.method}"),))
        faults: list[Fault] = []
        unclear = False
        if in_path.pop("appkey", b"") != appkey.encode():
            faults.append(Fault(Place.APPKEY, "the appkey is unknown"))
        if self.needs_token(operation):
            valid = tokens.get(request.headers.get(TOKEN_HEADER.lower(), ""), False)
            unclear = valid is None
            if valid is False:
                faults.append(Fault(Place.TOKEN, "the token is missing, unknown, expired or of another appkey"))
        values, problems, doubled = self._parameter_values(operation, in_path, query)
        faults += problems
        body, action, problem = self._body(operation, request.body)
        if problem is not None:
            faults.append(problem)
        return Meaning(operation, action, values, body, tuple(faults), unclear or doubled)

    def _route(self, path: str) -> tuple[dict[str, str], dict[str, bytes]] | None:
        """The operations on a path by method, and the values of its parameters as bytes."""
        pieces = path.split("/")
        for template in dict.fromkeys(path for path, _, _ in self._operations.values()):
            wanted = template.split("/")
            if len(wanted) != len(pieces):
                continue
            pairs = list(zip(wanted, map(unquote_to_bytes, pieces), strict=True))
            if all(want.startswith("{") or want.encode() == given for want, given in pairs):
                values = {want[1:-1]: given for want, given in pairs if want.startswith("{")}
                methods = {method: name for name, (at, method, _) in self._operations.items() if at == template}
                return methods, values
        return None

    def _parameter_values(
        self, operation: str, in_path: Mapping[str, bytes], query: str
    ) -> tuple[dict[str, str], list[Fault], bool]:
        given: dict[str, list[bytes]] = {name: [value] for name, value in in_path.items()}
        pairs = parse_qsl(query, keep_blank_values=True, encoding="latin-1")
        values: dict[str, str] = {}
        faults: list[Fault] = []
        doubled = False
        for parameter in self.parameters(operation):
            name = parameter["name"]
            if name == "appkey":
                continue
            if parameter["in"] == "query":
                given[name] = [value.encode("latin-1") for key, value in pairs if key == name]
            found = given.get(name, [])
            doubled = doubled or len(found) > 1  # the contract does not say which of them counts
            if not found:
                if parameter.get("required"):
                    faults.append(Fault(Place.PARAMETER, f"{name} is missing"))
                continue
            try:
                values[name] = found[0].decode()
            except UnicodeDecodeError:
                faults.append(Fault(Place.PARAMETER, f"{name} is not UTF-8"))
                continue
            problem = self.problem(parameter["schema"]["$ref"], values[name])
            if problem is not None:
                faults.append(Fault(Place.PARAMETER, f"{name}: {problem}"))
        return values, faults, doubled

    def _body(self, operation: str, content: bytes) -> tuple[JsonObject | None, str, Fault | None]:
        schema = self.body_schema(operation)
        if schema is None:
            return None, "", None
        try:
            value = json.loads(content.decode(), parse_constant=_refuse_constant)
            json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is no text
        except (ValueError, RecursionError):
            return None, "", Fault(Place.BODY, "the body is not JSON in UTF-8")
        body = value if isinstance(value, dict) else None
        reference = schema["$ref"]
        action = ""
        variants = self.variants(operation)
        if variants:
            tag = self.resolve(schema)["discriminator"]["propertyName"]
            named = body.get(tag) if body is not None else None
            if not isinstance(named, str) or named not in variants:
                return body, "", Fault(Place.BODY, f"{tag} is none of the contract")
            action, reference = named, variants[named]
        problem = self.problem(reference, value)
        return body, action, None if problem is None else Fault(Place.BODY, problem)


@cache
def contract() -> Contract:
    """Return the contract; it is read once."""
    return Contract()


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _rule(schema_path: list[str | int]) -> str:
    """The last rule on the way to a problem, such as `maxLength`."""
    return next((str(step) for step in reversed(schema_path) if isinstance(step, str)), "its schema")

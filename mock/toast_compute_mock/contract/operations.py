"""Compile the operations of the contract, and find the one that a method and path belong to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache, cached_property
from importlib.resources import files
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote_to_bytes, urlsplit

import msgspec

from ..rules import RefusedError, Rule
from .redaction_rules import NOTHING_KNOWN, Mask, closed_mask_of, mask_of
from .schemas import Schema, Schemas

_JSON = "application/json"

# What is read for every request is not a named tuple: reading a member of that takes twice as long.


class Parameter(msgspec.Struct, frozen=True):
    """A path or query parameter."""

    name: str
    place: Literal["path", "query"]
    required: bool
    schema: Schema


class Body(msgspec.Struct, frozen=True):
    """A request body: one schema, or one for each value of its tag."""

    schema: Schema | None
    tag: str = ""
    variants: Mapping[str, Schema] = {}


class ReplySchema(msgspec.Struct, frozen=True):
    """What a reply has to keep: a schema of the contract, by name and compiled."""

    name: str
    schema: Schema


class Secrets(msgspec.Struct, frozen=True):
    """What is secret in an exchange."""

    path_pieces: tuple[int, ...]
    """Which pieces of the whole path, counted from the one before its first slash."""
    shown_parameters: frozenset[str]
    """The query parameters that are not secret."""
    has_parameters: bool
    """Whether there are query parameters that are."""
    request: Mask
    """What of the body of the request is kept: the members that the contract knows, but for secrets."""
    has_request: bool
    """Whether something in the body of the request is secret."""
    reply: Mask | None
    """None when nothing in the body of the reply is secret."""


class Operation(msgspec.Struct, frozen=True):
    """One operation. The success schemas are keyed by the tag of the request body, "" standing for none."""

    id: str
    reads: bool
    """Whether it changes nothing."""
    needs_token: bool
    parameters: tuple[Parameter, ...]
    body: Body | None
    successes: Mapping[str, ReplySchema]
    failure: ReplySchema
    secrets: Secrets

    @property
    def actions(self) -> tuple[str, ...]:
        """The actions that its body can be; none for most."""
        return () if self.body is None else tuple(self.body.variants)


class PathTemplate(NamedTuple):
    """A path template in pieces, and the operations on it by method."""

    fixed: tuple[tuple[int, str], ...]
    """The pieces that are not parameters, by place."""
    named: tuple[tuple[int, str], ...]
    """The names of the parameters, by place."""
    operations: Mapping[str, Operation]

    def match(self, pieces: list[str]) -> dict[str, bytes] | None:
        """Return the values of the template's parameters, or None when these pieces are another path."""
        for place, piece in self.fixed:
            given = pieces[place]
            if given != piece and ("%" not in given or unquote_to_bytes(given) != piece.encode()):
                return None
        return {name: unquote_to_bytes(pieces[place]) for place, name in self.named}


class Contract:
    """The strict form of the contract, compiled."""

    def __init__(self) -> None:
        document = json.loads((files("toast_compute_api") / "strict.json").read_bytes())
        self._document: dict[str, Any] = document
        self._schemas = Schemas(document)
        self._prefix: str = urlsplit(document["servers"][0]["url"]).path
        self._templates: dict[int, list[PathTemplate]] = {}
        for path, item in document["paths"].items():
            operations = {method.upper(): self._operation(path, method) for method in item}
            pieces = list(enumerate(path.split("/")))
            template = PathTemplate(
                fixed=tuple((place, piece) for place, piece in pieces if not piece.startswith("{")),
                named=tuple((place, piece[1:-1]) for place, piece in pieces if piece.startswith("{")),
                operations=operations,
            )
            self._templates.setdefault(len(pieces), []).append(template)

    @property
    def document(self) -> dict[str, Any]:
        """The strict form of the contract as it stands in its file; not to be changed."""
        return self._document

    @property
    def prefix(self) -> str:
        """The path before every operation's own path, such as `/compute`."""
        return self._prefix

    @property
    def operations(self) -> list[Operation]:
        """All operations."""
        return [
            operation
            for templates in self._templates.values()
            for template in templates
            for operation in template.operations.values()
        ]

    @cached_property
    def actions(self) -> dict[str, tuple[str, ...]]:
        """The actions of each operation, by its id; none for most."""
        return {operation.id: operation.actions for operation in self.operations}

    def find(self, method: str, path: str) -> tuple[Operation, dict[str, bytes]]:
        """Return the operation and the raw values of its path parameters. HEAD is GET. Raises RefusedError."""
        own = path.removeprefix(self._prefix)
        if len(own) == len(path):
            raise RefusedError(Rule.NO_SUCH_PATH)
        # Taken apart before it is decoded: an encoded slash is a character of a value, never of the path.
        pieces = own.split("/")
        for template in self._templates.get(len(pieces), ()):
            values = template.match(pieces)
            if values is not None:
                operation = template.operations.get("GET" if method == "HEAD" else method)
                if operation is None:
                    raise RefusedError(Rule.NO_SUCH_METHOD)
                return operation, values
        raise RefusedError(Rule.NO_SUCH_PATH)

    def _operation(self, path: str, method: str) -> Operation:
        spec = self._document["paths"][path][method]
        strict = spec["x-strict"]
        body = self._body(spec["requestBody"]["content"][_JSON]["schema"]) if "requestBody" in spec else None
        tags = ("", *(body.variants if body is not None else ()))
        special = {tag: self._reply_schema(name) for tag, name in strict.get("successFor", {}).items()}
        return Operation(
            id=spec["operationId"],
            reads=method == "get",
            needs_token=bool(spec.get("security", self._document["security"])),
            parameters=tuple(
                self._parameter(parameter, ("paths", path, method, "parameters", index))
                for index, parameter in enumerate(spec.get("parameters", []))
            ),
            body=body,
            successes={**dict.fromkeys(tags, self._reply_schema(strict["success"])), **special},
            failure=self._reply_schema(strict["failure"]),
            secrets=self._secrets(path, spec, strict["success"]),
        )

    def _reply_schema(self, name: str) -> ReplySchema:
        return ReplySchema(name, self._schemas.component(name))

    def _secrets(self, path: str, spec: dict[str, Any], success: str) -> Secrets:
        parameters = [self._resolved(parameter) for parameter in spec.get("parameters", [])]
        in_query = [parameter for parameter in parameters if parameter["in"] == "query"]
        hidden = {"{" + parameter["name"] + "}" for parameter in parameters if parameter.get("x-sensitive")}
        body = spec["requestBody"]["content"][_JSON]["schema"] if "requestBody" in spec else {}
        return Secrets(
            path_pieces=tuple(i for i, piece in enumerate((self._prefix + path).split("/")) if piece in hidden),
            shown_parameters=frozenset(p["name"] for p in in_query if not p.get("x-sensitive")),
            has_parameters=any(p.get("x-sensitive") for p in in_query),
            request=closed_mask_of(self._document, body) if body else NOTHING_KNOWN,
            has_request=mask_of(self._document, body) is not None,
            reply=mask_of(self._document, {"$ref": f"#/components/schemas/{success}"}),
        )

    def _resolved(self, parameter: dict[str, Any]) -> dict[str, Any]:
        if "$ref" not in parameter:
            return parameter
        shared: dict[str, Any] = self._document["components"]["parameters"][_last(parameter["$ref"])]
        return shared

    def _parameter(self, spec: dict[str, Any], steps: tuple[str | int, ...]) -> Parameter:
        if "$ref" in spec:
            steps = ("components", "parameters", _last(spec["$ref"]))
            spec = self._document["components"]["parameters"][steps[-1]]
        return Parameter(spec["name"], spec["in"], spec.get("required", False), self._schemas.at(*steps, "schema"))

    def _body(self, reference: dict[str, str]) -> Body:
        name = _last(reference["$ref"])
        spec = self._document["components"]["schemas"][name]
        if "discriminator" not in spec:
            return Body(self._schemas.component(name))
        variants = {
            value: self._schemas.component(_last(variant))
            for value, variant in spec["discriminator"]["mapping"].items()
        }
        return Body(None, spec["discriminator"]["propertyName"], variants)


@cache
def contract() -> Contract:
    """Return the contract; it is compiled once."""
    return Contract()


def _last(reference: str) -> str:
    """Return the component that a `$ref` names."""
    return reference.rpartition("/")[2]

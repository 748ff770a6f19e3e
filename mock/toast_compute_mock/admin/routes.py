"""Route a request to an operation of the admin API, and check it against the document."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qsl, unquote_to_bytes

import msgspec

from ..contract.schemas import Problem, Schema, Schemas
from ..exchange import Request

_JSON = "application/json"
_decode = msgspec.json.Decoder().decode


class AdminError(Exception):
    """A request to the admin API is refused; its text is the sentence that the reply carries."""

    def __init__(self, status: HTTPStatus, message: str, *headers: tuple[str, str]) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers


def malformed(place: str, reason: str) -> AdminError:
    """Return the refusal of a wrong value."""
    return AdminError(HTTPStatus.BAD_REQUEST, f"{place}: {reason}")


class Parameter(NamedTuple):
    """A path or query parameter."""

    name: str
    place: Literal["path", "query"]
    type: str
    default: Any
    schema: Schema


class Operation(NamedTuple):
    """One operation."""

    id: str
    status: int
    """The HTTP status of its success."""
    parameters: tuple[Parameter, ...]
    takes_body: bool
    body: Schema | None
    """None also where the handler reads the body: a refusal by a union of unions would name no place."""
    defaults: dict[str, Any]
    """Of the members of the body."""


class Call(NamedTuple):
    """The checked parameters and body of a request."""

    parameters: Mapping[str, Any]
    """By name, with the defaults of the document."""
    body: Any
    content: bytes
    """The body as it came."""


class Routes:
    """All operations of a document, compiled when they are first asked for."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._schemas = Schemas(document)
        self._known: dict[tuple[str, str], Operation] = {}
        self._templates = {path: path.split("/") for path in document["paths"]}

    def find(self, method: str, path: str) -> tuple[Operation, dict[str, str]]:
        """Return the operation and its path parameters; HEAD is GET. Raises AdminError."""
        method = "get" if method == "HEAD" else method.lower()
        pieces = path.split("/")  # taken apart before it is decoded: an encoded slash belongs to a value
        allowed: list[str] = []
        for template, steps in sorted(self._templates.items(), key=lambda item: "{" in item[0]):
            values = _match(steps, pieces)
            if values is None:
                continue
            if method in self._document["paths"][template]:
                return self._operation(template, method), values
            allowed += [name.upper() for name in self._document["paths"][template]]
        if not allowed:
            raise AdminError(HTTPStatus.NOT_FOUND, "the admin API has no such path; /_mock/openapi.json lists them")
        allow = ", ".join(allowed)
        raise AdminError(HTTPStatus.METHOD_NOT_ALLOWED, f"the method must be {' or '.join(allowed)}", ("allow", allow))

    def operations(self) -> list[Operation]:
        """Return all operations."""
        return [self._operation(path, method) for path, item in self._document["paths"].items() for method in item]

    def _operation(self, path: str, method: str) -> Operation:
        known = self._known.get((path, method))
        if known is None:
            known = self._known[path, method] = self._compile(path, method)
        return known

    def _compile(self, path: str, method: str) -> Operation:
        spec = self._document["paths"][path][method]
        steps = ("paths", path, method)
        body = spec.get("requestBody", {})
        has_schema = bool(body) and not body.get("x-read-by-handler", False)
        return Operation(
            id=spec["operationId"],
            status=next(int(status) for status in spec["responses"] if status.startswith("2")),
            parameters=tuple(
                self._parameter(parameter, (*steps, "parameters", index))
                for index, parameter in enumerate(spec.get("parameters", []))
            ),
            takes_body=bool(body),
            body=self._schemas.at(*steps, "requestBody", "content", _JSON, "schema") if has_schema else None,
            defaults=self._defaults(body["content"][_JSON]["schema"]) if has_schema else {},
        )

    def _defaults(self, reference: dict[str, str]) -> dict[str, Any]:
        schema = self._document["components"]["schemas"][reference["$ref"].rpartition("/")[2]]
        return {name: member["default"] for name, member in schema["properties"].items() if "default" in member}

    def _parameter(self, spec: dict[str, Any], steps: tuple[str | int, ...]) -> Parameter:
        if "$ref" in spec:
            steps = ("components", "parameters", spec["$ref"].rpartition("/")[2])
            spec = self._document["components"]["parameters"][steps[-1]]
        schema = spec["schema"]
        return Parameter(
            spec["name"],
            spec["in"],
            schema.get("type", "string"),
            schema.get("default"),
            self._schemas.at(*steps, "schema"),
        )


def read_call(operation: Operation, in_path: Mapping[str, str], query: str, request: Request) -> Call:
    """Return the parameters and body of a request. Raises AdminError, which names one place and one reason."""
    parameters = _read_parameters(operation, in_path, query)
    if not operation.takes_body:
        return Call(parameters, None, b"")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    # A page of another site can make a browser send other types without asking first.
    if kind != _JSON:
        raise AdminError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"content-type: must be {_JSON}")
    try:
        body = _decode(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise malformed("body", "is not valid JSON in UTF-8") from None
    problem = None if operation.body is None else operation.body.problem(body, "body")
    if problem is not None:
        raise _as_admin_error(problem)
    return Call(parameters, operation.defaults | body if operation.defaults else body, request.body)


def _read_parameters(operation: Operation, in_path: Mapping[str, str], query: str) -> dict[str, Any]:
    pairs = parse_qsl(query, keep_blank_values=True, errors="replace")
    names = [parameter.name for parameter in operation.parameters if parameter.place == "query"]
    for name, _ in pairs:
        if name not in names:
            known = f"known are {', '.join(names)}" if names else "this operation has none"
            raise AdminError(HTTPStatus.BAD_REQUEST, f"query: there is a parameter that is not known; {known}")
    in_query = dict(pairs)
    values: dict[str, Any] = {}
    for parameter in operation.parameters:
        name = parameter.name
        text = in_path.get(name) if parameter.place == "path" else in_query.get(name)
        if text is None:
            values[name] = parameter.default
            continue
        if sum(given == name for given, _ in pairs) > 1:
            raise malformed(name, "is given more than once")
        values[name] = _read_text(text, parameter.type)
        problem = parameter.schema.problem(values[name], name)
        if problem is not None:
            raise _as_admin_error(problem)
    return values


def _read_text(text: str, kind: str) -> Any:
    """Return a parameter's value; what is not of its type stays text, and its schema refuses it."""
    if kind == "string":
        return text
    try:
        value = _decode(text.encode())
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return text
    return value if isinstance(value, bool | int | float) else text


def _match(steps: list[str], pieces: list[str]) -> dict[str, str] | None:
    if len(steps) != len(pieces):
        return None
    values: dict[str, str] = {}
    for step, piece in zip(steps, pieces, strict=True):
        if step.startswith("{"):
            values[step[1:-1]] = unquote_to_bytes(piece).decode("utf-8", "replace")
        elif step != piece:
            return None
    return values


def _as_admin_error(problem: Problem) -> AdminError:
    return malformed(problem.path, problem.reason)

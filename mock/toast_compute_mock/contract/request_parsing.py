"""Check and decode the parameters and the body of a request."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

import msgspec

from ..exchange import JsonObject
from ..rules import RefusedError, Rule
from .operations import Body, Operation
from .schemas import Problem

_decode = msgspec.json.Decoder().decode


def read_parameters(operation: Operation, in_path: Mapping[str, bytes], query: str) -> dict[str, str]:
    """Return the operation's parameters by name, without those that were left out. Raises RefusedError."""
    in_query = _split(query)
    values: dict[str, str] = {}
    for parameter in operation.parameters:
        name = parameter.name
        given = [in_path[name]] if parameter.place == "path" else in_query.get(name, [])
        if not given:
            if parameter.required:
                raise _malformed(Problem(name, "is missing"))
            continue
        if len(given) > 1:
            raise _malformed(Problem(name, "is given more than once"))
        try:
            value = given[0].decode()
        except UnicodeDecodeError:
            raise _malformed(Problem(name, "is not UTF-8")) from None
        problem = parameter.schema.problem(value, name)
        if problem is not None:
            raise _malformed(problem)
        values[name] = value
    return values


def read_body(body: Body, content: bytes) -> JsonObject:
    """Decode a request body and hold it against its schema, or against the variant that its tag names.

    Raises RefusedError.
    """
    try:
        value = _decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise RefusedError(Rule.NOT_JSON) from None
    schema = body.schema
    if schema is None:
        if not isinstance(value, dict):
            raise _malformed(Problem("body", "must be an object"))
        if body.tag not in value:
            raise _malformed(Problem(body.tag, "is missing"))
        tag = value[body.tag]
        if not isinstance(tag, str) or tag not in body.variants:
            raise _malformed(Problem(body.tag, "must be " + " or ".join(body.variants)))
        schema = body.variants[tag]
    problem = schema.problem(value, "body")
    if problem is not None:
        raise _malformed(problem)
    checked: JsonObject = value
    return checked


def _split(query: str) -> dict[str, list[bytes]]:
    """Return the query's values by name, as bytes: whether they are UTF-8 matters only for those that are read."""
    values: dict[str, list[bytes]] = {}
    for pair in query.split("&") if query else ():
        name, _, value = pair.replace("+", " ").partition("=")
        values.setdefault(unquote_to_bytes(name).decode("utf-8", "replace"), []).append(unquote_to_bytes(value))
    return values


def _malformed(problem: Problem) -> RefusedError:
    return RefusedError(Rule.MALFORMED, path=problem.path, reason=problem.reason)

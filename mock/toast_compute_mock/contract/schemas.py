"""Check a value against a schema of the contract, and describe the first problem."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import quote

from jsonschema_rs import Draft202012Validator, Registry, ValidationError, ValidationErrorKind

_BASE = "urn:contract"
_NAME_LIMIT = 60  # a name that the client made up is cut here before it goes into a message

_TYPES = {
    "array": "an array",
    "boolean": "a boolean",
    "integer": "an integer",
    "null": "null",
    "number": "a number",
    "object": "an object",
    "string": "a string",
}
_FORMATS = {"ipv4": "an IPv4 address"}


class Problem(NamedTuple):
    """What is wrong with a value: where, and why. Never the value itself."""

    path: str
    reason: str


class Schema:
    """One schema of the contract, compiled."""

    def __init__(self, validator: Draft202012Validator) -> None:
        self._validator = validator
        self.is_valid: Callable[[object], bool] = validator.is_valid
        """Says whether a decoded JSON value keeps it, two or three times as fast as asking for the errors."""

    def problem(self, value: object, root: str) -> Problem | None:
        """Return the first thing that is wrong with a decoded JSON value, or None; `root` names the value itself."""
        if self.is_valid(value):
            return None
        return _problem(next(iter(self._validator.iter_errors(value))), root)


class Schemas:
    """All schemas of the contract. `document` is the strict form of it."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._registry = Registry([(_BASE, document)])

    def component(self, name: str) -> Schema:
        """Compile the schema component of this name."""
        return self.at("components", "schemas", name)

    def at(self, *steps: str | int) -> Schema:
        """Compile the schema at the end of these steps into the document."""
        pointer = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)
        return Schema(
            Draft202012Validator({"$ref": f"{_BASE}#{quote(pointer)}"}, registry=self._registry, validate_formats=True)
        )


def _problem(error: ValidationError, root: str) -> Problem:
    path = list(error.instance_path)
    kind = error.kind
    if isinstance(kind, ValidationErrorKind.Required):
        return Problem(_spell([*path, kind.property], root), "is missing")
    if isinstance(kind, ValidationErrorKind.AdditionalProperties):
        return Problem(_spell([*path, kind.unexpected[0][:_NAME_LIMIT]], root), "is not a known member")
    if isinstance(kind, ValidationErrorKind.OneOfNotValid):
        return Problem(_spell(path, root), _of_the_branches(kind.context))
    return Problem(_spell(path, root), _reason(kind))


def _spell(path: list[str | int], root: str) -> str:
    """Return a path as people write it: `instance.networks[0].subnetId`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text or root


def _of_the_branches(branches: list[list[ValidationError]]) -> str:
    """Return a union's reason: that of its first branch, and whether null would do."""
    (first, *_), *others = branches
    nullable = any(isinstance(e.kind, ValidationErrorKind.Type) and e.kind.types == ["null"] for (e, *_) in others)
    return _reason(first.kind) + (" or null" if nullable else "")


def _reason(kind: ValidationErrorKind) -> str:
    match kind:
        case ValidationErrorKind.Type(types):
            return "must be " + " or ".join(_TYPES[name] for name in types)
        case ValidationErrorKind.MinLength(limit):
            return "is empty" if limit == 1 else "is too short"
        case ValidationErrorKind.MaxLength():
            return "is too long"
        case ValidationErrorKind.Pattern():
            return "has characters that are not allowed"
        case ValidationErrorKind.Enum(options):
            return "must be " + " or ".join(str(option) for option in options)
        case ValidationErrorKind.Constant(expected):
            return f"must be {expected}"
        case ValidationErrorKind.Format(name):
            return f"must be {_FORMATS.get(name, 'of the format ' + name)}"
        case ValidationErrorKind.Minimum(limit):
            return f"must be at least {limit}"
        case ValidationErrorKind.Maximum(limit):
            return f"must be at most {limit}"
        case ValidationErrorKind.MultipleOf(factor):
            return f"must be a multiple of {factor:g}"
        case ValidationErrorKind.MinItems(limit):
            return f"needs at least {limit} entry" if limit == 1 else f"needs at least {limit} entries"
        case ValidationErrorKind.MinProperties(limit):
            return f"needs at least {limit} member" if limit == 1 else f"needs at least {limit} members"
        case ValidationErrorKind.FalseSchema():  # what becomes of a closed object without members
            return "must be empty"
        case _:
            return f"breaks the rule {kind.name} of the contract"

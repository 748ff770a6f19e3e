"""Validation: arguments become a request that the contract allows, or an error that names the field.

Structure and names are checked here, by the field's path on the wire. The limits of values are those of the contract,
and the generated code checks them.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NoReturn, TypeGuard, TypeVar, get_args

import msgspec
from toast_compute_runtime.models import OpenEnum, plain, refuse_unknown
from toast_compute_runtime.problems import Finding, explain

from ._redaction import Secret
from .errors import ConfigurationError, InvalidRequestError

M = TypeVar("M", bound=msgspec.Struct)

# Thirty million years. Infinity and integers beyond floats are refused.
_MAX_SECONDS = 1e15
# No request of the contract nests half as deeply; a list that holds itself nests without limit.
_DEEPEST = 10


def refuse(operation: str, path: str, reason: str) -> NoReturn:
    """Raise the error of a request that cannot be sent."""
    raise InvalidRequestError.of(operation, ((path, reason),))


def text(operation: str, path: str, value: object) -> str:
    """Return a string as a plain `str`.

    Raises:
        InvalidRequestError: it is not a string. (JSON encoders silently write bytes and UUIDs as strings, and a list
            without an id means "all".)
    """
    if not isinstance(value, str):
        refuse(operation, path, f"expected a string, got {_name(value)}")
    if not is_unicode(value):
        refuse(operation, path, "is not valid Unicode text")
    return str.__str__(value)


def check_secret_text(operation: str, path: str, value: Secret) -> None:
    """Refuse a secret that `text` refuses. The frames of `text`, which hold the secret, are not in the traceback."""
    try:
        text(operation, path, value.reveal())
        return
    except InvalidRequestError as problem:
        refusal = problem.with_traceback(None)
    raise refusal


def texts(operation: str, path: str, values: object) -> list[str]:
    """Return strings as a list of plain `str`.

    Raises:
        InvalidRequestError: it is one string, or not a collection, or an entry is not a string; the path has its index.
    """
    if isinstance(values, str):
        refuse(operation, path, f"expected a list of {path}, got one string")
    if not _is_iterable(values):
        refuse(operation, path, f"expected a list of {path}, got {_name(values)}")
    return [text(operation, f"{path}[{index}]", value) for index, value in enumerate(values)]


def one_of(operation: str, path: str, value: object, allowed: Iterable[str]) -> str:
    """Return one of the allowed strings as a plain `str`.

    Raises:
        InvalidRequestError: it is not one of them; the message has them all.
    """
    known = tuple(allowed)
    # Strings only: comparing with an array returns an array.
    if not isinstance(value, str) or value not in known:
        refuse(operation, path, f"expected one of {', '.join(known)}")
    return str.__str__(value)


def is_unicode(value: str) -> bool:
    """Return whether a string can be sent; one with a lone surrogate cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def one_or_many(value: object) -> list[Any]:
    """Return several values as a list, and one value as a list of one."""
    return list(value) if _is_several(value) else [value]


def as_model(type_: type[M], value: object, *, operation: str, path: str) -> M:
    """Return a request model from a model, or from a mapping with snake_case names or wire names at any depth.

    Raises:
        InvalidRequestError: it is neither, or a member is unknown, missing, given twice or not a plain value.
    """
    if isinstance(value, type_):
        check_leaves(value, operation=operation, path=path)
        return value
    if not is_mapping(value):
        refuse(operation, path, f"expected a mapping or {type_.__name__}, got {_name(value)}")
    fields = {field.name: field for field in msgspec.structs.fields(type_)}
    by_wire_name = {field.encode_name: field for field in fields.values()}
    members: dict[str, Any] = {}
    for key, member in value.items():
        field = fields.get(key) or by_wire_name.get(key)
        if field is None:
            if key == type_.__struct_config__.tag_field:
                continue
            refuse(operation, _join(path, key), f"there is no such member{suggestion(key, fields)}")
        inner = _join(path, field.encode_name)
        if field.name in members:
            refuse(operation, inner, "is given twice")
        nested = _struct(field.type)
        if nested is not None and member is not None and member is not msgspec.UNSET:
            member = as_model(nested, member, operation=operation, path=inner)
        check_leaves(member, operation=operation, path=inner)
        members[field.name] = member
    for field in fields.values():
        if field.required and field.name not in members:
            refuse(operation, _join(path, field.encode_name), "is missing")
    return make_model(type_, members, operation=operation, path=path)


def make_model(type_: type[M], members: Mapping[str, Any], *, operation: str, path: str) -> M:
    """Return a model with these members. A broken rule of the model as a whole is reported with the path."""
    try:
        return type_(**members)
    except (TypeError, ValueError) as problem:
        finding = explain(str(problem))
    refuse(operation, _member_path(path, finding.path), finding.reason)


def check_leaves(value: object, *, operation: str, path: str, depth: int = 0) -> None:
    """Refuse bytes and other objects that the JSON encoder would silently write as strings."""
    if depth > _DEEPEST:
        # The path repeats itself where a value holds itself; it is cut to where that began.
        refuse(operation, re.sub(r"(\[\d+\])+$|(\.[A-Za-z]+)\2+$", r"\2", path), "is nested too deeply")
    if isinstance(value, msgspec.Struct):
        for field in msgspec.structs.fields(type(value)):
            inner = _join(path, field.encode_name)
            check_leaves(getattr(value, field.name), operation=operation, path=inner, depth=depth + 1)
    elif is_sequence(value):
        for index, item in enumerate(value):
            check_leaves(item, operation=operation, path=f"{path}[{index}]", depth=depth + 1)
    elif isinstance(value, str):
        text(operation, path, value)
    elif not isinstance(value, int | float | msgspec.UnsetType | None):
        refuse(operation, path, f"cannot be {_name(value)}")


class Findings:
    """Collects all findings of one request, not only the first."""

    def __init__(self, operation: str) -> None:
        self._operation = operation
        self._found: dict[str, str] = {}

    def model(self, type_: type[M], value: object, path: str) -> M | None:
        """Return a request model as `as_model` does, or None when there are findings."""
        try:
            return as_model(type_, value, operation=self._operation, path=path)
        except InvalidRequestError as error:
            self._add(error.findings)
            return None

    def check(self, type_: Any, value: Any, path: str) -> None:
        """Check a value against its type in the contract."""
        try:
            check_leaves(value, operation=self._operation, path=path)
        except InvalidRequestError as error:
            self._add(error.findings)
        self._add(violations(type_, value, path))

    def _add(self, findings: Iterable[tuple[str, str]]) -> None:
        for path, reason in findings:
            self._found.setdefault(path, reason)

    def raise_if_any(self) -> None:
        """Raise InvalidRequestError with all findings, if there are any."""
        if self._found:
            raise InvalidRequestError.of(self._operation, tuple(self._found.items()))


def violations(type_: Any, value: Any, path: str) -> Iterator[Finding]:
    """Yield each finding in a value of models, lists and plain values, checked against its type."""
    try:
        read = msgspec.convert(msgspec.to_builtins(value, enc_hook=plain), type_)
        # Enums accept unknown values, since replies are read leniently. The model of a request refuses them, but is not
        # created when another member is invalid.
        if isinstance(read, OpenEnum):
            refuse_unknown("", read)
    except RecursionError:
        yield Finding(path, "is nested too deeply")
    except (msgspec.ValidationError, TypeError, ValueError) as problem:
        within = [finding for part in _parts(type_, value, path) for finding in violations(*part)]
        if within:
            yield from within
            return
        finding = explain(str(problem))
        yield Finding(_member_path(path, finding.path), finding.reason)


def _parts(type_: Any, value: Any, path: str) -> Iterator[tuple[Any, Any, str]]:
    """Yield the parts of a value, each with its own type and path."""
    if isinstance(value, msgspec.Struct):
        for field in msgspec.structs.fields(value):
            member = getattr(value, field.name)
            if member is not msgspec.UNSET:
                yield field.type, member, _join(path, field.encode_name)
    elif is_list(value):
        item_type = _item_type(type_)
        for index, item in enumerate(value):
            yield item_type, item, f"{path}[{index}]"


def _item_type(type_: Any) -> Any:
    """Return the type of a list's items, also within annotations and unions."""
    if getattr(type_, "__origin__", None) is list:
        return get_args(type_)[0]
    return next((_item_type(part) for part in get_args(type_) if get_args(part)), Any)


def _member_path(path: str, name: str) -> str:
    if not path or not name:
        return path or name
    return f"{path}{name}" if name.startswith("[") else f"{path}.{name}"


def is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    """Return whether a value is a mapping."""
    return isinstance(value, Mapping)


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Return whether a value is a list."""
    return isinstance(value, list)


def _is_several(value: object) -> TypeGuard[Iterable[Any]]:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping | msgspec.Struct)


def _is_iterable(value: object) -> TypeGuard[Iterable[Any]]:
    return isinstance(value, Iterable)


def is_sequence(value: object) -> TypeGuard[Sequence[Any]]:
    """Return whether a value is a list or a tuple."""
    return isinstance(value, list | tuple)


def _struct(type_: Any) -> type[msgspec.Struct] | None:
    candidates = (type_, *get_args(type_))
    return next((type_ for type_ in candidates if isinstance(type_, type) and issubclass(type_, msgspec.Struct)), None)


def _join(path: str, name: object) -> str:
    return f"{path}.{name}" if path else str(name)


def _name(value: object) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"


def suggestion(key: object, names: Iterable[str]) -> str:
    """Return the end of a message about an unknown name: the closest name, or all names."""
    known = sorted(names)
    close = difflib.get_close_matches(str(key), known, n=1)
    if close:
        return f", did you mean {close[0]}?"
    return f"; there are {', '.join(known)}" if known else ", it has no members"


def is_seconds(value: object) -> TypeGuard[int | float]:
    """Return whether a value is a finite number that clocks can add, and not a boolean."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _MAX_SECONDS


def check_methods(name: str, value: object, methods: Iterable[str], protocol: str) -> None:
    """Raise ConfigurationError when an object that the user passed lacks a method of its protocol."""
    missing = [method for method in methods if not callable(getattr(value, method, None))]
    if isinstance(value, type) or missing:
        lacks = "it is a class, not an object" if isinstance(value, type) else f"it has no {missing[0]}"
        raise ConfigurationError(f"The {name} cannot be used: {lacks} (see {protocol}).")

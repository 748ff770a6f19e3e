"""How does what a caller passes become a request that the contract allows?

Structure and names are sorted out here, with the field's path on the wire; every limit of a value is the contract's and
is checked by the generated code.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NoReturn, TypeGuard, TypeVar, get_args

import msgspec
from toast_compute_runtime.operation import InvalidRequest, Request
from toast_compute_runtime.problems import explain

from ._secret import Secret
from .errors import InvalidRequestError

S = TypeVar("S")
M = TypeVar("M", bound=msgspec.Struct)

# No request of the contract has lists in lists; one that holds itself has no end.
_DEEPEST = 10


def build(make: Callable[[], Request[S]]) -> Request[S]:
    """Return the request that `make` makes.

    Raises:
        InvalidRequestError: it breaks the contract; names the operation and the field's path, never the value.
    """
    try:
        return make()
    except InvalidRequest as problem:
        operation, path, reason = problem.operation, problem.field, problem.reason
    # Outside of the handler: the traceback of the generated code would show the values.
    raise _refusal(operation, path, reason)


def refuse(operation: str, path: str, reason: str) -> NoReturn:
    """Raise the error of a request that cannot be sent."""
    raise _refusal(operation, path, reason)


def _refusal(operation: str, path: str, reason: str) -> InvalidRequestError:
    return InvalidRequestError.of(operation, ((path, reason),))


def text(operation: str, path: str, value: object) -> str:
    """Return a value that must be a string, as exactly that.

    Raises:
        InvalidRequestError: it is none. (JSON encoders write bytes and UUIDs as strings without a word, and a missing
            id on a list means "all".)
    """
    if not isinstance(value, str):
        refuse(operation, path, f"expected a string, got {_name(value)}")
    if not is_unicode(value):
        refuse(operation, path, "is no valid Unicode text")
    return str.__str__(value)


def check_secret_text(operation: str, path: str, value: Secret) -> None:
    """Refuse a secret that `text` refuses, without its frames in the traceback, which would show it."""
    try:
        text(operation, path, value.reveal())
        return
    except InvalidRequestError as problem:
        refusal = problem.with_traceback(None)
    raise refusal


def texts(operation: str, path: str, values: object) -> list[str]:
    """Return what must be several strings, each at its place in the path.

    Raises:
        InvalidRequestError: it is one string, or no collection, or holds something else than strings.
    """
    if isinstance(values, str):
        refuse(operation, path, f"expected a list of {path}, got one string")
    if not _is_iterable(values):
        refuse(operation, path, f"expected a list of {path}, got {_name(values)}")
    return [text(operation, f"{path}[{index}]", value) for index, value in enumerate(values)]


def one_of(operation: str, path: str, value: object, allowed: Iterable[str]) -> str:
    """Return a value that must be one of some strings, as exactly that.

    Raises:
        InvalidRequestError: it is none of them; names them all.
    """
    known = tuple(allowed)
    # Strings only: what an array makes of being compared is no answer.
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
    """Return a list of what may be one thing or several."""
    return list(value) if _is_several(value) else [value]


def as_model(type_: type[M], value: object, *, operation: str, path: str) -> M:
    """Return a request model from a model or from a mapping with snake_case or wire names, nested ones too.

    Raises:
        InvalidRequestError: it is neither, or a member is unknown, doubled, missing or no plain value.
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
    """Return a model made of members; a rule of the model as a whole that is broken is told with the path."""
    try:
        return type_(**members)
    except (TypeError, ValueError) as problem:
        finding = explain(str(problem))
    refuse(operation, _join(path, finding.path) if finding.path else path, finding.reason)


def check_leaves(value: object, *, operation: str, path: str, depth: int = 0) -> None:
    """Refuse bytes and other objects that the JSON encoder would turn into strings of its own making."""
    if depth > _DEEPEST:
        # Where it began, as far as that can be told from a path that repeats itself.
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


def is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    """Return whether a value is a mapping of anything."""
    return isinstance(value, Mapping)


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Return whether a value is a list of anything."""
    return isinstance(value, list)


def _is_several(value: object) -> TypeGuard[Iterable[Any]]:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping | msgspec.Struct)


def _is_iterable(value: object) -> TypeGuard[Iterable[Any]]:
    return isinstance(value, Iterable)


def is_sequence(value: object) -> TypeGuard[Sequence[Any]]:
    """Return whether a value is a list or a tuple of anything."""
    return isinstance(value, list | tuple)


def _struct(type_: Any) -> type[msgspec.Struct] | None:
    candidates = (type_, *get_args(type_))
    return next((one for one in candidates if isinstance(one, type) and issubclass(one, msgspec.Struct)), None)


def _join(path: str, name: object) -> str:
    return f"{path}.{name}" if path else str(name)


def _name(value: object) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"


def suggestion(key: object, names: Iterable[str]) -> str:
    """Return what to say behind an unknown name: which one may be meant, or which there are."""
    known = sorted(names)
    close = difflib.get_close_matches(str(key), known, n=1)
    if close:
        return f", did you mean {close[0]}?"
    return f"; there are {', '.join(known)}" if known else ", it has no members"

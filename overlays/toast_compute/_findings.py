"""What is all that is wrong with a request, and not only the first of it?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar, get_args

import msgspec
from toast_compute_runtime.models import plain, refuse_unknown
from toast_compute_runtime.problems import Finding, explain

from ._input import is_list
from .errors import InvalidRequestError

T = TypeVar("T")


class Findings:
    """Collects what is wrong with one request of an operation."""

    def __init__(self, operation: str) -> None:
        self._operation = operation
        self._found: dict[str, str] = {}

    def of(self, work: Callable[[], T]) -> T | None:
        """Return what some work on a part of the request returns, or None when it finds something wrong."""
        try:
            return work()
        except InvalidRequestError as error:
            for path, reason in error.findings:
                self._found.setdefault(path, reason)
            return None

    def of_value(self, type_: Any, value: Any, path: str) -> None:
        """Hold a value against the type that the contract gives it."""
        for finding in violations(type_, value, path):
            self._found.setdefault(finding.path, finding.reason)

    def raise_if_any(self) -> None:
        """Raise InvalidRequestError with everything that was found."""
        if self._found:
            raise InvalidRequestError.of(self._operation, tuple(self._found.items()))


def violations(type_: Any, value: Any, path: str) -> Iterator[Finding]:
    """Find every place in a value of models, lists and plain values that its type does not allow."""
    try:
        read = msgspec.convert(msgspec.to_builtins(value, enc_hook=plain), type_)
        # Enums are read openly; in a model of a request an unknown value is refused by the model as a whole, which is
        # not reached when another member is wrong.
        refuse_unknown("", read)
    except RecursionError:
        yield Finding(path, "is nested too deeply")
    except (msgspec.ValidationError, TypeError, ValueError) as problem:
        within = [finding for part in _parts(type_, value, path) for finding in violations(*part)]
        if within:
            yield from within
            return
        finding = explain(str(problem))
        yield Finding(_join(path, finding.path), finding.reason)


def _parts(type_: Any, value: Any, path: str) -> Iterator[tuple[Any, Any, str]]:
    """The parts of a value, each with its own type and path."""
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
    """The type of a list's items, also where the list is annotated or one of several possibilities."""
    if getattr(type_, "__origin__", None) is list:
        return get_args(type_)[0]
    return next((_item_type(part) for part in get_args(type_) if get_args(part)), Any)


def _join(path: str, name: str) -> str:
    if not path or not name:
        return path or name
    return f"{path}{name}" if name.startswith("[") else f"{path}.{name}"

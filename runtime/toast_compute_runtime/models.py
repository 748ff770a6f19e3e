"""The base classes of models: open enums, masked secrets and UTC times."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar, Self

import msgspec

MASK = "***"


class OpenEnum(StrEnum):
    """A string enum that survives values the contract does not know yet.

    ``Status("NEW")`` gives a member-like value whose ``is_known`` is False. It equals, hashes, encodes, pickles and
    copies as its string. Such values are not remembered, so a service that invents many of them costs no memory.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        unknown = str.__new__(cls, value)
        unknown._name_ = "UNKNOWN"
        unknown._value_ = value
        return unknown

    @property
    def is_known(self) -> bool:
        """Whether the contract lists this value."""
        return self._value_ in type(self)._value2member_map_

    def __repr__(self) -> str:
        if self.is_known:
            return f"<{type(self).__name__}.{self._name_}: {self._value_!r}>"
        return f"<{type(self).__name__} unknown value: {self._value_!r}>"

    def __reduce_ex__(self, protocol: Any) -> tuple[type[Self], tuple[str]]:
        return type(self), (self._value_,)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self


class _Model(msgspec.Struct, frozen=True, kw_only=True):
    """The base of both directions: secrets are masked in every repr."""

    _masked: ClassVar[frozenset[str]] = frozenset()

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [(name, self._shown(name)) for name in self.__struct_fields__]

    def __repr__(self) -> str:
        members = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({members})"

    def _shown(self, name: str) -> Any:
        value = getattr(self, name)
        absent = value is None or value is msgspec.UNSET
        return MASK if name in self._masked and not absent else value


class RequestModel(_Model, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A model that is sent. Strict: unknown members are refused; a member left UNSET is not sent, null is."""


class ReplyModel(_Model, frozen=True, kw_only=True, omit_defaults=True):
    """A model that is received. Lenient: unknown members are ignored, a missing optional member is None."""


def plain(value: Any) -> Any:
    """Return a string or a number of a derived type, such as numpy's, as a plain one. For msgspec's `enc_hook`."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int | float):
        return int(value) if isinstance(value, int) else float(value)
    raise TypeError


def as_utc(moment: datetime) -> datetime:
    """Return the same moment as an aware UTC datetime; one without a zone is UTC already (guide: times end in Z).

    Raises:
        ValueError: The moment lies outside of the years that a datetime can hold.
    """
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("the time is out of range") from None


def refuse_unknown(field: str, value: object) -> None:
    """Refuse, in a request, an enum value that the contract does not list.

    Raises:
        ValueError: The value is unknown.
    """
    if isinstance(value, OpenEnum) and not value.is_known:
        known = ", ".join(repr(str(member)) for member in type(value))
        raise ValueError(f"`{field}` must be one of {known}")

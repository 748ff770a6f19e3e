"""What do all parts of a fault rule have in common, in Python and in JSON?"""

from __future__ import annotations

import re

import msgspec

from ..exchange import Reply


class Term(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """The base of what a rule is made of. It cannot be changed, and is written in camel case as JSON."""


def _kebab(class_name: str) -> str:
    """`ShortBody` as `short-body`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", class_name).lower()


class BaseEffect(Term, frozen=True, tag_field="kind", tag=_kebab):
    """What goes wrong. Without more said, the operation is carried out once and its reply arrives as it is."""

    @property
    def kind(self) -> str:
        """The effect's name in JSON, such as `short-body`."""
        return str(self.__struct_config__.tag)

    @property
    def commits(self) -> bool:
        """Whether the operation is carried out."""
        return True

    @property
    def times(self) -> int:
        """How often it is carried out, where it is."""
        return 1

    @property
    def fails(self) -> bool:
        """Whether the changes of status that the operation begins end in ERROR."""
        return False

    @property
    def stale(self) -> bool:
        """Whether it is answered from what was there before the last write."""
        return False

    @property
    def says(self) -> str:
        """What happens, in words that can follow `createInstance: `."""
        raise NotImplementedError

    def apply(self, reply: Reply) -> Reply:
        """Return what becomes of the reply that would have been given.

        Where the operation is not carried out, `reply` has nothing in it that matters.
        """
        return reply


def carried_out(commit: bool) -> str:
    """The beginning of what an effect says."""
    return "carried out" if commit else "not carried out"

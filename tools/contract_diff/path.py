"""Schemas with their location, and what they are once references are followed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from generator.contract.document import pointer_of, resolve
from generator.contract.references import component_name

from .changes import Location

_NULL = "null"
_ONE_AND_NULL = 2


@dataclass(frozen=True, slots=True)
class LocatedSchema:
    """A schema of a contract and its location."""

    data: dict[str, Any]
    """The whole contract."""
    schema: dict[str, Any]
    pointer: str

    def at(self, *keys: object) -> str:
        """Return the pointer of something in it."""
        pointer = self.pointer
        for key in keys:
            pointer = pointer_of(pointer, key)
        return pointer

    def below(self, *keys: Any) -> LocatedSchema:
        """Return the schema below these keys."""
        schema: Any = self.schema
        for key in keys:
            schema = schema[key]
        return replace(self, schema=schema, pointer=self.at(*keys))

    def followed(self) -> LocatedSchema:
        """Return the schema that it refers to, or itself."""
        place = self
        while "$ref" in place.schema:
            reference = place.schema["$ref"]
            place = replace(place, schema=resolve(place.data, reference), pointer=reference)
        return place

    @property
    def name(self) -> str:
        """What it is called where it is used: the name of a component, or `an inline schema`."""
        return component_name(self.schema) or "an inline schema"

    def without_null(self) -> tuple[LocatedSchema, bool]:
        """Return the schema of all values but null, and whether it allows null."""
        types = self.schema.get("type")
        if isinstance(types, list) and _NULL in types:
            rest = [type_ for type_ in types if type_ != _NULL]
            return replace(self, schema={**self.schema, "type": rest[0] if len(rest) == 1 else rest}), True
        forms = self.schema.get("oneOf", [])
        others = [index for index, form in enumerate(forms) if form != {"type": _NULL}]
        if len(others) == 1 and len(forms) <= _ONE_AND_NULL:
            return self.below("oneOf", others[0]), len(forms) == _ONE_AND_NULL
        return self, False

    def members(self) -> dict[str, LocatedSchema]:
        """Return the members of an object by name, those of all its parts."""
        return {
            name: part.below("properties", name) for part in self._parts() for name in part.schema.get("properties", {})
        }

    def required(self) -> frozenset[str]:
        """Return which members have to be there."""
        return frozenset(name for part in self._parts() for name in part.schema.get("required", []))

    def forms(self) -> dict[str, LocatedSchema]:
        """Return the forms of a union, by tag where they have one, otherwise by name."""
        mapping = self.schema.get("discriminator", {}).get("mapping", {})
        tags = {reference: tag for tag, reference in mapping.items()}
        forms = {}
        for index, form in enumerate(self.schema.get("oneOf", [])):
            place = self.below("oneOf", index)
            forms[tags.get(form.get("$ref"), component_name(form) or f"form {index + 1}")] = place
        return forms

    def _parts(self) -> Iterator[LocatedSchema]:
        yield self
        for index in range(len(self.schema.get("allOf", []))):
            yield from self.below("allOf", index).followed()._parts()


def location(was: LocatedSchema, now: LocatedSchema, *keys: object) -> Location:
    """Return the location of something that is, or may be, in two schemas."""
    return Location(was.at(*keys), now.at(*keys))

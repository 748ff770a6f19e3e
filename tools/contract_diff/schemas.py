"""The comparison of schemas, each in the direction in which it travels."""

from __future__ import annotations

from typing import Any

from generator.contract.references import SCHEMAS

from .changes import Changes, Direction, Location, formatted
from .extensions import EXTENSIONS, compare_extensions
from .limits import LIMITS, compare_limits
from .path import LocatedSchema, location

_COMPARED = frozenset(
    {"$ref", "required", "properties", "additionalProperties", "items", "oneOf", "discriminator"} | LIMITS | EXTENSIONS
)


class SchemaComparison:
    """Compares the schemas that the operations of two contracts use, each once for each direction."""

    def __init__(self, old: dict[str, Any], new: dict[str, Any], changes: Changes) -> None:
        self._old = old
        self._new = new
        self._changes = changes
        self._compared: set[tuple[str, str, Direction, bool]] = set()

    def compare(self, old: LocatedSchema, new: LocatedSchema, direction: Direction, *, optional: bool = False) -> None:
        """Compare two schemas; `optional` when replies need not have the value."""
        if old.schema.get("$ref") != new.schema.get("$ref"):
            what = f"{old.name} stood here, and {new.name} does"
            self._changes.compatible(location(old, new, "$ref"), what, "what they allow is compared")
        was, now = self._followed(old), self._followed(new)
        key = (was.pointer, now.pointer, direction, optional)
        if key in self._compared:
            return
        self._compared.add(key)
        plain, was_null = was.without_null()
        other, is_null = now.without_null()
        if was_null != is_null:
            self._changes.shift(
                direction,
                Location(was.pointer, now.pointer) if is_null else Location.gone(was.pointer),
                "null is allowed now" if is_null else "null is no longer allowed",
                # Where a reply may have nothing, clients read null likewise.
                wider=is_null and not optional,
                narrower=was_null,
                alone=True,
            )
        was, now = self._followed(plain), self._followed(other)
        compare_limits(was, now, direction, self._changes)
        compare_extensions(was, now, self._changes)
        self._compare_items(was, now, direction)
        self._compare_forms(was, now, direction)
        self._compare_members(was, now, direction)
        self._compare_others(was, now, direction)

    def compare_names(self) -> None:
        """Compare which named schemas there are."""
        old, new = self._old["components"]["schemas"], self._new["components"]["schemas"]
        for name in old.keys() - new.keys():
            gone = Location.gone(f"{SCHEMAS}/{name}")
            self._changes.breaking(gone, "the schema is gone", "generated code has a type of this name")
        for name in new.keys() - old.keys():
            fresh = Location.fresh(f"{SCHEMAS}/{name}")
            self._changes.compatible(fresh, "the schema is new", "no old client knows of it")

    def _followed(self, place: LocatedSchema) -> LocatedSchema:
        """Follow a reference, and note what is compared of both ends."""
        followed = place.followed()
        for one in (place, followed):
            for keyword in _COMPARED.intersection(one.schema):
                self._changes.mark_compared(Location.same(one.at(keyword)))
        for index in range(len(followed.schema.get("oneOf", []))):
            self._changes.mark_compared(Location.same(followed.at("oneOf", index)))
        for tag in followed.schema.get("discriminator", {}).get("mapping", {}):
            self._changes.mark_compared(Location.same(followed.at("discriminator", "mapping", tag)))
        return followed

    def _compare_items(self, was: LocatedSchema, now: LocatedSchema, direction: Direction) -> None:
        if "items" in was.schema and "items" in now.schema:
            self.compare(was.below("items"), now.below("items"), direction)
        elif "items" in was.schema or "items" in now.schema:
            wider = "items" in was.schema
            what = "items are no longer bound" if wider else "items are bound now"
            self._changes.shift(direction, location(was, now, "items"), what, wider=wider, narrower=not wider)

    def _compare_forms(self, was: LocatedSchema, now: LocatedSchema, direction: Direction) -> None:
        before, after = was.forms(), now.forms()
        for name in before.keys() - after.keys():
            gone = Location.gone(before[name].pointer)
            what = f"{name} is no longer one of the forms"
            self._changes.shift(direction, gone, what, wider=not after, narrower=True)
        for name in after.keys() - before.keys():
            fresh = Location.fresh(after[name].pointer)
            self._changes.shift(direction, fresh, f"{name} is a form now", wider=True, narrower=not before)
        for name in before.keys() & after.keys():
            self.compare(before[name], after[name], direction)
        tags = [place.schema.get("discriminator", {}).get("propertyName") for place in (was, now)]
        if tags[0] != tags[1] and before and after:
            what = f"the forms were distinguished by {formatted(tags[0])}, and are by {formatted(tags[1])}"
            self._changes.shift(direction, location(was, now, "discriminator"), what, wider=True, narrower=True)

    def _compare_members(self, was: LocatedSchema, now: LocatedSchema, direction: Direction) -> None:
        before, after = was.members(), now.members()
        is_request = direction is Direction.REQUEST
        for name in before.keys() - after.keys():
            why = "requests that have it were valid" if is_request else "old clients read it"
            self._changes.breaking(Location.gone(before[name].pointer), f"the member {name} is gone", why)
        for name in after.keys() - before.keys():
            fresh, what = Location.fresh(after[name].pointer), f"the member {name} is new"
            if is_request and name in now.required():
                self._changes.breaking(fresh, f"{what} and required", "requests without it were valid")
            else:
                why = "old clients do not send it" if is_request else "old clients ignore new members"
                self._changes.compatible(fresh, what, why)
        for name in before.keys() & after.keys():
            needed = name in was.required(), name in now.required()
            if needed[0] != needed[1]:
                what = f"the member {name} " + ("has to be there now" if needed[1] else "need not be there any more")
                where = Location(before[name].pointer, after[name].pointer)
                self._changes.shift(direction, where, what, wider=needed[0], narrower=needed[1], alone=True)
            self.compare(before[name], after[name], direction, optional=not needed[1])

    def _compare_others(self, was: LocatedSchema, now: LocatedSchema, direction: Direction) -> None:
        """Compare the rules for members that are not named."""
        before, after = (place.schema.get("additionalProperties", True) for place in (was, now))
        if isinstance(before, dict) and isinstance(after, dict):
            self.compare(was.below("additionalProperties"), now.below("additionalProperties"), direction)
        elif before != after:
            rule = "bound by a schema" if isinstance(after, dict) else "allowed" if after else "refused"
            self._changes.shift(
                direction,
                location(was, now, "additionalProperties"),
                f"other members are {rule} now",
                # Clients ignore unknown members of a reply, but read those that a schema describes.
                wider=isinstance(before, dict) and after is True,
                narrower=before is True or after is False,
            )

"""The comparison of operations: whether old clients can still send what they sent."""

from __future__ import annotations

from typing import Any

from generator.contract.document import pointer_of
from generator.contract.replies import Operation, operations_of

from .changes import Changes, Direction, Location
from .extensions import compare_extensions
from .path import LocatedSchema, location
from .schemas import SchemaComparison

_JSON = ("content", "application/json", "schema")


def compare(old: dict[str, Any], new: dict[str, Any], changes: Changes, schemas: SchemaComparison) -> None:
    """Compare the operations of two contracts, and the schemas that they use."""
    by_place = {(one.path, one.method): one for one in operations_of(new)}
    by_id = {one.id: one for one in operations_of(new)}
    kept: set[str] = set()
    for was in operations_of(old):
        now = by_place.get((was.path, was.method))
        if now is None and was.id in by_id:
            now = by_id[was.id]
            what = f"{was.id} was {was.method.upper()} {was.path}, and is {now.method.upper()} {now.path}"
            changes.breaking(Location(was.pointer, now.pointer), what, "old clients ask in vain")
        elif now is None:
            changes.breaking(Location.gone(was.pointer), f"the operation {was.id} is gone", "old clients ask in vain")
            continue
        kept.add(now.pointer)
        _Comparison(old, new, was, now, changes, schemas).run()
    for one in by_place.values():
        if one.pointer not in kept:
            changes.compatible(
                Location.fresh(one.pointer), f"the operation {one.id} is new", "no old client knows of it"
            )
    for path in old["paths"].keys() ^ new["paths"].keys():
        # Its operations are compared one by one.
        changes.mark_compared(Location.same(pointer_of("#/paths", path)))
    _compare_servers(old, new, changes)


def _compare_servers(old: dict[str, Any], new: dict[str, Any], changes: Changes) -> None:
    before, after = ([server["url"] for server in contract.get("servers", [])] for contract in (old, new))
    for index, url in enumerate(before):
        if url not in after:
            changes.breaking(Location.gone(f"#/servers/{index}"), f"the server {url} is gone", "old clients send there")
    for index, url in enumerate(after):
        if url not in before:
            changes.compatible(
                Location.fresh(f"#/servers/{index}"), f"the server {url} is new", "no old client knows of it"
            )


class _Comparison:
    """Compares one operation."""

    def __init__(
        self,
        old: dict[str, Any],
        new: dict[str, Any],
        was: Operation,
        now: Operation,
        changes: Changes,
        schemas: SchemaComparison,
    ) -> None:
        self._old = old
        self._new = new
        self._was = LocatedSchema(old, was.spec, was.pointer)
        self._now = LocatedSchema(new, now.spec, now.pointer)
        self._changes = changes
        self._schemas = schemas

    def run(self) -> None:
        """Compare all that a client sees of it."""
        was, now = self._was, self._now
        before, after = was.schema["operationId"], now.schema["operationId"]
        if before != after:
            why = "generated code has a function of the old name"
            self._changes.breaking(location(was, now, "operationId"), f"was {before}, is {after}", why)
        compare_extensions(was, now, self._changes)
        self._compare_tokens()
        self._compare_parameters()
        self._compare_bodies()
        self._compare_replies()

    def _compare_tokens(self) -> None:
        before = self._was.schema.get("security", self._old.get("security", []))
        after = self._now.schema.get("security", self._new.get("security", []))
        own, of_all = location(self._was, self._now, "security"), Location.same("#/security")
        self._changes.mark_compared(own)
        self._changes.mark_compared(of_all)
        if before == after:
            return
        is_own = "security" in self._was.schema or "security" in self._now.schema
        where = own if is_own else of_all
        if after:
            self._changes.breaking(where, "needs other credentials now", "old clients do not send them", alone=True)
        else:
            self._changes.compatible(where, "needs no token any more", "one that is sent does no harm", alone=True)

    def _compare_parameters(self) -> None:
        before, after = self._parameters(self._was), self._parameters(self._now)
        for key in before.keys() - after.keys():
            gone = Location.gone(before[key].pointer)
            self._changes.breaking(gone, f"the parameter {key[1]} is gone", "old clients send it, and nobody reads it")
        for key in after.keys() - before.keys():
            fresh, what = Location.fresh(after[key].pointer), f"the parameter {key[1]} is new"
            if after[key].schema.get("required"):
                self._changes.breaking(fresh, f"{what} and required", "requests without it were valid")
            else:
                self._changes.compatible(fresh, what, "old clients do not send it")
        for key in before.keys() & after.keys():
            was, now = before[key], after[key]
            self._compare_need(was, now, f"the parameter {key[1]}")
            compare_extensions(was, now, self._changes)
            self._schemas.compare(was.below("schema"), now.below("schema"), Direction.REQUEST)

    def _compare_need(self, was: LocatedSchema, now: LocatedSchema, name: str) -> None:
        before, after = (bool(place.schema.get("required")) for place in (was, now))
        if before != after:
            what = f"{name} is {'required' if after else 'optional'} now"
            where = location(was, now, "required")
            self._changes.shift(Direction.REQUEST, where, what, wider=before, narrower=after)

    def _parameters(self, operation: LocatedSchema) -> dict[tuple[str, str], LocatedSchema]:
        found = {}
        for index in range(len(operation.schema.get("parameters", []))):
            place = operation.below("parameters", index)
            followed = place.followed()
            for one in (place, followed):
                self._changes.mark_compared(Location.same(one.pointer))
                self._changes.mark_compared(Location.same(one.at("$ref")))
            found[followed.schema["in"], followed.schema["name"]] = followed
        return found

    def _compare_bodies(self) -> None:
        before, after = ("requestBody" in place.schema for place in (self._was, self._now))
        if before and after:
            self._compare_need(self._was.below("requestBody"), self._now.below("requestBody"), "the body")
            self._compare_json(("requestBody",), Direction.REQUEST)
        elif before or after:
            where = location(self._was, self._now, "requestBody")
            if after and not self._now.schema["requestBody"].get("required"):
                self._changes.compatible(where, "takes a body now", "old clients send none")
            else:
                what = "needs a body now" if after else "takes no body any more"
                self._changes.breaking(where, what, "requests that were valid are not what it takes")

    def _compare_replies(self) -> None:
        before, after = self._was.schema["responses"], self._now.schema["responses"]
        for status in before.keys() - after.keys():
            gone = Location.gone(self._was.at("responses", status))
            self._changes.breaking(gone, f"HTTP {status} is no longer answered", "old clients expect it")
        for status in after.keys() - before.keys():
            fresh = Location.fresh(self._now.at("responses", status))
            self._changes.breaking(fresh, f"HTTP {status} is answered now", "old clients do not know it")
        for status in before.keys() & after.keys():
            self._compare_json(("responses", status), Direction.REPLY)

    def _compare_json(self, keys: tuple[str, ...], direction: Direction) -> None:
        before, after = (_has_json(operation, keys) for operation in (self._was, self._now))
        if before and after:
            self._schemas.compare(self._was.below(*keys, *_JSON), self._now.below(*keys, *_JSON), direction)
        elif before or after:
            what = "JSON is new here" if after else "JSON is no longer here"
            self._changes.breaking(location(self._was, self._now, *keys, "content"), what, "old clients speak JSON")


def _has_json(operation: LocatedSchema, keys: tuple[str, ...]) -> bool:
    value: Any = operation.schema
    for key in (*keys, *_JSON):
        if key not in value:
            return False
        value = value[key]
    return True

"""In which ways may a reply differ from the strict contract and still has to be understood?

The contract is strict about requests and lenient about replies: objects are open, enums are open, an optional member
may be null, and numbers and booleans may stand in quotes. The rest is what JSON and HTTP leave to the writer.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .facts import Schema, resolved
from .reply_mutations import clone, compressed, encode
from .served import Served

_UNKNOWN = "NOT-YET-KNOWN"


@dataclass(frozen=True, slots=True)
class Unusual:
    """An unusual reply, and what it means."""

    served: Served
    meaning: dict[str, Any]
    """The success that it has to be understood as."""
    literal: dict[str, Any]
    """The same as it is written."""


Unusually = Callable[[dict[str, Any], Schema, random.Random], Unusual | None]
"""Writes a success in an unusual way; None when this one cannot be."""


def _spots(value: Any, schema: Schema) -> Iterator[tuple[Any, Any, Schema]]:
    """Yield each object or array with the name or number of one of its entries, and that entry's schema."""
    schema = resolved(schema)
    if isinstance(value, dict):
        other = schema.get("additionalProperties")
        for name, member in value.items():
            own = schema.get("properties", {}).get(name, other)
            if isinstance(own, dict):
                yield value, name, resolved(own)
                yield from _spots(member, own)
    elif isinstance(value, list):
        for number, entry in enumerate(value):
            yield value, number, resolved(schema["items"])
            yield from _spots(entry, schema["items"])


def _objects(value: Any, schema: Schema) -> Iterator[tuple[dict[str, Any], Schema]]:
    """Yield every object that has named members, with its schema."""
    schema = resolved(schema)
    if "properties" in schema:
        yield value, schema
    for holder, key, own in _spots(value, schema):
        if "properties" in own:
            yield holder[key], own


def _as_written(reply: dict[str, Any], body: bytes) -> Unusual:
    return Unusual(Served(body), reply, reply)


def _extra_members(reply: dict[str, Any], schema: Schema, chance: random.Random) -> Unusual:
    changed = clone(reply)
    for holder, _ in list(_objects(changed, schema)):
        if chance.random() < 0.7:
            holder[f"new{chance.randrange(100)}"] = chance.choice([None, 1, "x", [], {"a": [1, {}]}, True, 1e300])
    return Unusual(Served(encode(changed)), reply, changed)


def _nulls(reply: dict[str, Any], schema: Schema, _: random.Random) -> Unusual | None:
    changed = clone(reply)
    found = False
    for holder, own in list(_objects(changed, schema)):
        for name in own["properties"].keys() - set(own.get("required", ())) - holder.keys():
            holder[name] = None
            found = True
    return Unusual(Served(encode(changed)), reply, changed) if found else None


def _in_quotes(kind: str, text: Callable[[Any], str]) -> Unusually:
    def write(reply: dict[str, Any], schema: Schema, _: random.Random) -> Unusual | None:
        changed = clone(reply)
        spots = [(holder, key) for holder, key, own in _spots(changed, schema) if own.get("type") == kind]
        for holder, key in spots:
            holder[key] = text(holder[key])
        return Unusual(Served(encode(changed)), reply, changed) if spots else None

    return write


def _unknown_values(reply: dict[str, Any], schema: Schema, _: random.Random) -> Unusual | None:
    changed = clone(reply)
    spots = [(holder, key) for holder, key, own in _spots(changed, schema) if "enum" in own]
    for holder, key in spots:
        holder[key] = _UNKNOWN
    return Unusual(Served(encode(changed)), changed, changed) if spots else None


def _other_order(reply: dict[str, Any], _: Schema, __: random.Random) -> Unusual:
    def turned(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: turned(value[name]) for name in reversed(value)}
        return [turned(entry) for entry in value] if isinstance(value, list) else value

    return _as_written(reply, encode(turned(reply)))


def _indented(reply: dict[str, Any], _: Schema, __: random.Random) -> Unusual:
    return _as_written(reply, b" \r\n\t" + json.dumps(reply, indent="\t ").encode() + b"\n\n")


def _compressed(reply: dict[str, Any], _: Schema, chance: random.Random) -> Unusual:
    return Unusual(compressed(reply, chance), reply, reply)


def _in_pieces(reply: dict[str, Any], _: Schema, chance: random.Random) -> Unusual:
    return Unusual(Served(encode(reply), piece=chance.choice([1, 3, 64])), reply, reply)


LENIENCIES: dict[str, Unusually] = {
    "extra members": _extra_members,
    "null for none": _nulls,
    "numbers in quotes": _in_quotes("integer", str),
    "booleans in quotes": _in_quotes("boolean", lambda value: "true" if value else "false"),
    "unknown enum values": _unknown_values,
    "other order": _other_order,
    "indentation and escapes": _indented,
    "compressed": _compressed,
    "in pieces": _in_pieces,
}
"""Replies that are right. What comes of them is the very success."""

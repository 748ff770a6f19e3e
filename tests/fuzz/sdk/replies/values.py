"""Generate the replies that the contract allows: Hypothesis strategies from its strict schemas."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from ..contract import Schema, resolved

LARGEST_WHOLE = 2**63 - 1
"""The contract sets no limit; more than this is no business of clients in other languages."""
_LONGEST_LIST = 3
_LONGEST_TEXT = 12


def values(schema: Schema, secrets: dict[str, str], name: str = "") -> st.SearchStrategy[Any]:
    """Return a strategy for what a schema allows.

    Args:
        schema: a schema of a reply.
        secrets: by member name, what stands in the members that the contract calls sensitive.
        name: the member that the value is for.
    """
    if schema.get("x-sensitive"):
        return st.just(secrets[name])
    schema = resolved(schema)
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "oneOf" in schema:
        return st.one_of([values(part, secrets, name) for part in schema["oneOf"]])
    match schema["type"]:
        case "object":
            return _objects(schema, secrets)
        case "array":
            return st.lists(values(schema["items"], secrets), max_size=_LONGEST_LIST)
        case "boolean":
            return st.booleans()
        case "integer":
            return _integers(schema)
        case "string":
            return timestamps() if "x-timestamp" in schema else st.text(max_size=_LONGEST_TEXT)
        case other:
            raise NotImplementedError(f"a reply with a value of type {other}")


@st.composite
def timestamps(draw: st.DrawFn) -> str:
    """Return a time as the contract allows it: with and without a zone and a fraction of up to six digits."""
    moment = draw(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)))
    digits = draw(st.integers(0, 6))
    fraction = f".{moment.microsecond:06d}"[: digits + 1] if digits else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}{draw(st.sampled_from(['', 'Z']))}"


def comparable(value: Any, schema: Schema) -> Any:
    """Return a value as another one that means the same is to be compared with it.

    The contract leaves three things to the writer: a time may have a zone or not, and trailing zeros, and stands for
    the same moment in UTC; an optional member that is null is left out; what is not a member of the schema is ignored.
    """
    schema = resolved(schema)
    if "oneOf" in schema:
        return value
    if "x-timestamp" in schema:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    if isinstance(value, list):
        return [comparable(entry, schema["items"]) for entry in value]
    if isinstance(value, dict) and "properties" in schema:
        members, required = schema["properties"], schema.get("required", ())
        return {
            name: comparable(member, members[name])
            for name, member in value.items()
            if name in members and (member is not None or name in required)
        }
    return value


def _objects(schema: Schema, secrets: dict[str, str]) -> st.SearchStrategy[dict[str, Any]]:
    members, required = schema.get("properties", {}), set(schema.get("required", ()))
    other = schema.get("additionalProperties")
    if not members and isinstance(other, dict):
        return st.dictionaries(st.text(max_size=_LONGEST_TEXT), values(other, secrets), max_size=_LONGEST_LIST)
    made = {name: values(member, secrets, name) for name, member in members.items()}
    return st.fixed_dictionaries(
        {name: one for name, one in made.items() if name in required},
        optional={name: one for name, one in made.items() if name not in required},
    )


def _integers(schema: Schema) -> st.SearchStrategy[int]:
    anything = st.integers(-LARGEST_WHOLE - 1, LARGEST_WHOLE)
    barred = schema.get("not", {}).get("const")
    return anything if barred is None else anything.filter(lambda number: number != barred)

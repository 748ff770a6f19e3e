"""Change replies into those of a later release, which the contract allows and the service does not give today.

For the question whether a client will survive the provider's next release. A reply is changed as a whole, after the
mock has checked it: afterwards it is valid only by the open reading of the contract, under which a client ignores
members that it does not know, keeps enum values that it does not know, and takes null for an absent optional member.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from toast_compute_api.behaviour import LIFECYCLE

OPTIONS = ("unknown-status", "extra-members", "reordered-members", "longest-values", "nulls")
"""What a later release may do:

`unknown-status`: enum values that the contract does not list. A status is renamed only while it passes by itself, so
that every wait still ends; of the other enums every value is.
`extra-members`: a member that the contract does not list, first in every object, the header too. Maps, whose members
are data of the user, get none.
`reordered-members`: the members of every object in reverse order; arrays keep theirs.
`longest-values`: texts that no request carries become as long as they may be, with characters of all kinds. They begin
as they were. Ids, names and addresses by which something can be asked for or named, and what a client has set itself,
stay as they are.
`nulls`: an optional member that is absent is there and null. A value that there is stays: nothing gets lost."""

NAME_LENGTH = 255
"""How many characters a name or value gets where the contract has no `maxLength`: what databases commonly keep."""
MESSAGE_LENGTH = 1000
"""How many characters `header.resultMessage` gets: more than any screen or log line is made for."""

# Which texts never travel back the schemas cannot tell: requests have a `name`, too. (schema, member), "" for any.
_FREE_TEXTS: Mapping[tuple[str, str], int] = {
    ("SuccessHeader", "resultMessage"): MESSAGE_LENGTH,
    ("FailureHeader", "resultMessage"): MESSAGE_LENGTH,
    ("Role", "name"): NAME_LENGTH,
    ("Flavor", "name"): NAME_LENGTH,
    ("InstanceFlavor", "name"): NAME_LENGTH,
    ("AttachedVolume", "name"): NAME_LENGTH,
    ("InstanceMetadata", ""): NAME_LENGTH,
}
# Behind a colon, since a message's detail is (x-result-codes). Korean, an accent, a character of two UTF-16 units,
# one from right to left, and what JSON has to escape.
_FILLER = ' : 자세한 설명, é, 😀, ע, "quoted", back\\slash, tab\there; '

_EXTRA_MEMBER = "addedLater"
_EXTRA_VALUE: Mapping[str, Any] = {
    "note": "a member that the contract does not list",
    "numbers": [1, -0.5, 12345678901234567890],
    "nothing": None,
    "nested": {"header": {"isSuccessful": False}, "id": ""},
}
_QUEUED = "_QUEUED"
_OTHER = " 2"

_REFERENCE = "#/components/schemas/"
Schema: TypeAlias = dict[str, Any]


class _Node(NamedTuple):
    """The schema of one kind of value, and the component that holds it."""

    component: str
    schema: Schema


class Evolution:
    """Turns replies into valid but new ones. The same reply always becomes the same.

    `document` is the strict form of the contract, `options` some of `OPTIONS`. Raises ValueError for an unknown one.
    """

    def __init__(self, document: Schema, options: Collection[str]) -> None:
        for option in options:
            if option not in OPTIONS:
                raise ValueError(f"evolution: there is no option {option!r}, only {', '.join(OPTIONS)}")
        self._schemas: Mapping[str, Schema] = document["components"]["schemas"]
        self._statuses = document["x-lifecycle"]["statuses"]["$ref"].removeprefix(_REFERENCE)
        self._renames_values = "unknown-status" in options
        self._adds_members = "extra-members" in options
        self._reverses_members = "reordered-members" in options
        self._lengthens_texts = "longest-values" in options
        self._adds_nulls = "nulls" in options
        self._is_active = bool(options)

    def evolve(self, reply_schema_name: str, content: dict[str, Any]) -> dict[str, Any]:
        """Return a whole decoded reply as a later release could give it; `content` is not touched.

        `reply_schema_name` names the strict schema that the reply keeps, such as `InstancesSuccess` or `Failure`.
        Raises KeyError when the contract has no such schema.
        """
        if not self._is_active:
            return content
        node = _Node(reply_schema_name, self._schemas[reply_schema_name])
        return self._object(node, content)

    def _value(self, node: _Node, value: Any, place: tuple[str, str]) -> Any:
        """`place` is the schema that holds the value, and its member there."""
        if isinstance(value, dict):
            return self._object(node, value)
        if isinstance(value, list):
            items = self._at(node, node.schema.get("items", {}))
            return [self._value(items, item, place) for item in value]
        if isinstance(value, str):
            return self._text(node, value, place)
        return value

    def _object(self, node: _Node, value: dict[str, Any]) -> dict[str, Any]:
        members = list(self._members(node, value))
        return dict(reversed(members) if self._reverses_members else members)

    def _members(self, node: _Node, value: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        properties: dict[str, Schema] | None = node.schema.get("properties")
        if properties is None:  # a map
            of_all = self._at(node, node.schema.get("additionalProperties") or {})
            for name, member in value.items():
                yield name, self._value(of_all, member, (node.component, ""))
            return
        if self._adds_members:
            yield _unused_name(_EXTRA_MEMBER, properties), dict(_EXTRA_VALUE)
        for name, member in value.items():
            yield name, self._value(self._at(node, properties.get(name, {})), member, (node.component, name))
        if self._adds_nulls:
            absent = properties.keys() - value.keys() - set(node.schema.get("required", ()))
            for name in sorted(absent):
                yield name, None

    def _text(self, node: _Node, value: str, place: tuple[str, str]) -> str:
        listed: list[str] = node.schema.get("enum", [])
        if listed:
            return self._renamed(node, value, listed) if self._renames_values else value
        if self._lengthens_texts and place in _FREE_TEXTS:
            return _lengthened(value, node.schema.get("maxLength", _FREE_TEXTS[place]))
        return value

    def _renamed(self, node: _Node, value: str, listed: list[str]) -> str:
        if node.component != self._statuses:
            return _unused_name(value, listed, _OTHER)
        state = LIFECYCLE.states.get(value)
        return _unused_name(value, listed, _QUEUED) if state is not None and state.transient else value

    def _at(self, holder: _Node, schema: Schema) -> _Node:
        """Return the node of a schema: the component that it refers to, or a part of the component that holds it."""
        reference = schema.get("$ref")
        if reference is None:
            return _Node(holder.component, schema)
        name = reference.removeprefix(_REFERENCE)
        return _Node(name, self._schemas[name])


def _unused_name(name: str, taken: Collection[str], suffix: str = "2") -> str:
    """Return the name, with the suffix as often as it takes not to be one of those."""
    while name in taken:
        name += suffix
    return name


def _lengthened(text: str, length: int) -> str:
    missing = length - len(text)
    if missing <= 0:
        return text
    return text + (_FILLER * (missing // len(_FILLER) + 1))[:missing]

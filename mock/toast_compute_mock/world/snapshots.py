"""Write all worlds and the time as JSON, and read them again.

A snapshot has the worlds, the seed that they go on from, and the time. It has no faults, no journal and no options of
a later release, nor what the worlds began with: after a restore, what it holds is what they begin with. It is a JSON
file for people and for version control: one resource a line, in the order that the world keeps them in. It holds the
passwords and tokens of the mock's accounts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import GenericAlias
from typing import Any, get_args, get_origin

import msgspec

from .consistency import EARLIEST, LATEST, find_problem
from .state import World

VERSION = 1
"""The version of the format that is written, and the newest that is read. Reading an older one is the place for a
migration; there is none to read yet."""

_FORMAT = "toast-compute-mock snapshot"
_IDENTITIES = ("id", "name", "address")  # what identifies a resource: the first of these that its kind has
_PLACE = re.compile(r"(?P<reason>.*?)(?: - at `\$\.?(?P<path>.*)`)?", re.DOTALL)

_encode = msgspec.json.Encoder().encode
_encode_sorted = msgspec.json.Encoder(order="deterministic").encode
_SORTED = frozenset({"mint", "subnets"})  # they have sets and counters, whose order has no meaning


class SnapshotError(ValueError):
    """A snapshot cannot be written or read; its text is one sentence with the reason and the place."""


class Snapshot(msgspec.Struct, frozen=True):
    """The worlds and the time. Faults, journal, evolution, and what the worlds once began with are not in it."""

    seed: int
    """What ids, keys and chance derive from."""
    now: float
    """When it was taken, in seconds since 1970 on the mock's clock."""
    worlds: list[World]


class _Head(msgspec.Struct):
    """What tells a snapshot from other files."""

    format: object = None
    version: object = None
    accounts: object = None


class _Section(msgspec.Struct):
    """The resources of one kind: a dictionary in a world, a list in a file."""

    name: str
    type: Any
    identity: str = ""


def _sections() -> Iterator[_Section]:
    for field in msgspec.structs.fields(World):
        if get_origin(field.type) is dict:
            record = get_args(field.type)[1]
            identity = next(name for name in _IDENTITIES if name in record.__struct_fields__)
            yield _Section(field.name, GenericAlias(list, (record,)), identity)
        else:
            yield _Section(field.name, field.type)


_SECTIONS = tuple(_sections())
_WorldFile = msgspec.defstruct(
    "_WorldFile", [(each.name, each.type) for each in _SECTIONS], rename="camel", forbid_unknown_fields=True
)
_MEMBERS = dict(zip(_WorldFile.__struct_fields__, _WorldFile.__struct_encode_fields__, strict=True))


class _File(msgspec.Struct, forbid_unknown_fields=True):
    format: str
    version: int
    seed: int
    now: float
    worlds: list[_WorldFile]  # type: ignore[valid-type]


_read_head = msgspec.json.Decoder(_Head).decode
_read_file = msgspec.json.Decoder(_File).decode


def write(snapshot: Snapshot) -> bytes:
    """Return a snapshot as JSON. The same snapshot gives the same bytes. Raises SnapshotError."""
    _check_now(snapshot.now)
    try:
        worlds = [_world_text(world) for world in snapshot.worlds]
        head = {"format": _FORMAT, "version": VERSION, "seed": snapshot.seed, "now": float(snapshot.now)}
        members = [_member(name, _encode(value)) for name, value in head.items()]
    except (ValueError, OverflowError) as problem:  # half a surrogate pair, a number of more than 64 bits
        raise SnapshotError(f"the snapshot cannot be written as JSON: {problem}") from None
    members.append(_member("worlds", _block(b"[]", worlds, 1)))
    return _block(b"{}", members, 0) + b"\n"


def read(content: bytes) -> Snapshot:
    """Read a snapshot. Its worlds equal those that were written. Raises SnapshotError."""
    _check_head(content)
    try:
        file = _read_file(content)
    except msgspec.ValidationError as problem:
        raise SnapshotError(_sentence(problem)) from None
    _check_now(file.now)
    worlds = [_world(written, f"worlds[{index}]") for index, written in enumerate(file.worlds)]
    _check_accounts(worlds)
    return Snapshot(file.seed, file.now, worlds)


def _world_text(world: World) -> bytes:
    members: list[bytes] = []
    for section in _SECTIONS:
        encode = _encode_sorted if section.name in _SORTED else _encode
        value = getattr(world, section.name)
        if section.identity:
            text = _block(b"[]", [_one_line(encode(record)) for record in value.values()], 3)
        else:
            text = _one_line(encode(value))
        members.append(_member(_MEMBERS[section.name], text))
    return _block(b"{}", members, 2)


def _member(name: str, value: bytes) -> bytes:
    return b'"%s": %s' % (name.encode(), value)


def _one_line(json: bytes) -> bytes:
    return msgspec.json.format(json, indent=0)


def _block(brackets: bytes, entries: list[bytes], depth: int) -> bytes:
    """Put each entry on a line of its own; `depth` is how deep the block itself stands."""
    if not entries:
        return brackets
    margin = b"\n" + b"  " * depth
    inner = margin + b"  "
    return brackets[:1] + inner + (b"," + inner).join(entries) + margin + brackets[1:]


def _check_head(content: bytes) -> None:
    try:
        content.decode()
        head = _read_head(content)
    except UnicodeDecodeError:
        raise SnapshotError("the snapshot is not UTF-8 text") from None
    except msgspec.ValidationError:
        raise SnapshotError("this is not a snapshot: it is not a JSON object") from None
    except (msgspec.DecodeError, RecursionError) as problem:
        raise SnapshotError(f"the snapshot is not JSON: {problem}") from None
    if head.format != _FORMAT:
        other = "" if head.accounts is None else "; it may be a seed world"
        raise SnapshotError(f"this is not a snapshot: its `format` is not {_FORMAT!r}{other}")
    if type(head.version) is not int or head.version < 1:
        raise SnapshotError("version: must be an integer of at least 1")
    if head.version > VERSION:
        raise SnapshotError(
            f"the snapshot was written by a newer version: {head.version}, this one reads up to {VERSION}"
        )


def _check_now(now: float) -> None:
    if not EARLIEST.timestamp() <= now <= LATEST.timestamp():
        raise SnapshotError("now: must be seconds since 1970, up to the year 9999")


def _check_accounts(worlds: list[World]) -> None:
    """Raise SnapshotError unless every world has a user and an id of its own. No appkey goes into a message."""
    accounts: dict[tuple[str, str], int] = {}
    users: dict[str, int] = {}
    for index, world in enumerate(worlds):
        account = world.account
        first = accounts.setdefault((account.appkey, account.username), index)
        if first != index:
            raise SnapshotError(f"worlds[{index}].account: has the appkey and the username of worlds[{first}]")
        first = users.setdefault(account.user_id, index)
        if first != index:
            raise SnapshotError(f"worlds[{index}].account.userId: is that of worlds[{first}], too")


def _world(written: msgspec.Struct, place: str) -> World:
    members: dict[str, Any] = {}
    for section in _SECTIONS:
        value = getattr(written, section.name)
        if section.identity:
            value = _by_identity(value, section.identity, f"{place}.{_MEMBERS[section.name]}")
        members[section.name] = value
    world = World(**members)
    problem = find_problem(world)
    if problem is not None:
        raise SnapshotError(f"{place}.{problem}")
    return world


def _by_identity(records: list[msgspec.Struct], identity: str, place: str) -> dict[str, msgspec.Struct]:
    found: dict[str, msgspec.Struct] = {}
    for index, record in enumerate(records):
        if found.setdefault(getattr(record, identity), record) is not record:
            # Not the value: this may be the id of a token.
            raise SnapshotError(f"{place}[{index}].{identity}: is that of an entry before it, too")
    return found


def _sentence(problem: msgspec.ValidationError) -> str:
    """Return the decoder's message, with the place in front."""
    match = _PLACE.fullmatch(str(problem))
    path, reason = ("", str(problem)) if match is None else (match["path"] or "", match["reason"])
    return f"{path or 'the snapshot'}: {reason[:1].lower()}{reason[1:]}"

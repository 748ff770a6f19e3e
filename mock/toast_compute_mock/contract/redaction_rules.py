"""Redact an exchange by the contract and by the secrets that are known.

`x-sensitive` in the contract marks what is secret. What a client made up and what stands in the wrong place is known
from the `Vault`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from ..redaction import REDACTED, Vault, is_private_key

UNREADABLE_BODY = b"(not JSON; not kept, since it may hold secrets)"

_SENSITIVE = "x-sensitive"
_APPKEY = re.compile(r"(/appkeys/)[^/?]*", re.IGNORECASE)
_TARGET_LIMIT = 200  # a target that the client made up is cut here
_SEPARATOR = re.compile("([/?&=])")  # of the pieces of a target

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class Mask(NamedTuple):
    """What is secret in a JSON value."""

    hidden: bool = False
    """Whether all of it is."""
    members: Mapping[str, Mask] | None = None
    """The members of the object, or of the objects in the array; None when nothing in it is secret."""
    is_scalar: bool = False
    """Whether it can be something else than an object or an array, and be shown then."""


_NOTHING_SECRET = Mask()
_ALL_SECRET = Mask(hidden=True)
_SCALAR = Mask(members={}, is_scalar=True)
NOTHING_KNOWN = Mask(members={})
"""For a value of which the contract knows nothing: the names in it are shown."""


def mask_of(document: dict[str, Any], schema: dict[str, Any]) -> Mask | None:
    """Return what is secret in the values of a schema, None for nothing; `document` is where its references lead."""
    mask = _mask_of(document, schema)
    return None if mask == _NOTHING_SECRET else mask


def closed_mask_of(document: dict[str, Any], schema: dict[str, Any]) -> Mask:
    """Return a mask that shows of a value what the schema knows and is not secret, and nothing else."""
    if schema.get(_SENSITIVE):
        return _ALL_SECRET
    if "$ref" in schema:
        return closed_mask_of(document, _dereference(document, schema))
    if "items" in schema:
        return closed_mask_of(document, schema["items"])
    branches = [branch for kind in ("oneOf", "anyOf", "allOf") for branch in schema.get(kind, ())]
    if branches:
        return _union([closed_mask_of(document, branch) for branch in branches])
    if "properties" in schema:
        return Mask(members={name: closed_mask_of(document, each) for name, each in schema["properties"].items()})
    if schema.get("type") == "object" and schema.get("additionalProperties", True) is not False:
        return _NOTHING_SECRET
    return NOTHING_KNOWN if schema.get("type") == "object" else _SCALAR


def _union(masks: list[Mask]) -> Mask:
    """Show what one of them shows, but for secrets."""
    if any(mask.hidden for mask in masks):
        return _ALL_SECRET
    members: dict[str, list[Mask]] = {}
    for mask in masks:
        if mask.members is None:
            return _NOTHING_SECRET
        for name, member in mask.members.items():
            members.setdefault(name, []).append(member)
    return Mask(False, {name: _union(found) for name, found in members.items()}, any(m.is_scalar for m in masks))


def _mask_of(document: dict[str, Any], schema: dict[str, Any]) -> Mask:
    if schema.get(_SENSITIVE):
        return _ALL_SECRET
    if "$ref" in schema:
        return _mask_of(document, _dereference(document, schema))
    if "items" in schema:
        return _mask_of(document, schema["items"])
    members = {name: _mask_of(document, member) for name, member in schema.get("properties", {}).items()}
    return Mask(members=members) if any(mask != _NOTHING_SECRET for mask in members.values()) else _NOTHING_SECRET


def _dereference(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def redact_json(content: bytes, mask: Mask) -> bytes:
    """Return a JSON text without its secrets; members that the contract does not know are taken for secrets."""
    if not content:
        return content
    try:
        value = _decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return UNREADABLE_BODY
    return _encode(_redact_json(value, mask))


def redact_target(target: str, secret_pieces: Iterable[int], shown_parameters: Iterable[str]) -> str:
    """Return the target of a known operation without secrets: those pieces of its path, and other query values."""
    path, mark, query = target.partition("?")
    pieces = path.split("/")
    for index in secret_pieces:
        pieces[index] = REDACTED
    path_text = "/".join(pieces)
    if not mark:
        return path_text
    pairs = (pair.partition("=") for pair in query.split("&"))
    return path_text + "?" + "&".join(n + m + (v if n in shown_parameters or not m else REDACTED) for n, m, v in pairs)


def redact_unknown_target(target: str) -> str:
    """Return a target that leads nowhere, without its query and what stands where an appkey would."""
    path, mark, _ = target.partition("?")
    return _APPKEY.sub(rf"\1{REDACTED}", path) + (mark and f"?{REDACTED}")


def cut_target(target: str) -> str:
    """Return what is kept of a target that leads nowhere."""
    return target[:_TARGET_LIMIT]


def redact_secrets_in_target(target: str, vault: Vault) -> str:
    """Return a target without secrets: a piece that holds one, as it is or encoded, is left out."""
    if not vault.contains_encoded(target):
        return target
    pieces = _SEPARATOR.split(target)
    return vault.redact("".join(REDACTED if vault.contains_encoded(piece) else piece for piece in pieces))


def redact_secrets_in_body(content: bytes, vault: Vault) -> bytes:
    """Return a body without secrets; it stays JSON if it is, and readable."""
    text = content.decode("utf-8", "replace")
    if not vault.contains_encoded(text):
        return content
    try:
        value = _decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return vault.redact(text).encode()
    return _encode(_redact(value, vault))


def _redact(value: Any, vault: Vault) -> Any:
    if isinstance(value, dict):
        return {vault.redact(name): _redact(member, vault) for name, member in value.items()}
    if isinstance(value, list):
        if any(isinstance(entry, str) and is_private_key(entry) for entry in value):  # a line of it in each
            return REDACTED
        return [_redact(entry, vault) for entry in value]
    if isinstance(value, str):
        return vault.redact(value)
    return REDACTED if vault.contains(str(value)) else value


def _redact_json(value: Any, mask: Mask) -> Any:
    if mask.hidden:
        return REDACTED
    if mask.members is None:
        return value
    if isinstance(value, list):
        return [_redact_json(entry, mask) for entry in value]
    if isinstance(value, dict):
        return {name: _redact_json(member, mask.members.get(name, _ALL_SECRET)) for name, member in value.items()}
    return value if mask.is_scalar else REDACTED  # not as in the contract, so it may be anything

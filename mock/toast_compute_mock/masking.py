"""Which values of a request and its reply are secret, and how does an exchange look without them?

What is secret is said by `x-sensitive` in the contract.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

HIDDEN = "***"
NOT_KEPT = b"(not JSON; not kept, since it may hold secrets)"

_SENSITIVE = "x-sensitive"
_APPKEY = re.compile(r"(/appkeys/)[^/?]*")
_TARGET_LIMIT = 200  # a target that the client made up is cut here
_SHORTEST_SECRET = 8  # anything shorter would be found in innocent text

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class Mask(NamedTuple):
    """What is secret in a JSON value."""

    hidden: bool = False
    """Whether all of it is."""
    members: Mapping[str, Mask] | None = None
    """The members of the object, or of the objects in the array; None when nothing in it is secret."""


_SHOWN = Mask()
_ALL = Mask(hidden=True)


def mask_of(document: dict[str, Any], schema: dict[str, Any]) -> Mask | None:
    """Return what is secret in the values of a schema, None for nothing; `document` is where its references lead."""
    mask = _mask_of(document, schema)
    return None if mask == _SHOWN else mask


def _mask_of(document: dict[str, Any], schema: dict[str, Any]) -> Mask:
    if schema.get(_SENSITIVE):
        return _ALL
    if "$ref" in schema:
        return _mask_of(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if "items" in schema:
        return _mask_of(document, schema["items"])
    members = {name: _mask_of(document, member) for name, member in schema.get("properties", {}).items()}
    return Mask(members=members) if any(mask != _SHOWN for mask in members.values()) else _SHOWN


def conceal(content: bytes, mask: Mask) -> bytes:
    """Return a JSON text without its secrets; members that the contract does not know are taken for secrets."""
    if not content:
        return content
    try:
        value = _decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return NOT_KEPT
    return _encode(_conceal(value, mask))


def shown_target(target: str, secret_pieces: Iterable[int], shown_parameters: Iterable[str]) -> str:
    """Return the target of a known operation without secrets: those pieces of its path, and other query values."""
    path, mark, query = target.partition("?")
    pieces = path.split("/")
    for index in secret_pieces:
        pieces[index] = HIDDEN
    shown = "/".join(pieces)
    if not mark:
        return shown
    pairs = (pair.partition("=") for pair in query.split("&"))
    return shown + "?" + "&".join(n + m + (v if n in shown_parameters or not m else HIDDEN) for n, m, v in pairs)


def guessed_target(target: str, secrets: Iterable[str]) -> str:
    """Return a target that leads nowhere, without what looks like a secret in it."""
    path, mark, _ = target.partition("?")
    return mask_secrets(_APPKEY.sub(rf"\1{HIDDEN}", path), secrets)[:_TARGET_LIMIT] + (mark and f"?{HIDDEN}")


def mask_secrets(text: str, secrets: Iterable[str]) -> str:
    """Return a text with every one of these secrets hidden."""
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, HIDDEN)
    return text


def holds_secret(text: str, secrets: Iterable[str]) -> bool:
    """Whether one of these secrets stands in the text."""
    for secret in secrets:  # noqa: SIM110 (half as long as `any` with a generator, for every request)
        if secret in text and len(secret) >= _SHORTEST_SECRET:
            return True
    return False


def _conceal(value: Any, mask: Mask) -> Any:
    if mask.hidden:
        return HIDDEN
    if mask.members is None:
        return value
    if isinstance(value, list):
        return [_conceal(entry, mask) for entry in value]
    if isinstance(value, dict):
        return {name: _conceal(member, mask.members.get(name, _ALL)) for name, member in value.items()}
    return HIDDEN  # not what the contract says, so it may be anything

"""Make replies of a success: wrong ones, and unusual ones that have to be understood all the same.

The contract is strict about requests and lenient about replies: objects are open, enums are open, an optional member
may be null, and numbers and booleans may stand in quotes. The rest is what JSON and HTTP leave to the writer.
"""

from __future__ import annotations

import gzip
import json
import random
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...places import places, with_other, without
from ..calls import Call
from ..contract import Schema, resolved
from .service import JSON, SECRETS, Served, quoting, secrets_sent

Reply = dict[str, Any]
Change = Callable[[Reply, random.Random], Served]
"""Makes a reply of a success."""

_DEEP = 100_000  # deeper than any parser goes
_LONG = 30_000
_GARBAGE = "\x00\x1f\u202e\ud7ff\uffff"
_MARK = "mark-of-the-place"
_UNKNOWN = "NOT-YET-KNOWN"


def encode(content: Any) -> bytes:
    """Return JSON as the service writes it."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def _literals(*literals: bytes) -> Change:
    """Put a piece of text, which JSON may not even have, in the place of a value."""

    def change(reply: Reply, chance: random.Random) -> Served:
        body = encode(with_other(reply, chance.choice(list(places(reply))), _MARK))
        return Served(body.replace(encode(_MARK), chance.choice(literals)))

    return change


def _values(*values: Any) -> Change:
    return _literals(*map(encode, values))


def _headers(*changes: Mapping[str, Any]) -> Change:
    return lambda reply, chance: Served(encode({**reply, "header": {**reply["header"], **chance.choice(changes)}}))


def _bodies(make: Callable[[bytes, random.Random], bytes]) -> Change:
    return lambda reply, chance: Served(make(encode(reply), chance))


def _missing_member(reply: Reply, chance: random.Random) -> Served:
    return Served(encode(without(reply, chance.choice([one for one in places(reply) if isinstance(one[-1], str)]))))


def _deep(reply: Reply, chance: random.Random) -> Served:
    opening, closing = chance.choice([(b"[", b"]"), (b'{"a":', b"}")])
    nested = opening * _DEEP + b"1" + closing * chance.choice([0, _DEEP])
    if chance.random() < 0.5:
        return _literals(nested)(reply, chance)
    return Served(b'{"extra":' + nested + b"," + encode(reply)[1:])


def _second_header(text: bytes, chance: random.Random) -> bytes:
    other = encode({"isSuccessful": False, "resultCode": chance.choice([-4, 0]), "resultMessage": "no"})
    first = b'{"header":' + other + b"," + text[1:]
    return first if chance.random() < 0.5 else text[:-1] + b',"header":' + other + b"}"


def _flipped_byte(text: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(text))
    return text[:place] + bytes([chance.randrange(256)]) + text[place + 1 :]


def _other_charset(reply: Reply, chance: random.Random) -> Served:
    name = chance.choice(["utf-16", "utf-32", "latin-1", "cp037"])
    body = encode(reply).decode().encode(name, "replace")
    return Served(body, headers=(("content-type", f"application/json; charset={name}"),))


def _other_content_type(reply: Reply, chance: random.Random) -> Served:
    kinds = ["text/html", "", "application/octet-stream", "image/png; charset=nonesuch", ";;;", "a" * 5000]
    return Served(encode(reply), headers=(("content-type", chance.choice(kinds)),))


def _other_status(reply: Reply, chance: random.Random) -> Served:
    later = ["0", "3", "-1", "soon", "99999999999", "1e3", "Thu, 15 Jan 2099 09:00:05 GMT", "Thu, 99 Foo"]
    codes = (201, 202, 204, 206, 301, 302, 304, 307, 400, 401, 403, 404, 409, 418, 429, 500, 502, 503, 504, 599)
    extra = chance.choice([(), *((("retry-after", text),) for text in later)])
    headers = (*JSON, *extra, ("location", "https://elsewhere.invalid/"))
    return Served(encode(reply), status=chance.choice(codes), headers=headers)


def _html(_: Reply, chance: random.Random) -> Served:
    page = b"<!doctype html><title>Bad gateway</title><p>" + b"x" * chance.choice([0, 100_000])
    return Served(page, headers=(("content-type", "text/html"),), status=chance.choice([200, 502]))


def _bad_compression(reply: Reply, chance: random.Random) -> Served:
    text = encode(reply)
    packed = gzip.compress(text)
    body, encoding = chance.choice(
        [
            (text, "gzip"), (text, "deflate"), (packed[:-9], "gzip"), (packed + b"junk", "gzip"),
            (gzip.compress(packed), "gzip"), (b"", "gzip"), (text, "br, gzip"), (text, "zstd"),
            (b"\x1f\x8b" + b"\xff" * 40, "gzip"),
        ]
    )  # fmt: skip
    return Served(body, headers=(*JSON, ("content-encoding", encoding)))


_INVALID_HEADERS = (
    (b"retry-after", b"\xff\xfe"), (b"content-length", b"-5"), (b"content-length", b"1000000"), (b"date", b"\x80"),
    (b"x" * 9000, b"y" * 9000), (b"content-encoding", b"\xe9"), (b"set-cookie", b"a=b"),
    (b"transfer-encoding", b"chunked"),
)  # fmt: skip
_NO_ENVELOPES = (
    b"", b" ", b"\n", b"null", b"[]", b"1", b'"text"', b"true", b"{}", b'{"header":{}}', b"[{}]", b"{}{}",
)  # fmt: skip
_CODES = ("0", "x", "", 0.0, 0.5, True, False, None, 10**30, -(10**30), [0], "-3", " 0", "0x0")
_ANSWERS = (True, False, "true", "yes", 1, 0, None)

MUTATIONS: Mapping[str, Change] = {
    "other type": _values(None, True, False, 0, -1, 1.5, "", "text", [], [None], {}, {"a": 1}),
    "missing member": _missing_member,
    "huge number": _literals(
        b"1e400", b"-1e400", b"1e9999999999", b"9" * 400, b"-" + b"9" * 5000, b"18446744073709551616", b"0.1e-999"
    ),
    "no number": _literals(b"NaN", b"Infinity", b"-Infinity", b"nan", b"0x10", b"01", b"undefined"),
    "deep nesting": _deep,
    "duplicate key": _bodies(_second_header),
    "truncated": lambda reply, chance: Served(
        encode(reply)[: chance.randrange(len(encode(reply)))], piece=chance.choice([0, 7])
    ),
    "flipped byte": _bodies(_flipped_byte),
    "invalid UTF-8": _literals(
        *(b'"' + bad + b'"' for bad in (b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf"))
    ),
    "lone surrogate": _literals(b'"\\ud800"', b'"\\udc00x"', b'"\\uZZZZ"', b'"\\x"'),
    "byte order mark": _bodies(lambda text, _: b"\xef\xbb\xbf" + text),
    "other charset": _other_charset,
    "other content type": _other_content_type,
    "other HTTP status": _other_status,
    "HTML": _html,
    "no envelope": _bodies(lambda _, chance: chance.choice(_NO_ENVELOPES)),
    "huge text": _values(*(text * _LONG for text in ("x", _GARBAGE, "\n"))),
    "huge message": _headers(
        *(
            {"isSuccessful": False, "resultCode": -4, "resultMessage": text * _LONG}
            for text in ("x", _GARBAGE, "line\n", "\x1b[31m")
        )
    ),
    "invalid result code": _headers(
        *({"resultCode": code, "isSuccessful": answer} for code in _CODES for answer in _ANSWERS)
    ),
    "contradiction": _headers({"resultCode": 5}, {"resultCode": -3}, {"isSuccessful": False}, {"resultCode": 10404}),
    "invalid time": _values(
        "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "2026-02-30T00:00:00", "2026-01-01", "1768467600", ""
    ),
    "bad compression": _bad_compression,
    "invalid headers": lambda reply, chance: Served(encode(reply), raw_headers=(chance.choice(_INVALID_HEADERS),)),
}
"""Replies that may be wrong: the result is a valid object or a typed error."""


def quotes(call: Call) -> Mapping[str, Change]:
    """Return what may come in place of a success, with secrets wherever the other side may quote them.

    A refusal, whose message is shown, may quote those that the client has sent; none shows of what cannot be read.
    """
    text, known = quoting(SECRETS), quoting(secrets_sent(call))

    def refusal(_: Reply, chance: random.Random) -> Served:
        code = chance.choice([-1, -2, -3, -4, 10404, 50401, 7, -(2**40)])
        return Served(encode({"header": {"isSuccessful": False, "resultCode": code, "resultMessage": f"No: {known}"}}))

    def no_envelope(_: Reply, chance: random.Random) -> Served:
        headers = (*JSON, ("location", f"https://elsewhere.invalid/{text.replace(' ', '/')}"), ("x-echo", text))
        return Served(text.encode(), status=chance.choice([200, 302, 401, 500]), headers=headers)

    def wrong_shape(reply: Reply, chance: random.Random) -> Served:
        member = chance.choice([name for name in reply if name != "header"] or ["header"])
        wrong = chance.choice([text, [text], {text: text}, {"id": [text], "privateKey": text, "expires": text}])
        return Served(encode({**reply, member: wrong, text: text}))

    return {
        "refusal with secrets": refusal,
        "no envelope, with secrets": no_envelope,
        "wrong shape, with secrets": wrong_shape,
    }


@dataclass(frozen=True, slots=True)
class Unusual:
    """An unusual reply, and what it means."""

    served: Served
    meaning: Reply
    """The success that it has to be understood as."""
    literal: Reply
    """The same as it is written."""


Write = Callable[[Reply, Schema, random.Random], Unusual | None]
"""Writes a success in an unusual way; None when this one cannot be."""


def _members(value: Any, schema: Schema) -> Iterator[tuple[Any, Any, Schema]]:
    """Yield each object or array with the name or number of one of its entries, and that entry's schema."""
    schema = resolved(schema)
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        own = (
            schema["items"]
            if isinstance(value, list)
            else schema.get("properties", {}).get(key, schema.get("additionalProperties"))
        )
        if isinstance(own, dict):
            yield value, key, resolved(own)
            yield from _members(value[key], own)


def _objects(reply: Reply, schema: Schema) -> list[tuple[dict[str, Any], Schema]]:
    inner = [(holder[key], own) for holder, key, own in _members(reply, schema) if "properties" in own]
    return [(reply, schema), *inner]


def _each(is_meant: Callable[[Schema], bool], new: Callable[[Any], Any], *, changes_meaning: bool = False) -> Write:
    """Write every value of a kind in another way."""

    def write(reply: Reply, schema: Schema, _: random.Random) -> Unusual | None:
        changed = json.loads(encode(reply))
        found = [(holder, key) for holder, key, own in _members(changed, schema) if is_meant(own)]
        for holder, key in found:
            holder[key] = new(holder[key])
        return Unusual(Served(encode(changed)), changed if changes_meaning else reply, changed) if found else None

    return write


def _extra_members(reply: Reply, schema: Schema, chance: random.Random) -> Unusual:
    changed = json.loads(encode(reply))
    for holder, _ in _objects(changed, schema):
        if chance.random() < 0.7:
            holder[f"new{chance.randrange(100)}"] = chance.choice([None, 1, "x", [], {"a": [1, {}]}, True, 1e300])
    return Unusual(Served(encode(changed)), reply, changed)


def _nulls(reply: Reply, schema: Schema, _: random.Random) -> Unusual | None:
    changed = json.loads(encode(reply))
    for holder, own in _objects(changed, schema):
        holder |= dict.fromkeys(own["properties"].keys() - set(own.get("required", ())) - holder.keys())
    return Unusual(Served(encode(changed)), reply, changed) if changed != reply else None


def _reversed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _reversed(value[name]) for name in reversed(value)}
    return [_reversed(entry) for entry in value] if isinstance(value, list) else value


def _compressed(reply: Reply, chance: random.Random) -> Served:
    text = encode(reply)
    body, name = chance.choice([(gzip.compress(text), "gzip"), (zlib.compress(text), "deflate")])
    return Served(body, headers=(*JSON, ("content-encoding", name)), piece=chance.choice([0, 5]))


def _as_written(make: Change) -> Write:
    return lambda reply, _, chance: Unusual(make(reply, chance), reply, reply)


LENIENCIES: Mapping[str, Write] = {
    "extra members": _extra_members,
    "null for none": _nulls,
    "numbers in quotes": _each(lambda own: own.get("type") == "integer", str),
    "booleans in quotes": _each(lambda own: own.get("type") == "boolean", lambda value: str(value).lower()),
    "unknown enum values": _each(lambda own: "enum" in own, lambda _: _UNKNOWN, changes_meaning=True),
    "other order": _as_written(lambda reply, _: Served(encode(_reversed(reply)))),
    "indentation and escapes": _as_written(
        lambda reply, _: Served(b" \r\n\t" + json.dumps(reply, indent="\t ").encode() + b"\n\n")
    ),
    "compressed": _as_written(_compressed),
    "in pieces": _as_written(lambda reply, chance: Served(encode(reply), piece=chance.choice([1, 3, 64]))),
}
"""Replies that are right: the result is the very success."""

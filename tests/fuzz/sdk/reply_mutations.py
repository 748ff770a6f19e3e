"""In which ways can a reply be wrong, or unusual and yet right?

Each function takes a success of the contract as JSON and a source of chance, and returns what is served in its place.
"""

from __future__ import annotations

import gzip
import json
import random
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from .served import JSON, Served

Change = Callable[[dict[str, Any], random.Random], Served]
"""Makes a reply of a success."""

DEEP = 100_000  # deeper than any parser goes
HUGE_TEXT = 30_000
_GARBAGE = "\x00\x1f\u202e\ud7ff\uffff"
_Place = tuple[Any, Any]
"""An object or array, and the name or number of one of its entries."""


def encode(content: Any) -> bytes:
    """Return JSON as the service writes it."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def clone(content: Any) -> Any:
    """Return a copy that may be changed."""
    return json.loads(json.dumps(content))


def places(content: Any) -> Iterator[_Place]:
    """Yield the place of every value in an object or array, at any depth."""
    entries = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in entries:
        yield content, key
        yield from places(value)


def _with(reply: dict[str, Any], chance: random.Random, value: Any) -> Served:
    """Put a value in the place of another, anywhere."""
    changed = clone(reply)
    holder, key = chance.choice(list(places(changed)))
    holder[key] = value
    return Served(encode(changed))


def _in_text(reply: dict[str, Any], chance: random.Random, literal: bytes) -> Served:
    """Put a piece of text that JSON may not even have in the place of a value."""
    mark = "mark-of-the-place"
    served = _with(reply, chance, mark)
    return Served(served.body.replace(encode(mark), literal))


def _other_type(reply: dict[str, Any], chance: random.Random) -> Served:
    return _with(reply, chance, chance.choice([None, True, False, 0, -1, 1.5, "", "text", [], [None], {}, {"a": 1}]))


def _missing_member(reply: dict[str, Any], chance: random.Random) -> Served:
    changed = clone(reply)
    holder, key = chance.choice([place for place in places(changed) if isinstance(place[0], dict)])
    del holder[key]
    return Served(encode(changed))


def _huge_number(reply: dict[str, Any], chance: random.Random) -> Served:
    literals = [
        b"1e400",
        b"-1e400",
        b"1e9999999999",
        b"9" * 400,
        b"-" + b"9" * 5000,
        b"18446744073709551616",
        b"0.1e-999",
    ]
    return _in_text(reply, chance, chance.choice(literals))


def _no_number(reply: dict[str, Any], chance: random.Random) -> Served:
    return _in_text(
        reply, chance, chance.choice([b"NaN", b"Infinity", b"-Infinity", b"nan", b"0x10", b"01", b"undefined"])
    )


def _deep(reply: dict[str, Any], chance: random.Random) -> Served:
    opening, closing = chance.choice([(b"[", b"]"), (b'{"a":', b"}")])
    nested = opening * DEEP + b"1" + closing * (DEEP if chance.random() < 0.5 else 0)
    if chance.random() < 0.5:
        return _in_text(reply, chance, nested)
    return Served(b'{"extra":' + nested + b"," + encode(reply)[1:])


def _twice_the_header(reply: dict[str, Any], chance: random.Random) -> Served:
    other = encode({"isSuccessful": False, "resultCode": chance.choice([-4, 0]), "resultMessage": "no"})
    text = encode(reply)
    return Served(
        b'{"header":' + other + b"," + text[1:] if chance.random() < 0.5 else text[:-1] + b',"header":' + other + b"}"
    )


def _truncated(reply: dict[str, Any], chance: random.Random) -> Served:
    text = encode(reply)
    return Served(text[: chance.randrange(len(text))], piece=chance.choice([0, 7]))


def _flipped_byte(reply: dict[str, Any], chance: random.Random) -> Served:
    text = bytearray(encode(reply))
    text[chance.randrange(len(text))] = chance.randrange(256)
    return Served(bytes(text))


def _invalid_utf_8(reply: dict[str, Any], chance: random.Random) -> Served:
    bad = chance.choice([b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf"])
    return _in_text(reply, chance, b'"' + bad + b'"')


def _lone_surrogate(reply: dict[str, Any], chance: random.Random) -> Served:
    return _in_text(reply, chance, chance.choice([b'"\\ud800"', b'"\\udc00x"', b'"\\uZZZZ"', b'"\\x"']))


def _with_bom(reply: dict[str, Any], _: random.Random) -> Served:
    return Served(b"\xef\xbb\xbf" + encode(reply))


def _other_charset(reply: dict[str, Any], chance: random.Random) -> Served:
    name = chance.choice(["utf-16", "utf-32", "latin-1", "cp037"])
    body = encode(reply).decode().encode(name, "replace")
    return Served(body, headers=(("content-type", f"application/json; charset={name}"),))


def _other_content_type(reply: dict[str, Any], chance: random.Random) -> Served:
    given = chance.choice(
        ["text/html", "", "application/octet-stream", "image/png; charset=nonesuch", ";;;", "a" * 5000]
    )
    return Served(encode(reply), headers=(("content-type", given),))


def _other_status(reply: dict[str, Any], chance: random.Random) -> Served:
    status = chance.choice(
        [201, 202, 204, 206, 301, 302, 304, 307, 400, 401, 403, 404, 409, 418, 429, 500, 502, 503, 504, 599]
    )
    later = chance.choice(
        ["", "0", "3", "-1", "soon", "99999999999", "1e3", "Thu, 15 Jan 2099 09:00:05 GMT", "Thu, 99 Foo"]
    )
    extra = (("retry-after", later),) if later else ()
    return Served(encode(reply), status=status, headers=(*JSON, *extra, ("location", "https://elsewhere.invalid/")))


def _html(_: dict[str, Any], chance: random.Random) -> Served:
    page = b"<!doctype html><title>Bad gateway</title><p>" + b"x" * chance.choice([0, 100_000])
    return Served(page, headers=(("content-type", "text/html"),), status=chance.choice([200, 502]))


def _no_object(_: dict[str, Any], chance: random.Random) -> Served:
    bodies = [b"", b" ", b"\n", b"null", b"[]", b"1", b'"text"', b"true", b"{}", b'{"header":{}}', b"[{}]", b"{}{}"]
    return Served(chance.choice(bodies))


def _huge_text(reply: dict[str, Any], chance: random.Random) -> Served:
    return _with(reply, chance, chance.choice(["x", _GARBAGE, "\n"]) * HUGE_TEXT)


def _huge_message(reply: dict[str, Any], chance: random.Random) -> Served:
    message = chance.choice(["x", _GARBAGE, "line\n", "\x1b[31m"]) * HUGE_TEXT
    return Served(encode({**reply, "header": {"isSuccessful": False, "resultCode": -4, "resultMessage": message}}))


def _odd_result_code(reply: dict[str, Any], chance: random.Random) -> Served:
    code = chance.choice(["0", "x", "", 0.0, 0.5, True, False, None, 10**30, -(10**30), [0], "-3", " 0", "0x0"])
    changed = clone(reply)
    changed["header"]["resultCode"] = code
    changed["header"]["isSuccessful"] = chance.choice([True, False, "true", "yes", 1, 0, None])
    return Served(encode(changed))


def _contradiction(reply: dict[str, Any], chance: random.Random) -> Served:
    changed = clone(reply)
    changed["header"].update(
        chance.choice([{"resultCode": 5}, {"resultCode": -3}, {"isSuccessful": False}, {"resultCode": 10404}])
    )
    return Served(encode(changed))


def _odd_time(reply: dict[str, Any], chance: random.Random) -> Served:
    odd = [
        "9999-12-31T23:59:59-23:59",
        "0001-01-01T00:00:00+23:59",
        "2026-02-30T00:00:00",
        "2026-01-01",
        "1768467600",
        "",
    ]
    return _with(reply, chance, chance.choice(odd))


def _bad_compression(reply: dict[str, Any], chance: random.Random) -> Served:
    text = encode(reply)
    body, encoding = chance.choice(
        [
            (text, "gzip"),
            (text, "deflate"),
            (gzip.compress(text)[:-9], "gzip"),
            (gzip.compress(text) + b"junk", "gzip"),
            (gzip.compress(gzip.compress(text)), "gzip"),
            (b"", "gzip"),
            (text, "br, gzip"),
            (text, "zstd"),
            (b"\x1f\x8b" + b"\xff" * 40, "gzip"),
        ]
    )
    return Served(body, headers=(*JSON, ("content-encoding", encoding)))


def _odd_headers(reply: dict[str, Any], chance: random.Random) -> Served:
    raw = chance.choice(
        [
            (b"retry-after", b"\xff\xfe"),
            (b"content-length", b"-5"),
            (b"content-length", b"1000000"),
            (b"date", b"\x80"),
            (b"x" * 9000, b"y" * 9000),
            (b"content-encoding", b"\xe9"),
            (b"set-cookie", b"a=b"),
            (b"transfer-encoding", b"chunked"),
        ]
    )
    return Served(encode(reply), raw_headers=(raw,))


MUTATIONS: dict[str, Change] = {
    "other type": _other_type,
    "missing member": _missing_member,
    "huge number": _huge_number,
    "no number": _no_number,
    "deep nesting": _deep,
    "duplicate key": _twice_the_header,
    "truncated": _truncated,
    "flipped byte": _flipped_byte,
    "invalid UTF-8": _invalid_utf_8,
    "lone surrogate": _lone_surrogate,
    "byte order mark": _with_bom,
    "other charset": _other_charset,
    "other content type": _other_content_type,
    "other HTTP status": _other_status,
    "HTML": _html,
    "no object": _no_object,
    "huge text": _huge_text,
    "huge message": _huge_message,
    "odd result code": _odd_result_code,
    "contradiction": _contradiction,
    "odd time": _odd_time,
    "bad compression": _bad_compression,
    "odd headers": _odd_headers,
}
"""Replies that may be wrong. What comes of them is a valid object or a typed error."""


def compressed(reply: dict[str, Any], chance: random.Random) -> Served:
    """Return the reply compressed as the SDK says it understands."""
    text = encode(reply)
    body, name = chance.choice([(gzip.compress(text), "gzip"), (zlib.compress(text), "deflate")])
    return Served(body, headers=(*JSON, ("content-encoding", name)), piece=chance.choice([0, 5]))

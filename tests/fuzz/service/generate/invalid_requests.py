"""Requests that a generator which starts from schemas does not make: malformed bytes, and bodies with one change."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

from ...places import at, places, with_other, without
from ..exchange import JSON, JsonObject, Request
from ..run import Run
from . import placeholders
from .document import example_bodies
from .preparation import Parts, Preparation

MALFORMED = "malformed"
MUTATED = "mutated"
_INSTANCE = "instanceId"
_NEW_MEMBER = "no-such-member"
_DEEP = 5_000
_LONG = 20_000
_VALUES = (
    "%FF",
    "%C3%28",
    "%00",
    "",
    "%2e%2e",
    "..%2f..",
    "a" * _LONG,
    "%F0%9F%98%80",
    "1%0d%0aX:%20y",
    "%25",
    "*",
    "null",
)
_BODIES = (
    b"",
    b"{",
    b"\xff\xfe",
    b"null",
    b"[]",
    b"0",
    b'"text"',
    b"NaN",
    b"{}",
    b'{"\xc3\x28": 1}',
    b'{"a": "\\ud800"}',
    b"[" * _DEEP + b"]" * _DEEP,
    b'{"a":' * _DEEP + b"1" + b"}" * _DEEP,
    b'{"a": 1e999}',
    b'{"a": ' + b"9" * _LONG + b"}",
)


def send_malformed(run: Run, operations: Collection[str], instance_id: str) -> None:
    """Send malformed values and bodies to each operation."""
    for operation in operations:
        for request in _malformed(run, operation, instance_id):
            if run.is_over:
                return
            run.target.tick()
            run.send(request, phase=MALFORMED)


def _malformed(run: Run, operation: str, instance_id: str) -> Iterator[Request]:
    parameters = [one for one in run.contract.parameters(operation) if one["name"] != "appkey"]
    plain = {one["name"]: instance_id if one["name"] == _INSTANCE else "x" for one in parameters}
    good = run.request(operation, plain)
    for one in parameters:
        if one["in"] == "query":
            yield from (replace(good, target=target) for target in _with_queries(good.target, one["name"]))
        elif one["name"] == _INSTANCE:
            yield from (replace(good, target=good.target.replace(instance_id, value, 1)) for value in _VALUES)
    if run.contract.body_schema(operation) is not None:
        texts = [json.dumps(example) for example in run.contract.body_examples(operation).values()]
        cut = (body for text in texts for body in (text[:-1].encode(), text.encode("utf-16")))
        for body in (*_BODIES, *cut):
            yield replace(good, headers={**good.headers, "content-type": JSON}, body=body)
    yield replace(good, target=good.target + "/")


def _with_queries(target: str, name: str) -> Iterator[str]:
    path, _, query = target.partition("?")
    others = [pair for pair in query.split("&") if not pair.startswith(f"{name}=")]
    for pairs in (*([f"{name}={value}"] for value in _VALUES), [name], [f"{name}=x", f"{name}=y"]):
        yield f"{path}?{'&'.join([*others, *pairs])}"


def send_mutated(preparation: Preparation, operations: Collection[str]) -> None:
    """Send every example with one change to its body: nothing else can be the reason for a refusal."""
    inventory = preparation.inventory
    run = inventory.run
    for operation, action, example in example_bodies(run.contract, run.target.credentials, inventory.fixtures):
        if operation not in operations:
            continue
        path = {_INSTANCE: placeholders.OWN_INSTANCE} if _INSTANCE in run.contract.path(operation) else {}
        parts = Parts(path, {}, example)
        preparation.prepare(operation, action, parts)
        for body in mutations(parts.body):
            if run.is_over:
                return
            request = run.request(operation, {name: str(value) for name, value in parts.path.items()}, body)
            inventory.observer.after(run.send(request, phase=MUTATED))


def mutations(body: JsonObject) -> Iterator[JsonObject]:
    """Return copies of a body, each with one member that is missing, that is too much, or that has another type."""
    for path in places(body):
        value = at(body, path)
        yield from (with_other(body, path, other) for other in _others(value))
        if isinstance(path[-1], str):
            yield without(body, path)
        if isinstance(value, dict):
            yield with_other(body, path, {**value, _NEW_MEMBER: 1})
    yield {**body, _NEW_MEMBER: 1}


def _others(value: Any) -> Iterator[Any]:
    """Return values of other types that resemble this one as much as possible."""
    yield from (None, [value], {}, True, "")
    if isinstance(value, int) and not isinstance(value, bool):
        yield from (str(value), float(value) + 0.5, -value, value * 1000 + 1)
    elif isinstance(value, str):
        yield from (0, f" {value}", "a" * 300)
    elif isinstance(value, list):
        yield from (value[0], [])
    elif isinstance(value, dict):
        yield [value]

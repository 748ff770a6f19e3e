"""Which requests does no generator make that starts from schemas? Odd bytes, in every place that takes some."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import replace

from ..exchange import Request
from ..run import Run

_DEEP = 5_000
_LONG = 20_000
ODD = "odd"
"""The phase of these requests."""

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


class OddRequests:
    """Sends odd requests to every operation."""

    def __init__(self, run: Run, operations: Collection[str]) -> None:
        self._run = run
        self._operations = operations

    def send_all(self, instance_id: str) -> None:
        """Send each of them once."""
        for request in self._all(instance_id):
            if self._run.is_over:
                return
            self._run.target.tick()
            self._run.send(request, phase=ODD)

    def _all(self, instance_id: str) -> Iterator[Request]:
        run = self._run
        for operation in self._operations:
            names = [one for one in run.contract.parameters(operation) if one["name"] != "appkey"]
            plain = {one["name"]: instance_id if one["name"] == "instanceId" else "x" for one in names}
            good = run.request(operation, plain)
            for one in names:
                if one["in"] == "query":
                    yield from self._with_queries(good, one["name"])
                elif one["name"] == "instanceId":
                    for value in _VALUES:
                        yield replace(good, target=good.target.replace(instance_id, value, 1))
            if run.contract.body_schema(operation) is not None:
                yield from self._with_bodies(good, operation)
            yield replace(good, target=good.target + "/")

    def _with_queries(self, good: Request, name: str) -> Iterator[Request]:
        path, _, query = good.target.partition("?")
        others = [pair for pair in query.split("&") if not pair.startswith(f"{name}=")]
        for value in _VALUES:
            yield replace(good, target=f"{path}?{'&'.join([*others, f'{name}={value}'])}")
        yield replace(good, target=f"{path}?{'&'.join([*others, name])}")
        yield replace(good, target=f"{path}?{'&'.join([*others, f'{name}=x', f'{name}=y'])}")

    def _with_bodies(self, good: Request, operation: str) -> Iterator[Request]:
        headers = {**good.headers, "content-type": "application/json"}
        for body in _BODIES:
            yield replace(good, headers=headers, body=body)
        examples = self._run.contract.spec(operation)["requestBody"]["content"]["application/json"]["examples"]
        for example in examples.values():
            text = json.dumps(example["value"])
            yield replace(good, headers=headers, body=text[:-1].encode())
            yield replace(good, headers=headers, body=text.encode("utf-16"))

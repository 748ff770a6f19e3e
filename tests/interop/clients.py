"""Clients of four kinds that carry out the same calls: curl, httpx, requests, and fetch of Node.js."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import httpx
import pytest
import requests

SECONDS = 20.0
_FETCH = Path(__file__).with_name("fetch.mjs")


class Call(NamedTuple):
    """What a client is to send."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None = None
    chunked: bool = False


class Answer(NamedTuple):
    """What it got: a reply, or an error in its own words."""

    status: int
    headers: dict[str, str]
    """By name in lower case."""
    body: bytes
    error: str = ""


class Session(NamedTuple):
    """What came of calls that were made one after another by one client."""

    answers: list[Answer]
    connections: int
    """How many it opened."""


Client = Callable[[Sequence[Call]], Session]


def tool(name: str, use: str) -> str:
    """Return where a program is. Fails the test when it is not there: nothing is skipped."""
    path = shutil.which(name)
    if path is None:
        pytest.fail(f"{name} is not installed; the interop tests need it {use}")
    return path


def by_curl(calls: Sequence[Call]) -> Session:
    """Run curl once for all calls."""
    answers: list[Answer] = []
    connections = 0
    with TemporaryDirectory() as folder:
        arguments = [tool("curl", "as one of the clients")]
        for number, call in enumerate(calls):
            arguments += ["--next"] if number else []
            arguments += _curl_arguments(call, Path(folder), number)
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=SECONDS, check=False)
        for number, (call, line) in enumerate(zip(calls, done.stdout.splitlines(), strict=True)):
            said = json.loads(line)
            connections += said["num_connects"]
            error = f"{said['exitcode']} {said['errormsg']}" if said["exitcode"] else ""
            head = _content(Path(folder) / f"{number}.head")
            body = _content(Path(folder) / f"{number}.body")
            if call.method == "HEAD":
                body = body.removeprefix(head)  # curl writes the head into both files
            answers.append(Answer(said["http_code"], _headers(head.decode("latin-1")), body, error))
    return Session(answers, connections)


def _curl_arguments(call: Call, folder: Path, number: int) -> list[str]:
    arguments = ["--silent", "--max-time", f"{SECONDS / 2:g}", "--globoff", "--path-as-is", "--write-out", "%{json}\n"]
    arguments += ["--dump-header", str(folder / f"{number}.head"), "--output", str(folder / f"{number}.body")]
    arguments += ["--head"] if call.method == "HEAD" else ["--request", call.method]
    for name, value in call.headers.items():
        arguments += ["--header", f"{name}: {value}"]
    if call.body is not None:
        sent = folder / f"{number}.sent"
        sent.write_bytes(call.body)
        arguments += ["--data-binary", f"@{sent}"]
    if call.chunked:
        arguments += ["--header", "Transfer-Encoding: chunked"]
    return [*arguments, call.url]


def _headers(head: str) -> dict[str, str]:
    """The headers of the last head in a text; those before are 100 Continue."""
    lines = head.rstrip("\r\n").rpartition("\r\n\r\n")[2].split("\r\n")[1:]
    pairs = (line.partition(":") for line in lines)
    return {name.lower(): value.strip() for name, _, value in pairs}


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def by_httpx(calls: Sequence[Call]) -> Session:
    """Use one httpx client for all calls."""
    answers: list[Answer] = []
    addresses: set[Any] = set()

    def note(reply: httpx.Response) -> None:
        addresses.add(reply.extensions["network_stream"].get_extra_info("client_addr"))

    with httpx.Client(timeout=SECONDS / 2, trust_env=False, event_hooks={"response": [note]}) as client:
        for call in calls:
            try:
                content = _pieces(call.body) if call.chunked and call.body is not None else call.body
                reply = client.request(call.method, call.url, headers=call.headers, content=content)
            except httpx.TransportError as error:
                answers.append(_failed(error))
            else:
                headers = {name.lower(): value for name, value in reply.headers.items()}
                answers.append(Answer(reply.status_code, headers, reply.content))
    return Session(answers, len(addresses))


def by_requests(calls: Sequence[Call]) -> Session:
    """Use one session of requests for all calls."""
    answers: list[Answer] = []
    with requests.Session() as session:
        session.trust_env = False
        for call in calls:
            try:
                data = _pieces(call.body) if call.chunked and call.body is not None else call.body
                reply = session.request(call.method, call.url, headers=call.headers, data=data, timeout=SECONDS / 2)
            except requests.RequestException as error:
                answers.append(_failed(error))
            else:
                headers = {name.lower(): value for name, value in reply.headers.items()}
                answers.append(Answer(reply.status_code, headers, reply.content))
        manager: Any = session.get_adapter(calls[0].url).poolmanager  # type: ignore[attr-defined]
        pools = [manager.pools[key] for key in manager.pools.keys()]  # noqa: SIM118  it is no mapping that iterates
        return Session(answers, sum(pool.num_connections for pool in pools))


def by_node(calls: Sequence[Call]) -> Session:
    """Run Node.js once for all calls."""
    wanted = [
        {
            "method": call.method,
            "url": call.url,
            "headers": call.headers,
            "body": None if call.body is None else base64.b64encode(call.body).decode(),
            "chunked": call.chunked,
        }
        for call in calls
    ]
    done = subprocess.run(
        [tool("node", "(18 or later) as one of the clients"), str(_FETCH)],
        input=json.dumps(wanted),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    answers = [
        Answer(one["status"], one["headers"], base64.b64decode(one["body"]), one["error"]) for one in said["answers"]
    ]
    return Session(answers, said["connections"])


def _pieces(body: bytes) -> Iterator[bytes]:
    """Let a client send a body in chunks, since it does not know its length."""
    yield body[:5]
    yield body[5:]


def _failed(error: Exception) -> Answer:
    return Answer(0, {}, b"", f"{type(error).__name__} {error}")


MOST_CONNECTIONS = {"curl": 1, "httpx": 1, "requests": 1, "node": 2}
"""How many a client opens for calls one after another. Node.js may open a second one before it reuses any."""

CLIENTS: dict[str, Client] = {"curl": by_curl, "httpx": by_httpx, "requests": by_requests, "node": by_node}

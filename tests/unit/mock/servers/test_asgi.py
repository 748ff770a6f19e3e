"""Check that the ASGI application serves the same as the socket server, under uvicorn and under httpx."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any

import httpx
import pytest
import uvicorn
from toast_compute_mock import FrozenClock, MockCloud
from toast_compute_mock.exchange import Break, Deferred, Reply, Request, Wire
from toast_compute_mock.servers.asgi import AsgiApp, LostReplyError
from toast_compute_mock.servers.framing import BODY_LIMIT, HEAD_LIMIT

from ..conftest import SEED_TOKEN
from .sockets import NotingClock, StandingClock

PATH = "/compute/v1.0/appkeys/demo-appkey"
TOKEN = {"X-Auth-Token": SEED_TOKEN}
BODY = b"0123456789"
Message = dict[str, Any]


def echo(request: Request) -> Reply:
    shown = {"method": request.method, "target": request.target, "size": len(request.body), "peer": request.peer}
    return Reply(200, (("Content-Type", "application/json"),), json.dumps(shown).encode())


def wired(kind: Break) -> Callable[[Request], Reply]:
    return lambda _: Reply(200, (), BODY, wire=Wire(kind, piece=4, pause=0.5))


@contextmanager
def running(app: AsgiApp, **options: Any) -> Iterator[str]:
    """Serve the application by uvicorn, in a thread of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1, **options))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


def send(app: AsgiApp, method: str, url: str, **options: Any) -> httpx.Response:
    async def exchange() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
            return await client.request(method, url, **options)

    return asyncio.run(exchange())


def converse(app: AsgiApp, changes: Message, *incoming: Message) -> list[Message]:
    """Call the application with a scope and messages of one's own, and return what it sends."""
    scope: Message = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"x")],
        "client": ("127.0.0.1", 5),
        "server": ("127.0.0.1", 80),
        **changes,
    }
    left = list(incoming or ({"type": "http.request", "body": b"", "more_body": False},))
    sent: list[Message] = []

    async def receive() -> Message:
        if not left:
            await asyncio.Event().wait()
        return left.pop(0)

    async def send(message: Any) -> None:
        sent.append(dict(message))

    async def call() -> None:
        await asyncio.wait_for(app(scope, receive, send), 5)

    asyncio.run(call())
    return sent


def asked(app: AsgiApp, **changes: Any) -> Message:
    """Return what the service sees of a request with this scope."""
    start, body = converse(app, changes)
    assert start["status"] == 200
    shown: Message = json.loads(body["body"])
    return shown


@pytest.fixture
def cloud() -> MockCloud:
    return MockCloud(clock=FrozenClock())


def test_it_serves_the_cloud_under_httpx(cloud: MockCloud) -> None:
    listed = send(cloud.asgi, "GET", f"http://x{PATH}/flavors", headers=TOKEN)
    assert listed.json()["header"]["resultCode"] == 0
    assert listed.headers.multi_items() == [
        ("content-type", "application/json;charset=UTF-8"),
        ("content-length", str(len(listed.content))),
    ]


def test_it_serves_the_cloud_under_uvicorn(cloud: MockCloud) -> None:
    with running(cloud.asgi) as url, httpx.Client(base_url=url + PATH, headers=TOKEN) as client:
        assert client.get("/flavors").json()["header"]["resultCode"] == 0
        made = client.post("/keypairs", json={"keypair": {"name": "by-asgi"}})
        assert made.json()["keypair"]["name"] == "by-asgi"
        assert client.get("/keypairs?name=by-asgi").json()["keypairs"][0]["name"] == "by-asgi"


def test_head_gets_the_headers_of_get_without_its_body(cloud: MockCloud) -> None:
    with running(cloud.asgi) as url, httpx.Client(base_url=url + PATH, headers=TOKEN) as client:
        of_get, of_head = client.get("/flavors"), client.head("/flavors")
        assert of_head.content == b""
        assert of_head.headers["content-length"] == of_get.headers["content-length"] == str(len(of_get.content))
        assert client.get("/nothing").json()["header"]["resultCode"] == -7


def test_head_sends_no_body_to_any_server() -> None:
    _, body = converse(AsgiApp(echo, NotingClock()), {"method": "HEAD"})
    assert body["body"] == b""


@pytest.mark.parametrize(
    ("scope", "target"),
    [
        ({"raw_path": b"/a%2fb//c", "path": "/a/b//c"}, "/a%2fb//c"),
        ({"raw_path": b"/a%20b?c", "path": "/a b"}, "/a%20b"),
        ({"raw_path": None, "path": "/a b/\ud55c%"}, "/a%20b/%ED%95%9C%25"),
        ({"raw_path": b"/a", "query_string": b"b=%20&c"}, "/a?b=%20&c"),
        ({"raw_path": b"/under/compute/x", "root_path": "/under"}, "/compute/x"),
        ({"raw_path": b"/under/compute/x", "root_path": "/under/"}, "/compute/x"),
        ({"raw_path": b"/un%64er/%ED%95%9C/x", "root_path": "/under/\ud55c"}, "/x"),
        ({"raw_path": b"/a%2Fb/x", "root_path": "/a/b"}, "/x"),
        ({"raw_path": b"/under", "root_path": "/under"}, "/"),
        ({"raw_path": b"/underneath/x", "root_path": "/under"}, "/underneath/x"),
        ({"raw_path": b"/compute/x", "root_path": "/under"}, "/compute/x"),
    ],
)
def test_target_is_what_stood_on_the_wire_below_the_root(scope: Message, target: str) -> None:
    assert asked(AsgiApp(echo, NotingClock()), **scope)["target"] == target


def test_root_path_of_uvicorn_is_not_part_of_the_target() -> None:
    with running(AsgiApp(echo, NotingClock()), root_path="/under") as url:
        assert httpx.get(f"{url}/compute/x?y=1").json()["target"] == "/compute/x?y=1"


def test_very_long_path_below_a_root_is_read_quickly() -> None:
    path = b"/under" + b"/" * 60_000
    assert asked(AsgiApp(echo, NotingClock()), raw_path=path, root_path="/under" * 50)["target"] == path.decode()


def test_asgi_app_passes_the_peer_address_or_unknown() -> None:
    app = AsgiApp(echo, NotingClock())
    assert asked(app)["peer"] == "127.0.0.1"
    assert asked(app, client=None)["peer"] == "unknown"


def test_unknown_client_is_refused_without_an_admin_token(cloud: MockCloud) -> None:
    assert converse(cloud.asgi, {"raw_path": b"/_mock/clock", "client": None})[0]["status"] == 403


@pytest.mark.parametrize("announced", [[(b"content-length", b"%d" % (BODY_LIMIT + 1))], []])
def test_body_above_the_limit_is_refused_as_by_the_socket_server(announced: list[tuple[bytes, bytes]]) -> None:
    piece = {"type": "http.request", "body": b" " * 65536, "more_body": True}
    pieces = [piece] * (BODY_LIMIT // 65536 + 1)
    start, body = converse(AsgiApp(echo, NotingClock()), {"headers": announced}, *pieces)
    assert start["status"] == json.loads(body["body"])["status"] == 413
    assert (b"connection", b"close") in start["headers"]


def test_body_above_the_limit_is_refused_under_uvicorn() -> None:
    with running(AsgiApp(echo, NotingClock())) as url, httpx.Client() as client:
        assert client.post(url, content=b" " * BODY_LIMIT).json()["size"] == BODY_LIMIT
        assert client.post(url, content=b" " * (BODY_LIMIT + 1)).status_code == 413
        assert client.post(url, content=iter([b" " * BODY_LIMIT, b" "])).status_code == 413


def test_head_above_the_limit_is_refused() -> None:
    start, _ = converse(AsgiApp(echo, NotingClock()), {"headers": [(b"x", b"a" * HEAD_LIMIT)]})
    assert start["status"] == 431


def test_reply_without_content_has_no_length() -> None:
    start, body = converse(AsgiApp(lambda _: Reply(204, (), b""), NotingClock()), {})
    assert (start["headers"], body["body"]) == ([], b"")


def test_it_lives_as_long_as_its_server() -> None:
    sent = converse(
        AsgiApp(echo, NotingClock()), {"type": "lifespan"}, {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}
    )
    assert [message["type"] for message in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_websocket_is_refused_before_it_is_accepted() -> None:
    sent = converse(AsgiApp(echo, NotingClock()), {"type": "websocket"}, {"type": "websocket.connect"})
    assert [message["type"] for message in sent] == ["websocket.close"]


def test_another_protocol_is_an_error_that_names_it() -> None:
    with pytest.raises(ValueError, match="does not speak telnet"):
        converse(AsgiApp(echo, NotingClock()), {"type": "telnet"})


# Waiting


def test_delay_is_waited_for_on_the_clock() -> None:
    clock = NotingClock()
    app = AsgiApp(lambda _: Reply(200, (), BODY, delay=5.0), clock)
    assert send(app, "GET", "http://x/").content == BODY
    assert clock.slept == [5.0]


def test_deferred_reply_comes_when_it_is_there() -> None:
    polls = iter([None, None, Reply(200, (), BODY)])
    assert send(AsgiApp(lambda _: Deferred(lambda: next(polls)), NotingClock()), "GET", "http://x/").content == BODY


@pytest.mark.parametrize("reply", [Reply(200, (), BODY, delay=5.0), Deferred(lambda: None)])
def test_client_that_leaves_ends_the_wait(reply: Reply | Deferred) -> None:
    clock = StandingClock()
    request = {"type": "http.request", "body": b"", "more_body": False}
    assert converse(AsgiApp(lambda _: reply, clock), {}, request, {"type": "http.disconnect"}) == []
    assert clock.left == len(clock.slept)


def test_client_that_leaves_before_its_request_is_complete_is_not_answered() -> None:
    begun = {"type": "http.request", "body": b"x", "more_body": True}
    assert converse(AsgiApp(echo, NotingClock()), {"method": "POST"}, begun, {"type": "http.disconnect"}) == []


def test_what_fails_while_a_client_waits_is_seen() -> None:
    def fail() -> Reply | None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        send(AsgiApp(lambda _: Deferred(fail), NotingClock()), "GET", "http://x/")


# Faults on the wire

LOST = [kind for kind in Break if kind is not Break.PIECES]


@pytest.mark.parametrize("kind", LOST)
def test_lost_reply_is_an_exception_under_httpx(kind: Break) -> None:
    with pytest.raises(LostReplyError, match=kind.value):
        send(AsgiApp(wired(kind), NotingClock(), idle_seconds=0.01), "GET", "http://x/")


@pytest.mark.parametrize("kind", LOST)
def test_lost_reply_is_an_incomplete_one_under_uvicorn(kind: Break, caplog: pytest.LogCaptureFixture) -> None:
    error = httpx.ReadTimeout if kind is Break.STALL else httpx.RemoteProtocolError
    app = AsgiApp(wired(kind), NotingClock())
    with (
        caplog.at_level(logging.CRITICAL, "uvicorn"),
        running(app) as url,
        httpx.Client(timeout=0.2) as client,
        client.stream("GET", url) as reply,
    ):
        assert reply.status_code == 200
        pieces = reply.iter_raw()
        if kind not in (Break.RESET, Break.CLOSE, Break.GARBAGE):
            assert next(pieces) == BODY[:5]
        with pytest.raises(error):
            next(pieces)


@pytest.mark.parametrize("kind", Break)
def test_reply_to_head_is_whole_or_not_there(kind: Break) -> None:
    app = AsgiApp(wired(kind), NotingClock())
    if kind in (Break.RESET, Break.CLOSE, Break.GARBAGE):
        with pytest.raises(LostReplyError):
            converse(app, {"method": "HEAD"})
    else:
        start, body = converse(app, {"method": "HEAD"})
        assert start["headers"] == [(b"content-length", b"10")]
        assert body["body"] == b""


def test_stall_ends_when_the_client_leaves() -> None:
    request = {"type": "http.request", "body": b"", "more_body": False}
    start, body = converse(AsgiApp(wired(Break.STALL), NotingClock()), {}, request, {"type": "http.disconnect"})
    assert start["headers"] == [(b"content-length", b"10")]
    assert body["body"] == BODY[:5]


def test_pieces_come_with_pauses_between() -> None:
    clock = NotingClock()
    _, *pieces, last = converse(AsgiApp(wired(Break.PIECES), clock), {})
    assert [piece["body"] for piece in pieces] == [b"0123", b"4567", b"89"]
    assert last == {"type": "http.response.body", "body": b"", "more_body": False}
    assert clock.slept == [0.5, 0.5]
    with running(AsgiApp(wired(Break.PIECES), clock)) as url:
        connection = HTTPConnection(url.removeprefix("http://"), timeout=5)
        connection.request("GET", "/")
        assert connection.getresponse().read() == BODY
        connection.close()

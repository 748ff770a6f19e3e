"""Check that the socket server speaks HTTP/1.1, also with clients that do not."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from http.client import IncompleteRead

import pytest
from toast_compute_mock import FrozenClock, MockCloud
from toast_compute_mock.exchange import Reply, Request
from toast_compute_mock.servers.framing import BODY_LIMIT, HEAD_LIMIT
from toast_compute_mock.servers.server import ServerThread

from ..conftest import SEED_TOKEN
from .sockets import TINY, Connection, serving

PATH = "/compute/v1.0/appkeys/demo-appkey"
HEADERS = f"Host: x\r\nX-Auth-Token: {SEED_TOKEN}\r\n"
LOGIN = json.dumps({"auth": {"username": "demo@example.com", "password": "demo-password"}}).encode()


def _read(connection: Connection, count: int) -> None:
    for _ in range(count):
        connection.reply()


@pytest.fixture
def server() -> Iterator[ServerThread]:
    with MockCloud(clock=FrozenClock()).serve() as running:
        yield running


@pytest.fixture
def connection(server: ServerThread) -> Iterator[Connection]:
    opened = Connection(server)
    yield opened
    opened.close()


def get(path: str, *, headers: str = HEADERS, version: str = "1.1", method: str = "GET") -> str:
    return f"{method} {PATH}{path} HTTP/{version}\r\n{headers}\r\n"


def post(path: str, body: bytes, *, extra: str = "", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    head = f"POST {PATH}{path} HTTP/1.1\r\n{HEADERS}{extra}Content-Length: {size}\r\n\r\n"
    return head.encode() + body


def test_connection_serves_one_request_after_another(connection: Connection) -> None:
    for path in ("/flavors", "/instances", "/nothing", "/flavors"):
        connection.send(get(path))
        status, headers, body = connection.reply()
        assert (status, headers["content-type"]) == (200, "application/json;charset=UTF-8")
        assert headers["content-length"] == str(len(body))


def test_pipelined_requests_are_answered_in_their_order(connection: Connection) -> None:
    connection.send(get("/flavors") + post("/tokens", LOGIN).decode() + get("/nothing") + get("/keypairs"))
    bodies = [connection.reply()[2] for _ in range(4)]
    assert b'"flavors"' in bodies[0]
    assert b'"access"' in bodies[1]
    assert b"no such path" in bodies[2]
    assert b'"keypairs"' in bodies[3]


def test_request_may_come_byte_by_byte(connection: Connection) -> None:
    whole = post("/tokens", LOGIN)
    connection.send(*(whole[i : i + 16] for i in range(0, len(whole), 16)))
    assert connection.code() == 0


def test_many_pipelined_requests_do_not_count_as_a_large_header(connection: Connection) -> None:
    count = 2 * HEAD_LIMIT // len(get("/keypairs"))
    connection.send(get("/keypairs") * count)
    assert [connection.code() for _ in range(count)] == [0] * count


def test_chunked_body_is_put_together(connection: Connection) -> None:
    pieces = [b'{"keypair": {"na', b'me": "chunked"}}']
    chunks = b"".join(b"%x;note=1\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    chunks += b"0\r\nX-Auth-Token: trailers mean nothing\r\n\r\n"
    connection.send(f"POST {PATH}/keypairs HTTP/1.1\r\n{HEADERS}Transfer-Encoding: chunked\r\n\r\n", chunks)
    assert connection.code() == 0


def test_client_that_waits_for_100_continue_gets_it_before_the_reply(connection: Connection) -> None:
    connection.send(post("/tokens", b"", extra="Expect: 100-continue\r\n", length=len(LOGIN)))
    assert connection.socket.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.send(LOGIN)
    assert connection.code() == 0


def test_head_gets_the_headers_of_get_without_its_body(connection: Connection) -> None:
    connection.send(get("/flavors"))
    _, of_get, body = connection.reply()
    connection.send(get("/flavors", method="HEAD"), get("/nothing"))
    _, of_head, nothing = connection.reply("HEAD")
    assert (of_head, nothing) == (of_get, b"")
    assert int(of_head["content-length"]) == len(body)
    assert connection.code() == -7


@pytest.mark.parametrize(
    ("version", "headers", "closes"),
    [
        ("1.1", "", False),
        ("1.1", "Connection: close\r\n", True),
        ("1.0", "", True),
        ("1.0", "Connection: keep-alive\r\n", False),
    ],
)
def test_connection_ends_when_the_client_wants_it_to(
    connection: Connection, version: str, headers: str, closes: bool
) -> None:
    connection.send(get("/flavors", version=version, headers=HEADERS + headers))
    _, got, _ = connection.reply()
    if closes:
        assert got["connection"] == "close"
        assert connection.is_closed()
    else:
        assert got.get("connection") == ("keep-alive" if version == "1.0" else None)
        connection.send(get("/flavors", version=version, headers=HEADERS + headers))
        assert connection.code() == 0


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 400),
        (b"GET /a\x00b HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        (b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1_0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\n: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: x\r\nX\n: a\n\n", 400),
        (b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", 400),
        (b"GET\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"\x00" * 1000, 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * HEAD_LIMIT + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: 123456789\r\n" * (HEAD_LIMIT // 9) + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * HEAD_LIMIT, 431),
        (b"GET /" + b"a" * HEAD_LIMIT, 431),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (BODY_LIMIT + 1), 413),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n", 400),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s"
            % (BODY_LIMIT + 1, b"a" * (BODY_LIMIT + 1)),
            413,
        ),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_invalid_request_is_answered_once_and_the_connection_closed(
    server: ServerThread, connection: Connection, sent: bytes, status: int
) -> None:
    connection.send(sent)
    got, headers, body = connection.reply()
    assert (got, headers["connection"]) == (status, "close")
    assert json.loads(body)["status"] == status
    assert connection.is_closed()
    other = Connection(server)
    other.send(get("/flavors"))
    assert other.code() == 0
    other.close()


def test_largest_allowed_body_is_read(connection: Connection) -> None:
    connection.send(post("/tokens", LOGIN + b" " * (BODY_LIMIT - len(LOGIN))))
    assert connection.code() == 0


@pytest.mark.parametrize("path", ["/../flavors", "/x%2f..%2fflavors", "//flavors", "/instances//action", "?a=b"])
def test_path_is_taken_as_it_is_written(connection: Connection, path: str) -> None:
    connection.send(get(path))
    assert connection.code() in (-7, -4)


def test_whole_url_as_target_is_understood(connection: Connection) -> None:
    connection.send(f"GET http://x{PATH}/flavors HTTP/1.1\r\n{HEADERS}\r\n")
    assert connection.code() == 0


def test_offer_of_another_protocol_is_not_taken_up(connection: Connection) -> None:
    offer = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"
    connection.send(get("/flavors", headers=HEADERS + offer))
    assert connection.code() == 0
    connection.send(post("/tokens", LOGIN, extra=offer) + get("/instances").encode())
    assert connection.code() == 0
    assert b'"instances"' in connection.reply()[2]
    head, body = post("/tokens", LOGIN, extra=offer).split(b"\r\n\r\n")
    connection.send(head + b"\r\n\r\n", body)
    assert connection.code() == 0


def test_offer_of_another_protocol_gets_one_100_continue(connection: Connection) -> None:
    extra = "Connection: Upgrade\r\nUpgrade: h2c\r\nExpect: 100-continue\r\n"
    connection.send(post("/tokens", b"", extra=extra, length=len(LOGIN)))
    assert connection.socket.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.send(LOGIN)
    assert connection.code() == 0


class LargeReplies:
    """A service whose replies are large, and which counts them."""

    def __init__(self) -> None:
        self.given = 0

    def __call__(self, _: Request) -> Reply:
        self.given += 1
        return Reply(200, (), b"%06d" % self.given + b" " * 200_000)


def test_client_that_does_not_read_is_not_answered_and_loses_nothing() -> None:
    service = LargeReplies()
    with serving(service) as server:
        connection = Connection(server)
        connection.send(TINY * 300)
        time.sleep(0.1)
        assert 0 < service.given < 100
        assert [int(connection.reply()[2][:6]) for _ in range(300)] == list(range(1, 301))
        connection.send(TINY * 300 + b"nonsense\r\n\r\n")
        assert [int(connection.reply()[2][:6]) for _ in range(300)] == list(range(301, 601))
        assert connection.reply()[0] == 400
        assert connection.is_closed()
        connection.close()


def test_client_that_does_not_read_is_not_read_from_either() -> None:
    with serving(LargeReplies()) as server:
        connection = Connection(server)
        connection.socket.settimeout(0.3)
        request = post("/", b" " * BODY_LIMIT)
        with pytest.raises(TimeoutError):
            connection.send(*([request] * 64))
        connection.close()


def test_client_that_never_reads_is_let_go() -> None:
    service = LargeReplies()
    with serving(service, idle_seconds=0.1) as server:
        connection = Connection(server)
        connection.send(TINY * 300)
        time.sleep(0.3)
        with pytest.raises((IncompleteRead, ConnectionResetError)):
            _read(connection, 300)
        connection.close()


def test_client_can_finish_sending_what_is_refused(connection: Connection) -> None:
    piece = b"a" * 65536
    connection.send(post("/tokens", b"", length=BODY_LIMIT + 1))
    for _ in range(8):
        time.sleep(0.01)
        connection.send(piece)
    assert connection.reply()[0] == 413


def test_defect_of_the_engine_ends_one_connection_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def handle(request: Request) -> Reply:
        if "good" in request.target:
            return Reply(200, (), b"")
        raise ZeroDivisionError("the defect")

    with serving(handle) as server, caplog.at_level(logging.ERROR):
        broken, sound = Connection(server), Connection(server)
        broken.send("GET /bad HTTP/1.1\r\nHost: x\r\n\r\n")
        status, _, body = broken.reply()
        assert (status, b"defect" in body) == (500, False)
        assert broken.is_closed()
        sound.send("GET /good HTTP/1.1\r\nHost: x\r\n\r\n")
        assert sound.reply()[0] == 200
        broken.close()
        sound.close()
    assert "the defect" in caplog.text


@pytest.mark.parametrize("begun", [b"", b"GET / HT"])
def test_connection_on_which_nothing_comes_is_closed(begun: bytes) -> None:
    with serving(MockCloud().answer, idle_seconds=0.05) as server:
        connection = Connection(server)
        connection.send(begun)
        started = time.monotonic()
        assert connection.is_closed()
    assert time.monotonic() - started < 1
    connection.close()


@pytest.mark.parametrize("begun", [b"", b"GET / HT", post("/tokens", LOGIN[:5], length=len(LOGIN))])
def test_stopping_takes_no_longer_than_the_grace_for_open_connections(begun: bytes) -> None:
    with MockCloud().serve() as server:
        connection = Connection(server)
        connection.send(get("/nothing") + begun.decode())
        connection.reply()
        started = time.monotonic()
    assert time.monotonic() - started < (1.0 if begun else 0.3)
    connection.close()


def test_request_that_is_half_received_is_answered_before_the_server_stops() -> None:
    with MockCloud(clock=FrozenClock()).serve() as server:
        connection = Connection(server)
        connection.send(get("/nothing"), post("/tokens", LOGIN[:5], length=len(LOGIN)))
        connection.reply()
        rest = threading.Timer(0.1, connection.send, [LOGIN[5:]])
        rest.start()
    status, headers, body = connection.reply()
    rest.join()
    assert (status, headers["connection"]) == (200, "close")
    assert b'"access"' in body
    connection.close()


@pytest.mark.parametrize("garbage", [b"nonsense\r\n\r\n", b"\x00\x01\x02", b"GET / HTTP/1.1\r\nbad header\r\n\r\n"])
def test_garbage_behind_good_requests_is_refused_after_their_replies(connection: Connection, garbage: bytes) -> None:
    connection.send(get("/flavors").encode() * 2 + garbage)
    assert [connection.code(), connection.code()] == [0, 0]
    assert connection.reply()[0] == 400
    assert connection.is_closed()


def test_request_hidden_in_the_body_of_another_is_never_answered(connection: Connection) -> None:
    hidden = get("/keypairs")
    head = (
        f"POST {PATH}/tokens HTTP/1.1\r\n{HEADERS}Content-Length: {len(hidden)}\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    connection.send(f"{head}0\r\n\r\n{hidden}")
    assert connection.reply()[0] == 400
    assert connection.rest() == b""


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"HEAD / HTTP/1.1\r\n\r\n", 400),
        (b"HEAD / HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n", 400),
        (b"HEAD / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (BODY_LIMIT + 1), 413),
        (b"HEAD / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * HEAD_LIMIT, 431),
    ],
)
def test_refusal_of_head_has_the_length_of_that_of_get_and_no_body(
    server: ServerThread, sent: bytes, status: int
) -> None:
    refused, asked = Connection(server), Connection(server)
    refused.send(sent)
    asked.send(sent.replace(b"HEAD", b"GET"))
    _, of_get, body = asked.reply()
    got, of_head, nothing = refused.reply("HEAD")
    assert (got, of_head, nothing) == (status, of_get, b"")
    assert int(of_get["content-length"]) == len(body)
    assert refused.is_closed()
    refused.close()
    asked.close()


def test_garbage_behind_a_head_request_is_not_answered_as_head() -> None:
    with serving(lambda _: Reply(200, (), b"")) as server:
        connection = Connection(server)
        connection.send(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n\x01\x02\x03\r\n\r\n")
        assert connection.reply("HEAD")[0] == 200
        assert connection.reply()[2] != b""
        connection.close()


def test_reply_without_content_has_no_length() -> None:
    with serving(lambda _: Reply(204, (), b"")) as server:
        connection = Connection(server)
        connection.send(TINY * 2)
        for _ in range(2):
            assert connection.reply() == (204, {}, b"")
        connection.close()


def test_service_learns_where_a_request_comes_from() -> None:
    peers: list[str] = []

    def answer(request: Request) -> Reply:
        peers.append(request.peer)
        return Reply(200, (), b"")

    with serving(answer) as server:
        connection = Connection(server)
        connection.send(TINY)
        connection.reply()
        connection.close()
    assert peers == ["127.0.0.1"]


@pytest.mark.parametrize("status", [429, 503, 599])
def test_connection_goes_on_after_a_reply_with_any_status(status: int) -> None:
    with serving(lambda _: Reply(status, (("retry-after", "1"),), b"busy")) as server:
        connection = Connection(server)
        connection.send(TINY * 2)
        for _ in range(2):
            assert connection.reply() == (status, {"retry-after": "1", "content-length": "4"}, b"busy")
        connection.close()


def test_reply_that_cannot_be_written_is_a_defect_and_not_two_replies() -> None:
    with serving(lambda _: Reply(200, (("x", "a\r\ny: b"),), b"")) as server:
        connection = Connection(server)
        connection.send(TINY)
        status, headers, _ = connection.reply()
        assert (status, "y" in headers) == (500, False)
        assert connection.is_closed()
        connection.close()


def test_client_that_sends_a_byte_now_and_then_is_not_idle() -> None:
    with serving(lambda _: Reply(200, (), b""), idle_seconds=0.15) as server:
        connection = Connection(server)
        for start in range(0, len(TINY), 4):
            connection.send(TINY[start : start + 4])
            time.sleep(0.03)
        assert connection.reply()[0] == 200
        connection.close()

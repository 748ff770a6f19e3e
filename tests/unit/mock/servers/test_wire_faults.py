"""Check that a client sees the same of a lost reply in-process and over a socket, on either event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
import uvloop
from toast_compute_mock.exchange import Break, Reply, Request, Wire
from toast_compute_mock.servers.httpx_transport import AsyncMockTransport, MockTransport
from toast_compute_mock.servers.server import LoopFactory, ServerThread, loop_factory

from .sockets import TINY, Connection, NotingClock, serving

BODY = b'{"header": {"isSuccessful": true}}'
HEADERS = (("content-type", "application/json"),)
READ_SECONDS = 0.3  # longer than a busy machine keeps anybody waiting
TIMEOUT = httpx.Timeout(5, read=READ_SECONDS)
LOOPS: dict[str, LoopFactory] = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


def wired(kind: Break, body: bytes = BODY, *, piece: int = 16, pause: float = 0.0) -> Callable[[Request], Reply]:
    """Return a service whose replies suffer so; a path other than the root is answered in full."""

    def answer(request: Request) -> Reply:
        return Reply(200, HEADERS, body, wire=Wire(kind, piece, pause) if request.target == "/" else None)

    return answer


def delayed(_: Request) -> Reply:
    return Reply(200, HEADERS, BODY, delay=READ_SECONDS * 3)


class RealTime(NotingClock):
    """For waits that a real client has to see end."""

    async def sleep_async(self, seconds: float, /) -> None:
        await asyncio.sleep(seconds)


Seen = tuple[str, str] | tuple[int, bytes, list[tuple[str, str]]]


def shown(reply: httpx.Response) -> Seen:
    headers = [(name, value) for name, value in reply.headers.multi_items() if name != "connection"]
    return reply.status_code, reply.content, headers


def see(transport: httpx.BaseTransport | None, url: str, method: str = "GET") -> Seen:
    """Return what a blocking client sees: a reply, or an exception."""
    with httpx.Client(transport=transport, timeout=TIMEOUT, trust_env=False) as client:
        try:
            return shown(client.request(method, url))
        except httpx.TransportError as error:
            return type(error).__name__, str(error)


def see_async(transport: httpx.AsyncBaseTransport | None, url: str) -> Seen:
    async def get() -> Seen:
        async with httpx.AsyncClient(transport=transport, timeout=TIMEOUT, trust_env=False) as client:
            try:
                return shown(await client.get(url))
            except httpx.TransportError as error:
                return type(error).__name__, str(error)

    return asyncio.run(get())


@pytest.fixture(params=LOOPS)
def loop(request: pytest.FixtureRequest) -> LoopFactory:
    return LOOPS[request.param]


CASES: dict[str, tuple[Callable[[Request], Reply], str]] = {
    "reset": (wired(Break.RESET), "ReadError"),
    "close": (wired(Break.CLOSE), "RemoteProtocolError"),
    "garbage": (wired(Break.GARBAGE), "RemoteProtocolError"),
    "short-body": (wired(Break.SHORT_BODY), "RemoteProtocolError"),
    "short-body of none": (wired(Break.SHORT_BODY, b""), "RemoteProtocolError"),
    "short-body of one byte": (wired(Break.SHORT_BODY, b"x"), "RemoteProtocolError"),
    "bad-chunk": (wired(Break.BAD_CHUNK), "RemoteProtocolError"),
    "bad-chunk of none": (wired(Break.BAD_CHUNK, b""), "RemoteProtocolError"),
    "stall": (wired(Break.STALL), "ReadTimeout"),
    "stall of none": (wired(Break.STALL, b""), "ReadTimeout"),
    "delay": (delayed, "ReadTimeout"),
    "pause": (wired(Break.PIECES, piece=1000, pause=READ_SECONDS * 3), ""),
    "long pause": (wired(Break.PIECES, pause=READ_SECONDS * 3), "ReadTimeout"),
    "pieces": (wired(Break.PIECES), ""),
    "pieces of one byte": (wired(Break.PIECES, piece=1), ""),
    "pieces of none": (wired(Break.PIECES, b""), ""),
}


@pytest.mark.parametrize("case", CASES)
def test_client_sees_the_same_in_process_and_over_a_socket(case: str, loop: LoopFactory) -> None:
    answer, error = CASES[case]
    with serving(answer, RealTime(), new_loop=loop) as server:
        over_a_socket = see(None, server.base_url + "/")
        assert see(MockTransport(answer, NotingClock()), "http://x/") == over_a_socket
        async_over_a_socket = see_async(None, server.base_url + "/")
        assert see_async(AsyncMockTransport(answer, NotingClock()), "http://x/") == async_over_a_socket
    assert over_a_socket[0] == (error or 200)
    assert async_over_a_socket[0] == (error or 200)


@pytest.mark.parametrize("kind", Break)
def test_end_of_one_connection_is_not_the_end_of_the_service(kind: Break, loop: LoopFactory) -> None:
    with (
        serving(wired(kind), new_loop=loop) as server,
        httpx.Client(base_url=server.base_url, timeout=READ_SECONDS) as client,
    ):
        for _ in range(2):
            try:
                client.get("/")
            except httpx.TransportError:
                assert kind is not Break.PIECES
            assert client.get("/other").content == BODY


@pytest.mark.parametrize("case", ["delay", "stall", "long pause"])
def test_in_process_client_waits_for_its_read_timeout_on_the_clock(case: str) -> None:
    answer, _ = CASES[case]
    clock = NotingClock()
    assert see(MockTransport(answer, clock), "http://x/")[0] == "ReadTimeout"
    assert see_async(AsyncMockTransport(answer, clock), "http://x/")[0] == "ReadTimeout"
    assert clock.slept == [READ_SECONDS] * 2


def test_in_process_client_without_read_timeout_waits_for_a_delay_and_not_for_a_stall() -> None:
    clock = NotingClock()
    with httpx.Client(transport=MockTransport(delayed, clock), timeout=None) as client:
        assert client.get("http://x/").content == BODY
    assert clock.slept == [READ_SECONDS * 3]
    with (
        httpx.Client(transport=MockTransport(wired(Break.STALL), clock), timeout=None) as client,
        pytest.raises(httpx.ReadTimeout),
    ):
        client.get("http://x/")
    assert clock.slept == [READ_SECONDS * 3]


@pytest.mark.parametrize("piece", [1, 7, 16, 64, 1000])
def test_pieces_take_the_same_time_in_process_and_over_a_socket(piece: int) -> None:
    answer = wired(Break.PIECES, piece=piece, pause=READ_SECONDS / 2)
    in_process, in_process_async, over_a_socket = NotingClock(), NotingClock(), NotingClock()
    assert see(MockTransport(answer, in_process), "http://x/")[0] == 200
    assert see_async(AsyncMockTransport(answer, in_process_async), "http://x/")[0] == 200
    with serving(answer, over_a_socket) as server:
        assert see(None, server.base_url + "/")[0] == 200
    assert in_process.slept == in_process_async.slept == over_a_socket.slept


def test_damage_of_a_body_is_seen_where_the_body_is_read() -> None:
    for kind in (Break.SHORT_BODY, Break.BAD_CHUNK, Break.STALL):
        transport = MockTransport(wired(kind), NotingClock())
        with (
            httpx.Client(transport=transport, timeout=TIMEOUT) as client,
            client.stream("GET", "http://x/") as reply,
        ):
            assert reply.status_code == 200
            pieces = reply.iter_raw()
            assert next(pieces) == BODY[: len(BODY) // 2]
            with pytest.raises(httpx.TransportError) as caught:
                next(pieces)
            assert caught.value.request.url == "http://x/"


@pytest.mark.parametrize("kind", Break)
def test_head_loses_what_it_has(kind: Break, loop: LoopFactory) -> None:
    answer = wired(kind)
    with serving(answer, new_loop=loop) as server:
        over_a_socket = see(None, server.base_url + "/", "HEAD")
    assert see(MockTransport(answer, NotingClock()), "http://x/", "HEAD") == over_a_socket


# What is on the wire


@pytest.fixture
def broken(request: pytest.FixtureRequest, loop: LoopFactory) -> Iterator[Connection]:
    """Return a connection on which the second of three requests has been answered brokenly."""
    with serving(wired(request.param), new_loop=loop) as server:
        connection = Connection(server)
        connection.send(TINY.replace(b"/ ", b"/whole ") + TINY + TINY)
        assert connection.reply()[2] == BODY
        yield connection
        connection.close()


def on(kind: Break) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("broken", [kind], indirect=True, ids=[kind.value])


@on(Break.CLOSE)
def test_close_sends_nothing(broken: Connection) -> None:
    assert broken.rest() == b""


@on(Break.GARBAGE)
def test_garbage_has_no_status_line(broken: Connection) -> None:
    garbage = broken.rest()
    assert garbage
    assert not garbage.startswith(b"HTTP")


@on(Break.SHORT_BODY)
def test_short_body_ends_before_its_length(broken: Connection) -> None:
    head, _, body = broken.rest().partition(b"\r\n\r\n")
    assert f"content-length: {len(BODY)}".encode() in head
    assert body == BODY[: len(BODY) // 2]


@on(Break.BAD_CHUNK)
def test_bad_chunk_has_an_invalid_size(broken: Connection) -> None:
    head, _, body = broken.rest().partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head
    assert b"content-length" not in head
    size, content, size_line, nothing = body.split(b"\r\n")
    assert bytes.fromhex(size.decode()) == bytes([len(content)])
    assert BODY.startswith(content)
    assert nothing == b""
    with pytest.raises(ValueError, match="invalid literal"):
        int(size_line, 16)


def test_reset_reaches_the_client_as_such(loop: LoopFactory) -> None:
    with serving(wired(Break.RESET), new_loop=loop) as server:
        connection = Connection(server)
        connection.send(TINY)
        with pytest.raises(ConnectionResetError):
            connection.rest()
        connection.close()


def test_stall_ends_with_the_idle_timeout(loop: LoopFactory) -> None:
    with serving(wired(Break.STALL), idle_seconds=0.2, new_loop=loop) as server:
        connection = Connection(server)
        connection.send(TINY)
        started = time.monotonic()
        assert connection.rest().endswith(b"\r\n\r\n" + BODY[: len(BODY) // 2])
        assert 0.1 < time.monotonic() - started < 2
        connection.close()


def test_stopping_does_not_wait_for_a_stall(loop: LoopFactory) -> None:
    with serving(wired(Break.STALL), new_loop=loop) as server:
        connection = Connection(server)
        connection.send(TINY)
        assert not connection.is_silent(1)
        started = time.monotonic()
    assert time.monotonic() - started < 0.3
    connection.close()


def test_pieces_arrive_one_by_one_and_the_connection_goes_on(loop: LoopFactory) -> None:
    with serving(wired(Break.PIECES, piece=50, pause=0.03), RealTime(), new_loop=loop) as server:
        connection = Connection(server)
        connection.send(TINY)
        pieces: list[bytes] = []
        while not b"".join(pieces).endswith(BODY):
            pieces.append(connection.socket.recv(1000))
        assert [len(piece) for piece in pieces[:-1]] == [50] * (len(pieces) - 1)
        assert len(pieces) > 2
        connection.send(TINY.replace(b"/ ", b"/whole "))
        assert connection.reply()[2] == BODY
        connection.close()


def test_pieces_for_a_client_that_does_not_read_wait_for_it() -> None:
    body = b"x" * 20_000_000
    with serving(wired(Break.PIECES, body, piece=100_000)) as server:
        connection = Connection(server)
        connection.send(TINY)
        time.sleep(0.1)
        assert connection.reply()[2] == body
        connection.close()


def test_server_runs_on_uvloop_where_that_is_installed() -> None:
    assert loop_factory() is uvloop.new_event_loop
    loops: list[asyncio.AbstractEventLoop] = []

    def answer(_: Request) -> Reply:
        loops.append(asyncio.get_running_loop())
        return Reply(200, (), b"")

    with serving(answer) as server:
        assert httpx.get(server.base_url).status_code == 200
    assert isinstance(loops[0], uvloop.Loop)


def test_address_that_is_taken_is_refused_on_either_loop(loop: LoopFactory) -> None:
    with serving(delayed, new_loop=loop) as server:
        port = int(server.base_url.rpartition(":")[2])
        second = ServerThread(delayed, NotingClock(), "127.0.0.1", port, "", new_loop=loop)
        with pytest.raises(OSError, match="in use"), second:
            pass

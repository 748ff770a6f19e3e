"""Check that a client gets the reply to what it has sent, whatever ends the connection at that moment."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest
import uvloop
from toast_compute_mock.exchange import Reply, Request
from toast_compute_mock.servers.http11 import HttpProtocol

from .sockets import TINY, NotingClock

Loop = Callable[[], asyncio.AbstractEventLoop]
Then = Callable[[HttpProtocol, asyncio.BaseTransport], object]
LOOPS: dict[str, Loop] = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(params=LOOPS)
def loop(request: pytest.FixtureRequest) -> Loop:
    return LOOPS[request.param]


def answer(request: Request) -> Reply:
    return Reply(200, (("content-type", "text/plain"),), request.target.encode())


def exchange(loop: Loop, *, waiting: bytes = b"", then: Then | None = None, close: bool = False) -> bytes:
    """Connect a client that has sent something before, do what comes then, and return all that it receives."""

    async def exchanged() -> bytes:
        client, server = socket.socketpair()
        with client:
            client.sendall(waiting)
            if close:
                client.shutdown(socket.SHUT_WR)
            client.setblocking(False)
            running = asyncio.get_running_loop()
            transport, protocol = await running.connect_accepted_socket(
                lambda: HttpProtocol(answer, NotingClock(), set(), 5.0), server
            )
            if then:
                then(protocol, transport)
            content = b""
            while piece := await asyncio.wait_for(running.sock_recv(client, 65536), 5):
                content += piece
            protocol.abort()
            return content

    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(exchanged())


def test_client_that_sends_no_more_gets_its_reply(loop: Loop) -> None:
    def end(protocol: HttpProtocol, transport: asyncio.BaseTransport) -> None:
        protocol.data_received(TINY)
        if not protocol.eof_received():
            transport.close()

    assert exchange(loop, then=end).endswith(b"\r\n\r\n/")
    assert exchange(loop, waiting=TINY, close=True).endswith(b"\r\n\r\n/")


def test_server_that_stops_in_that_moment_has_sent_the_reply(loop: Loop) -> None:
    def stop(protocol: HttpProtocol, _: asyncio.BaseTransport) -> None:
        protocol.data_received(TINY)
        protocol.finish()

    assert exchange(loop, then=stop).endswith(b"\r\n\r\n/")


@pytest.mark.parametrize("count", [0, 1, 2])
def test_garbage_behind_requests_does_not_take_their_replies(count: int, loop: Loop) -> None:
    content = exchange(loop, waiting=TINY * count + b"nonsense\r\n\r\n")
    assert [content.count(b"HTTP/1.1 200"), content.count(b"HTTP/1.1 400")] == [count, 1]


@pytest.mark.parametrize("count", [2, 3, 50])
def test_replies_keep_their_order(count: int, loop: Loop) -> None:
    sent = b"".join(b"GET /no%d. HTTP/1.1\r\nHost: x\r\n\r\n" % number for number in range(count))
    content = exchange(loop, waiting=sent, close=True)
    places = [content.index(b"/no%d." % number) for number in range(count)]
    assert places == sorted(places)

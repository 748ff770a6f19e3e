"""Check that delayed and deferred replies keep their order, and block nobody else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import httpx
import pytest
from toast_compute_mock.exchange import Deferred, Reply, Request
from toast_compute_mock.servers.framing import BODY_LIMIT
from toast_compute_mock.servers.httpx_transport import AsyncMockTransport, MockTransport

from .sockets import TINY, Connection, NotingClock, StandingClock, serving

LATE = b"GET /late HTTP/1.1\r\nHost: x\r\n\r\n"
Answer = Callable[[Request], Reply | Deferred]


def answer(request: Request) -> Reply:
    return Reply(200, (), request.target.encode(), delay=5.0 if request.target == "/late" else 0.0)


def eventually(contains: Callable[[], object], seconds: float = 3.0) -> bool:
    deadline = time.monotonic() + seconds
    while not contains():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


class Later:
    """A reply that is there when a test says so."""

    def __init__(self) -> None:
        self.polls = 0
        self.is_there = False

    def poll(self) -> Reply | None:
        self.polls += 1
        return Reply(200, (), b"at last") if self.is_there else None

    def answer(self, request: Request) -> Reply | Deferred:
        return Deferred(self.poll) if request.target == "/late" else answer(request)


def test_replies_behind_a_delayed_one_wait_and_other_connections_do_not() -> None:
    clock = StandingClock()
    with serving(answer, clock) as server:
        delayed, other = Connection(server), Connection(server)
        delayed.send(TINY + LATE + TINY + LATE + TINY)
        assert delayed.reply()[2] == b"/"
        assert delayed.is_silent()
        other.send(TINY)
        assert other.reply()[2] == b"/"
        clock.go_on()
        assert [delayed.reply()[2] for _ in range(4)] == [b"/late", b"/", b"/late", b"/"]
        assert clock.slept == [5.0, 5.0]
        delayed.close()
        other.close()


def test_deferred_reply_comes_when_it_is_there() -> None:
    later = Later()
    with serving(later.answer) as server:
        connection = Connection(server)
        connection.send(LATE + TINY)
        assert connection.is_silent()
        later.is_there = True
        assert [connection.reply()[2] for _ in range(2)] == [b"at last", b"/"]
        connection.close()


def test_client_that_leaves_ends_the_wait() -> None:
    clock, later = StandingClock(), Later()
    with serving(answer, clock) as server, serving(later.answer) as deferring:
        delayed, deferred = Connection(server), Connection(deferring)
        delayed.send(LATE)
        deferred.send(LATE)
        assert eventually(lambda: clock.slept and later.polls)
        delayed.close()
        deferred.close()
        assert eventually(lambda: clock.left == 1)
        time.sleep(0.05)
        polls = later.polls
        time.sleep(0.1)
        assert later.polls == polls


def test_stopping_waits_for_late_replies_no_longer_than_the_grace() -> None:
    clock = StandingClock()
    with serving(answer, clock) as server:
        connection = Connection(server)
        connection.send(LATE)
        assert eventually(lambda: clock.slept)
        started = time.monotonic()
    assert time.monotonic() - started < 1.0
    assert connection.is_closed()
    assert clock.left == 1
    connection.close()


def test_late_reply_that_comes_within_the_grace_is_sent() -> None:
    later = Later()
    with serving(later.answer) as server:
        connection = Connection(server)
        connection.send(LATE)
        assert eventually(lambda: later.polls)
        later.is_there = True
    assert connection.reply()[2] == b"at last"
    assert connection.is_closed()
    connection.close()


def test_wait_for_a_late_reply_does_not_count_as_idle() -> None:
    clock = StandingClock()
    with serving(answer, clock, idle_seconds=0.05) as server:
        connection = Connection(server)
        connection.send(LATE)
        assert connection.is_silent(0.25)
        clock.go_on()
        assert connection.reply()[2] == b"/late"
        assert connection.is_closed()
        connection.close()


def test_reading_stops_behind_a_late_reply_at_the_limit() -> None:
    clock = StandingClock()
    body = b" " * BODY_LIMIT
    with serving(answer, clock) as server:
        connection = Connection(server)
        connection.socket.settimeout(0.3)
        connection.send(LATE)
        request = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        with pytest.raises(TimeoutError):
            connection.send(*([request] * 32))
        connection.socket.settimeout(5)
        clock.go_on()
        assert [connection.reply()[2] for _ in range(3)] == [b"/late", b"/", b"/"]
        connection.close()


def test_100_continue_comes_behind_the_replies_that_are_due_before() -> None:
    clock = StandingClock()
    with serving(lambda request: Reply(200, (), request.body, answer(request).delay), clock) as server:
        connection = Connection(server)
        connection.send(LATE + b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        assert connection.is_silent()
        clock.go_on()
        assert connection.reply()[2] == b""
        assert connection.read(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.send(b"body")
        assert connection.reply()[2] == b"body"
        connection.close()


def test_100_continue_is_not_sent_when_the_body_has_come() -> None:
    clock = StandingClock()
    with serving(answer, clock) as server:
        connection = Connection(server)
        connection.send(LATE + b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbo")
        assert connection.is_silent()
        clock.go_on()
        assert connection.reply()[2] == b"/late"
        assert connection.is_silent()
        connection.send(b"dy")
        assert connection.reply()[0] == 200
        connection.close()


def test_in_process_client_waits_on_the_clock() -> None:
    clock = NotingClock()
    with httpx.Client(transport=MockTransport(answer, clock), timeout=10) as client:
        assert client.get("http://x/late").content == b"/late"

    async def get() -> bytes:
        async with httpx.AsyncClient(transport=AsyncMockTransport(answer, clock), timeout=10) as client:
            return (await client.get("http://x/late")).content

    assert asyncio.run(get()) == b"/late"
    assert clock.slept == [5.0, 5.0]


def test_in_process_client_gets_a_deferred_reply() -> None:
    polls: list[Reply | None] = [None, None, Reply(200, (), b"at last", delay=5.0)]

    def defer(_: Request) -> Deferred:
        due = iter(polls)
        return Deferred(lambda: next(due))

    clock = NotingClock()
    with httpx.Client(transport=MockTransport(defer, clock), timeout=10) as client:
        assert client.get("http://x/").content == b"at last"

    async def get() -> bytes:
        async with httpx.AsyncClient(transport=AsyncMockTransport(defer, clock), timeout=10) as client:
            return (await client.get("http://x/")).content

    assert asyncio.run(get()) == b"at last"
    assert clock.slept == [5.0, 5.0]


def test_in_process_client_loses_patience_with_a_deferred_reply() -> None:
    later = Later()
    with (
        httpx.Client(transport=MockTransport(later.answer, NotingClock()), timeout=0.05) as client,
        pytest.raises(httpx.ReadTimeout, match="timed out"),
    ):
        client.get("http://x/late")

    async def get() -> None:
        transport = AsyncMockTransport(later.answer, NotingClock())
        async with httpx.AsyncClient(transport=transport, timeout=0.05) as client:
            await client.get("http://x/late")

    with pytest.raises(httpx.ReadTimeout):
        asyncio.run(get())

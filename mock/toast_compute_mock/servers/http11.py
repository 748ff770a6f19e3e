"""How does one connection go? Replies in the order of their requests, waits, clients that do not read, and an end."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import sys
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from typing import cast

import msgspec

from ..clock.clocks import Clock
from ..exchange import Deferred, Reply, Request
from .deferred import POLL_SECONDS, settle_async
from .framing import BODY_LIMIT, UNKNOWN_PEER, refusal
from .http11_parser import Arrival, Reader
from .http11_writer import Delivery, End, delivery, whole

IDLE_SECONDS = 75.0
_LINGER_SECONDS = 1.0
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_MOST_WAITING = 1000  # requests behind a reply that takes its time; more are not read
_RESET_ON_CLOSE = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)

_log = logging.getLogger("toast_compute_mock")


class HttpProtocol(asyncio.Protocol):
    """One connection. Whatever cannot be answered as a request ends it, after a reply that says why.

    Both event loops that the mock runs on set TCP_NODELAY, so that a piece of a reply leaves when it is written. A
    whole reply is written at the end of the loop's turn, together with those of other connections: a client that waits
    for several is then woken once instead of once for each, which takes a quarter less of the server's CPU time.
    """

    def __init__(
        self,
        answer: Callable[[Request], Reply | Deferred],
        clock: Clock,
        open_connections: set[HttpProtocol],
        idle_seconds: float,
    ) -> None:
        self._answer = answer
        self._clock = clock
        self._open_connections = open_connections
        self._idle_seconds = idle_seconds
        self._loop: asyncio.AbstractEventLoop
        self._transport: asyncio.Transport
        self._reader: Reader
        self._timer: asyncio.TimerHandle
        self._deadline = 0.0
        self._waiting: deque[Arrival] = deque()
        self._waiting_bytes = 0
        self._slow: asyncio.Task[None] | None = None
        """Sends a reply that is not sent at once."""
        self._unsent = b""
        """The reply that is written at the end of the loop's turn."""
        self._expects = False
        self._paused = False
        self._stopping = False
        self._ended = False

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to watch for idleness."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        self._loop = asyncio.get_running_loop()
        peer = transport.get_extra_info("peername")
        self._reader = Reader(self, peer[0] if peer else UNKNOWN_PEER)
        self._open_connections.add(self)
        self._wait_for_more()
        self._timer = self._loop.call_at(self._deadline, self._check)

    def connection_lost(self, _: Exception | None) -> None:
        """Forget the connection, and what it waits for."""
        self._open_connections.discard(self)
        self._ended = True
        self._reader.stop()
        self._waiting.clear()
        self._timer.cancel()
        if self._slow is not None:
            self._slow.cancel()

    def data_received(self, data: bytes) -> None:
        """Answer every request that is now complete."""
        if self._reader.is_deaf:
            return  # what comes after the last request is read only so that the client gets to see the last reply
        self._wait_for_more()
        self._reader.feed(data)
        if self._waiting and self._is_full():
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """Let the connection close: no request can become complete any more."""
        self._flush()
        return False

    def pause_writing(self) -> None:
        """Answer no more requests, and take none, while the client does not read the replies."""
        self._paused = True
        self._wait_for_more()
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on when it does."""
        self._paused = False
        if not self._ended:
            self._wait_for_more()
            self._go_on()

    # What the server calls

    def finish(self) -> None:
        """Answer what has been received, and the request that is being received, if there is one; then close."""
        self._stopping = True
        self._flush()
        if not (self._reader.in_request or self._waiting or self._slow):
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    # What the reader calls

    def on_arrival(self, arrival: Arrival) -> None:
        """Answer a request, or put it behind those that wait."""
        self._expects = False
        if self._stopping and arrival.keep:
            arrival = msgspec.structs.replace(arrival, keep=False)
            self._reader.stop()
        if self._paused or self._slow or self._waiting:
            self._waiting.append(arrival)
            self._waiting_bytes += _size(arrival)
        else:
            self._serve(arrival)

    def on_expectation(self) -> None:
        """Ask for the body once everything before it is answered, since this, too, has its place in the order."""
        self._expects = True
        self._ask_for_body()

    # Answering

    def _serve(self, arrival: Arrival) -> None:
        """Send the reply, now or little by little."""
        what = arrival.what
        if isinstance(what, HTTPStatus):
            self._send(refusal(what), arrival)
            return
        try:
            reply = self._answer(what)
            if isinstance(reply, Reply) and not reply.delay and reply.wire is None:
                self._send(reply, arrival)
                return
        except Exception:
            self._send_defect(arrival)
            return
        self._slow = self._loop.create_task(self._serve_slowly(reply, arrival))

    async def _serve_slowly(self, reply: Reply | Deferred, arrival: Arrival) -> None:
        try:
            reply = await settle_async(reply)
            if reply.delay:
                await self._clock.sleep_async(reply.delay)
            if reply.wire is None:
                self._send(reply, arrival)
            else:
                way = delivery(reply, reply.wire, bare=arrival.bare, keep=arrival.keep, version=arrival.version)
                await self._deliver(way)
        except Exception:
            self._send_defect(arrival)
        self._slow = None
        if not self._ended:
            self._wait_for_more()
            self._go_on()

    async def _deliver(self, way: Delivery) -> None:
        for number, piece in enumerate(way.pieces):
            if number:
                await self._clock.sleep_async(way.pause) if way.pause else await asyncio.sleep(0)
            while self._paused:
                await asyncio.sleep(POLL_SECONDS)
            self._write(piece)
        match way.end:
            case End.CLOSE:
                self._end()
            case End.RESET:
                self._reset()
            case End.STALL:
                self._hear_no_more()
                self._close_in(self._idle_seconds)

    def _go_on(self) -> None:
        """Answer the requests that wait, as long as the client reads the replies."""
        while self._waiting and not (self._paused or self._slow or self._ended):
            arrival = self._waiting.popleft()
            self._waiting_bytes -= _size(arrival)
            self._serve(arrival)
        if self._ended:
            return
        if not (self._paused or self._is_full()):
            self._transport.resume_reading()
        self._ask_for_body()
        if self._stopping and not (self._waiting or self._slow or self._reader.in_request):
            self._end()

    def _ask_for_body(self) -> None:
        """Say that the body may come, unless replies are due before, or it comes already."""
        if self._expects and not (self._paused or self._slow or self._waiting):
            self._expects = False
            if not self._reader.has_body_begun:
                self._write(_CONTINUE)

    def _is_full(self) -> bool:
        return len(self._waiting) > _MOST_WAITING or self._waiting_bytes > BODY_LIMIT

    # Writing and ending

    def _send(self, reply: Reply, arrival: Arrival) -> None:
        content = whole(reply, bare=arrival.bare, keep=arrival.keep, version=arrival.version)
        if self._unsent:  # no more than one waits, so that the transport knows how much the client has not read
            self._write(content)
        else:
            self._unsent = content
            self._loop.call_soon(self._flush)
        if not arrival.keep:
            self._end()

    def _write(self, content: bytes) -> None:
        """Write at once, in its order."""
        self._flush()
        self._transport.write(content)

    def _flush(self) -> None:
        if self._unsent:
            content, self._unsent = self._unsent, b""
            self._transport.write(content)

    def _send_defect(self, arrival: Arrival) -> None:
        """Say that the mock failed, and not how; that is for its own log."""
        if not self._ended:
            what = arrival.what
            _log.exception(
                "the mock could not answer a %s request", what.method if isinstance(what, Request) else "bad"
            )
            self._send(refusal(HTTPStatus.INTERNAL_SERVER_ERROR), msgspec.structs.replace(arrival, keep=False))

    def _end(self) -> None:
        """Say that no more replies come, and give the client a moment to read the last one.

        Closing with unread bytes in the socket would reset the connection, and the client might lose the reply.
        """
        self._hear_no_more()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        # Who still reads the last reply has the time of any client that is slow.
        self._close_in(self._idle_seconds if self._transport.get_write_buffer_size() else _LINGER_SECONDS)

    def _reset(self) -> None:
        """Let the client see that the connection is reset. Replies that it has not read yet may be lost with it."""
        self._hear_no_more()
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()

    def _hear_no_more(self) -> None:
        self._flush()
        self._ended = True
        self._reader.stop()
        self._waiting.clear()
        self._waiting_bytes = 0

    def _wait_for_more(self) -> None:
        self._deadline = self._loop.time() + self._idle_seconds

    def _close_in(self, seconds: float) -> None:
        self._timer.cancel()
        self._deadline = self._loop.time() + seconds
        self._timer = self._loop.call_at(self._deadline, self._check)

    def _check(self) -> None:
        """Close when the time is over. What comes meanwhile only moves the deadline, which is cheaper than the timer.

        A reply that takes its time is no idleness, as long as the client reads what there is of it.
        """
        now = self._loop.time()
        if self._slow is not None and not self._paused and not self._ended:
            self._deadline = max(self._deadline, now + self._idle_seconds)
        if now < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._check)
            return
        self._hear_no_more()
        if self._transport.get_write_buffer_size():
            self._transport.abort()  # who has not read by now will not read
        else:
            self._transport.close()


def _size(arrival: Arrival) -> int:
    return len(arrival.what.body) if isinstance(arrival.what, Request) else 0

"""Serve one HTTP/1.1 connection: replies in order, waits, slow clients, and the end."""

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
from .deferred import POLL_SECONDS, wait_for_reply_async
from .framing import BODY_LIMIT, UNKNOWN_PEER, refusal
from .http11_parser import ParsedRequest, RequestParser
from .http11_writer import Delivery, End, plan_delivery, serialize

IDLE_SECONDS = 75.0
_LINGER_SECONDS = 1.0
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_MAX_WAITING = 1000  # requests behind a reply that takes its time; more are not read
_RESET_ON_CLOSE = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)

_log = logging.getLogger("toast_compute_mock")


class HttpProtocol(asyncio.Protocol):
    """One connection. Whatever cannot be answered as a request ends it, after a reply with the reason.

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
        self._parser: RequestParser
        self._timer: asyncio.TimerHandle
        self._deadline = 0.0
        self._waiting: deque[ParsedRequest] = deque()
        self._waiting_bytes = 0
        self._delayed: asyncio.Task[None] | None = None
        """Sends a reply that is not sent at once."""
        self._unsent_reply = b""
        """The reply that is written at the end of the loop's turn."""
        self._expects = False
        self._paused = False
        self._stopping = False
        self._ended = False

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to watch for idleness."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's does not inherit from it
        self._loop = asyncio.get_running_loop()
        peer = transport.get_extra_info("peername")
        self._parser = RequestParser(self, peer[0] if peer else UNKNOWN_PEER)
        self._open_connections.add(self)
        self._extend_deadline()
        self._timer = self._loop.call_at(self._deadline, self._check_deadline)

    def connection_lost(self, _: Exception | None) -> None:
        """Forget the connection, and what it waits for."""
        self._open_connections.discard(self)
        self._ended = True
        self._parser.stop()
        self._waiting.clear()
        self._timer.cancel()
        if self._delayed is not None:
            self._delayed.cancel()

    def data_received(self, data: bytes) -> None:
        """Answer every request that is now complete."""
        if self._parser.is_stopped:
            return  # what comes after the last request is read only so that the client gets to see the last reply
        self._extend_deadline()
        self._parser.feed(data)
        if self._waiting and self._is_full():
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """Let the connection close: no request can become complete any more."""
        self._flush()
        return False

    def pause_writing(self) -> None:
        """Answer no more requests, and take none, while the client does not read the replies."""
        self._paused = True
        self._extend_deadline()
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on answering, since the client reads again."""
        self._paused = False
        if not self._ended:
            self._extend_deadline()
            self._serve_waiting()

    # What the server calls

    def finish(self) -> None:
        """Answer what has been received, and the request that is being received, if there is one; then close."""
        self._stopping = True
        self._flush()
        if not (self._parser.in_request or self._waiting or self._delayed):
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    # What the parser calls

    def on_request(self, parsed: ParsedRequest) -> None:
        """Answer a request, or put it behind those that wait."""
        self._expects = False
        if self._stopping and parsed.keep:
            parsed = msgspec.structs.replace(parsed, keep=False)
            self._parser.stop()
        if self._paused or self._delayed or self._waiting:
            self._waiting.append(parsed)
            self._waiting_bytes += _size(parsed)
        else:
            self._serve(parsed)

    def on_expect_continue(self) -> None:
        """Ask for the body once everything before it is answered, since this, too, has its place in the order."""
        self._expects = True
        self._ask_for_body()

    # Answering

    def _serve(self, parsed: ParsedRequest) -> None:
        """Send the reply, now or little by little."""
        request = parsed.request
        if isinstance(request, HTTPStatus):
            self._send(refusal(request), parsed)
            return
        try:
            reply = self._answer(request)
            if isinstance(reply, Reply) and not reply.delay and reply.wire is None:
                self._send(reply, parsed)
                return
        except Exception:
            self._send_defect(parsed)
            return
        self._delayed = self._loop.create_task(self._serve_delayed(reply, parsed))

    async def _serve_delayed(self, reply: Reply | Deferred, parsed: ParsedRequest) -> None:
        try:
            reply = await wait_for_reply_async(reply)
            if reply.delay:
                await self._clock.sleep_async(reply.delay)
            if reply.wire is None:
                self._send(reply, parsed)
            else:
                plan = plan_delivery(
                    reply, reply.wire, is_head=parsed.is_head, keep=parsed.keep, version=parsed.version
                )
                await self._deliver(plan)
        except Exception:
            self._send_defect(parsed)
        self._delayed = None
        if not self._ended:
            self._extend_deadline()
            self._serve_waiting()

    async def _deliver(self, plan: Delivery) -> None:
        for number, piece in enumerate(plan.pieces):
            if number:
                await self._clock.sleep_async(plan.pause) if plan.pause else await asyncio.sleep(0)
            while self._paused:
                await asyncio.sleep(POLL_SECONDS)
            self._write(piece)
        match plan.end:
            case End.CLOSE:
                self._finish_writing()
            case End.RESET:
                self._reset()
            case End.STALL:
                self._stop_reading()
                self._close_in(self._idle_seconds)

    def _serve_waiting(self) -> None:
        """Answer the requests that wait, as long as the client reads the replies."""
        while self._waiting and not (self._paused or self._delayed or self._ended):
            parsed = self._waiting.popleft()
            self._waiting_bytes -= _size(parsed)
            self._serve(parsed)
        if self._ended:
            return
        if not (self._paused or self._is_full()):
            self._transport.resume_reading()
        self._ask_for_body()
        if self._stopping and not (self._waiting or self._delayed or self._parser.in_request):
            self._finish_writing()

    def _ask_for_body(self) -> None:
        """Tell the client to send the body, unless replies are due before, or it comes already."""
        if self._expects and not (self._paused or self._delayed or self._waiting):
            self._expects = False
            if not self._parser.has_body_begun:
                self._write(_CONTINUE)

    def _is_full(self) -> bool:
        return len(self._waiting) > _MAX_WAITING or self._waiting_bytes > BODY_LIMIT

    # Writing and ending

    def _send(self, reply: Reply, parsed: ParsedRequest) -> None:
        content = serialize(reply, is_head=parsed.is_head, keep=parsed.keep, version=parsed.version)
        if self._unsent_reply:  # no more than one waits, so that the transport knows how much the client has not read
            self._write(content)
        else:
            self._unsent_reply = content
            self._loop.call_soon(self._flush)
        if not parsed.keep:
            self._finish_writing()

    def _write(self, content: bytes) -> None:
        """Write at once, in its order."""
        self._flush()
        self._transport.write(content)

    def _flush(self) -> None:
        if self._unsent_reply:
            content, self._unsent_reply = self._unsent_reply, b""
            self._transport.write(content)

    def _send_defect(self, parsed: ParsedRequest) -> None:
        """Reply that the mock failed; how goes into its own log."""
        if not self._ended:
            request = parsed.request
            _log.exception(
                "the mock could not answer a %s request", request.method if isinstance(request, Request) else "bad"
            )
            self._send(refusal(HTTPStatus.INTERNAL_SERVER_ERROR), msgspec.structs.replace(parsed, keep=False))

    def _finish_writing(self) -> None:
        """Signal that no more replies come, and give the client a moment to read the last one.

        Closing with unread bytes in the socket would reset the connection, and the client might lose the reply.
        """
        self._stop_reading()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        # Who still reads the last reply has the time of any client that is slow.
        self._close_in(self._idle_seconds if self._transport.get_write_buffer_size() else _LINGER_SECONDS)

    def _reset(self) -> None:
        """Let the client see that the connection is reset. Replies that it has not read yet may be lost with it."""
        self._stop_reading()
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()

    def _stop_reading(self) -> None:
        self._flush()
        self._ended = True
        self._parser.stop()
        self._waiting.clear()
        self._waiting_bytes = 0

    def _extend_deadline(self) -> None:
        self._deadline = self._loop.time() + self._idle_seconds

    def _close_in(self, seconds: float) -> None:
        self._timer.cancel()
        self._deadline = self._loop.time() + seconds
        self._timer = self._loop.call_at(self._deadline, self._check_deadline)

    def _check_deadline(self) -> None:
        """Close when the time is over. What comes meanwhile only moves the deadline, which is cheaper than the timer.

        A reply that takes its time does not count as idleness, as long as the client reads what there is of it.
        """
        now = self._loop.time()
        if self._delayed is not None and not self._paused and not self._ended:
            self._deadline = max(self._deadline, now + self._idle_seconds)
        if now < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._check_deadline)
            return
        self._stop_reading()
        if self._transport.get_write_buffer_size():
            self._transport.abort()  # who has not read by now will not read
        else:
            self._transport.close()


def _size(parsed: ParsedRequest) -> int:
    return len(parsed.request.body) if isinstance(parsed.request, Request) else 0

"""A backend of httpcore, below httpx, on which nothing lasts longer than the sync call that waits for it.

The timeouts of a socket begin anew with every byte, so a reply whose head trickles in would never end.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue
from typing import Any

import httpcore

EndsAt = Callable[[], float]
"""Returns when the call of this thread has to be over, by `time.monotonic`."""


class BoundedBackend(httpcore.NetworkBackend):
    """Opens connections whose every step ends with the time of the call."""

    def __init__(self, backend: httpcore.NetworkBackend, ends_at: EndsAt) -> None:
        self._backend = backend
        self._ends_at = ends_at

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of the host that answers; the addresses share the time.

        Raises:
            httpcore.ConnectTimeout: the time is over.
            httpcore.ConnectError: no address could be reached, or the name has no address.
        """
        ends = time.monotonic() + _left(self._ends_at, timeout, httpcore.ConnectTimeout)
        addresses = _addresses(host, port, ends - time.monotonic())
        for index, address in enumerate(addresses):
            seconds = max(0.001, (ends - time.monotonic()) / (len(addresses) - index))
            try:
                stream = self._backend.connect_tcp(address, port, seconds, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if index == len(addresses) - 1:
                    raise
            else:
                return _Stream(stream, self._ends_at)
        raise httpcore.ConnectError("the name has no address")

    def sleep(self, seconds: float) -> None:
        """Sleep."""
        self._backend.sleep(seconds)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, ends_at: EndsAt) -> None:
        self._stream = stream
        self._ends_at = ends_at

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._ends_at, timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(self._ends_at, timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        seconds = _left(self._ends_at, timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, seconds), self._ends_at)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _addresses(host: str, port: int, seconds: float) -> list[str]:
    """Look a name up in a thread of its own: the system's function has no timeout and cannot be interrupted."""
    answers: SimpleQueue[list[str] | str] = SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as problem:  # UnicodeError: the name is invalid
            answers.put(str(problem))
        else:
            answers.put(list(dict.fromkeys(str(address[0]) for *_, address in found)))

    try:
        threading.Thread(target=ask, name="toast-compute-lookup", daemon=True).start()
    except RuntimeError:  # the interpreter is ending, or there are too many threads
        ask()
    try:
        answer = answers.get(timeout=max(seconds, 0.0))
    except Empty:
        answer = None
    if answer is None:
        raise httpcore.ConnectTimeout
    if isinstance(answer, str):
        raise httpcore.ConnectError(answer)
    return answer


def _left(ends_at: EndsAt, timeout: float | None, error: type[Exception]) -> float:
    left = ends_at() - time.monotonic()
    if left <= 0:
        raise error
    return left if timeout is None else min(left, timeout)

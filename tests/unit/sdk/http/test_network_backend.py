"""Test that every step of a connection ends within the time of its call."""

# ruff: noqa: ARG002 (the signatures are httpcore's)

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable
from typing import Any

import httpcore
import pytest
from toast_compute._http.network_backend import BoundedBackend


class RecordingStream(httpcore.NetworkStream):
    """Records how long each step may take."""

    def __init__(self) -> None:
        self.seconds: dict[str, float | None] = {}

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self.seconds["read"] = timeout
        return b""

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.seconds["write"] = timeout

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        self.seconds["start_tls"] = timeout
        return self


class RecordingBackend(httpcore.NetworkBackend):
    """Connects to the last of some addresses, after the others took all the time that they were given."""

    def __init__(self, stream: RecordingStream, *, working: str = "") -> None:
        self.tried: list[tuple[str, float | None]] = []
        self._stream = stream
        self._working = working

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        self.tried.append((host, timeout))
        if self._working in ("", host):
            return self._stream
        assert timeout is not None
        time.sleep(timeout)
        raise httpcore.ConnectTimeout


def stream_that_ends_in(seconds: float) -> tuple[httpcore.NetworkStream, RecordingStream]:
    inner = RecordingStream()
    ends = time.monotonic() + seconds
    return BoundedBackend(RecordingBackend(inner), lambda: ends).connect_tcp("127.0.0.1", 1, 60.0), inner


def test_step_gets_the_remaining_time_of_the_call() -> None:
    stream, inner = stream_that_ends_in(5)
    stream.read(1, 60.0)
    stream.write(b"", 60.0)
    stream.start_tls(None, "host", 60.0)  # type: ignore[arg-type]
    assert inner.seconds == {step: pytest.approx(5, abs=2) for step in ("read", "write", "start_tls")}
    stream.read(1, 2.0)
    assert inner.seconds["read"] == 2.0
    stream.read(1)
    assert inner.seconds["read"] == pytest.approx(5, abs=2)


def test_step_times_out_when_no_time_remains() -> None:
    stream, inner = stream_that_ends_in(0.05)
    time.sleep(0.06)
    with pytest.raises(httpcore.ReadTimeout):
        stream.read(1, 60.0)
    with pytest.raises(httpcore.WriteTimeout):
        stream.write(b"", 60.0)
    with pytest.raises(httpcore.ConnectTimeout):
        stream.start_tls(None, "host", 60.0)  # type: ignore[arg-type]
    assert inner.seconds == {}
    with pytest.raises(httpcore.ConnectTimeout):
        stream_that_ends_in(0)


def addresses(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (name, 1)) for name in names]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)


@pytest.mark.parametrize("working", ["10.0.0.3", "none"])
def test_addresses_of_a_host_share_the_time_to_connect(monkeypatch: pytest.MonkeyPatch, working: str) -> None:
    addresses(monkeypatch, "10.0.0.1", "10.0.0.2", "10.0.0.3")
    backend = RecordingBackend(RecordingStream(), working=working)
    began = time.monotonic()
    bounded = BoundedBackend(backend, lambda: began + 60)
    given = 0.9
    if working == "none":
        with pytest.raises(httpcore.ConnectTimeout):
            bounded.connect_tcp("host", 1, given)
    else:
        bounded.connect_tcp("host", 1, given)
    assert [host for host, _ in backend.tried] == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
    first = backend.tried[0][1]
    assert first is not None
    assert given / 6 < first <= given / 3  # less on a busy machine: resolving the name takes some of it
    assert time.monotonic() - began < 2 * given


def test_name_without_an_address_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    bounded = BoundedBackend(RecordingBackend(RecordingStream()), lambda: time.monotonic() + 5)
    addresses(monkeypatch)
    with pytest.raises(httpcore.ConnectError, match="the name has no address"):
        bounded.connect_tcp("host", 1, 1.0)

    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(httpcore.ConnectError, match="Name or service not known"):
        bounded.connect_tcp("host", 1, 1.0)


@pytest.mark.parametrize("name", ["a..example.invalid", "a" * 64 + ".example.invalid"])
def test_invalid_name_cannot_be_reached(name: str) -> None:
    bounded = BoundedBackend(RecordingBackend(RecordingStream()), lambda: time.monotonic() + 5)
    with pytest.raises(httpcore.ConnectError):
        bounded.connect_tcp(name, 1, 1.0)


def test_name_resolution_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answered.wait(10) and [])
    bounded = BoundedBackend(RecordingBackend(RecordingStream()), lambda: time.monotonic() + 5)
    began = time.monotonic()
    with pytest.raises(httpcore.ConnectTimeout):
        bounded.connect_tcp("host", 1, 0.2)
    assert time.monotonic() - began < 5
    answered.set()


def test_name_is_resolved_when_no_thread_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    addresses(monkeypatch, "10.0.0.1")
    monkeypatch.setattr(threading.Thread, "start", fail)
    backend = RecordingBackend(RecordingStream())
    BoundedBackend(backend, lambda: time.monotonic() + 5).connect_tcp("host", 1, 1.0)
    assert [host for host, _ in backend.tried] == ["10.0.0.1"]

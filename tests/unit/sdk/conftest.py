"""Provide a scripted service on a real socket, a clock that moves only when slept on, and clients of both."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from toast_compute import ToastCompute
from toast_compute_mock import MockCloud

from .clients import make_cloud

APPKEY = "canary-appkey-7f3a"
USERNAME = "canary-user@example.com"
PASSWORD = "canary/password 9c1e"
ENVIRONMENT = (
    "TOAST_COMPUTE_APPKEY",
    "TOAST_COMPUTE_USERNAME",
    "TOAST_COMPUTE_PASSWORD",
    "TOAST_COMPUTE_BASE_URL",
    "TOAST_COMPUTE_PROFILE",
)
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@dataclass
class Received:
    """A request as the service saw it."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Any

    @property
    def resource(self) -> str:
        return f"{self.method} {self.path.rsplit('/', 1)[-1]}"


# How a script answers a request: an envelope for JSON, the bytes of a body, or a fault of the connection.
Answer = Any


@dataclass
class Service:
    """Answers each resource ("GET flavors") from its script; the last entry of a script is repeated."""

    base_url: str = ""
    scripts: dict[str, list[Answer]] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    tokens_issued: int = 0
    token_life: str = "2026-01-15T10:00:00Z"

    def on(self, resource: str, *answers: Answer) -> None:
        self.scripts[resource] = list(answers)

    def asked(self, resource: str) -> list[Received]:
        return [one for one in self.received if one.resource == resource]

    def answer(self, request: Received) -> Answer:
        self.received.append(request)
        script = self.scripts.get(request.resource)
        if script:
            answer = script.pop(0) if len(script) > 1 else script[0]
            return answer(request) if callable(answer) and not isinstance(answer, Fault) else answer
        if request.resource == "POST tokens":
            return self.token()
        return self.no(-7, "Not supported : no such path")

    def token(self, id: str | None = None) -> dict[str, Any]:
        self.tokens_issued += 1
        token = {
            "id": id or f"canary-token-{self.tokens_issued}",
            "issued_at": "2026-01-15T09:00:00.000000",
            "expires": self.token_life,
        }
        return self.yes(access={"token": token, "user": {"id": "u-1", "roles": [{"name": "member"}]}})

    @staticmethod
    def yes(**payload: Any) -> dict[str, Any]:
        return {"header": {"isSuccessful": True, "resultCode": 0, "resultMessage": "SUCCESS"}, **payload}

    @staticmethod
    def no(code: int, message: str) -> dict[str, Any]:
        return {"header": {"isSuccessful": False, "resultCode": code, "resultMessage": message}}

    def instances(self, *rows: tuple[str, str]) -> dict[str, Any]:
        return self.yes(instances=[{"id": id, "name": f"name-{id}", "status": status} for id, status in rows])

    @staticmethod
    def http(status: int, body: bytes = b"", **headers: str) -> Fault:
        return Fault("http", status=status, body=body, headers=headers)

    @staticmethod
    def reset() -> Fault:
        return Fault("reset")

    @staticmethod
    def no_http(banner: bytes) -> Fault:
        return Fault("no_http", body=banner)

    @staticmethod
    def truncated() -> Fault:
        return Fault("truncated")

    @staticmethod
    def silence(seconds: float) -> Fault:
        return Fault("silence", seconds=seconds)

    @staticmethod
    def trickle(seconds: float) -> Fault:
        return Fault("trickle", seconds=seconds, body=b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")

    @staticmethod
    def head_trickle(seconds: float) -> Fault:
        return Fault("trickle", seconds=seconds, body=b"HTTP/1.1 200 OK\r\nx-long: ")


@dataclass(frozen=True)
class Fault:
    kind: str
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


class FakeClock:
    """Time passes only by sleeping, and then at once."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float, /) -> None:
        self.slept.append(seconds)
        self.now += seconds


def _handler(service: Service) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # One packet for a whole reply: two of them cost 40 ms each time, for a delayed acknowledgement.
        wbufsize = -1
        disable_nagle_algorithm = True

        def _any(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length", "0")))
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Received(self.command, parts.path, parse_qs(parts.query, keep_blank_values=True), headers, None)
            request.body = json.loads(raw) if raw else None
            answer = service.answer(request)
            if isinstance(answer, Fault):
                self._fail(answer)
            elif isinstance(answer, bytes):
                self._send(200, answer, {})
            else:
                self._send(200, json.dumps(answer).encode(), {"content-type": "application/json;charset=UTF-8"})

        do_GET = do_POST = do_DELETE = _any  # noqa: N815

        def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _fail(self, fault: Fault) -> None:
            if fault.kind == "http":
                self._send(fault.status, fault.body, fault.headers)
                return
            self.close_connection = True
            if fault.kind == "reset":
                # Lingering for no time makes the kernel send RST.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            elif fault.kind == "no_http":
                self.wfile.write(fault.body)
            elif fault.kind == "truncated":
                self.wfile.write(b'HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{"header":')
            elif fault.kind == "silence":
                time.sleep(fault.seconds)
            elif fault.kind == "trickle":
                self.wfile.write(fault.body)
                ends = time.monotonic() + fault.seconds
                try:
                    while time.monotonic() < ends:
                        self.wfile.write(b" ")
                        self.wfile.flush()
                        time.sleep(0.02)
                except OSError:
                    return

        def log_message(self, format: str, *args: object) -> None:
            """Stay quiet."""

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # With the default of 5, threads that connect together wait a second for the kernel to try again.
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report a defect, but not a client that breaks off the handshake."""
        if not isinstance(sys.exception(), ssl.SSLError):
            super().handle_error(request, client_address)


@pytest.fixture(autouse=True)
def _no_profiles(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Hide the profiles of the user who runs the tests."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))


@contextmanager
def listening(service: Service, certificate: Path | None = None) -> Iterator[None]:
    """Have a service answer on a loopback socket, behind TLS if there is a certificate."""
    server = _Server(("127.0.0.1", 0), _handler(service))
    scheme = "http"
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        # The handshake belongs into the thread of its connection.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        scheme = "https"
    service.base_url = f"{scheme}://127.0.0.1:{server.server_address[1]}/compute"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """A scripted service on a loopback socket."""
    for name in (*ENVIRONMENT, *PROXIES, *(proxy.lower() for proxy in PROXIES)):
        monkeypatch.delenv(name, raising=False)
    service = Service()
    with listening(service):
        yield service


@pytest.fixture
def cloud() -> MockCloud:
    """A cloud in which time moves on when everybody waits."""
    return make_cloud()


@pytest.fixture
def clock() -> FakeClock:
    """A clock on which waiting costs nothing."""
    return FakeClock()


@pytest.fixture
def make_client(service: Service, clock: FakeClock) -> Iterator[Callable[..., ToastCompute]]:
    """Makes clients of the service; they are closed at the end."""
    made: list[ToastCompute] = []

    def make(**options: Any) -> ToastCompute:
        settings: dict[str, Any] = {"base_url": service.base_url, "clock": clock, "timeout": 5.0} | options
        client = ToastCompute(APPKEY, USERNAME, PASSWORD, **settings)
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


@pytest.fixture
def toast(make_client: Callable[..., ToastCompute]) -> ToastCompute:
    """A client of the service."""
    return make_client()

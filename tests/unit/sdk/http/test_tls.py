"""Test TLS with CA certificates of the environment, through proxies, and within the timeout."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from toast_compute import AmbiguousOutcomeError, APIConnectionError, APITimeoutError, AsyncToastCompute, ToastCompute
from toast_compute._http.errors import SendTracker

from ..conftest import APPKEY, PASSWORD, USERNAME, Service, listening


def certificate(folder: Path) -> Path:
    """Write a self-signed certificate for the loopback address, and its key, into one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "loopback.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(signed.public_bytes(Encoding.PEM) + private)
    return path


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def tls(pem: Path) -> Iterator[Service]:
    """A scripted service behind TLS."""
    service = Service()
    service.on("GET flavors", service.yes(flavors=[]))
    with listening(service, pem):
        yield service


Call = Callable[[Any], Any]


def flavors(toast: Any) -> Any:
    return toast.flavors.list()


def new_keypair(toast: Any) -> Any:
    return toast.keypairs.create("new")


def sync_call(base_url: str, call: Call = flavors, **options: Any) -> object:
    with ToastCompute(APPKEY, USERNAME, PASSWORD, base_url=base_url, **options) as toast:
        return call(toast)


def async_call(base_url: str, call: Call = flavors, **options: Any) -> object:
    async def main() -> object:
        async with AsyncToastCompute(APPKEY, USERNAME, PASSWORD, base_url=base_url, **options) as toast:
            return await call(toast)

    return asyncio.run(main())


Variant = Callable[..., object]
VARIANTS = [sync_call, async_call]


@pytest.mark.parametrize("variant", VARIANTS)
def test_certificate_in_ssl_cert_file_is_trusted(
    variant: Variant, tls: Service, pem: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    assert variant(tls.base_url) == []


@pytest.mark.parametrize("variant", VARIANTS)
def test_untrusted_certificate_is_an_error_of_an_unsent_request(variant: Variant, tls: Service) -> None:
    with pytest.raises(APIConnectionError, match="certificate verify failed") as caught:
        variant(tls.base_url, max_retries=0)
    assert caught.value.never_sent
    assert tls.received == []


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("fault", ["trickle", "head_trickle"])
def test_reply_that_trickles_in_through_tls_is_given_up(
    variant: Variant, tls: Service, pem: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    tls.on("GET flavors", getattr(tls, fault)(1.5))
    with pytest.raises(APITimeoutError, match=r"did not answer within 0\.4 s"):
        variant(tls.base_url, timeout=0.4, max_retries=0)


Behaviour = Callable[[socket.socket], None]


def drop(_: socket.socket) -> None:
    """End it without a reply."""


def stall(connection: socket.socket) -> None:
    connection.recv(1)


def trickle(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.sendall(b"HTTP/1.1 200 OK\r\nx: ")
        for _ in range(100):
            connection.sendall(b"a")
            time.sleep(0.02)


def refuse(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n")


@contextlib.contextmanager
def bad_proxy(behaviour: Behaviour) -> Iterator[str]:
    """A proxy that opens no tunnel."""

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                connection.recv(65536)
                behaviour(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:  # also when a test fails: the process would not end otherwise
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("behaviour", [drop, stall, trickle, refuse])
def test_request_is_not_sent_when_the_proxy_opens_no_tunnel(
    variant: Variant, behaviour: Behaviour, tls: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    with bad_proxy(behaviour) as proxy:
        monkeypatch.setenv("https_proxy", proxy)
        with pytest.raises(APIConnectionError, match="could not be reached") as caught:
            variant(tls.base_url, timeout=0.4, max_retries=0)
    assert caught.value.never_sent
    assert tls.received == []


class _Tunnel(socketserver.BaseRequestHandler):
    """Passes on every byte between a client and the service that it asks for."""

    def handle(self) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.request.recv(65536)
        host, port = head.split()[1].decode().rsplit(":", 1)
        with socket.create_connection((host, int(port))) as service:
            self.request.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=self._pass, args=(service, self.request))
            back.start()
            self._pass(self.request, service)
            back.join()

    @staticmethod
    def _pass(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def tunnel(pem: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment has a proxy that opens a tunnel to any host."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Tunnel) as proxy:
        proxy.daemon_threads = True
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.server_address[1]}")
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield
        proxy.shutdown()
        thread.join()


@pytest.mark.usefixtures("tunnel")
@pytest.mark.parametrize("variant", VARIANTS)
def test_service_is_reached_through_a_tunnel(variant: Variant, tls: Service) -> None:
    assert variant(tls.base_url) == []


@pytest.mark.usefixtures("tunnel")
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(
    ("fault", "timeout"),
    [
        (Service.reset(), 5.0),
        (Service.truncated(), 5.0),
        (Service.silence(1), 0.5),
        (Service.no_http(b"SSH\r\n"), 5.0),
    ],
)
def test_create_lost_behind_a_tunnel_is_sent_once(variant: Variant, tls: Service, fault: Any, timeout: float) -> None:
    tls.on("POST keypairs", fault)
    with pytest.raises(AmbiguousOutcomeError):
        variant(tls.base_url, new_keypair, timeout=timeout)
    assert len(tls.asked("POST keypairs")) == 1


def test_request_counts_as_sent_unless_the_trace_proves_otherwise() -> None:
    class Asked:
        method = b"CONNECT"

    tracker = SendTracker()
    tracker.note("http11.some_other_step.started", {"request": Asked()})
    assert not tracker.not_sent
    tracker.note("http11.send_request_headers.started", {"request": Asked()})
    assert tracker.not_sent
    tracker.note("http11.some_other_step.started", {})
    Asked.method = b"POST"
    tracker.note("http11.send_request_headers.started", {"request": Asked()})
    assert not tracker.not_sent

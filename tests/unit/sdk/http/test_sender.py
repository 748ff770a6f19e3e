"""Test one exchange over HTTP: no redirect, the proxy of the environment, and no error of httpx."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
import pytest
from toast_compute import (
    AmbiguousOutcomeError,
    APIConnectionError,
    APITimeoutError,
    ConfigurationError,
    MalformedResponseError,
    ToastCompute,
    ToastComputeError,
    WaitTimeoutError,
)
from toast_compute._effects import FaultKind, Send, TransportFault
from toast_compute._http.connections import without_frames
from toast_compute._http.sender import AsyncHttpSender, HttpSender
from toast_compute_api.api.availability_zones.list_availability_zones import list_availability_zones
from toast_compute_api.api.flavors.list_flavors import list_flavors
from toast_compute_mock import MockCloud, RealClock, faults

from ..clients import run, until


class Broken(httpx.BaseTransport):
    """Issues tokens, and fails every other request with an exception of its own."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.requests: list[httpx.Request] = []
        self.closed = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.url.path.endswith("/tokens"):
            token = {"id": "t-1", "issued_at": "2026-01-15T09:00:00", "expires": "2026-01-15T10:00:00Z"}
            header = {"isSuccessful": True, "resultCode": 0, "resultMessage": "SUCCESS"}
            access = {"token": token, "user": {"id": "u", "roles": []}}
            return httpx.Response(200, json={"header": header, "access": access})
        raise self.error

    def close(self) -> None:
        self.closed += 1


def create_keypair(transport: httpx.BaseTransport) -> ToastComputeError:
    client = ToastCompute("k", "u", "p", transport=transport, max_retries=0)
    with client as toast, pytest.raises(ToastComputeError) as caught:
        toast.keypairs.create("name")
    return caught.value


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.ConnectError("[Errno 111] Connection refused"), APIConnectionError),
        (httpx.ConnectError(""), APIConnectionError),
        (httpx.UnsupportedProtocol("no"), APIConnectionError),
        (httpx.ProxyError("407 Proxy Authentication Required"), APIConnectionError),
        (httpx.ConnectTimeout("slow"), APITimeoutError),
        (httpx.PoolTimeout("full"), APITimeoutError),
    ],
    ids=lambda value: type(value).__name__,
)
def test_create_that_was_provably_not_sent_is_not_ambiguous(error: Exception, kind: type[Exception]) -> None:
    transport = Broken(error)
    raised = create_keypair(transport)
    assert type(raised) is kind
    assert isinstance(raised, APIConnectionError)
    assert raised.never_sent
    assert raised.retryable
    assert len(transport.requests) == 2


@pytest.mark.parametrize(
    "error",
    [
        httpx.ReadTimeout("canary"),
        httpx.WriteTimeout("canary"),
        httpx.ReadError("canary"),
        httpx.WriteError("canary"),
        httpx.CloseError("canary"),
        httpx.RemoteProtocolError("canary"),
        httpx.LocalProtocolError("Illegal header value b'canary'"),
        httpx.DecodingError("canary"),
        httpx.TooManyRedirects("canary"),
        httpx.StreamConsumed(),
        ConnectionResetError("canary"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_create_that_may_have_been_sent_is_ambiguous_without_foreign_errors(error: Exception) -> None:
    transport = Broken(error)
    raised: BaseException | None = create_keypair(transport)
    assert isinstance(raised, AmbiguousOutcomeError)
    assert len(transport.requests) == 2
    while raised is not None:
        assert "canary" not in str(raised)
        assert not type(raised).__module__.startswith("httpx")
        raised = raised.__cause__ or raised.__context__


def test_threads_have_timeouts_of_their_own(service: Any) -> None:
    service.on("GET flavors", service.head_trickle(5))
    service.on("GET availability-zones", service.silence(2))
    sender = HttpSender(service.base_url, None)
    with ThreadPoolExecutor(2) as pool:
        began = time.monotonic()
        slow = pool.submit(sender.send, Send(list_flavors("k"), None, 0.8, 0.8))
        time.sleep(0.1)
        # A shorter call in the other thread does not change the time of the first one, which checks it with each byte.
        with pytest.raises(TransportFault, match=r"within 0\.1 s"):
            pool.submit(sender.send, Send(list_availability_zones("k"), None, 0.1, 0.1)).result()
        with pytest.raises(TransportFault, match=r"within 0\.8 s"):
            slow.result()
        assert 0.7 < time.monotonic() - began < 4
    sender.close()


def test_message_of_a_transport_is_cut_and_masked() -> None:
    class Chatty(Broken):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError(f"no route to {request.url}\n\x1b[31m" + "more " * 5000)

    client = ToastCompute("canary-key", "u", "p", transport=Chatty(OSError()), max_retries=0)
    with client as toast, pytest.raises(APIConnectionError, match="no route to ") as caught:
        toast.flavors.list()
    message = str(caught.value)
    assert "canary-key" not in message
    assert message.isprintable()
    assert len(message) < 400


def test_transport_is_closed_with_the_client() -> None:
    transport = Broken(httpx.ConnectError("no"))
    create_keypair(transport)
    assert transport.closed == 1


def test_timeout_is_passed_to_every_step_of_the_transport() -> None:
    transport = Broken(httpx.ConnectError("no"))
    with ToastCompute("k", "u", "p", transport=transport, timeout=7) as toast, pytest.raises(APIConnectionError):
        toast.flavors.list()
    for request in transport.requests:
        steps = request.extensions["timeout"]
        assert steps.keys() == {"connect", "read", "write", "pool"}
        assert all(5 < seconds <= 7 for seconds in steps.values())


def test_timeout_of_a_poll_is_the_remaining_time_of_the_wait() -> None:
    transport = Broken(httpx.ConnectError("no"))
    client = ToastCompute("k", "u", "p", transport=transport, timeout=30, max_retries=0)
    with client as toast, pytest.raises(WaitTimeoutError):
        toast.instances.wait_for_status("i-1", "ACTIVE", timeout=1)
    assert 0 < transport.requests[0].extensions["timeout"]["read"] <= 1


def test_server_without_tls_is_an_error_of_an_unsent_request(
    make_client: Callable[..., ToastCompute], service: Any
) -> None:
    toast = make_client(base_url=service.base_url.replace("http:", "https:"))
    with pytest.raises(APIConnectionError, match=r"could not be reached: [a-z ]+$") as caught:
        toast.flavors.list()
    assert caught.value.never_sent
    assert service.received == []


def test_redirect_is_not_followed(toast: ToastCompute, service: Any) -> None:
    service.on("GET flavors", service.http(302, location=f"{service.base_url}/v1.0/elsewhere"))
    with pytest.raises(MalformedResponseError, match="302"):
        toast.flavors.list()
    assert [one.resource for one in service.received] == ["POST tokens", "GET flavors"]


def test_oversized_reply_is_given_up(service: Any) -> None:
    service.on("GET flavors", b" " * 5000)
    sender = HttpSender(service.base_url, None, max_reply_bytes=4096)
    with pytest.raises(TransportFault, match="over 4096 bytes") as caught:
        sender.send(Send(list_flavors("k"), None, 5.0, 5.0))
    sender.close()
    assert caught.value.kind is FaultKind.REPLY


def test_connections_are_kept_and_shared_by_threads(toast: ToastCompute, service: Any) -> None:
    service.on("GET flavors", service.yes(flavors=[]))
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: toast.flavors.list(), range(64)))
    assert results == [[]] * 64
    assert len(service.asked("POST tokens")) == 1


@pytest.fixture
def proxy() -> Iterator[tuple[str, list[str]]]:
    """A proxy that records its requests and answers with an empty envelope."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(self.path)
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: object) -> None:
            """Stay quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}", seen
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("scheme", ["http://", ""])
@pytest.mark.parametrize("variable", ["http_proxy", "all_proxy"])
def test_proxy_of_the_environment_is_used(
    make_client: Callable[..., ToastCompute],
    proxy: tuple[str, list[str]],
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    scheme: str,
) -> None:
    address, seen = proxy
    monkeypatch.setenv(variable, scheme + address)
    with pytest.raises(MalformedResponseError):
        make_client(base_url="http://127.0.0.1:9/compute").tokens.issue()
    assert seen == ["http://127.0.0.1:9/compute/v1.0/appkeys/canary-appkey-7f3a/tokens"]


def test_unreachable_proxy_is_named_in_the_error(
    make_client: Callable[..., ToastCompute], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
    with pytest.raises(APIConnectionError, match=r"could not be reached through the environment's proxy: ") as caught:
        make_client(max_retries=0).tokens.issue()
    assert caught.value.never_sent


def test_host_in_no_proxy_is_reached_directly(
    toast: ToastCompute, service: Any, proxy: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, seen = proxy
    monkeypatch.setenv("http_proxy", f"http://{address}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    toast.tokens.issue()
    assert (len(service.received), seen) == (1, [])


@pytest.mark.parametrize(
    "value",
    [
        "gopher://user:canary@host",
        "http://user:canary@host:port",
        "http://user:canary@a..example.com:3128",
        "http://user:canary@:3128",
    ],
)
def test_invalid_proxy_is_rejected_without_its_password(
    make_client: Callable[..., ToastCompute], service: Any, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("http_proxy", value)
    with pytest.raises(ConfigurationError, match="The proxy in the environment") as caught:
        make_client().tokens.issue()
    steps = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    own = [frame for frame in steps.stack if "toast_compute" in frame.filename]
    assert "user:canary" not in str(caught.value) + str([frame.locals for frame in own])
    assert caught.value.__context__ is None
    assert service.received == []


def test_unreadable_ca_certificates_are_rejected(
    make_client: Callable[..., ToastCompute], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent/ca.pem")
    with pytest.raises(ConfigurationError, match="The CA certificates"):
        make_client(base_url="https://127.0.0.1:1").tokens.issue()


def test_import_and_construction_load_no_http_library() -> None:
    program = (
        "import sys, toast_compute\n"
        "assert not {'httpx', 'msgspec'} & set(sys.modules)\n"
        "with toast_compute.ToastCompute('k', 'u', 'p'): pass\n"
        "assert 'httpx' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_used_client_raises_after_a_fork(toast: ToastCompute, service: Any) -> None:
    service.on("GET flavors", service.yes(flavors=[]))
    toast.flavors.list()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of forks beside threads
        child = os.fork()
    if child == 0:  # the child must not go on with the tests, whatever happens
        try:
            toast.flavors.list()
        except ConfigurationError as error:
            os._exit(7 if "forked" in str(error) else 8)
        finally:
            os._exit(9)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert toast.flavors.list() == []


SEND = Send(list_flavors("k"), None, 5.0, 5.0)


def test_request_that_waits_for_a_connection_is_not_sent() -> None:
    mock = MockCloud(clock=RealClock(), faults=[faults.delay("listFlavors", 0.3, budget=None)])

    async def main(base_url: str) -> None:
        sender = AsyncHttpSender(base_url, None, max_at_once=3)
        leading = [asyncio.create_task(sender.send(SEND)) for _ in range(3)]
        await until(lambda: mock.journal.count(operation="listFlavors") == 3)
        waiting = asyncio.create_task(sender.send(SEND))
        with pytest.raises(TransportFault, match=r"could not be reached within 0.01 s") as caught:
            await sender.send(Send(SEND.request, None, 0.01, 0.01))
        assert (caught.value.kind, caught.value.not_sent) == (FaultKind.TIMEOUT, True)
        assert mock.journal.count(operation="listFlavors") == 3
        assert [one.status for one in await asyncio.gather(*leading, waiting)] == [200] * 4
        await sender.close()

    with mock.serve() as server:
        base_url = server.base_url
        run(lambda: main(base_url))


def test_wait_for_a_connection_counts_against_the_timeout_of_the_call() -> None:
    mock = MockCloud(clock=RealClock(), faults=[faults.delay("listFlavors", 0.5, budget=None)])

    async def main(base_url: str) -> None:
        sender = AsyncHttpSender(base_url, None, max_at_once=1)
        leading = asyncio.create_task(sender.send(SEND))
        await until(lambda: mock.journal.count(operation="listFlavors") == 1)
        # It gets a connection after 0.5 s; the reply would come another 0.5 s later.
        with pytest.raises(TransportFault, match=r"did not answer within 0.8 s") as caught:
            await sender.send(Send(SEND.request, None, 0.8, 0.8))
        assert not caught.value.not_sent
        await leading
        await sender.close()

    with mock.serve() as server:
        base_url = server.base_url
        run(lambda: main(base_url))


def test_async_sender_gives_up_an_oversized_reply_and_stays_usable() -> None:
    mock = MockCloud(clock=RealClock())

    async def main(base_url: str) -> None:
        sender = AsyncHttpSender(base_url, None, max_reply_bytes=64)
        for _ in range(3):
            with pytest.raises(TransportFault, match="over 64 bytes") as caught:
                await sender.send(SEND)
            assert caught.value.kind is FaultKind.REPLY
        await sender.close()

    with mock.serve() as server:
        base_url = server.base_url
        run(lambda: main(base_url))


def test_context_of_an_interrupt_is_that_of_the_caller() -> None:
    interrupt, before = KeyboardInterrupt(), LookupError()
    interrupt.__context__ = OSError("canary")
    assert without_frames(interrupt, before).__context__ is before
    assert without_frames(interrupt, None).__context__ is None

"""Check that the admin API answers only those who may steer the mock."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import socket

import httpx
import pytest
from toast_compute_mock import FrozenClock, MockCloud
from toast_compute_mock.admin.api import Admin
from toast_compute_mock.exchange import Reply, Request
from toast_compute_mock.servers.http11 import HttpProtocol

TOKEN = "an-admin-token-for-tests"
LOCAL = {"host": "127.0.0.1:8080"}
JSON = {"content-type": "application/json"}


def send(
    *,
    token: str | None = None,
    method: str = "GET",
    path: str = "/health",
    peer: str = "127.0.0.1",
    headers: dict[str, str] | None = None,
    body: bytes = b"",
) -> Reply:
    """Send one request to a fresh admin API."""
    cloud = MockCloud(clock=FrozenClock())
    admin = Admin(cloud, cloud.faults, cloud.journal, token)
    reply = admin.answer(Request(method, f"/_mock{path}", LOCAL if headers is None else headers, body, peer))
    assert isinstance(reply, Reply)
    return reply


def message(reply: Reply) -> str:
    return str(json.loads(reply.body)["message"])


@pytest.mark.parametrize("peer", ["", "127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])
def test_this_process_and_this_machine_are_let_in(peer: str) -> None:
    assert send(peer=peer).status == 200


@pytest.mark.parametrize("peer", ["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "unix:", "127.0.0.1.example.com"])
@pytest.mark.parametrize("path", ["/health", "/", "/nothing", ""])
def test_other_machines_are_not_let_in_without_an_admin_token(peer: str, path: str) -> None:
    reply = send(peer=peer, path=path)
    assert reply.status == 403
    assert message(reply) == "the admin API answers this machine alone, unless the mock has an admin token"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1", "[::1]:8080", "127.1.2.3:1"])
def test_loopback_host_is_let_in(host: str) -> None:
    assert send(headers={"host": host}).status == 200


@pytest.mark.parametrize(
    "host",
    ["rebound.example.com", "rebound.example.com:80", "192.0.2.1", "", "localhost.", "[::1", "a@127.0.0.1.example"],
)
def test_name_that_somebody_made_lead_here_is_not_let_in(host: str) -> None:
    for path in ("/health", "/"):
        reply = send(headers={"host": host}, path=path)
        assert reply.status == 403
        assert message(reply).startswith("host: ")


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "http://localhost:8080"},
        {"origin": "https://example.com"},
        {"origin": "null"},
        {"origin": ""},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
    ids=str,
)
@pytest.mark.parametrize("token", [None, TOKEN])
def test_pages_of_other_origins_are_not_let_in(headers: dict[str, str], token: str | None) -> None:
    credentials = {"authorization": f"Bearer {TOKEN}"}
    for method, path in (("POST", "/reset"), ("GET", "/journal")):
        reply = send(token=token, method=method, path=path, headers={**LOCAL, **credentials, **headers})
        assert reply.status == 403
        assert "other origins" in message(reply)


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8080", "https://127.0.0.1:8080"])
def test_own_page_is_let_in(origin: str) -> None:
    headers = {**LOCAL, "origin": origin, "sec-fetch-site": "same-origin"}
    assert send(method="POST", path="/reset", headers=headers).status == 200


def test_link_from_elsewhere_leads_to_the_page() -> None:
    assert send(path="/", headers={**LOCAL, "sec-fetch-site": "cross-site"}).status == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "text/json"])
def test_body_has_to_be_called_json(kind: str) -> None:
    reply = send(method="POST", path="/clock/advance", headers={**LOCAL, "content-type": kind}, body=b'{"seconds": 1}')
    assert (reply.status, message(reply)) == (415, "content-type: must be application/json")


def test_json_content_type_may_have_a_charset() -> None:
    headers = {**LOCAL, "content-type": "Application/JSON; charset=utf-8"}
    assert send(method="POST", path="/clock/advance", headers=headers, body=b'{"seconds": 1}').status == 200


@pytest.mark.parametrize("peer", ["127.0.0.1", "192.0.2.1"])
@pytest.mark.parametrize(
    "given", [None, "", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", "Bearer \xff"]
)
def test_with_an_admin_token_nobody_is_let_in_without_it(peer: str, given: str | None) -> None:
    headers = {"host": "mock.example.com"} | ({} if given is None else {"authorization": given})
    for path in ("/health", "/nothing", "/snapshot"):
        reply = send(token=TOKEN, path=path, peer=peer, headers=headers)
        assert reply.status == 401
        assert ("www-authenticate", "Bearer") in reply.headers
        assert TOKEN not in message(reply)


@pytest.mark.parametrize("peer", ["127.0.0.1", "192.0.2.1"])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_admin_token_gives_access_from_everywhere(peer: str, scheme: str) -> None:
    headers = {"host": "mock.example.com", "authorization": f"{scheme} {TOKEN}"}
    assert send(token=TOKEN, peer=peer, headers=headers).status == 200


def test_admin_token_may_be_of_any_characters() -> None:
    token = "토큰"
    headers = {**LOCAL, "authorization": f"Bearer {token.encode().decode('latin-1')}"}
    assert send(token=token, headers=headers).status == 200


def test_this_process_needs_no_admin_token() -> None:
    assert send(token=TOKEN, peer="", headers={}).status == 200


def test_page_is_shown_without_the_admin_token_since_it_holds_no_data() -> None:
    assert send(token=TOKEN, path="/", peer="192.0.2.1", headers={"host": "mock.example.com"}).status == 200


def test_empty_admin_token_is_refused() -> None:
    cloud = MockCloud(clock=FrozenClock())
    with pytest.raises(ValueError, match="token: "):
        Admin(cloud, cloud.faults, cloud.journal, "")


def test_replies_are_not_kept_nor_taken_for_anything_else() -> None:
    headers = dict(send().headers)
    assert headers["content-type"] == "application/json"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"


def test_policy_of_the_page_allows_only_its_own_code() -> None:
    page = send(path="/")
    policy = dict(page.headers)["content-security-policy"]
    parts = dict(part.split(" ", 1) for part in policy.split("; "))
    for kind in ("style", "script"):
        (code,) = re.findall(rb"<%s>(.*?)</%s>" % (kind.encode(), kind.encode()), page.body, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(code).digest()).decode()
        assert parts[f"{kind}-src"] == f"'sha256-{digest}'"
    assert parts["default-src"] == "'none'"
    assert parts["connect-src"] == "'self'"
    assert parts["frame-ancestors"] == "'none'"
    assert b" style=" not in page.body
    assert not re.search(rb"\son\w+=", page.body)
    assert b"innerHTML" not in page.body


def test_socket_passes_the_peer_address_to_the_admin_api() -> None:
    with MockCloud(clock=FrozenClock()).serve() as server:
        base = server.base_url.removesuffix("/compute")
        assert httpx.get(f"{base}/_mock/health").json()["status"] == "ok"
        assert httpx.get(f"{base}/_mock/health", headers={"host": "rebound.example.com"}).status_code == 403
        assert httpx.get(f"{base}/_mock", follow_redirects=True).headers["content-type"].startswith("text/html")


def test_connection_without_a_peer_address_is_refused() -> None:
    """One that is reset before it is looked at has no address either."""
    cloud = MockCloud(clock=FrozenClock())

    async def ask() -> bytes:
        ours, theirs = socket.socketpair()
        with ours:
            loop = asyncio.get_running_loop()
            transport, _ = await loop.connect_accepted_socket(
                lambda: HttpProtocol(cloud.answer, cloud.clock, set(), 5.0), theirs
            )
            ours.setblocking(False)
            await loop.sock_sendall(ours, b"GET /_mock/worlds HTTP/1.1\r\nhost: localhost\r\n\r\n")
            reply = await loop.sock_recv(ours, 4096)
            transport.close()
            return reply

    assert asyncio.run(ask()).startswith(b"HTTP/1.1 403 ")

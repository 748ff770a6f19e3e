"""HTTP clients that people use work with the mock: curl, httpx, requests, and fetch of Node.js."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from .clients import CLIENTS, MOST_CONNECTIONS, SECONDS, Answer, Call, Client, tool

APPKEY_PATH = "/v1.0/appkeys/demo-appkey"
LOGIN = {"auth": {"username": "demo@example.com", "password": "demo-password"}}
JSON = {"Content-Type": "application/json"}
BODY_LIMIT = 1024 * 1024
HEAD_LIMIT = 64 * 1024


@pytest.fixture(params=CLIENTS)
def client_name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def client(client_name: str) -> Client:
    return CLIENTS[client_name]


@pytest.fixture
def service(base_url: str) -> Service:
    return Service(base_url)


class Service:
    """Builds calls to one mock."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.admin_url = base_url.removesuffix("/compute") + "/_mock"
        content = httpx.post(f"{base_url}{APPKEY_PATH}/tokens", json=LOGIN).json()
        self.token = {"X-Auth-Token": content["access"]["token"]["id"]}

    def call(
        self, method: str, path: str, body: Any = None, *, extra: dict[str, str] | None = None, chunked: bool = False
    ) -> Call:
        headers = {**self.token, **(JSON if body is not None else {}), **(extra or {})}
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        return Call(method, f"{self.base_url}{APPKEY_PATH}{path}", headers, content, chunked)

    def break_next(self, kind: str) -> None:
        """Let the reply to the next list of flavors suffer on the wire."""
        fault = {"name": kind, "match": {"operation": "listFlavors"}, "effect": {"kind": kind}}
        assert httpx.post(f"{self.admin_url}/faults", json=fault).status_code == 201


def code(answer: Answer) -> int:
    assert answer.error == ""
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json;charset=UTF-8"
    return int(json.loads(answer.body)["header"]["resultCode"])


def instance() -> dict[str, Any]:
    return {
        "instance": {
            "name": "interop-01",
            "image": "1a9e0000-0000-4000-8000-000000000001",
            "flavor": "f1a00000-0000-4000-8000-000000000001",
            "networks": [{"subnetId": "5b4e0000-0000-4000-8000-000000000001"}],
            "availabilityZone": "kr-pub-a",
            "keyName": "demo-key",
            "securityGroups": [{"name": "default"}],
        }
    }


def test_a_client_logs_in_lists_and_creates_on_one_connection(
    client: Client, client_name: str, service: Service
) -> None:
    session = client(
        [
            service.call("POST", "/tokens", LOGIN),
            service.call("GET", "/flavors"),
            service.call("POST", "/instances", instance()),
            service.call("POST", "/keypairs", {"keypair": {"name": "한글 키"}}),
            service.call("GET", "/keypairs?name=%ED%95%9C%EA%B8%80%20%ED%82%A4"),
            service.call("GET", "/instances"),
        ]
    )
    assert [code(answer) for answer in session.answers] == [0] * 6
    bodies = [json.loads(answer.body) for answer in session.answers]
    assert bodies[0]["access"]["token"]["id"]
    assert bodies[4]["keypairs"][0]["name"] == "한글 키"
    assert bodies[2]["instance"]["id"] in [one["id"] for one in bodies[5]["instances"]]
    assert session.connections <= MOST_CONNECTIONS[client_name]


def test_head_has_the_length_of_get_and_the_connection_goes_on(
    client: Client, client_name: str, service: Service
) -> None:
    session = client([service.call(method, "/flavors") for method in ("GET", "HEAD", "GET")])
    got, head, again = session.answers
    assert (head.status, head.body, head.error) == (200, b"", "")
    assert head.headers["content-length"] == got.headers["content-length"] == str(len(got.body))
    assert again.body == got.body
    assert session.connections <= MOST_CONNECTIONS[client_name]


def test_a_chunked_body_is_understood(client: Client, client_name: str, service: Service) -> None:
    call = service.call("POST", "/keypairs", {"keypair": {"name": "in-chunks"}}, chunked=True)
    session = client([call, service.call("GET", "/keypairs?name=in-chunks")])
    assert [code(answer) for answer in session.answers] == [0, 0]
    assert session.connections <= MOST_CONNECTIONS[client_name]


def test_an_unknown_path_and_a_bad_token_are_refused_in_the_envelope(
    client: Client, client_name: str, service: Service
) -> None:
    unknown = service.call("GET", "/nothing//here")
    stranger = service.call("GET", "/flavors", extra={"X-Auth-Token": "no-such-token"})
    session = client([unknown, stranger, service.call("GET", "/flavors")])
    assert [code(answer) for answer in session.answers] == [-7, -3, 0]
    assert session.connections <= MOST_CONNECTIONS[client_name]


def test_the_largest_body_is_read_and_a_larger_one_refused(client: Client, service: Service) -> None:
    largest = json.dumps(LOGIN).encode().ljust(BODY_LIMIT)
    (read,) = client([service.call("POST", "/tokens", largest)]).answers
    assert code(read) == 0
    (refused,) = client([service.call("POST", "/tokens", largest + b" ")]).answers
    assert (refused.status, refused.error) == (413, "")
    assert json.loads(refused.body)["status"] == 413


def test_a_large_header_is_read_and_a_larger_one_refused(client: Client, service: Service) -> None:
    large = service.call("GET", "/flavors", extra={"X-Large": "a" * (HEAD_LIMIT // 2)})
    too_large = service.call("GET", "/flavors", extra={"X-Large": "a" * HEAD_LIMIT})
    read, refused, again = client([large, too_large, large]).answers
    assert code(read) == 0
    assert (refused.status, refused.error) == (431, "")
    assert code(again) == 0


BROKEN = {
    "curl": {"short-body": "18 ", "reset": "56 ", "close": "52 ", "garbage": "1 ", "bad-chunk": "56 "},
    "httpx": {
        "short-body": "RemoteProtocolError peer closed",
        "reset": "ReadError",
        "close": "RemoteProtocolError Server disconnected",
        "garbage": "RemoteProtocolError illegal status line",
        "bad-chunk": "RemoteProtocolError illegal chunk header",
    },
    "requests": {
        "short-body": "ChunkedEncodingError",
        "reset": "ConnectionError",
        "close": "ConnectionError",
        "garbage": "ConnectionError",
        "bad-chunk": "ChunkedEncodingError",
    },
    "node": {
        "short-body": "terminated: ",
        "reset": "fetch failed: ",
        "close": "fetch failed: ",
        "garbage": "fetch failed: HPE_",
        "bad-chunk": "terminated: HPE_",
    },
}


@pytest.mark.parametrize("kind", ["short-body", "reset", "close", "garbage", "bad-chunk"])
def test_a_broken_reply_is_an_error_of_the_client_and_the_next_one_is_whole(
    client: Client, client_name: str, kind: str, service: Service
) -> None:
    service.break_next(kind)
    broken, whole = client([service.call("GET", "/flavors")] * 2).answers
    assert broken.error.startswith(BROKEN[client_name][kind])
    assert code(whole) == 0


@pytest.mark.parametrize("kind", ["dribble", "slow"])
def test_a_reply_in_pieces_arrives(client: Client, client_name: str, kind: str, service: Service) -> None:
    service.break_next(kind)
    session = client([service.call("GET", "/flavors")] * 2)
    assert [code(answer) for answer in session.answers] == [0, 0]
    assert session.answers[0].body == session.answers[1].body
    assert session.connections <= MOST_CONNECTIONS[client_name]


# What only curl does


def curl(service: Service, folder: Path, body: bytes, *arguments: str) -> str:
    """Send a body to log in, and return what curl tells of the exchange and the reply."""
    sent = folder / "sent"
    sent.write_bytes(body)
    command = [tool("curl", "as one of the clients"), "--silent", "--show-error", "--verbose", *arguments]
    command += ["--data-binary", f"@{sent}", f"{service.base_url}{APPKEY_PATH}/tokens"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True)
    return done.stderr + done.stdout


def test_curl_that_waits_for_100_continue_gets_it(service: Service, tmp_path: Path) -> None:
    said = curl(
        service, tmp_path, json.dumps(LOGIN).encode(), "--header", "Expect: 100-continue", "--expect100-timeout", "10"
    )
    assert "HTTP/1.1 100 Continue" in said
    assert "HTTP/1.1 200 OK" in said
    assert '"access"' in said


def test_curl_learns_that_a_body_is_too_large_before_it_sends_it(service: Service, tmp_path: Path) -> None:
    said = curl(service, tmp_path, b" " * (2 * BODY_LIMIT), "--expect100-timeout", "10")
    assert "Expect: 100-continue" in said
    assert "100 Continue" not in said
    assert "HTTP/1.1 413" in said


def test_curl_offers_http_2_and_is_answered_in_http_1(service: Service, tmp_path: Path) -> None:
    said = curl(service, tmp_path, json.dumps(LOGIN).encode(), "--http2")
    assert "Upgrade: h2c" in said
    assert "HTTP/1.1 200 OK" in said
    assert '"access"' in said

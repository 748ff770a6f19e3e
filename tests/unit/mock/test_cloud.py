"""Check that a program reaches the same cloud in-process and over a socket."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from toast_compute_mock import FrozenClock, MockCloud

from .conftest import BATCH, SEED_TOKEN, WEB, new_instance

PATH = "/compute/v1.0/appkeys/demo-appkey"
TOKEN = {"X-Auth-Token": SEED_TOKEN}
KEYPAIR = {"keypair": {"name": "한글 키"}}
REQUESTS: list[tuple[str, str, object]] = [
    ("GET", "/instances-detail", None),
    ("POST", "/instances", new_instance()),
    ("POST", "/keypairs", KEYPAIR),
    ("GET", "/keypairs?name=한글+키", None),
    ("POST", f"/instances/{WEB}/action", {"action": "start"}),
    ("HEAD", "/flavors", None),
    ("PUT", "/flavors", None),
    ("GET", "/instances?id=%2E%2E", None),
    ("GET", "/nothing//here", None),
]


def exchange(client: httpx.Client) -> list[tuple[int, str | None, str | None, bytes]]:
    replies = [client.request(method, PATH + target, json=body) for method, target, body in REQUESTS]
    return [
        (reply.status_code, reply.headers.get("content-type"), reply.headers.get("content-length"), reply.content)
        for reply in replies
    ]


def test_every_way_to_the_cloud_gives_the_same_bytes() -> None:
    with httpx.Client(transport=MockCloud(clock=FrozenClock()).transport, base_url="http://x", headers=TOKEN) as client:
        in_process = exchange(client)
    with (
        MockCloud(clock=FrozenClock()).serve() as server,
        httpx.Client(base_url=server.base_url.removesuffix("/compute"), headers=TOKEN) as client,
    ):
        over_a_socket = exchange(client)
    assert in_process == over_a_socket
    assert all(status == 200 for status, *_ in in_process)


def test_asynchronous_client_reaches_the_same_cloud() -> None:
    cloud = MockCloud(clock=FrozenClock())

    async def create() -> httpx.Response:
        transport = cloud.async_transport
        async with httpx.AsyncClient(transport=transport, base_url="http://x", headers=TOKEN) as client:
            return await client.post(f"{PATH}/instances", json=new_instance())

    made = asyncio.run(create()).json()["instance"]["id"]
    with httpx.Client(transport=cloud.transport, base_url="http://x", headers=TOKEN) as client:
        assert client.get(f"{PATH}/instances?id={made}").json()["instances"][0]["status"] == "BUILD"


@pytest.mark.parametrize("base_url", ["http://x/compute", "https://api-compute.cloud.toast.com/compute"])
def test_transports_serve_any_host(base_url: str) -> None:
    cloud = MockCloud(clock=FrozenClock())
    path = f"/v1.0/appkeys/demo-appkey/instances?id={WEB}&note=/v1.0/"

    async def get() -> httpx.Response:
        async with httpx.AsyncClient(transport=cloud.async_transport, base_url=base_url, headers=TOKEN) as client:
            return await client.get(path)

    with httpx.Client(transport=cloud.transport, base_url=base_url, headers=TOKEN) as client:
        for reply in (client.get(path), asyncio.run(get())):
            assert [one["id"] for one in reply.json()["instances"]] == [WEB]


@pytest.mark.parametrize(
    "url", ["http://x/", f"http://x{PATH}/flavors".replace("/compute", ""), "http://x/compute/v1.0"]
)
def test_path_in_which_no_operation_begins_is_refused_by_the_transports(url: str) -> None:
    with httpx.Client(transport=MockCloud().transport, headers=TOKEN) as client:
        assert client.get(url).json()["header"]["resultMessage"] == "Not supported : no such path"


def test_cloud_lives_on_its_clock() -> None:
    clock = FrozenClock()
    cloud = MockCloud(clock=clock)
    with cloud.serve() as server, httpx.Client(base_url=server.base_url, headers=TOKEN) as client:
        status = f"/v1.0/appkeys/demo-appkey/instances?id={BATCH}"
        client.post(f"/v1.0/appkeys/demo-appkey/instances/{BATCH}/action", json={"action": "start"})
        assert client.get(status).json()["instances"][0]["status"] == "POWERING_ON"
        clock.advance(3000)
        assert client.get(status).json()["instances"][0]["status"] == "ACTIVE"
    assert cloud.clock is clock


def test_threads_share_one_cloud_without_losing_anything() -> None:
    cloud = MockCloud(clock=FrozenClock())
    with (
        httpx.Client(transport=cloud.transport, base_url="http://x", headers=TOKEN) as client,
        ThreadPoolExecutor(8) as pool,
    ):
        made = [pool.submit(client.post, f"{PATH}/instances", json=new_instance()) for _ in range(100)]
        ids = {one.result().json()["instance"]["id"] for one in made}
        assert len(ids) == 100
        assert len(client.get(f"{PATH}/instances").json()["instances"]) == 102


def test_address_that_cannot_be_had_raises_at_once() -> None:
    with MockCloud().serve() as server:
        port = httpx.URL(server.base_url).port
        assert port is not None
        with pytest.raises(OSError, match="in use"), MockCloud().serve(port=port):
            pass


def test_server_can_be_started_again_and_serves_the_same_cloud() -> None:
    server = MockCloud(clock=FrozenClock()).serve()
    target = "/v1.0/appkeys/demo-appkey/keypairs"
    with server:
        httpx.post(server.base_url + target, headers=TOKEN, json=KEYPAIR)
    with server:
        names = [one["name"] for one in httpx.get(server.base_url + target, headers=TOKEN).json()["keypairs"]]
    assert names == ["demo-key", KEYPAIR["keypair"]["name"]]


def test_server_that_found_its_port_taken_can_be_started_when_it_is_free() -> None:
    with MockCloud().serve() as first:
        port = httpx.URL(first.base_url).port
        assert port is not None
        second = MockCloud().serve(port=port)
        with pytest.raises(OSError, match="in use"), second:
            pass
    with second:
        assert httpx.get(second.base_url).status_code == 200


def test_server_stops_listening_behind_the_block() -> None:
    with MockCloud().serve() as server, httpx.Client() as client:
        client.get(server.base_url)
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.base_url)


def test_package_loads_neither_httpx_nor_asyncio_before_they_are_used() -> None:
    program = "import sys, toast_compute_mock; print({'httpx', 'asyncio', 'cryptography'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout == "set()\n"

"""Check that all servers give the same bytes, and that a seed gives the same transcript again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import httpx
import pytest
from toast_compute_mock import FrozenClock, MockCloud
from toast_compute_mock.contract.operations import contract

from .recorded import BODIES, COUNT, STEP_SECONDS, TRICKS, Asked, record
from .sockets import Connection

Answered: TypeAlias = tuple[int, list[tuple[str, str]], bytes]
SEED = 7


@pytest.fixture(scope="module")
def watched() -> MockCloud:
    """Return the cloud by which the requests have been recorded."""
    return MockCloud(seed=SEED, clock=FrozenClock())


@pytest.fixture(scope="module")
def asked(watched: MockCloud) -> list[Asked]:
    return record(SEED, watched)


@pytest.fixture(scope="module")
def in_process(asked: list[Asked]) -> list[Answered]:
    return by_transport(asked, SEED)


def each(asked: Iterable[Asked], send: Callable[[Asked], Answered], clock: FrozenClock) -> list[Answered]:
    answered: list[Answered] = []
    for one in asked:
        answered.append(send(one))
        clock.advance(STEP_SECONDS)
    return answered


def new_cloud(seed: int) -> tuple[MockCloud, FrozenClock]:
    clock = FrozenClock()
    return MockCloud(seed=seed, clock=clock), clock


def as_httpx(one: Asked) -> httpx.Request:
    headers = [] if one.token is None else [(b"x-auth-token", one.token.encode("latin-1"))]
    target = one.target.encode("ascii")
    return httpx.Request(one.method, "http://x/", headers=headers, content=one.body, extensions={"target": target})


def of_httpx(reply: httpx.Response) -> Answered:
    return reply.status_code, reply.headers.multi_items(), reply.content


def by_transport(asked: list[Asked], seed: int) -> list[Answered]:
    cloud, clock = new_cloud(seed)
    with httpx.Client(transport=cloud.transport) as client:
        return each(asked, lambda one: of_httpx(client.send(as_httpx(one))), clock)


def by_async_client(asked: list[Asked], clock: FrozenClock, transport: httpx.AsyncBaseTransport) -> list[Answered]:
    async def send_all() -> list[Answered]:
        answered: list[Answered] = []
        async with httpx.AsyncClient(transport=transport) as client:
            for one in asked:
                answered.append(of_httpx(await client.send(as_httpx(one))))
                clock.advance(STEP_SECONDS)
        return answered

    return asyncio.run(send_all())


def by_async_transport(asked: list[Asked], seed: int) -> list[Answered]:
    cloud, clock = new_cloud(seed)
    return by_async_client(asked, clock, cloud.async_transport)


def by_asgi(asked: list[Asked], seed: int) -> list[Answered]:
    cloud, clock = new_cloud(seed)
    targets = iter(asked)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        """Tell the application the target as it is, where httpx knows only tidy ones."""
        path, _, query = next(targets).target.encode("ascii").partition(b"?")
        await cloud.asgi({**scope, "raw_path": path, "query_string": query}, receive, send)

    return by_async_client(asked, clock, httpx.ASGITransport(app))


def by_socket(asked: list[Asked], seed: int) -> list[Answered]:
    cloud, clock = new_cloud(seed)
    with cloud.serve() as server:
        connection = Connection(server)

        def send(one: Asked) -> Answered:
            token = "" if one.token is None else f"x-auth-token: {one.token}\r\n"
            head = f"{one.method} {one.target} HTTP/1.1\r\nhost: x\r\n{token}content-length: {len(one.body)}\r\n\r\n"
            connection.send(head.encode("latin-1") + one.body)
            status, headers, body = connection.reply(one.method)
            return status, list(headers.items()), body

        answered = each(asked, send, clock)
        connection.close()
    return answered


def test_requests_reach_everything(asked: list[Asked], watched: MockCloud, in_process: list[Answered]) -> None:
    assert len(asked) == COUNT
    for operation in contract().operations:
        assert watched.journal.count(operation=operation.id, result_code=0), operation.id
        for action in operation.body.variants if operation.body else ():
            assert watched.journal.count(operation=operation.id, action=action, result_code=0), action
    for trick in TRICKS:
        assert any(one.target.endswith(trick) for one in asked), trick
    for body in BODIES:
        assert any(one.body == body for one in asked), body[:40]
    assert {status for status, _, _ in in_process} == {200}


@pytest.mark.parametrize("front", [by_async_transport, by_socket, by_asgi])
def test_every_front_gives_the_same_bytes(
    front: Callable[[list[Asked], int], list[Answered]], asked: list[Asked], in_process: list[Answered]
) -> None:
    for one, mine, others in zip(asked, front(asked, SEED), in_process, strict=True):
        assert mine == others, one


def test_same_seed_gives_the_same_transcript(asked: list[Asked], in_process: list[Answered]) -> None:
    assert by_transport(asked, SEED) == in_process
    assert record(SEED, new_cloud(SEED)[0]) == asked


def test_another_seed_gives_another_transcript(asked: list[Asked], in_process: list[Answered]) -> None:
    assert by_transport(asked, SEED + 1) != in_process

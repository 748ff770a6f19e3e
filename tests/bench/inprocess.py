"""Measure the mock inside a process: `python -m tests.bench.inprocess JOB` prints one result as JSON."""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import time
import weakref
from collections.abc import Callable
from datetime import UTC, datetime

from toast_compute_mock import FrozenClock, MockCloud
from toast_compute_mock.exchange import Request
from toast_compute_mock.operations import HANDLERS, Call
from toast_compute_mock.world.lifecycle import begin, find_all, status
from toast_compute_mock.world.seed import start_world
from toast_compute_mock.world.state import World

from .accounting import resident_mib
from .traffic import DEMO_APPKEY, DEMO_INSTANCE, DEMO_TOKEN, MANY, appkey, create_example, token, wide_world

CROWD = 100_000
WARM_REQUESTS = 100_000
ALL_REQUESTS = 1_000_000
SNAPSHOT_INSTANCES = 100

_TIMES = 200
_START = datetime(2026, 1, 15, 9, tzinfo=UTC)
_HOUR = 3600.0
_JUMPS = 5
_NOBODY = "125a0000-0000-4000-8000-00000000ffff"
_CYCLE = 100  # requests
_CYCLE_SECONDS = 30.0  # longer than a delete takes, so that the deleted are gone in the next cycle
_CREATES = 2  # in a cycle
_TOKEN_CYCLES = 10
_OK = b'"isSuccessful":true'


def jump() -> dict[str, float]:
    """Make 100,000 instances, let an hour pass, and read every status; then reboot all and do so again, a few times."""
    clock = FrozenClock(_START.timestamp())
    seed_world = wide_world(1)
    world = start_world(seed_world, seed_world.accounts[0], 0, _now(clock))
    body = {"instance": {**create_example(), "count": MANY}}
    for _ in range(CROWD // MANY):
        HANDLERS["createInstance"](world, Call("createInstance", _now(clock), {}, body))
    jumps = [_jump(world, clock)]
    for _ in range(_JUMPS - 1):
        for instance in world.instances.values():
            begin(world, instance, "reboot", _now(clock))
        jumps.append(_jump(world, clock))
    return {"cpu_ms": statistics.median(jumps) * 1000}


def million() -> dict[str, float]:
    """Send a million requests to a cloud with its journal on, and compare the memory with that after a tenth."""
    user = _User()
    began = time.perf_counter()
    for cycle in range(WARM_REQUESTS // _CYCLE):
        user.cycle(cycle)
    warm = resident_mib(os.getpid())
    for cycle in range(WARM_REQUESTS // _CYCLE, ALL_REQUESTS // _CYCLE):
        user.cycle(cycle)
    full = resident_mib(os.getpid())
    if user.cloud.journal.count() != ALL_REQUESTS:
        raise SystemExit("the journal did not count all requests")
    return {"warm_mib": warm, "growth_mib": full - warm, "seconds": time.perf_counter() - began}


def fixture() -> dict[str, float]:
    """Set up a cloud and drop it, again and again, and send one request in between."""
    ask = _request("GET", "instances", DEMO_TOKEN)
    starts, replies, ends = [], [], []
    for number in range(_TIMES + 1):
        began = time.perf_counter()
        cloud = MockCloud(clock=FrozenClock())
        started = time.perf_counter()
        _send(cloud, ask)
        replied = time.perf_counter()
        trace = weakref.ref(cloud)
        del cloud
        ended = time.perf_counter()
        if trace() is not None:
            gc.collect()  # what refers to itself is only freed so
            ended = time.perf_counter()
        if number:  # the first one loads and compiles
            starts.append(started - began)
            replies.append(replied - started)
            ends.append(ended - replied)
    return {
        "set_up_ms": statistics.median(starts) * 1000,
        "first_reply_ms": statistics.median(replies) * 1000,
        "teardown_ms": statistics.median(ends) * 1000,
    }


def snapshot() -> dict[str, float]:
    """Write a world of 100 instances as a snapshot and read it back."""
    cloud = MockCloud(clock=FrozenClock(), world=wide_world(1))
    (world,) = cloud.worlds.list()
    body = {"instance": {**create_example(), "count": MANY}}
    create = _request("POST", "instances", token(0), body, appkey=appkey(0))
    for _ in range(SNAPSHOT_INSTANCES // MANY):
        _send(cloud, create)
    writes, reads = [], []
    for _ in range(_TIMES):
        began = time.perf_counter()
        content = cloud.snapshot()
        written = time.perf_counter()
        cloud.restore(content)
        writes.append(written - began)
        reads.append(time.perf_counter() - written)
    if len(cloud.worlds.get(world.id).instances) != SNAPSHOT_INSTANCES + 1:
        raise SystemExit("the snapshot does not hold all instances")
    return {"write_ms": statistics.median(writes) * 1000, "read_ms": statistics.median(reads) * 1000}


def _jump(world: World, clock: FrozenClock) -> float:
    """Let an hour pass, and return the processor time that it takes to know every status."""
    counts: dict[str, int] = {}
    spent = time.process_time()
    clock.advance(_HOUR)  # past the end of every change of status
    now = _now(clock)
    for instance in find_all(world, now):
        shown = status(instance, now)
        counts[shown] = counts.get(shown, 0) + 1
    spent = time.process_time() - spent
    if counts != {"ACTIVE": CROWD + 1}:
        raise SystemExit(f"not all instances are ACTIVE after the jump: {counts}")
    return spent


def _now(clock: FrozenClock) -> datetime:
    return datetime.fromtimestamp(clock.now(), UTC)


class _User:
    """Sends requests in cycles of a hundred: mostly lists, and a little of all that leaves something behind."""

    def __init__(self) -> None:
        self.clock = FrozenClock()
        self.cloud = MockCloud(clock=self.clock)

    def cycle(self, number: int) -> None:
        """Send a hundred requests in half a minute of the mock's time."""
        self.clock.advance(_CYCLE_SECONDS)
        if number % _TOKEN_CYCLES == 0:
            self._renew()
        else:
            _send(self.cloud, self._refused, b'"isSuccessful":false')
        ids = [json.loads(_send(self.cloud, self._create))["instance"]["id"] for _ in range(_CREATES)]
        _send(self.cloud, self._list_all)
        for id_ in ids:
            _send(self.cloud, _request("DELETE", "instances", self._token, query=f"id={id_}"))
        for _ in range(_CYCLE - 2 - 2 * _CREATES):
            _send(self.cloud, self._list_one)

    def _renew(self) -> None:
        credentials = {"auth": {"username": "demo@example.com", "password": "demo-password"}}
        reply = json.loads(_send(self.cloud, _request("POST", "tokens", None, credentials)))
        self._token = token = reply["access"]["token"]["id"]
        self._create = _request("POST", "instances", token, {"instance": create_example()})
        self._list_all = _request("GET", "instances", token)
        self._list_one = _request("GET", "instances", token, query=f"id={DEMO_INSTANCE}")
        self._refused = _request("GET", "instances", token, query=f"id={_NOBODY}")


def _send(cloud: MockCloud, request: Request, wanted: bytes = _OK) -> bytes:
    reply = cloud.handle(request)
    if wanted not in reply.body:
        raise SystemExit(f"the mock answered {reply.body[:200]!r}")
    return reply.body


def _request(
    method: str, path: str, token: str | None, body: object = None, appkey: str = DEMO_APPKEY, query: str = ""
) -> Request:
    headers = {"content-type": "application/json"} | ({} if token is None else {"x-auth-token": token})
    target = f"/compute/v1.0/appkeys/{appkey}/{path}" + (f"?{query}" if query else "")
    return Request(method, target, headers, b"" if body is None else json.dumps(body).encode())


JOBS: dict[str, Callable[[], dict[str, float]]] = {
    "jump": jump,
    "million": million,
    "fixture": fixture,
    "snapshot": snapshot,
}


def main() -> None:
    """Do the job that the command line names, and print its figures."""
    parser = argparse.ArgumentParser(prog="tests.bench.inprocess")
    parser.add_argument("job", choices=JOBS)
    print(json.dumps(JOBS[parser.parse_args().job]()))


if __name__ == "__main__":
    main()

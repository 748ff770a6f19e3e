"""Measure whether the mock keeps its bounds, compared with Prism and moto: `make bench-mock`.

Everything is measured in one run. It ends with 1 when a bound does not hold, or when something could not be measured.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from . import servers, traffic
from .accounting import cpu_seconds, resident_mib
from .inprocess import ALL_REQUESTS, CROWD
from .load import Load, LoadError
from .report import Bound, Row, table
from .servers import ROOT, Server, ServerError
from .traffic import Question

ROUNDS = 7
STARTS = 7

# Requests in a round: each server is busy for about half a second, so that what disturbs it for a moment counts little.
_LISTS = {"mock": 8000, "Prism": 800, "moto": 60}
_CREATES = {"mock": 5000, "Prism": 800, "moto": 60}
_WARM = 16  # the share of them, one in so many, that is sent before counting begins
_JOB_SECONDS = 200.0

_BESIDE_PRISM = Bound(">=", 8)
_BESIDE_MOTO = Bound(">=", 100)
_LIST_US = Bound("<=", 60)
_CREATE_US = Bound("<=", 100)
_START_MS = Bound("<", 300)
_START_MIB = Bound("<", 45)
_CROWD_MIB = Bound("<", 150)
_JUMP_MS = Bound("<", 50)
_GROWTH_MIB = Bound("<", 2)
_FIXTURE_MS = Bound("<", 1)
_SNAPSHOT_MS = Bound("<", 2)


class JobError(Exception):
    """A job inside a process of its own failed; its text is one sentence."""


def main() -> int:
    """Measure everything, print the table, and return the exit status."""
    print("\n".join(servers.machine()), flush=True)
    rows: list[Row] = []
    problem = ""
    try:
        for some in measure():
            rows += some
    except (ServerError, LoadError, JobError) as error:
        problem = str(error)
    print("\n" + table(rows))
    broken = [row.name for row in rows if not row.holds]
    for name in broken:
        print(f"bench-mock: out of bounds: {name}", file=sys.stderr)
    if problem:
        print(f"bench-mock: {problem}", file=sys.stderr)
    return 1 if broken or problem else 0


def measure() -> Iterator[list[Row]]:
    """Give all figures: those beside the other servers first, then the mock's own. Raises what `main` catches."""
    with tempfile.TemporaryDirectory() as folder:
        world = Path(folder) / "world.json"
        world.write_bytes(traffic.world_file(accounts=ROUNDS + 2))
        yield _beside_the_others(world)
        yield _start()
        yield _crowd(world)
        yield _inside()


def _beside_the_others(world: Path) -> list[Row]:
    """Ask all servers the same, in turns."""
    _say("list and create, the mock, Prism and moto in turns")
    silent = ("--verboseLevel", "silent")
    prism_list, prism_create = traffic.toast_list(0, prefix=""), traffic.toast_create(0, prefix="")
    lists: dict[str, list[float]] = {}
    creates: dict[str, list[float]] = {}
    with ExitStack() as stack:
        enter = stack.enter_context
        mock = enter(servers.mock(traffic.toast_list(0).request, "--world", str(world)))
        prism = enter(servers.prism(prism_list.request))
        quiet = enter(servers.prism(prism_list.request, *silent))
        moto = enter(servers.moto(traffic.moto_list().request))
        for number in range(ROUNDS + 1):
            _reset(moto)
            spent_on_lists = {
                "mock": _cost(mock, traffic.toast_list(0), _LISTS["mock"]),
                "Prism": _cost(prism, prism_list, _LISTS["Prism"]),
                "Prism silent": _cost(quiet, prism_list, _LISTS["Prism"]),
                "moto": _cost(moto, traffic.moto_list(), _LISTS["moto"]),
            }
            spent_on_creates = {
                "mock": _cost(mock, traffic.toast_create(number + 1), _CREATES["mock"]),
                "Prism": _cost(prism, prism_create, _CREATES["Prism"]),
                "Prism silent": _cost(quiet, prism_create, _CREATES["Prism"]),
                "moto": _cost(moto, traffic.moto_create(), _CREATES["moto"]),
            }
            if number:  # the first round only warms them up
                for name in spent_on_lists:
                    lists.setdefault(name, []).append(spent_on_lists[name])
                    creates.setdefault(name, []).append(spent_on_creates[name])
        others = {"Prism": prism, "Prism silent": quiet, "moto": moto}
    return [
        *_ratios("list of one", lists),
        *_ratios("create", creates),
        *_costs("list of one", lists, _LIST_US),
        *_costs("create", creates, _CREATE_US),
        *(Row(f"{name}: start to first reply", server.start_seconds * 1000, "ms") for name, server in others.items()),
        *(Row(f"{name}: memory after start", server.start_mib, "MiB") for name, server in others.items()),
    ]


def _cost(server: Server, question: Question, times: int) -> float:
    """Return the server's processor time for one request, in µs."""
    with Load(server.address) as load:
        load.run(traffic.repeat(question, times // _WARM), question.wanted)
        before = cpu_seconds(server.pid)
        load.run(traffic.repeat(question, times), question.wanted)
        return (cpu_seconds(server.pid) - before) / times * 1_000_000


def _reset(moto: Server) -> None:
    """Leave moto with one instance."""
    with Load(moto.address, connections=1) as load:
        for question in (traffic.moto_reset(), traffic.moto_create()):
            load.run([question.request], question.wanted)


def _ratios(what: str, spent: dict[str, list[float]]) -> list[Row]:
    costs = {name: statistics.median(values) for name, values in spent.items()}
    return [
        Row(f"{what}: Prism / mock", costs["Prism"] / costs["mock"], "times", _BESIDE_PRISM),
        Row(f"{what}: Prism silent / mock", costs["Prism silent"] / costs["mock"], "times"),
        Row(f"{what}: moto / mock", costs["moto"] / costs["mock"], "times", _BESIDE_MOTO),
    ]


def _costs(what: str, spent: dict[str, list[float]], bound: Bound) -> list[Row]:
    return [
        Row(f"{what}: {name}, CPU", statistics.median(values), "µs", bound if name == "mock" else None)
        for name, values in spent.items()
    ]


def _start() -> list[Row]:
    _say(f"{STARTS} starts")
    started = []
    for number in range(STARTS + 1):
        with servers.mock(traffic.demo_list().request) as server:
            if number:  # the first one may still have to write bytecode
                started.append(server)
    return [
        Row("start to first reply", _median(started, lambda server: server.start_seconds * 1000), "ms", _START_MS),
        Row("start to first reply, CPU", _median(started, lambda server: server.start_cpu_seconds * 1000), "ms"),
        Row("memory after start", _median(started, lambda server: server.start_mib), "MiB", _START_MIB),
    ]


def _median(started: list[Server], figure: Callable[[Server], float]) -> float:
    return statistics.median(map(figure, started))


def _crowd(world: Path) -> list[Row]:
    _say(f"{CROWD:,} instances")
    create = traffic.toast_create(1, count=traffic.MANY)
    with servers.mock(traffic.toast_list(1).request, "--world", str(world)) as server:
        with Load(server.address) as load:
            load.run(traffic.repeat(create, CROWD // traffic.MANY), create.wanted)
        memory = resident_mib(server.pid)
    return [
        Row(f"memory with {CROWD:,} instances", memory, "MiB", _CROWD_MIB),
        Row(f"clock jump over {CROWD:,} instances, CPU", _job("jump")["cpu_ms"], "ms", _JUMP_MS),
    ]


def _inside() -> list[Row]:
    _say("fixtures and snapshots")
    fixture, snapshot = _job("fixture"), _job("snapshot")
    _say(f"{ALL_REQUESTS:,} requests")
    million = _job("million")
    return [
        Row("a MockCloud of one's own: set-up", fixture["set_up_ms"], "ms", _FIXTURE_MS),
        Row("a MockCloud of one's own: its first reply", fixture["first_reply_ms"], "ms"),
        Row("a MockCloud of one's own: teardown", fixture["teardown_ms"], "ms", _FIXTURE_MS),
        Row("snapshot of 100 instances", snapshot["write_ms"], "ms", _SNAPSHOT_MS),
        Row("restore of 100 instances", snapshot["read_ms"], "ms", _SNAPSHOT_MS),
        Row("growth from the 100,000th to the millionth request", million["growth_mib"], "MiB", _GROWTH_MIB),
        Row("memory after 100,000 requests, in-process", million["warm_mib"], "MiB"),
        Row("a million requests, in-process", million["seconds"], "s"),
    ]


def _job(name: str) -> dict[str, float]:
    """Do one of the jobs of inprocess.py in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.inprocess", name]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=_JOB_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise JobError(f"the job {name} took longer than {_JOB_SECONDS:.0f} s") from None
    if done.returncode:
        raise JobError(f"the job {name} failed: {(done.stderr.strip().splitlines() or ['it said nothing'])[-1]}")
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


_say = partial(print, "measuring:", flush=True)


if __name__ == "__main__":
    sys.exit(main())

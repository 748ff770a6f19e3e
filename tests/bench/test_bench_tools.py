"""Check the tools of the benchmark against what is known by other means."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from . import servers, traffic
from .accounting import cpu_seconds, family, resident_mib
from .load import Load, LoadError, request
from .report import Bound, Row, table
from .servers import Server, ServerError

_TICKS = 0.03  # what the worker says of itself, and what is known of its ended child, is in hundredths of a second
_LITTLE = 0.002  # what a process may do unseen between two lines of its script

# Works in a thread and in a child that lives and one that has ended, says what the system says it took, and waits.
_WORKER = """
import os, subprocess, sys, threading, time
work = "import time\\nwhile time.process_time() < 0.1: pass\\nprint(time.process_time(), flush=True)\\n"
subprocess.run([sys.executable, "-c", work], stdout=subprocess.DEVNULL)
living = subprocess.Popen([sys.executable, "-c", work + "input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
childs = float(living.stdout.readline())
def burn():
    while time.thread_time() < 0.1: pass
thread = threading.Thread(target=burn); thread.start(); thread.join()
times = os.times()
print(times.user + times.system + times.children_user + times.children_system + childs, flush=True)
input()
living.communicate(b"\\n")
"""


_IDLER = "print('ready', flush=True); input()"

# Works for less than a hundredth of a second, in a thread that ends, and says what it took since it began to live.
_SHORT_WORKER = """
import threading, time
def burn():
    while time.thread_time() < 0.004: pass
thread = threading.Thread(target=burn); thread.start(); thread.join()
print(time.process_time(), flush=True)
input()
"""


@contextmanager
def _running(script: str) -> Iterator[tuple[int, str]]:
    """Run a script until it has said something: its process id, and what it said. It ends when its input does."""
    process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.pid, process.stdout.readline()
    finally:
        process.communicate("\n")


def test_processor_time_counts_threads_and_children_and_those_that_have_ended() -> None:
    with _running(_WORKER) as (pid, said):
        counted = cpu_seconds(pid)
        assert len(family(pid)) == 2
    assert float(said) > 0.3 - 2 * _TICKS
    assert counted == pytest.approx(float(said), abs=_TICKS)


def test_processor_time_is_finer_than_the_ticks_of_the_system() -> None:
    with _running(_SHORT_WORKER) as (pid, said):
        assert cpu_seconds(pid) == pytest.approx(float(said), abs=_LITTLE)


def test_idle_process_takes_no_processor_time() -> None:
    with _running(_IDLER) as (pid, _):
        before = cpu_seconds(pid)
        time.sleep(0.05)
        assert cpu_seconds(pid) - before == pytest.approx(0, abs=_LITTLE)


def test_memory_counts_what_a_process_holds() -> None:
    with _running(_IDLER) as (pid, _):
        bare = resident_mib(pid)
    with _running("held = b'x' * (64 * 2**20);" + _IDLER) as (pid, _):
        assert resident_mib(pid) - bare == pytest.approx(64, abs=2)


def test_time_of_a_process_that_has_ended_is_not_made_up() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    with pytest.raises(ProcessLookupError):
        cpu_seconds(process.pid)


class _Echo(BaseHTTPRequestHandler):
    """Answers with the body of the request, and keeps in mind on which connection it came."""

    protocol_version = "HTTP/1.1"
    seen: ClassVar[list[tuple[int, bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.seen.append((self.client_address[1], body))
        if body == b"nothing":
            self.close_connection = True
            return
        self.send_response(404 if body == b"missing" else 200)
        self.send_header("Content-Length", str(len(body)))
        if self.path == "/once":
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def echo() -> Iterator[tuple[str, int]]:
    _Echo.seen.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Echo) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield ("127.0.0.1", server.server_port)
        server.shutdown()
        thread.join()


def _posts(path: str, number: int) -> list[bytes]:
    return [request("POST", path, {}, f"body {index}".encode()) for index in range(number)]


def test_every_request_is_sent_once_over_connections_that_are_kept(echo: tuple[str, int]) -> None:
    with Load(echo, connections=8) as load:
        assert load.run(_posts("/", 100), b"body") == 100
    assert sorted(body for _, body in _Echo.seen) == sorted(f"body {index}".encode() for index in range(100))
    assert len({port for port, _ in _Echo.seen}) == 8


def test_server_that_closes_after_each_reply_gets_new_connections(echo: tuple[str, int]) -> None:
    with Load(echo, connections=2) as load:
        assert load.run(_posts("/once", 10), b"body") == 10
    assert len({port for port, _ in _Echo.seen}) == 10


def test_body_that_comes_in_many_pieces_is_read_to_its_end(echo: tuple[str, int]) -> None:
    body = b"x" * 3_000_000 + b"end"
    with Load(echo, connections=1) as load:
        assert load.ask(request("POST", "/", {}, body)) == (200, body)


@pytest.mark.parametrize(
    ("body", "message"),
    [("other", "answered by 200 and 'other'"), ("missing", "answered by 404"), ("nothing", "was closed before")],
)
def test_only_the_expected_reply_is_counted(echo: tuple[str, int], body: str, message: str) -> None:
    wanted = body.encode() if body == "missing" else b"body"
    with Load(echo) as load, pytest.raises(LoadError, match=message):
        load.run([request("POST", "/", {}, body.encode())], wanted)


def test_server_that_ends_before_it_answers_is_an_error_that_says_what_it_said() -> None:
    with pytest.raises(ServerError, match=r"the mock ended with status 2 .*--no-such-option"), _unstartable():
        pass


def _unstartable() -> AbstractContextManager[Server]:
    return servers.mock(traffic.demo_list().request, "--no-such-option")


def test_figure_at_its_limit_keeps_at_most_and_breaks_under() -> None:
    assert Row("cost", 60, "µs", Bound("<=", 60)).holds
    assert not Row("start", 300, "ms", Bound("<", 300)).holds
    assert not Row("ratio", 7.99, "times", Bound(">=", 8)).holds
    assert Row("only shown", 1e9, "ms").holds


def test_table_marks_broken_bounds() -> None:
    lines = table(
        [
            Row("ratio", 9.5, "times", Bound(">=", 8)),
            Row("cost", 61.2, "µs", Bound("<=", 60)),
            Row("memory", 151.4, "MiB", Bound("<", 150)),
            Row("shown", 0.125, "ms"),
        ]
    ).splitlines()
    assert [line.split() for line in lines[1:]] == [
        ["ratio", "9.50", "times", ">=", "8", "times", "ok"],
        ["cost", "61.2", "µs", "<=", "60", "µs", "too", "slow"],
        ["memory", "151", "MiB", "<", "150", "MiB", "too", "big"],
        ["shown", "0.12", "ms"],
    ]
    assert len({line.index("times") for line in lines if "times" in line}) == 1

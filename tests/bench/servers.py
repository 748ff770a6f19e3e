"""Start and stop the mock and the servers that it is compared with, as their users would."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from .accounting import cpu_seconds, resident_mib
from .load import Load, LoadError

ROOT = Path(__file__).parents[2]
MOCK = Path(sys.executable).with_name("toast-compute-mock")
PRISM = ROOT / "tests/bench/prism/node_modules/.bin/prism"
MOTO = ROOT / ".venv-bench/bin/moto_server"

_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
_LOOK_SECONDS = 0.001
_SHOWN = 300  # of what a server said before it failed


class ServerError(Exception):
    """A server cannot be started; its text is one sentence."""


class Server(NamedTuple):
    """A running server that has answered once."""

    pid: int
    address: tuple[str, int]
    start_seconds: float
    """From the start of the process to the end of the first reply."""
    start_cpu_seconds: float
    start_mib: float
    """Resident after the first reply."""


@contextmanager
def mock(question: bytes, *options: str) -> Iterator[Server]:
    """Run the mock with these options; `question` is what it answers first. Raises ServerError."""
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.json"
        command = [str(MOCK), "--port", "0", "--ready-file", str(ready), *options]
        with _process("the mock", command) as (process, began, log):
            while not ready.exists():
                _look(process, began, "the mock", log)
            host, _, port = json.loads(ready.read_text())["base_url"].split("/")[2].rpartition(":")
            yield _first_reply(process, began, "the mock", log, (host, int(port)), question)


@contextmanager
def prism(question: bytes, *options: str) -> Iterator[Server]:
    """Run Prism on openapi.yaml with these options. Raises ServerError."""
    port = _free_port()
    command = [str(PRISM), "mock", str(ROOT / "openapi.yaml"), "--port", str(port), *options]
    with _process("Prism", command) as (process, began, log):
        yield _first_reply(process, began, "Prism", log, ("127.0.0.1", port), question)


@contextmanager
def moto(question: bytes) -> Iterator[Server]:
    """Run moto_server. Raises ServerError."""
    port = _free_port()
    command = [str(MOTO), "--host", "127.0.0.1", "--port", str(port)]
    with _process("moto_server", command) as (process, began, log):
        yield _first_reply(process, began, "moto_server", log, ("127.0.0.1", port), question)


@contextmanager
def _process(name: str, command: list[str]) -> Iterator[tuple[subprocess.Popen[bytes], float, Path]]:
    """Run a command for the time of a `with` block; its output goes into a file, as it would in CI."""
    if not Path(command[0]).exists():
        raise ServerError(f"{name} is not installed: {Path(command[0]).name} is missing")
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("wb") as output:
            began = time.perf_counter()
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=folder
            )
        try:
            yield process, began, log
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _first_reply(
    process: subprocess.Popen[bytes], began: float, name: str, log: Path, address: tuple[str, int], question: bytes
) -> Server:
    """Ask until there is a reply."""
    while True:
        try:
            with Load(address, 1) as load:
                answer = load.ask(question)
            seconds = time.perf_counter() - began
            break
        except LoadError:
            _look(process, began, name, log)
    if answer.status != 200:
        raise ServerError(f"{name} answered its first request by {answer.status}")
    return Server(process.pid, address, seconds, cpu_seconds(process.pid), resident_mib(process.pid))


def _look(process: subprocess.Popen[bytes], began: float, name: str, log: Path) -> None:
    """Wait a moment. Raises ServerError when there is nothing to wait for any more."""
    said = " ".join(log.read_text("utf-8", "replace").split())[-_SHOWN:]
    if process.poll() is not None:
        raise ServerError(f"{name} ended with status {process.returncode} before it answered; it said: {said}")
    if time.perf_counter() - began > _START_SECONDS:
        raise ServerError(f"{name} did not answer within {_START_SECONDS:.0f} s; it said: {said}")
    time.sleep(_LOOK_SECONDS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def machine() -> list[str]:
    """Return what one has to know of this machine to read the numbers, one fact a line."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        "unknown processor",
    )
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    return [f"{model}, {os.cpu_count()} cores", f"Python {sys.version.split()[0]}", f"load average {load}"]

"""Check that `toast-compute-mock` starts, prints its URL, refuses what it cannot do, and ends on a signal."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from ..conftest import BATCH, SEED_TOKEN

COMMAND = [sys.executable, "-m", "toast_compute_mock"]
START_SECONDS = 60.0  # long: a busy machine starts a process slowly


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=START_SECONDS, check=False)


@contextmanager
def running(ready: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, object]]]:
    process = subprocess.Popen(
        [*COMMAND, "--ready-file", str(ready), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not ready.exists():
            assert process.poll() is None, process.stderr and process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.005)
        yield process, json.loads(ready.read_text())
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_command_prints_its_url_and_ends_with_0_on_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    ready = tmp_path / "ready.json"
    with running(ready) as (process, said):
        base_url = str(said["base_url"])
        assert said == {"base_url": base_url, "pid": process.pid}
        assert base_url.startswith("http://127.0.0.1:")
        with httpx.Client(base_url=base_url, headers={"X-Auth-Token": SEED_TOKEN}) as client:
            assert client.get("/v1.0/appkeys/demo-appkey/flavors").json()["header"]["resultCode"] == 0
            began = time.monotonic()
            os.kill(process.pid, number)
            out, err = process.communicate(timeout=START_SECONDS)
        assert time.monotonic() - began < 2
        assert process.returncode == 0
        assert out == f"toast-compute-mock listens on {base_url}\n"
        assert err == ""
    assert list(tmp_path.iterdir()) == []


def test_scaled_clock_makes_minutes_pass_in_no_time(tmp_path: Path) -> None:
    with running(tmp_path / "ready.json", "--clock", "scaled:1000", "--seed", "7") as (_, said):
        path = "/v1.0/appkeys/demo-appkey/instances"
        with httpx.Client(base_url=str(said["base_url"]), headers={"X-Auth-Token": SEED_TOKEN}) as client:
            client.post(f"{path}/{BATCH}/action", json={"action": "start"})
            time.sleep(0.02)
            assert client.get(f"{path}?id={BATCH}").json()["instances"][0]["status"] == "ACTIVE"


def test_shown_world_is_json_with_the_ids_that_scripts_need() -> None:
    shown = run("--show-world")
    assert (shown.returncode, shown.stderr) == (0, "")
    world = json.loads(shown.stdout)
    assert world["floating_ips"][0]["address"] == "203.0.113.10"
    assert world["volumes"][0] == {
        "id": "b10c0000-0000-4000-8000-000000000001",
        "name": "data-01",
        "size": 100,
        "status": "free",
        "type": "General HDD",
        "zone": "kr-pub-a",
    }
    assert set(world) == {
        "zones",
        "flavors",
        "images",
        "networks",
        "subnets",
        "security_groups",
        "keypairs",
        "volumes",
        "floating_ips",
        "instances",
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--host", "example.com"], ["--host", "IP address"]),
        (["--port", "many"], ["--port", "65535"]),
        (["--port", "65536"], ["--port", "65535"]),
        (["--port", "9" * 5000], ["--port", "must be a number from 0 to 65535"]),
        (["--clock", "fast"], ["--clock", "scaled:N"]),
        (["--clock", "scaled:0"], ["--clock", "above 0"]),
        (["--clock", "scaled:nan"], ["--clock", "above 0"]),
        (["--clock", "scaled:1e12"], ["--clock", "at most 100000"]),
        (["--seed", "x"], ["--seed", "must be a whole number"]),
        (["--seed", "9" * 5000], ["--seed", "must be a whole number"]),
        (["--world", "no/such/world.json"], ["--world", "no/such/world.json", "No such file"]),
        (["--faults", "no/such/faults.json"], ["--faults", "No such file"]),
        (["--snapshot", "no/such/snapshot.json"], ["--snapshot", "no/such"]),
        (["--ready-file", "no/such/folder/ready.json"], ["--ready-file", "No such file"]),
        (["--unknown"], ["--unknown"]),
        (["--un\nknown"], ["--un known"]),
        (["--ready-file", "no/such\nfolder/ready.json"], ["--ready-file", "No such file"]),
        (["--po", "1"], ["--po"]),
    ],
)
def test_argument_that_cannot_be_used_is_one_line_that_names_it(arguments: list[str], words: list[str]) -> None:
    refused = run(*arguments)
    assert (refused.returncode, refused.stdout) == (2, "")
    (line,) = refused.stderr.splitlines()
    assert line.startswith("toast-compute-mock: ")
    for word in words:
        assert word in line


@pytest.mark.parametrize("arguments", [[], ["--show-world"]])
def test_output_that_nobody_reads_is_reported_in_one_line(arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        refused = subprocess.run(
            [*COMMAND, *arguments], stdout=writer, stderr=subprocess.PIPE, text=True, timeout=START_SECONDS, check=False
        )
    finally:
        os.close(writer)
    assert refused.returncode == 2
    assert refused.stderr == "toast-compute-mock: cannot write to the standard output: Broken pipe\n"


def test_command_starts_without_httpx() -> None:
    program = "import sys, toast_compute_mock.__main__; print({'httpx', 'cryptography'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout == "set()\n"


def test_port_that_is_taken_is_one_line_that_names_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = run("--port", str(port))
    assert (refused.returncode, refused.stdout) == (2, "")
    (line,) = refused.stderr.splitlines()
    assert line == f"toast-compute-mock: cannot listen on 127.0.0.1 port {port}: Address already in use"


def test_ready_file_that_cannot_be_put_in_its_place_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "ready").mkdir()
    refused = run("--ready-file", str(tmp_path / "ready"))
    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["ready"]

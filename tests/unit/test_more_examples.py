"""Test that the other examples run, report each step and leave no instance behind."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from toast_compute_mock import MockCloud, ScaledClock, faults

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", str(EXAMPLES / name), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def lines_of(name: str) -> list[str]:
    result = run(name)
    assert (result.stderr, result.returncode) == ("", 0)
    assert "demo-password" not in result.stdout
    return result.stdout.splitlines()


def test_many_instances_live_and_die_together() -> None:
    steps = [re.fullmatch(r" *(\d+\.\d) s  (.*)", line) for line in lines_of("many_instances.py")]
    reported = [(float(step[1]), step[2]) for step in steps if step]
    assert [what for _, what in reported] == [
        "5 instances of t2.c1m1 are being built",
        "many-01, many-02, many-03, many-04, many-05 are ACTIVE",
        "5 accepted the stop, 0 refused it",
        "all of them are STOP",
        "5 instances are deleted",
    ]
    assert [when for when, _ in reported] == sorted(when for when, _ in reported)
    # It is the mock's time.
    assert reported[-1][0] > 5


def test_instances_live_in_tasks_that_share_one_client() -> None:
    *lives, summary = lines_of("async_instances.py")
    assert lives == [f"async-{number:02}: BUILD -> ACTIVE -> STOP -> deleted" for number in range(1, 6)]
    assert re.fullmatch(r"5 tasks needed 1 token, \d+ polls and \d+ requests in all", summary)


def test_lost_reply_creates_no_second_instance() -> None:
    lines = lines_of("lost_reply.py")
    assert lines[0].startswith("by hand: createInstance may or may not have been carried out")
    assert lines[1].endswith("it may have been carried out, and must not be carried out twice")
    assert lines[2:] == [
        "by hand: the list has 1 of them",
        "reconciled: reconciled is BUILD, as if the reply had come",
        "not found: 0 candidates, and it is not sent again",
        "3 creates, 2 carried out, 2 new instances",
    ]


@pytest.mark.parametrize("name", ["many_instances.py", "async_instances.py"])
def test_failed_instance_ends_the_example_in_one_line_and_all_are_deleted(name: str) -> None:
    # The third one ends in ERROR instead of ACTIVE.
    cloud = MockCloud(clock=ScaledClock(100), faults=[faults.end_in_error("createInstance", nth=3)])
    with cloud.serve() as server:
        result = run(name, "--base-url", server.base_url)
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert re.match(rf"{name.removesuffix('.py')}: Instance \S+ is ERROR and can no longer become ACTIVE", line)
    assert cloud.journal.count(operation="createInstance") == 5
    assert cloud.journal.count(operation="deleteInstance") == 5


@pytest.mark.parametrize("name", ["many_instances.py", "async_instances.py"])
def test_unreachable_mock_is_reported_in_one_line(name: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    result = run(name, "--base-url", f"http://127.0.0.1:{port}/compute")
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert "127.0.0.1" in line

"""Check that the files of `toast-compute-mock` are used, and that bad ones are refused in one line."""

from __future__ import annotations

import json
import os
import signal
import stat
from pathlib import Path
from typing import Any

import httpx
import pytest
from toast_compute_mock import MockCloud

from ..conftest import BATCH, SEED_TOKEN, new_instance
from .test_main import START_SECONDS, run, running

APPKEY = "/v1.0/appkeys/demo-appkey"


def client(said: dict[str, object]) -> httpx.Client:
    return httpx.Client(base_url=str(said["base_url"]), headers={"X-Auth-Token": SEED_TOKEN})


def admin(said: dict[str, object], path: str, body: object = None) -> Any:
    root = str(said["base_url"]).removesuffix("/compute")
    return httpx.post(f"{root}/_mock/{path}", json=body).json()


def names(toast: httpx.Client) -> list[str]:
    return [one["name"] for one in toast.get(f"{APPKEY}/instances").json()["instances"]]


def test_world_that_was_shown_and_changed_is_what_worlds_begin_with(tmp_path: Path) -> None:
    world = json.loads(run("--show-world").stdout)
    world["instances"][0]["name"] = "renamed"
    (tmp_path / "world.json").write_text(json.dumps(world))
    with running(tmp_path / "ready.json", "--world", str(tmp_path / "world.json")) as (_, said), client(said) as toast:
        assert names(toast) == ["renamed", "batch-01"]
    shown = run("--show-world", "--world", str(tmp_path / "world.json"))
    assert json.loads(shown.stdout) == world


def test_faults_of_a_file_happen(tmp_path: Path) -> None:
    fault = {"match": {"operation": "listFlavors"}, "effect": {"kind": "result-code", "code": -6}}
    (tmp_path / "faults.json").write_text(json.dumps([fault]))
    options = ("--faults", str(tmp_path / "faults.json"))
    with running(tmp_path / "ready.json", *options) as (_, said), client(said) as toast:
        codes = [toast.get(f"{APPKEY}/flavors").json()["header"]["resultCode"] for _ in range(2)]
    assert codes == [-6, 0]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_snapshot_is_written_at_the_end_and_gone_on_from(tmp_path: Path, number: signal.Signals) -> None:
    file = tmp_path / "snapshot.json"
    options = ("--snapshot", str(file), "--clock", "frozen")
    with running(tmp_path / "ready.json", *options) as (process, said), client(said) as toast:
        made = toast.post(f"{APPKEY}/instances", json=new_instance()).json()["instance"]["id"]
        os.kill(process.pid, number)
        assert process.wait(timeout=START_SECONDS) == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with running(tmp_path / "ready.json", *options) as (process, said), client(said) as toast:
        assert names(toast) == ["web-01", "batch-01", "test-01"]
        again = toast.post(f"{APPKEY}/instances", json=new_instance()).json()["instance"]["id"]
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(timeout=START_SECONDS) == 0
    assert made != again
    cloud = MockCloud()
    cloud.restore(file.read_bytes())
    assert len(cloud.worlds.list()) == 1


def test_snapshot_that_cannot_be_written_at_the_end_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    file = tmp_path / "folder" / "snapshot.json"
    with running(tmp_path / "ready.json", "--snapshot", str(file)) as (process, _):
        (tmp_path / "folder").rmdir()
        os.kill(process.pid, signal.SIGTERM)
        _, err = process.communicate(timeout=START_SECONDS)
    assert process.returncode == 2
    (line,) = err.splitlines()
    assert line.startswith("toast-compute-mock: --snapshot: ")
    assert "No such file" in line


@pytest.mark.parametrize(
    ("option", "content", "words"),
    [
        ("--world", "{", "is not JSON"),
        ("--world", '{"zones": 1}', "zones: Expected `array`, got `int`"),
        ("--faults", "{", "JSON"),
        ("--faults", '[{"effect": {"kind": "explode"}}]', "explode"),
        ("--faults", '[{"match": {"operation": "makeCoffee"}, "effect": {"kind": "reset"}}]', "operation"),
        ("--snapshot", "{}", "this is not a snapshot"),
        ("--snapshot", '{"format": "toast-compute-mock snapshot", "version": 2}', "newer version"),
    ],
)
def test_unusable_file_is_one_line_with_the_reason(tmp_path: Path, option: str, content: str, words: str) -> None:
    file = tmp_path / "file.json"
    file.write_text(content)
    refused = run(option, str(file))
    assert (refused.returncode, refused.stdout) == (2, "")
    (line,) = refused.stderr.splitlines()
    assert line.startswith(f"toast-compute-mock: {option}: {file}: ")
    assert words in line
    assert file.read_text() == content


def test_frozen_clock_moves_only_when_it_is_moved(tmp_path: Path) -> None:
    with running(tmp_path / "ready.json", "--clock", "frozen") as (_, said), client(said) as toast:

        def status() -> str:
            return str(toast.get(f"{APPKEY}/instances?id={BATCH}").json()["instances"][0]["status"])

        toast.post(f"{APPKEY}/instances/{BATCH}/action", json={"action": "start"})
        assert status() == "POWERING_ON"
        admin(said, "clock/advance", {"seconds": 600})
        assert status() == "ACTIVE"


def test_auto_jump_clock_moves_on_when_nobody_asks_for_anything(tmp_path: Path) -> None:
    with running(tmp_path / "ready.json", "--clock", "auto-jump") as (_, said), client(said) as toast:
        toast.post(f"{APPKEY}/instances/{BATCH}/action", json={"action": "start"})
        seen: list[str] = []
        while not seen or seen[-1] != "ACTIVE":
            assert len(seen) < 50
            admin(said, "clock/sleep", {"seconds": 5})
            seen.append(str(toast.get(f"{APPKEY}/instances?id={BATCH}").json()["instances"][0]["status"]))
    assert seen[0] == "POWERING_ON" or len(seen) == 1


def test_behaviours_can_be_printed() -> None:
    shown = run("--show-behaviours")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "| -4 | `Invalid parameters : {path} {reason}` |" in shown.stdout

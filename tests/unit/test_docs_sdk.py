"""Test that the blocks of the SDK's guide form one program that prints the lines on the page."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections import UserDict
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from toast_compute import MalformedResponseError, ToastCompute, WaitTimeoutError, errors
from toast_compute.command import main
from toast_compute_mock import AutoJumpClock, MockCloud, faults

DOCS = Path(__file__).resolve().parents[2] / "docs"
GUIDE = (DOCS / "sdk.md").read_text(encoding="utf-8")
WEB = "125a0000-0000-4000-8000-000000000001"
CREDENTIALS = ("demo-appkey", "demo@example.com", "demo-password")
EXPECTED = re.compile(r"^ *print\(.*\)  # (.+)$", re.MULTILINE)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """A user with no settings but the profile on the page."""
    for name in [name for name in os.environ if name.startswith("TOAST_COMPUTE_")]:
        monkeypatch.delenv(name)
    for name, folder in {
        "HOME": "",
        "XDG_CONFIG_HOME": "config",
        "XDG_CACHE_HOME": "cache",
        "APPDATA": "config",
    }.items():
        monkeypatch.setenv(name, str(tmp_path / folder))
    main(["config"])
    path = Path(capsys.readouterr().out.split()[1])
    path.parent.mkdir(parents=True)
    (content,) = blocks("toml")
    path.touch(mode=0o600)
    path.write_text(content, encoding="utf-8")
    return tmp_path


def run(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-W", "error", *command)
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_program_on_the_page_prints_the_expected_lines(home: Path) -> None:
    program = "\n".join(blocks("python"))
    (home / "program.py").write_text(program, encoding="utf-8")
    result = run("program.py", folder=home)
    assert (result.stderr, result.returncode) == ("", 0)
    lines = result.stdout.splitlines()
    # The page describes the log in prose.
    logged = [line for line in lines if re.fullmatch(r"\d\.\d s listFlavors: success 0 in \d\.\d\d s, done", line)]
    assert len(logged) == 1
    assert [line for line in lines if line not in logged] == EXPECTED.findall(program)
    printed = [
        one for one in ast.walk(ast.parse(program)) if isinstance(one, ast.Call) and ast.unparse(one.func) == "print"
    ]
    assert len(printed) == len(EXPECTED.findall(program))


def test_commands_on_the_page_work_with_its_profile(home: Path) -> None:
    (commands,) = blocks("sh")
    with MockCloud().serve() as server:
        for line in commands.splitlines():
            program, command = line.split()
            assert program == "toast-compute"
            result = run(
                "-m", "toast_compute.command", command, "--profile", "dev", "--base-url", server.base_url, folder=home
            )
            assert (result.stderr, result.returncode) == ("", 0)
            assert "demo-password" not in result.stdout


class Recording(UserDict[str, str]):
    """An environment that records which variables are read."""

    def __init__(self) -> None:
        self.read: set[str] = set()
        super().__init__(os.environ)

    def __contains__(self, name: object) -> bool:
        self.read.add(str(name))
        return super().__contains__(name)

    def __getitem__(self, name: str) -> str:
        self.read.add(name)
        return super().__getitem__(name)


@pytest.mark.usefixtures("home")
def test_every_variable_of_the_environment_is_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = Recording()
    monkeypatch.setattr(os, "environ", environment)
    ToastCompute("k", "u", "p").close()
    monkeypatch.undo()
    read = {name for name in environment.read if name.startswith("TOAST_COMPUTE_")}
    assert set(re.findall(r"TOAST_COMPUTE_[A-Z_]+", GUIDE)) == read


def test_every_error_is_in_the_table_of_errors() -> None:
    listed = set(re.findall(r"`(\w+Error)`", GUIDE.split("\n## Errors\n")[1].split("\n## ")[0]))
    kinds = {name for name in errors.__all__ if not issubclass(getattr(errors, name), errors.APIError)}
    assert kinds | {"APIError"} <= listed
    assert listed <= set(errors.__all__)


class Timeouts(httpx.BaseTransport):
    """Passes requests on, and records the timeout of each path in seconds."""

    def __init__(self, cloud: MockCloud) -> None:
        self._inner = cloud.transport
        self.seconds: dict[str, int] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.seconds[request.url.path.rsplit("/", 1)[-1]] = round(request.extensions["timeout"]["read"])
        return self._inner.handle_request(request)


def numbers(pattern: str) -> list[int]:
    """Return the numbers of the one sentence on the page that matches."""
    (found,) = re.finditer(pattern, " ".join(GUIDE.split()))
    return [int(number) for number in found.groups()]


def test_numbers_on_the_page_are_those_of_the_sdk() -> None:
    cloud = MockCloud(clock=AutoJumpClock())
    transport = Timeouts(cloud)
    polls: list[float] = []
    with ToastCompute(*CREDENTIALS, transport=transport, clock=cloud.clock) as toast:
        cloud.faults.add(faults.http_status("listFlavors", 503, budget=None))
        with pytest.raises(MalformedResponseError):
            toast.flavors.list()
        toast.keypairs.create("new")
        with pytest.raises(WaitTimeoutError):
            toast.instances.wait_for_status(
                WEB, "STOP", timeout=6000, on_poll=lambda _: polls.append(cloud.clock.monotonic())
            )
    (retries,) = numbers(r"up to `max_retries` times \((\d+) unless given\)")
    assert cloud.journal.count(operation="listFlavors") == 1 + retries
    timeouts = numbers(r"of one request: (\d+) seconds unless given, and (\d+) for what must not be sent twice")
    assert [transport.seconds["flavors"], transport.seconds["keypairs"]] == timeouts
    first, last = numbers(r"grows from (\d+) to (\d+) seconds")
    # Of each pause, jitter takes up to a quarter; the last one ends at the timeout.
    pauses = [after - before for before, after in pairwise(polls[:-1])]
    assert first * 0.75 < pauses[0] <= first
    assert last * 0.95 < max(pauses) <= last


def test_every_link_on_the_page_leads_to_a_page() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", GUIDE):
        assert (DOCS / target).is_file(), target

"""Test that the blocks of the SDK's guide form one program that prints the lines on the page."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from toast_compute import errors
from toast_compute._config.profiles import PROFILE_VARIABLE, config_path
from toast_compute._config.settings import DEFAULT_MAX_RETRIES, DEFAULT_TIMEOUT, ENVIRONMENT
from toast_compute._waiters.poller import FIRST_INTERVAL, LAST_INTERVAL
from toast_compute_mock import MockCloud

DOCS = Path(__file__).resolve().parents[2] / "docs"
GUIDE = (DOCS / "sdk.md").read_text(encoding="utf-8")
EXPECTED = re.compile(r"^ *print\(.*\)  # (.+)$", re.MULTILINE)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user with no settings but the profile on the page."""
    for name in (*ENVIRONMENT.values(), PROFILE_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    for name, folder in {
        "HOME": "",
        "XDG_CONFIG_HOME": "config",
        "XDG_CACHE_HOME": "cache",
        "APPDATA": "config",
    }.items():
        monkeypatch.setenv(name, str(tmp_path / folder))
    path = config_path()
    assert path is not None
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
    # What is logged is told in prose.
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


def test_every_variable_of_the_environment_is_on_the_page() -> None:
    assert set(re.findall(r"TOAST_COMPUTE_[A-Z_]+", GUIDE)) == {*ENVIRONMENT.values(), PROFILE_VARIABLE}


def test_every_error_is_in_the_table_of_errors() -> None:
    told = set(re.findall(r"`(\w+Error)`", GUIDE.split("\n## What to catch\n")[1].split("\n## ")[0]))
    kinds = {name for name in errors.__all__ if not issubclass(getattr(errors, name), errors.APIError)}
    assert kinds | {"APIError"} <= told
    assert told <= set(errors.__all__)


def test_numbers_on_the_page_are_those_of_the_sdk() -> None:
    words = " ".join(GUIDE.split())
    assert f"up to `max_retries` times ({DEFAULT_MAX_RETRIES} unless given)" in words
    assert f"grows from {FIRST_INTERVAL:.0f} to {LAST_INTERVAL:.0f} seconds" in words
    assert f"one try of one request: {DEFAULT_TIMEOUT:.0f} seconds unless given" in words


def test_every_link_on_the_page_leads_to_a_page() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", GUIDE):
        assert (DOCS / target).is_file(), target

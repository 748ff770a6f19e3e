"""Bad use of `python -m tests.fuzz` is reported in one sentence."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ..__main__ import main


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "names no part"),
        (["nonsense"], "'nonsense' is not a part"),
        (["service", "--mutant"], "--mutant: needs the name"),
        (["--mutant", "no-such-mutant", "service"], "--mutant"),
        (["service", "--nonsense"], "--nonsense"),
    ],
)
def test_bad_use_is_reported_in_one_sentence(
    arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert named in lines[0]


def test_closed_output_ends_the_command_silently() -> None:
    command = [sys.executable, "-m", "tests.fuzz", "service", "--phase", "examples", "--only", "listFlavors"]
    with subprocess.Popen([*command, "--until", "50"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        run.stdout.close()
        assert run.stderr.read() == b""
    assert run.returncode == 141

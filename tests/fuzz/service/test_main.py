"""Is bad use of the command line told in one sentence?"""

from __future__ import annotations

import subprocess
import sys

import pytest

from ..__main__ import main


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "names no part"),
        (["nonsense"], "'nonsense' is no part"),
        (["service", "--bug"], "--bug: needs the name"),
        (["--bug", "no-such-bug", "service"], "--bug"),
        (["service", "--nonsense"], "--nonsense"),
    ],
)
def test_bad_use_is_told_in_one_sentence(arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert named in lines[0]


def test_where_nobody_reads_on_it_ends_without_a_word() -> None:
    command = [sys.executable, "-m", "tests.fuzz", "service", "--phase", "examples", "--only", "listFlavors"]
    with subprocess.Popen([*command, "--until", "50"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        run.stdout.close()
        assert run.stderr.read() == b""
    assert run.returncode == 141

"""Is bad use of the command line told in one sentence?"""

from __future__ import annotations

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

"""Is the proof honest? A crash is no finding, and what is not found needs a reason."""

from __future__ import annotations

import pytest

from .planting import PARTS, Bug, Change
from .proof import End, Result, Run, end_of, main, page, prove, shortcomings

_CHANGE = Change("toast_compute.errors", "a", "b")


def bug(name: str = "one", *, part: str = "story", because: str = "") -> Bug:
    return Bug(name, "It is wrong.", part, (_CHANGE,), because)


def result(end: End, *, because: str = "") -> Result:
    return Result(bug(because=because), (Run("story", end, 1.0),))


def test_the_expected_part_runs_first_and_the_others_only_if_it_finds_nothing() -> None:
    asked: list[tuple[str, str | None]] = []

    def start(part: str, name: str | None) -> Run:
        asked.append((part, name))
        return Run(part, End.FOUND if (part, name) in (("story", "easy"), ("replies", "odd")) else End.CLEAN, 2.0)

    (easy,) = prove([bug("easy")], start)
    assert asked == [("story", "easy")]
    assert easy.finder == Run("story", End.FOUND, 2.0)
    asked.clear()
    (odd,) = prove([bug("odd")], start)
    assert asked == [("story", "odd"), ("service", "odd"), ("replies", "odd")]
    assert odd.finder == Run("replies", End.FOUND, 2.0)
    (hard,) = prove([bug("hard")], start)
    assert hard.finder is None
    assert [run.part for run in hard.runs] == ["story", *(part for part in PARTS if part != "story")]
    assert hard.seconds == 6.0


@pytest.mark.parametrize(
    ("status", "errors", "end"),
    [
        (0, "", End.CLEAN),
        (1, "", End.FOUND),
        (1, "Traceback (most recent call last):\n  ...\nKeyError: 'x'\n", End.CRASHED),
        (2, "fuzz: --seed: is no number\n", End.REFUSED),
        (-11, "", End.CRASHED),
    ],
)
def test_only_a_finding_is_a_finding(status: int, errors: str, end: End) -> None:
    assert end_of(status, errors) is end


@pytest.mark.parametrize("end", [End.CLEAN, End.CRASHED, End.REFUSED, End.ENDLESS])
def test_a_bug_that_is_not_found_fails_the_proof_unless_its_file_says_why(end: End) -> None:
    found = [result(End.FOUND)] * 30
    assert list(shortcomings(found)) == []
    (problem,) = shortcomings([*found, result(end)])
    assert problem.startswith("one was not found")
    assert list(shortcomings([*found, result(end, because="Nobody looks there.")])) == []


def test_under_95_percent_fails_the_proof_whatever_the_files_say() -> None:
    missed = result(End.CLEAN, because="Nobody looks there.")
    assert list(shortcomings([result(End.FOUND)] * 19 + [missed])) == []
    assert list(shortcomings([result(End.FOUND)] * 18 + [missed])) == ["Under 95% of the bugs were found."]


def test_an_explanation_of_what_is_found_fails_the_proof() -> None:
    (problem,) = shortcomings([result(End.FOUND, because="Nobody looks there.")])
    assert problem.startswith("one was found, and its file says why it is not")


def test_the_page_has_the_share_and_a_line_for_every_bug() -> None:
    text = page([result(End.FOUND), result(End.CLEAN, because="Nobody looks there."), result(End.CRASHED)], ["Alas."])
    assert "1 of 3 bugs found (33%)." in text
    assert "Alas." in text
    assert "| one | It is wrong. | story | found by story | 1.0 |" in text
    assert "| one | It is wrong. Nobody looks there. | story | not found | 1.0 |" in text
    assert "| one | It is wrong. | story | not found (crashed) | 1.0 |" in text


def test_a_name_that_is_no_bug_is_bad_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "nonesuch"]) == 2
    assert capsys.readouterr().err == "proof: there is no bug 'nonesuch' in tests/fuzz/bugs\n"

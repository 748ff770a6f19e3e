"""Tests of the mutation test's runner."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import mutation_test as runner
from .catalog import SERVICE, mutants
from .importing import NOT_REACHED
from .mutation_test import Outcome, Run, outcome_of

ONE, OTHER = list(mutants().values())[:2]


@pytest.mark.parametrize(
    ("status", "errors", "outcome"),
    [
        (0, "", Outcome.CLEAN),
        (1, "", Outcome.FOUND),
        (1, "Traceback (most recent call last):\n  ...\nKeyError: 'x'\n", Outcome.CRASHED),
        (1, f"The mutant x {NOT_REACHED}.\n", Outcome.NOT_REACHED),
        (2, "fuzz: --seed\n", Outcome.REFUSED),
        (-11, "", Outcome.CRASHED),
    ],
)
def test_only_a_finding_of_a_run_that_reached_the_mutant_counts(status: int, errors: str, outcome: Outcome) -> None:
    assert outcome_of(status, errors) is outcome


@pytest.mark.parametrize("outcome", Outcome)
def test_every_mutant_has_to_be_found(outcome: Outcome, capsys: pytest.CaptureFixture[str]) -> None:
    def start(part: str, name: str) -> Run:
        return Run(part, {"": Outcome.CLEAN, ONE.name: Outcome.FOUND}.get(name, outcome), 1.0)

    assert runner.mutation_test([ONE, OTHER], start) == (outcome is not Outcome.FOUND)
    printed = capsys.readouterr().out
    assert OTHER.name in printed
    assert f"{1 + (outcome is Outcome.FOUND)} of 2 mutants found." in printed


def test_finding_without_a_mutant_makes_the_test_void(capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[tuple[str, str]] = []

    def start(part: str, name: str) -> Run:
        asked.append((part, name))
        return Run(part, Outcome.FOUND, 1.0, "what was printed")

    assert runner.mutation_test([ONE], start) == 1
    assert asked == [(ONE.part, "")]
    assert "what was printed" in capsys.readouterr().err


def test_part_runs_in_a_process_with_the_mutant(tmp_path: Path) -> None:
    run = runner.run_part(SERVICE, "nonesuch", seed=1, reports=tmp_path)
    assert (run.part, run.outcome) == (SERVICE, Outcome.REFUSED)
    assert "nonesuch" in run.output


def test_unknown_name_is_bad_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert runner.main(["--only", "nonesuch"]) == 2
    assert "nonesuch" in capsys.readouterr().err

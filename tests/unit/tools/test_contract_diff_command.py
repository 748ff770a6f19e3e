"""Tests of the command that compares the contract with that of a git revision."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.contract_diff.__main__ import main

NAME = "openapi.yaml"
SETTINGS = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.com", "-c", "commit.gpgsign=false")


@pytest.fixture
def repository(tmp_path: Path, contract_text: str) -> Path:
    """A repository with the contract in its first commit, and that one tagged."""
    (tmp_path / NAME).write_text(contract_text, encoding="utf-8")
    for command in (("init", "--quiet"), ("add", NAME), ("commit", "--quiet", "--message", "First"), ("tag", "v1")):
        subprocess.run(["git", "-C", str(tmp_path), *SETTINGS, *command], check=True)
    return tmp_path


@pytest.fixture
def diff(repository: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, list[str], list[str]]]:
    """Compare with a revision after some text of the contract was replaced; status, lines and error lines."""

    def run(*arguments: str, old: str = "", new: str = "") -> tuple[int, list[str], list[str]]:
        file = repository / NAME
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new, 1) if old else text, encoding="utf-8")
        status = main([*arguments, "--contract", str(file)])
        captured = capsys.readouterr()
        return status, captured.out.splitlines(), captured.err.splitlines()

    return run


def test_unchanged_contract_has_status_0(diff: Callable[..., tuple[int, list[str], list[str]]]) -> None:
    assert diff("v1") == (0, ["Nothing has changed."], [])


def test_compatible_change_has_status_0(diff: Callable[..., tuple[int, list[str], list[str]]]) -> None:
    status, lines, errors = diff("v1", old="maxLength: 20", new="maxLength: 30")
    assert (status, errors) == (0, [])
    assert lines[-1] == "1 change since v1, none of them breaking: old clients keep working."


def test_breaking_change_has_status_1(diff: Callable[..., tuple[int, list[str], list[str]]]) -> None:
    status, lines, errors = diff("HEAD", old="maxLength: 20", new="maxLength: 15")
    assert (status, errors) == (1, [])
    assert lines == [
        "breaking    #/components/schemas/InstanceSpec/properties/name/maxLength: was 20, is 15: "
        "requests that were valid are refused",
        "1 change since HEAD, 1 of them breaking: old clients break.",
    ]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((), "contract-diff: OLD: a git revision is needed, such as a release tag (make contract-diff OLD=v0.1.0)"),
        (("v9",), "contract-diff: OLD: 'v9' is not a revision of this repository"),
        (("v1:openapi.yaml",), "contract-diff: OLD: 'v1:openapi.yaml' is not a revision of this repository"),
    ],
)
def test_bad_revision_has_status_2_and_one_sentence(
    diff: Callable[..., tuple[int, list[str], list[str]]], arguments: tuple[str, ...], error: str
) -> None:
    assert diff(*arguments) == (2, [], [error])


def test_revision_without_the_contract_has_status_2(
    repository: Path, capsys: pytest.CaptureFixture[str], contract_text: str
) -> None:
    other = repository / "other.yaml"
    other.write_text(contract_text, encoding="utf-8")
    assert main(["v1", "--contract", str(other)]) == 2
    assert capsys.readouterr().err == "contract-diff: OLD: there is no other.yaml in 'v1'\n"


def test_folder_that_is_not_a_repository_has_status_2(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str], contract_text: str
) -> None:
    file = tmp_path_factory.mktemp("plain") / NAME
    file.write_text(contract_text, encoding="utf-8")
    assert main(["v1", "--contract", str(file)]) == 2
    assert capsys.readouterr().err == "contract-diff: OLD: 'v1' is not a revision of this repository\n"


def test_unsound_contract_has_status_2_and_names_its_place(
    diff: Callable[..., tuple[int, list[str], list[str]]],
) -> None:
    status, lines, errors = diff("v1", old="$ref: '#/components/schemas/FlavorsReply'", new="$ref: '#/nowhere'")
    assert (status, lines) == (2, [])
    (error,) = errors
    assert error.startswith("contract-diff: openapi.yaml:")
    assert error.endswith("leads nowhere")


def test_earlier_form_of_an_extension_is_compared_as_far_as_possible(
    repository: Path, diff: Callable[..., tuple[int, list[str], list[str]]]
) -> None:
    file = repository / NAME
    text = file.read_text(encoding="utf-8")

    def commit(old: str, new: str) -> None:
        file.write_text(text.replace(old, new, 1), encoding="utf-8")
        subprocess.run(["git", "-C", str(repository), *SETTINGS, "commit", "--quiet", "-am", "Earlier"], check=True)
        file.write_text(text, encoding="utf-8")

    commit("retry: fresh-token", "retry: once")
    status, lines, errors = diff("HEAD")
    assert (status, errors) == (1, [])
    assert "the retry of code -3 was once, and is fresh-token" in lines[0]
    commit("start: {from: [STOP], ", "start: {")
    status, lines, errors = diff("HEAD")
    assert (status, lines) == (2, [])
    assert errors[0].startswith("contract-diff: HEAD:openapi.yaml:")
    assert "#/x-lifecycle/operations/start" in errors[0]

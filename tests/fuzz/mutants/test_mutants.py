"""Tests of the catalog of mutants and of the import hook."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from importlib import import_module

import pytest

from .catalog import PARTS, Mutant, MutantError, find, mutant, mutants
from .importing import NOT_REACHED, locate
from .mutation_test import ROOT

ALL = mutants().values()
NAME = "created-groups-are-dropped"
INSTALL = f"from tests.fuzz.mutants.importing import install; install('{NAME}');"
LOAD = "from toast_compute_mock import operations, operations as package;"


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
def test_symbol_resolves_and_is_replaced_by_something_that_can_be_called(one: Mutant) -> None:
    _, _, original = locate(import_module(one.module), one)
    new = one.make(original)
    assert new is not original
    assert any(map(callable, (new, getattr(new, "fget", None), getattr(new, "__func__", None))))


def test_each_mutant_breaks_one_rule_of_its_own() -> None:
    rules = [one.rule for one in ALL]
    assert len(set(rules)) == len(rules)
    for rule in rules:
        assert rule[0].isupper()
        assert rule.endswith(".")
        assert ". " not in rule
    assert {one.part for one in ALL} == set(PARTS)
    assert {one.module.partition(".")[0] for one in ALL} == {
        "toast_compute",
        "toast_compute_mock",
        "toast_compute_runtime",
    }


def test_importer_binds_the_replacement() -> None:
    shown = "print(operations.HANDLERS['createInstance'].__module__, operations.creation.create.__module__)"
    assert run(INSTALL + LOAD + shown).stdout == "tests.fuzz.mutants.mock tests.fuzz.mutants.mock\n"
    assert run(LOAD + shown).stdout == "toast_compute_mock.operations.creation toast_compute_mock.operations.creation\n"


@pytest.mark.parametrize("then", ["", LOAD])
def test_mutant_that_is_not_called_is_reported(then: str) -> None:
    assert run(INSTALL + then).stderr == f"The mutant {NAME} {NOT_REACHED}.\n"


def test_mutant_that_is_called_is_not_reported() -> None:
    call = "\ntry: operations.creation.create(None, None)\nexcept AttributeError: print('called')"
    done = run(INSTALL + LOAD + call)
    assert (done.stdout, done.stderr) == ("called\n", "")


def test_mutant_of_a_loaded_module_is_refused() -> None:
    done = run(LOAD + INSTALL)
    assert "toast_compute_mock.operations.creation was imported before" in done.stderr
    assert done.returncode == 1


def test_unknown_name_is_refused() -> None:
    with pytest.raises(MutantError, match="there is no mutant 'nonesuch'"):
        find("nonesuch")


def test_second_mutant_of_a_name_is_refused() -> None:
    def stop_does_nothing(original: object) -> object:
        return original

    with pytest.raises(MutantError, match="two mutants stop-does-nothing"):
        mutant("It is wrong.", part="stateful", at="json:loads")(stop_does_nothing)


def test_missing_symbol_is_refused() -> None:
    with pytest.raises(MutantError, match="has no Nonesuch"):
        locate(import_module("toast_compute.errors"), replace(find("error-cannot-be-pickled"), symbol="Nonesuch.x"))

"""Do the deliberate bugs still fit the code, and do they get into a process?"""

from __future__ import annotations

import subprocess
import sys
import tomllib

import pytest

from .planting import (
    FOLDER,
    PARTS,
    Bug,
    BugError,
    Change,
    changed_sources,
    names,
    plant,
    read,
    source_file,
)
from .proof import ROOT

LEAST_BUGS = 40


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", names())
def test_every_bug_fits_the_code_and_its_modules_still_compile(name: str) -> None:
    bug = read(name)
    for module, source in changed_sources(bug).items():
        assert source != source_file(module).read_text(encoding="utf-8")
        compile(source, module, "exec")


@pytest.mark.parametrize("name", names())
def test_every_bug_says_in_one_sentence_what_is_wrong_and_which_part_has_to_find_it(name: str) -> None:
    bug = read(name)
    assert bug.what.endswith(".")
    assert bug.what[0].isupper()
    assert ". " not in bug.what
    assert bug.part in PARTS


def test_there_are_bugs_for_every_part_of_the_fuzzer_and_for_both_sides() -> None:
    bugs = [read(name) for name in names()]
    assert len(bugs) >= LEAST_BUGS
    assert {bug.part for bug in bugs} == set(PARTS)
    packages = {module.partition(".")[0] for bug in bugs for module in bug.modules}
    assert packages == {"toast_compute", "toast_compute_mock", "toast_compute_api", "toast_compute_runtime"}


def test_no_two_bugs_are_the_same() -> None:
    changes = [read(name).changes for name in names()]
    assert len(set(changes)) == len(changes)


def test_a_planted_bug_is_there_under_the_name_of_its_file() -> None:
    done = run(
        "from tests.fuzz.bugs.planting import plant; plant('created-name-is-changed');"
        "from toast_compute_mock.operations import creation;"
        "assert '/creation.py' in creation.create.__code__.co_filename.replace('\\\\', '/'), 'the file';"
        "assert 'lower' in creation.create.__code__.co_names, 'the code'"
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_a_planted_bug_leaves_nothing_behind_on_disk() -> None:
    plant_it = "from tests.fuzz.bugs.planting import plant; plant('created-name-is-changed');"
    look = "from toast_compute_mock.operations import creation; print('lower' in creation.create.__code__.co_names)"
    assert run(plant_it + look).stdout == "True\n"
    assert run(look).stdout == "False\n"


def test_a_bug_whose_module_was_never_loaded_is_told_of() -> None:
    done = run("from tests.fuzz.bugs.planting import plant; plant('created-name-is-changed')")
    assert done.stderr == (
        "The bug created-name-is-changed was not there: toast_compute_mock.operations.creation was never loaded.\n"
    )


def test_a_bug_is_not_planted_where_its_module_is_loaded_already() -> None:
    done = run(
        "import toast_compute_mock.operations\n"
        "from tests.fuzz.bugs.planting import BugError, plant\n"
        "try: plant('created-name-is-changed')\n"
        "except BugError as error: print(error)"
    )
    assert done.stdout.startswith("created-name-is-changed.toml: toast_compute_mock.operations.creation was imported")


def test_a_bug_that_is_not_there_is_refused_by_its_name() -> None:
    with pytest.raises(BugError, match="there is no bug 'nonesuch'"):
        plant("nonesuch")


@pytest.mark.parametrize(("old", "number"), [("no such text", 0), ("from __future__ import", 1), ("Payload", 3)])
def test_a_text_that_does_not_occur_exactly_once_is_refused(old: str, number: int) -> None:
    bug = Bug("x", "It is wrong.", "story", (Change("toast_compute_mock.operations.attachments", old, "y"),))
    if number == 1:
        assert changed_sources(bug)
        return
    with pytest.raises(BugError, match=f"occurs {number} times in toast_compute_mock.operations.attachments"):
        changed_sources(bug)


@pytest.mark.parametrize("module", ["toast_compute.nonesuch", "json", "nonesuch.x"])
def test_a_module_that_is_not_ours_is_refused(module: str) -> None:
    with pytest.raises(BugError, match=module):
        source_file(module)


def test_every_file_of_a_bug_has_known_members_only() -> None:
    for file in FOLDER.glob("*.toml"):
        tomllib.loads(file.read_text(encoding="utf-8"))
        read(file.stem)

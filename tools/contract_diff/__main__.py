"""The command line: `python -m tools.contract_diff OLD`, where OLD is a git revision."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from generator.checks import extensions, references, structure, tables
from generator.contract import Contract
from generator.contract.document import Document, load
from generator.errors import ContractError, GenerationError

from . import Change, compare

ROOT = Path(__file__).resolve().parents[2]
BREAKING = 1
BAD_USE = 2


class BadRevisionError(Exception):
    """There is no contract to compare with; the message is one sentence."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, 1 when old clients break, 2 for a bad revision."""
    parser = argparse.ArgumentParser(
        prog="tools.contract_diff", description="List the changes of the contract, and whether old clients break."
    )
    parser.add_argument("old", nargs="?", default="", metavar="OLD", help="the git revision to compare with")
    parser.add_argument(
        "--contract", type=Path, default=ROOT / "openapi.yaml", help="the new contract (default: openapi.yaml)"
    )
    options = parser.parse_args(arguments)
    try:
        old, new = _at_revision(options.contract, options.old), load(options.contract)
        found = _compare(old, new)
    except (BadRevisionError, GenerationError) as problem:
        print(f"contract-diff: {problem}", file=sys.stderr)
        return BAD_USE
    for change in found:
        print(change)
    print(_summary(found, options.old))
    return BREAKING if any(change.is_breaking for change in found) else 0


def _at_revision(contract: Path, revision: str) -> Document:
    """Return the contract as it was. Raises BadRevisionError, and GenerationError when it cannot be read."""
    if not revision:
        raise BadRevisionError("OLD: a git revision is needed, such as a release tag (make contract-diff OLD=v0.1.0)")
    folder = contract.resolve().parent
    commit = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if commit is None:
        raise BadRevisionError(f"OLD: {revision!r} is not a revision of this repository")
    text = _git(folder, "show", f"{commit.decode().strip()}:./{contract.name}")
    if text is None:
        raise BadRevisionError(f"OLD: there is no {contract.name} in {revision!r}")
    with TemporaryDirectory() as scratch:
        copy = Path(scratch) / f"{revision.replace('/', '-')}:{contract.name}"
        copy.write_bytes(text)
        return load(copy)


def _git(folder: Path, *arguments: str) -> bytes | None:
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        raise BadRevisionError("git: is needed to read the old contract, and is not installed") from None
    return done.stdout if done.returncode == 0 else None


def _compare(old: Document, new: Document) -> list[Change]:
    """Compare two contracts. Raises GenerationError when one of them is not valid."""
    for document in (old, new):
        _require(document, structure.check, references.check)
    _require(new, extensions.check, tables.check)
    try:
        return compare(old.data, new.data)
    except (KeyError, TypeError):
        # Extensions change, and an old contract may have an earlier form of one. This names what its form lacks.
        _require(old, extensions.check)
        raise


def _require(document: Document, *checks: Callable[[Contract], None]) -> None:
    try:
        for check in checks:
            check(Contract(document.data))
    except ContractError as problem:
        raise GenerationError(document.describe(problem)) from None


def _summary(found: Sequence[Change], revision: str) -> str:
    if not found:
        return "Nothing has changed."
    breaking = sum(change.is_breaking for change in found)
    number = "1 change" if len(found) == 1 else f"{len(found)} changes"
    follows = "old clients break" if breaking else "old clients keep working"
    return f"{number} since {revision}, {breaking or 'none'} of them breaking: {follows}."


if __name__ == "__main__":
    sys.exit(main())

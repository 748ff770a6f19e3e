"""How does a deliberate bug get into this process? By changing the text of our modules while they are loaded.

A bug is a TOML file in this folder:

    what = "A create takes eleven instances at once."     # one sentence
    part = "service"                                      # the part that has to find it
    unchecked_replies = true                              # if the mock would notice its own broken reply
    not_found_because = "..."                             # only for a bug that nothing finds

    [[change]]                                            # any number of them
    module = "toast_compute_mock.operations.creation"
    old = "for number in range(count):"                   # occurs exactly once in the module
    new = "for number in range(count + 1):"
"""

from __future__ import annotations

import atexit
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from ..mutants.catalog import MutantError
from ..mutants.importing import install

FOLDER = Path(__file__).parent
PARTS = ("service", "replies", "story")
"""The parts of the fuzzer that can find a bug, the one that is cheapest to ask first at the end."""

MUTANT = "mutant:"
"""What begins the name of a mutant that is addressed by its symbol."""

_OURS = frozenset({"toast_compute", "toast_compute_mock", "toast_compute_api", "toast_compute_runtime"})
_MEMBERS = frozenset({"what", "part", "unchecked_replies", "not_found_because", "change"})


class BugError(ValueError):
    """A bug cannot be planted; the text is one sentence."""


@dataclass(frozen=True, slots=True)
class Change:
    """One text in one module, and what takes its place."""

    module: str
    old: str
    new: str


_UNCHECKED_REPLIES = Change(
    "toast_compute_mock.replies", " and not schema.schema.is_valid(content):", " and schema is None:"
)
"""The mock holds its own replies against the contract. A bug in a reply is to be found from outside."""


@dataclass(frozen=True, slots=True)
class Bug:
    """One deliberate bug."""

    name: str
    what: str
    """What is wrong, in one sentence."""
    part: str
    """The part of the fuzzer that has to find it."""
    changes: tuple[Change, ...]
    not_found_because: str = ""
    """Why nothing finds it; empty for what is found."""

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules that it changes."""
        return tuple(dict.fromkeys(change.module for change in self.changes))


def names() -> list[str]:
    """Return the names of all bugs."""
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


def read(name: str) -> Bug:
    """Return a bug. Raises BugError when there is none of this name or its file cannot be used."""
    if name not in names():
        raise BugError(f"there is no bug {name!r} in tests/fuzz/bugs")
    file = FOLDER / f"{name}.toml"
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BugError(f"{file.name}: is no TOML: {error}") from None
    return _bug(file.name, name, content)


def changed_sources(bug: Bug) -> dict[str, str]:
    """Return the text of every module of a bug with the bug in it. Raises BugError when a text is not there once."""
    sources = {module: source_file(module).read_text(encoding="utf-8") for module in bug.modules}
    changed = dict(sources)
    for change in bug.changes:
        number = sources[change.module].count(change.old)
        if number != 1 or changed[change.module].count(change.old) != 1:
            raise BugError(
                f"{bug.name}.toml: a text occurs {number} times in {change.module}, and not once: {change.old!r}"
            )
        changed[change.module] = changed[change.module].replace(change.old, change.new)
    return changed


def plant(name: str) -> None:
    """Let this process run with a bug: the modules that it changes are loaded with it from now on.

    Raises BugError when there is no such bug, it no longer fits the code, or one of its modules is loaded already.
    """
    if name.startswith(MUTANT):
        try:
            install(name.removeprefix(MUTANT))
        except MutantError as error:
            raise BugError(str(error)) from None
        return
    bug = read(name)
    changed = changed_sources(bug)
    for module in bug.modules:
        if module in sys.modules:
            raise BugError(f"{name}.toml: {module} was imported before the bug could be planted")
    finder = _Finder(changed)
    sys.meta_path.insert(0, finder)
    atexit.register(_tell_of_unused, name, finder)


@cache
def source_file(module: str) -> Path:
    """Return the file of one of our modules without importing anything. Raises BugError."""
    top, *inner = module.split(".")
    spec = PathFinder.find_spec(top) if top in _OURS else None
    if spec is None or not spec.submodule_search_locations:
        raise BugError(f"{module}: is no module of {', '.join(sorted(_OURS))}")
    path = Path(spec.submodule_search_locations[0], *inner)
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file
    raise BugError(f"{module}: there is no such module")


class _Finder(MetaPathFinder):
    """Has the modules with a bug loaded from their changed text."""

    def __init__(self, changed: Mapping[str, str]) -> None:
        self._changed = changed
        self.unused = set(changed)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec that the module has anyway, with a loader of ours."""
        source = self._changed.get(fullname)
        spec = None if source is None else PathFinder.find_spec(fullname, path, target)
        if source is None or spec is None or spec.origin is None:
            return None
        self.unused.discard(fullname)
        spec.loader = _Loader(fullname, spec.origin, source)
        return spec


class _Loader(SourceFileLoader):
    """Loads a module from a text in place of its file's; nothing of it is cached on disk."""

    def __init__(self, fullname: str, path: str, source: str) -> None:
        super().__init__(fullname, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:
        """Return the code of the changed text."""
        return self.source_to_code(self._source.encode(), self.get_filename(fullname))


def _tell_of_unused(name: str, finder: _Finder) -> None:
    """Say that a run proves nothing about a bug, when it never loaded a module that has it."""
    if finder.unused:
        print(f"The bug {name} was not there: {', '.join(sorted(finder.unused))} was never loaded.", file=sys.stderr)


def _bug(file: str, name: str, content: dict[str, Any]) -> Bug:
    for member in content.keys() - _MEMBERS:
        raise BugError(f"{file}: {member} is no member; known are {', '.join(sorted(_MEMBERS))}")
    what, part, because = content.get("what"), content.get("part"), content.get("not_found_because", "")
    if not isinstance(what, str) or not what.endswith("."):
        raise BugError(f"{file}: what has to be one sentence")
    if part not in PARTS:
        raise BugError(f"{file}: part has to be one of {', '.join(PARTS)}")
    if not isinstance(because, str):
        raise BugError(f"{file}: not_found_because has to be one sentence")
    changes = [_change(file, change) for change in content.get("change", [])]
    if not changes:
        raise BugError(f"{file}: there is no [[change]]")
    if content.get("unchecked_replies", False):
        changes.append(_UNCHECKED_REPLIES)
    return Bug(name, what, part, tuple(changes), because)


def _change(file: str, content: dict[str, Any]) -> Change:
    for member in ("module", "old", "new"):
        if not isinstance(content.get(member), str):
            raise BugError(f"{file}: every [[change]] needs the text {member}")
    if not content["old"] or content["old"] == content["new"]:
        raise BugError(f"{file}: a [[change]] has to change something")
    return Change(content["module"], content["old"], content["new"])

"""The import hook that replaces the symbol of a mutant once its module is loaded, before anybody else binds it."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any

from .catalog import Mutant, MutantError, find

NOT_REACHED = "was not reached by this run, which says nothing about it"


def install(name: str) -> None:
    """Let this process run with a mutant. Raises MutantError when there is none, or its module is loaded already."""
    chosen = find(name)
    if chosen.module in sys.modules:
        raise MutantError(f"{name}: {chosen.module} was imported before")
    reached: list[None] = []

    def replace_in(module: ModuleType) -> None:
        owner, last, original = locate(module, chosen)
        new = _noted(chosen.make(original), reached)
        if isinstance(owner, dict):
            owner[last] = new
        else:
            setattr(owner, last, new)

    def report() -> None:
        if not reached:
            print(f"The mutant {name} {NOT_REACHED}.", file=sys.stderr)

    sys.meta_path.insert(0, _Finder(chosen.module, replace_in))
    atexit.register(report)


def locate(module: ModuleType, mutant: Mutant) -> tuple[Any, str, Any]:
    """Return what has the symbol of a mutant, the symbol's own name, and what stands there. Raises MutantError."""
    owner: Any = module
    *way, last = mutant.symbol.split(".")
    try:
        for step in way:
            owner = _members(owner)[step]
        return owner, last, _members(owner)[last]
    except KeyError as error:
        raise MutantError(f"{mutant.name}: {mutant.module} has no {mutant.symbol} ({error})") from None


def _members(owner: Any) -> Mapping[str, Any]:
    # Not getattr: a method is taken as it stands in its class, and one that is inherited belongs to another symbol.
    return owner if isinstance(owner, dict) else vars(owner)


def _noted(new: Any, reached: list[None]) -> Any:
    """Return the replacement, which notes when it is called."""
    if isinstance(new, property):
        return property(_noted(new.fget, reached))
    if isinstance(new, staticmethod | classmethod):
        return type(new)(_noted(new.__func__, reached))

    @wraps(new)
    def noted(*given: Any, **named: Any) -> Any:
        reached[:] = [None]
        return new(*given, **named)

    return noted


class _Finder(MetaPathFinder):
    """Finds one module, with a loader that replaces in it."""

    def __init__(self, module: str, replace_in: Callable[[ModuleType], None]) -> None:
        self._module = module
        self._replace_in = replace_in

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec that the module has anyway, with the other loader."""
        spec = PathFinder.find_spec(fullname, path, target) if fullname == self._module else None
        if spec is not None and spec.origin is not None:
            spec.loader = _Loader(fullname, spec.origin, self._replace_in)
        return spec


class _Loader(SourceFileLoader):
    def __init__(self, fullname: str, path: str, replace_in: Callable[[ModuleType], None]) -> None:
        super().__init__(fullname, path)
        self._replace_in = replace_in

    def exec_module(self, module: ModuleType) -> None:
        """Load the module and replace the symbol in it."""
        super().exec_module(module)
        self._replace_in(module)

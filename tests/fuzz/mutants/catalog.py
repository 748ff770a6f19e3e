"""The mutants: which rule each of them breaks, which part of the fuzzer has to find it, and where it is.

A mutant is a function that gets what stands at a symbol of the product and returns what takes its place:

    @mutant("A client pauses before it sends a request again.", part=STATEFUL, at=f"{RETRIES}:delay")
    def no_pause(original):
        return lambda *given, **named: 0.0

The symbol is a function, a method, a property, or an entry of a dictionary; constants are changed through the function
that reads them, so that it can be seen whether a run reached the mutant.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TypeAlias

SERVICE, REPLIES, STATEFUL = PARTS = ("service", "replies", "stateful")
"""The parts of the fuzzer."""

Make: TypeAlias = Callable[[Any], Any]
_MODULES = ("mock", "sdk")
_mutants: dict[str, Mutant] = {}


class MutantError(ValueError):
    """A mutant cannot be used; the text is one sentence."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One deliberate defect."""

    name: str
    rule: str
    """The rule that it breaks, in one sentence."""
    part: str
    """The part of the fuzzer that has to find it."""
    module: str
    symbol: str
    """The path of the symbol in its module, such as `Call.run`."""
    make: Make
    """Returns what takes the place of the original."""


def mutant(rule: str, *, part: str, at: str) -> Callable[[Make], Make]:
    """Enter a function as the mutant of the symbol `at`, which is `module:path`. Its name gives the mutant's."""

    def enter(make: Make) -> Make:
        module, _, symbol = at.partition(":")
        name = make.__name__.replace("_", "-")
        if name in _mutants:
            raise MutantError(f"there are two mutants {name}")
        _mutants[name] = Mutant(name, rule, part, module, symbol, make)
        return make

    return enter


def mutants() -> dict[str, Mutant]:
    """Return all mutants by name."""
    for module in _MODULES:
        import_module(f"{__package__}.{module}")
    return dict(_mutants)


def find(name: str) -> Mutant:
    """Return the mutant of a name. Raises MutantError when there is none."""
    found = mutants().get(name)
    if found is None:
        raise MutantError(f"there is no mutant {name!r}")
    return found

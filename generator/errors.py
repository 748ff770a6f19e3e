"""The errors that stop generation, each one line that names the place."""

from __future__ import annotations


class GenerationError(Exception):
    """Generation cannot continue; the message is one sentence."""


class ContractError(GenerationError):
    """The contract is wrong at one place.

    Attributes:
        pointer: JSON pointer of the place, such as ``#/paths/~1v1.0/get``.
        problem: What is wrong there, in one sentence.
        line: The line in the contract, counted from 1; ``None`` until the loader's line map is consulted.
    """

    def __init__(self, pointer: str, problem: str, line: int | None = None) -> None:
        self.pointer = pointer
        self.problem = " ".join(problem.split())
        self.line = line
        super().__init__(f"{pointer}: {self.problem}")

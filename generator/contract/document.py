"""The loaded YAML document, with the line of every value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from ..errors import ContractError, GenerationError


@dataclass(frozen=True, slots=True)
class Document:
    """A loaded contract: plain data and the line of every pointer in it."""

    name: str
    data: dict[str, Any]
    lines: dict[str, int]

    def line_of(self, pointer: str) -> int:
        """Return the line, counted from 1, of a pointer or of the nearest place above it that has one."""
        while pointer not in self.lines and "/" in pointer:
            pointer = pointer.rpartition("/")[0]
        return self.lines.get(pointer, 1)

    def describe(self, error: ContractError) -> str:
        """Return the one line that is printed for an error: file, line, pointer, problem."""
        line = error.line if error.line is not None else self.line_of(error.pointer)
        return f"{self.name}:{line}: {error.pointer}: {error.problem}"


def load(path: Path) -> Document:
    """Load a contract.

    Raises:
        GenerationError: The file cannot be read, or is not a YAML mapping; the message is complete with file and line.
    """
    name = path.name
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise GenerationError(f"{name}: there is no such file") from None
    except IsADirectoryError:
        raise GenerationError(f"{name}: is a folder") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise GenerationError(f"{name}: cannot be read as UTF-8 text ({type(problem).__name__})") from None
    yaml = YAML(typ="rt", pure=True)
    try:
        tree = yaml.load(text)
    except DuplicateKeyError as problem:
        # The library's own text explains over ten lines how to allow duplicates.
        raise GenerationError(_at(name, problem, str(problem.problem).split(" with value")[0])) from None
    except MarkedYAMLError as problem:
        raise GenerationError(_at(name, problem, f"not valid YAML: {problem.problem or problem.context}")) from None
    except YAMLError as problem:
        raise GenerationError(f"{name}:1: #: not valid YAML: {' '.join(str(problem).split())}") from None
    if not isinstance(tree, CommentedMap):
        raise GenerationError(f"{name}:1: #: the contract must be a mapping")
    lines = {"#": 1}
    try:
        return Document(name, _plain(tree, "#", lines), lines)
    except ContractError as problem:
        raise GenerationError(Document(name, {}, lines).describe(problem)) from None


def pointer_of(parent: str, key: object) -> str:
    """Return the JSON pointer of a member of the value at ``parent``."""
    return f"{parent}/{str(key).replace('~', '~0').replace('/', '~1')}"


def walk(value: object, pointer: str = "#") -> Iterator[tuple[str, object]]:
    """Yield every value of a document with its pointer, outermost first."""
    yield pointer, value
    if isinstance(value, dict):
        for key, member in value.items():
            yield from walk(member, pointer_of(pointer, key))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from walk(member, pointer_of(pointer, index))


def resolve(data: dict[str, Any], reference: str) -> Any:
    """Return what a local reference such as ``#/components/schemas/Flavor`` points at.

    Raises:
        KeyError: It points at nothing, or out of the document.
    """
    head, *parts = reference.split("/")
    if head != "#":
        raise KeyError(reference)
    value: Any = data
    for part in parts:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list):
            if not key.isdigit() or int(key) >= len(value):
                raise KeyError(reference)
            value = value[int(key)]
        elif isinstance(value, dict) and key in value:
            value = value[key]
        else:
            raise KeyError(reference)
    return value


def _at(name: str, problem: MarkedYAMLError, text: str) -> str:
    mark = problem.problem_mark or problem.context_mark
    line = mark.line + 1 if mark is not None else 1
    return f"{name}:{line}: #: {' '.join(text.split())}"


def _plain(node: Any, pointer: str, lines: dict[str, int]) -> Any:
    if isinstance(node, CommentedMap):
        result: dict[str, Any] = {}
        for key, value in node.items():
            if not isinstance(key, str):
                line = node.lc.key(key)[0] + 1
                raise ContractError(pointer, f"the key {key!r} must be a string; quote it", line)
            place = pointer_of(pointer, key)
            lines[place] = node.lc.key(key)[0] + 1
            result[key] = _plain(value, place, lines)
        return result
    if isinstance(node, CommentedSeq):
        members = []
        for index, value in enumerate(node):
            place = pointer_of(pointer, index)
            lines[place] = node.lc.item(index)[0] + 1
            members.append(_plain(value, place, lines))
        return members
    if node is None or isinstance(node, bool):
        return node
    for plain in (int, float, str):
        # Round-trip scalars are subclasses that remember how they were written.
        if isinstance(node, plain):
            return plain(node)
    raise ContractError(pointer, f"a {type(node).__name__} is not a JSON value; quote it")

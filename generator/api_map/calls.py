"""Which operations can a method send? Follows the names in its text to the endpoint functions."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .contract import NEVER, SAFE, Contract
from .reading import Method, parse

# What every call does for its token is not told of each.
_OPAQUE = "_core"


@dataclass(frozen=True, slots=True)
class Sent:
    """What a method sends, by operationId."""

    operations: tuple[str, ...]
    looks: tuple[str, ...]
    """What it may read beside that."""
    action: str | None
    retries: tuple[str, ...]
    """What `x-retry` says of the operations, each once."""


@dataclass(frozen=True, slots=True)
class _Module:
    defined: dict[str, ast.stmt] = field(default_factory=dict)
    imported: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    """By the name in this module: another module of the package, and the name there, or None for the module itself."""


class Calls:
    """The package as a net of names."""

    def __init__(self, sdk: Path, contract: Contract) -> None:
        self._sdk = sdk
        self._contract = contract
        self._modules: dict[str, _Module] = {}

    def of(self, method: Method) -> Sent:
        """Return what a method can send."""
        found = dict.fromkeys(self._walk(method.module, method.node.body, set()))
        changes = [one for one in found if self._contract.retry(one) != SAFE]
        sent = changes or list(found)
        looks = tuple(one for one in found if one not in sent)
        action = self._action(method)
        if action is not None and action[1] == NEVER:
            # These settle whether a try that was lost was carried out, once another try is refused: there is none here.
            looks = ()
        retries = [self._contract.retry(one) for one in sent] if action is None else [action[1]]
        return Sent(
            operations=tuple(sent),
            looks=looks,
            action=None if action is None else action[0],
            retries=tuple(dict.fromkeys(retries)),
        )

    def runs(self, method: Method) -> bool:
        """Return whether a method sends anything at all."""
        return any(isinstance(one, ast.Attribute) and one.attr == "_run" for one in ast.walk(method.node))

    def _walk(self, module: str, nodes: list[ast.stmt], seen: set[tuple[str, str]]) -> Iterator[str]:
        for node in _in_order(nodes):
            name = node.attr if isinstance(node, ast.Attribute) else node.id
            if name in self._contract.functions:
                yield self._contract.functions[name]
                continue
            place = self._resolve(module, node)
            if place is None or place in seen or place[0] == _OPAQUE:
                continue
            seen.add(place)
            definition = self._module(place[0]).defined.get(place[1])
            if definition is not None:
                yield from self._walk(place[0], [definition], seen)

    def _action(self, method: Method) -> tuple[str, str] | None:
        """The tag and the retry class of the one action that the method, or the plan that it runs, makes."""
        nodes: list[ast.stmt] = list(method.node.body)
        for node in _in_order(method.node.body):
            place = self._resolve(method.module, node)
            definition = None if place is None else self._module(place[0]).defined.get(place[1])
            if isinstance(definition, ast.FunctionDef):
                nodes += definition.body
        names = {node.attr if isinstance(node, ast.Attribute) else node.id for node in _in_order(nodes)}
        actions = [action for model, action in self._contract.actions.items() if model in names]
        return actions[0] if len(actions) == 1 else None

    def _resolve(self, module: str, node: ast.Name | ast.Attribute) -> tuple[str, str] | None:
        own = self._module(module)
        if isinstance(node, ast.Name):
            if node.id in own.defined:
                return module, node.id
            target = own.imported.get(node.id)
            return None if target is None or target[1] is None else (target[0], target[1])
        if isinstance(node.value, ast.Name):
            target = own.imported.get(node.value.id)
            if target is not None and target[1] is None:
                return target[0], node.attr
        return None

    def _module(self, name: str) -> _Module:
        known = self._modules.get(name)
        if known is None:
            known = self._modules[name] = self._read(name)
        return known

    def _read(self, name: str) -> _Module:
        module = _Module()
        for node in parse(self._sdk / f"{name}.py").body:
            match node:
                case ast.FunctionDef(name=defined) | ast.ClassDef(name=defined):
                    module.defined[defined] = node
                case ast.Assign(targets=[ast.Name(id=defined)]) | ast.AnnAssign(target=ast.Name(id=defined)):
                    module.defined[defined] = node
                case ast.ImportFrom(level=level) if level:
                    folder = name.rpartition("/")[0] if level == 1 else ""
                    for alias in node.names:
                        stem = "/".join(part for part in (folder, node.module or alias.name) if part)
                        if (self._sdk / f"{stem}.py").is_file():
                            module.imported[alias.asname or alias.name] = (stem, alias.name if node.module else None)
                case _:
                    pass
        return module


def _in_order(nodes: list[ast.stmt]) -> Iterator[ast.Name | ast.Attribute]:
    """The names in some statements as they stand in the text."""
    found = [one for node in nodes for one in ast.walk(node) if isinstance(one, ast.Name | ast.Attribute)]
    return iter(sorted(found, key=lambda one: (one.end_lineno or 0, one.end_col_offset or 0)))

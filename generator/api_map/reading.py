"""What does the text of the SDK say of its public classes? Reads syntax trees and docstrings, and imports nothing."""

from __future__ import annotations

import ast
import inspect
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import GenerationError

CLIENT = "_client"
RESOURCES = "resources"
_ERRORS = "errors"
_VARIABLE = re.compile(r"TOAST_COMPUTE_[A-Z_]+")
# `name: meaning`, and lines that are indented further belong to it.
_ENTRY = re.compile(r"^(\w+): ((?:.*)(?:\n\s+.*)*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Method:
    """One public method."""

    name: str
    signature: str
    returns: str
    summary: str
    module: str
    node: ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Described:
    """A class: what it is for, what can be called on it, and what it holds."""

    name: str
    bases: tuple[str, ...]
    summary: str
    methods: tuple[Method, ...]
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sdk:
    """What the page tells of."""

    client: Described
    parts: Mapping[str, Described]
    """The attributes of the client, such as `instances`."""
    others: tuple[Described, ...]
    """What methods take and return, beside the models of the contract."""
    errors: tuple[Described, ...]
    variables: Mapping[str, str]
    """The variables of the environment, and the argument of the client that each stands for."""
    plain: frozenset[str]
    """The methods that nobody awaits in the asynchronous client."""


def read_sdk(sdk: Path, asynchronous: Mapping[str, str]) -> Sdk:
    """Read the package; `asynchronous` has the text of its generated modules.

    Raises:
        GenerationError: a module cannot be read, or the client has a part of an unknown class.
    """
    client_tree = parse(sdk / f"{CLIENT}.py")
    client = _class(client_tree, "ToastCompute", sdk / f"{CLIENT}.py")
    classes: dict[str, tuple[str, ast.ClassDef]] = {}
    for path in sorted((sdk / RESOURCES).glob("*.py")):
        for node in _class_nodes(parse(path)):
            classes[node.name] = (f"{RESOURCES}/{path.stem}", node)
    parts: dict[str, Described] = {}
    for attribute, name in _parts(client):
        if name not in classes:
            raise GenerationError(f"{sdk.name}/{CLIENT}.py: {attribute} is no class of {RESOURCES}")
        parts[attribute] = _described(*classes[name], classes)
    return Sdk(
        client=_described(CLIENT, client, {}),
        parts=parts,
        others=tuple(_others(sdk)),
        errors=tuple(_described(_ERRORS, node, {}) for node in _class_nodes(parse(sdk / f"{_ERRORS}.py"))),
        variables=_variables(client),
        plain=frozenset(_plain(asynchronous.values())),
    )


def parse(path: Path) -> ast.Module:
    """Return the syntax tree of a module. Raises GenerationError."""
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise GenerationError(f"{path}: cannot be read: {problem.strerror}") from None
    except SyntaxError as problem:
        raise GenerationError(f"{path}:{problem.lineno}: {problem.msg}") from None


def first_sentence(text: str) -> str:
    """Return the first sentence of a docstring on one line."""
    paragraph = " ".join(inspect.cleandoc(text).split("\n\n")[0].split())
    return re.split(r"(?<=[.?!])\s", paragraph, maxsplit=1)[0]


def _class_nodes(tree: ast.Module) -> Iterator[ast.ClassDef]:
    return (node for node in tree.body if isinstance(node, ast.ClassDef))


def _class(tree: ast.Module, name: str, path: Path) -> ast.ClassDef:
    for node in _class_nodes(tree):
        if node.name == name:
            return node
    raise GenerationError(f"{path}: there is no class {name}")


def _parts(client: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for node in client.body:
        match node:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=ast.Name(id=type_), value=None):
                yield name, type_


def _described(module: str, node: ast.ClassDef, classes: Mapping[str, tuple[str, ast.ClassDef]]) -> Described:
    methods = [
        _method(module, one)
        for one in node.body
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
        and not one.name.startswith("_")
        and not _is_aside(one)
    ]
    bases = tuple(ast.unparse(base) for base in node.bases)
    for base in bases:
        if base in classes:
            methods += _described(*classes[base], classes).methods
    docstring = ast.get_docstring(node) or ""
    return Described(
        node.name, bases, first_sentence(docstring), tuple(methods), _section(docstring, "Attributes") | _fields(node)
    )


def _is_aside(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(ast.unparse(one) in ("overload", "classmethod", "property") for one in node.decorator_list)


def _method(module: str, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Method:
    returns = "None" if node.returns is None else ast.unparse(node.returns).replace("builtins.", "")
    awaited = "await " if isinstance(node, ast.AsyncFunctionDef) else ""
    return Method(
        name=node.name,
        signature=f"{awaited}{node.name}({', '.join(_parameters(node.args))})",
        returns=returns,
        summary=first_sentence(ast.get_docstring(node) or ""),
        module=module,
        node=node,
    )


def _parameters(args: ast.arguments) -> Iterator[str]:
    positional = [*args.posonlyargs, *args.args]
    defaults = [None] * (len(positional) - len(args.defaults)) + list(args.defaults)
    for number, (one, default) in enumerate(zip(positional, defaults, strict=True), 1):
        if one.arg != "self":
            yield _parameter(one, default)
        if number == len(args.posonlyargs) and number > 1:
            yield "/"
    if args.vararg is not None:
        yield f"*{args.vararg.arg}"
    elif args.kwonlyargs:
        yield "*"
    for one, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        yield _parameter(one, default)
    if args.kwarg is not None:
        yield f"**{args.kwarg.arg}"


def _parameter(one: ast.arg, default: ast.expr | None) -> str:
    match default:
        case None:
            return one.arg
        case ast.Constant(value=str() as text):
            return f"{one.arg}={json.dumps(text)}"
        case _:
            return f"{one.arg}={ast.unparse(default)}"


def _section(docstring: str, title: str) -> dict[str, str]:
    found = re.search(rf"^{title}:\n((?: .*\n?|\n)+)", docstring + "\n", re.MULTILINE)
    if found is None:
        return {}
    entries = _ENTRY.findall(inspect.cleandoc(found[1]))
    return {name: " ".join(meaning.split()) for name, meaning in entries}


def _fields(node: ast.ClassDef) -> dict[str, str]:
    """The members that have a docstring of their own below them."""
    fields: dict[str, str] = {}
    for one, after in zip(node.body, node.body[1:], strict=False):
        match one, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str() as text)):
                fields[name] = " ".join(text.split())
    return fields


def _others(sdk: Path) -> Iterator[Described]:
    """The public classes that are neither a client nor an error, as the package lists them."""
    tree = parse(sdk / "__init__.py")
    listed: dict[str, str] = {}
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id="_MODULES")], value=table):
                listed = ast.literal_eval(table)
    for name, module in listed.items():
        stem = module.removeprefix(f"{sdk.name}.")
        if not name.endswith(("ToastCompute", "Error")):
            path = sdk / f"{stem}.py"
            yield _described(stem, _class(parse(path), name, path), {})


def _variables(client: ast.ClassDef) -> dict[str, str]:
    """The variables that the client's arguments speak of."""
    variables: dict[str, str] = {}
    for node in client.body:
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            for argument, meaning in _section(ast.get_docstring(node) or "", "Args").items():
                for variable in _VARIABLE.findall(meaning):
                    variables.setdefault(variable, f"`{argument}`: {meaning.partition(';')[0]}")
    return variables


def _plain(modules: Iterable[str]) -> Iterator[str]:
    for text in modules:
        for node in _class_nodes(ast.parse(text)):
            for one in node.body:
                if isinstance(one, ast.FunctionDef) and not one.name.startswith("_") and not _is_aside(one):
                    yield one.name

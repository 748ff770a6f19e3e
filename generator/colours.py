"""How do the SDK's asynchronous classes come to be? From the blocking ones, whose text is coloured call by call.

A method becomes `async def` when it awaits, and a call is awaited when it runs a plan, or leads to a method that
became `async def`. Comments, docstrings and signatures stay as they are written, but for what is said in the tables.
"""

from __future__ import annotations

import ast
import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .errors import GenerationError
from .files import replace, tidy

FOLDER = "aio"
RESOURCES = "resources"
CLIENT = "_client"

# What has another name in the other colour, wherever it stands.
WORDS = {
    "ToastCompute": "AsyncToastCompute",
    "BlockingDriver": "AsyncDriver",
    "_driver": "_async_driver",
    "HttpSender": "AsyncHttpSender",
    "BaseTransport": "AsyncBaseTransport",
    "handle_request": "handle_async_request",
}
# What docstrings and comments say of one colour only. A phrase that is no longer there stops generation.
PROSE = {
    "What does a blocking program hold in its hands?": "What does an asyncio program hold in its hands?",
    "for blocking programs. Threads may share one.": "for asyncio programs. Tasks of one event loop may share one.",
    "se it in a `with` statement": "se it in an `async with` statement",
    "all resources of a blocking client": "all resources of an asynchronous client",
}
# What runs plans and closes connections.
AWAITED = frozenset({"self._run", "self._sender.close"})
ASYNC = frozenset({("Run", "__call__")})
CONTEXT = {"__enter__": "__aenter__", "__exit__": "__aexit__"}


@dataclass
class _Class:
    node: ast.ClassDef
    module: str
    bases: list[str]
    methods: list[ast.FunctionDef]
    # Attributes that hold another class: attribute to class.
    parts: dict[str, str]
    asynchronous: set[str] = field(default_factory=set)
    coloured: bool = False


def generate(sdk: Path) -> None:
    """Write the folder of asynchronous classes in the SDK's package anew. Stale files vanish.

    Raises:
        GenerationError: a blocking class cannot be coloured; what was there before is untouched.
    """
    written = derive(sdk)
    with tempfile.TemporaryDirectory(prefix=".generate-", dir=sdk) as name:
        package = Path(name) / "package"
        package.mkdir()
        for file, text in written.items():
            (package / file).write_text(text, encoding="utf-8")
        tidy(package)
        replace(package, sdk / FOLDER, Path(name) / "old")


def derive(sdk: Path) -> dict[str, str]:
    """Return the asynchronous modules by file name, not formatted yet.

    Raises:
        GenerationError: a blocking class cannot be coloured; names the place.
    """
    sources = {f"{RESOURCES}/{path.stem}": path for path in sorted((sdk / RESOURCES).glob("*.py"))}
    sources[CLIENT] = sdk / f"{CLIENT}.py"
    try:
        texts = {name: path.read_text(encoding="utf-8") for name, path in sources.items()}
    except OSError as problem:
        raise GenerationError(f"{problem.filename}: cannot be read: {problem.strerror}") from None
    said = "\n".join(texts.values())
    for phrase in PROSE:
        if phrase not in said:
            raise GenerationError(f"{sdk.name}: no class says {phrase!r} any more, but PROSE replaces it")
    trees: dict[str, ast.Module] = {}
    for name, text in texts.items():
        texts[name] = _reworded(text)
        try:
            trees[name] = ast.parse(texts[name])
        except SyntaxError as problem:
            raise GenerationError(f"{sources[name]}:{problem.lineno}: {problem.msg}") from None
    classes = _classes(trees)
    _find_colours(classes)
    return {
        f"{name.rpartition('/')[2]}.py": _Module(name, texts[name], trees[name], classes, sdk.name).write()
        for name in texts
    }


def _reworded(text: str) -> str:
    for phrase, other in PROSE.items():
        text = text.replace(phrase, other)
    text = re.sub(rf"\b({'|'.join(WORDS)})\b", lambda word: WORDS[word[0]], text)
    text = re.sub(r"\b([Aa]) (?=AsyncToastCompute\b)", r"\1n ", text)
    return re.sub(r"(?<!async )\bwith (?=AsyncToastCompute\b)", "async with ", text)


def _classes(trees: dict[str, ast.Module]) -> dict[str, _Class]:
    found: dict[str, _Class] = {}
    for module, tree in trees.items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                found[node.name] = _Class(
                    node,
                    module,
                    bases=[base.id for base in node.bases if isinstance(base, ast.Name)],
                    methods=[one for one in node.body if isinstance(one, ast.FunctionDef)],
                    parts={
                        one.target.id: one.annotation.id
                        for one in node.body
                        if isinstance(one, ast.AnnAssign)
                        and isinstance(one.target, ast.Name)
                        and isinstance(one.annotation, ast.Name)
                    },
                )
    return found


def _find_colours(classes: dict[str, _Class]) -> None:
    for owner, called in ASYNC:
        if owner in classes:
            classes[owner].asynchronous.add(called)
    before = -1
    while before != (before := sum(len(one.asynchronous) + one.coloured for one in classes.values())):
        for one in classes.values():
            for base in one.bases:
                if base in classes:
                    one.asynchronous |= classes[base].asynchronous
            for method in one.methods:
                if any(_is_awaited(call, one, classes) for call in _calls(method)):
                    one.asynchronous.add(method.name)
                    if method.name in CONTEXT:
                        one.asynchronous.update(CONTEXT)
            mentioned = {name.id for name in ast.walk(one.node) if isinstance(name, ast.Name)}
            one.coloured = bool(one.asynchronous) or any(
                other in mentioned and classes[other].coloured for other in classes
            )


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    return (one for one in ast.walk(node) if isinstance(one, ast.Call))


def _is_awaited(call: ast.Call, owner: _Class, classes: dict[str, _Class]) -> bool:
    called = ast.unparse(call.func)
    if called in AWAITED:
        return True
    match called.split("."):
        case ["self", method]:
            return method in owner.asynchronous
        case ["self", part, method] if owner.parts.get(part) in classes:
            return method in classes[owner.parts[part]].asynchronous
    return False


class _Module:
    """One module on its way from one colour to the other."""

    def __init__(self, name: str, text: str, tree: ast.Module, classes: dict[str, _Class], package: str) -> None:
        self._name = name
        self._package = package
        self._tree = tree
        self._classes = classes
        # Positions of the syntax tree are bytes.
        self._lines = text.encode().splitlines(keepends=True)
        self._source = text.encode()
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))
        self._edits: list[tuple[int, int, str]] = []

    def write(self) -> str:
        kept: list[tuple[int, int]] = []
        imports: list[str] = []
        own: list[str] = []
        previous = 0
        for node in self._tree.body:
            ends = self._at(node.end_lineno, node.end_col_offset)
            if isinstance(node, ast.ClassDef) and self._classes[node.name].coloured:
                self._colour(self._classes[node.name])
                kept.append((previous, ends))
            elif isinstance(node, ast.Import | ast.ImportFrom):
                imports += self._import(node)
            elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                imports.append("if TYPE_CHECKING:")
                imports += [f"    {line}" for one in node.body for line in self._import(one)]
            else:
                own += self._defined(node)
            previous = ends
        if own:
            # What has no colour stands in one place only.
            imports.append(f"from ..{self._name.replace('/', '.')} import {', '.join(own)}")
        docstring = ast.get_docstring(self._tree, clean=False) or ""
        mark = f"# Generated by `make generate` from overlays/{self._package}/{self._name}.py. Do not edit.\n"
        body = "\n\n\n".join(self._edited(*span).strip("\n") for span in kept)
        return f'{mark}"""{docstring}"""\n\n' + "\n".join(imports) + ("\n\n\n" + body if body else "") + "\n"

    def _at(self, line: int | None, column: int | None) -> int:
        assert line is not None
        assert column is not None
        return self._starts[line - 1] + column

    def _edited(self, start: int, end: int) -> str:
        text, at = b"", start
        for first, last, new in sorted(one for one in self._edits if start <= one[0] and one[1] <= end):
            text += self._source[at:first] + new.encode()
            at = last
        return (text + self._source[at:end]).decode()

    def _defined(self, node: ast.stmt) -> Iterable[str]:
        match node:
            case ast.ClassDef() | ast.FunctionDef():
                names = [node.name]
            case ast.Assign():
                names = [one.id for one in node.targets if isinstance(one, ast.Name)]
            case ast.AnnAssign(target=ast.Name(id=name)):
                names = [name]
            case ast.Expr(value=ast.Constant()):
                return []
            case _:
                raise self._problem(node, "only imports, classes, functions and names can stand here")
        if any(isinstance(one, ast.Name) and self._is_coloured(one.id) for one in ast.walk(node)):
            raise self._problem(node, f"{names[0]} mentions a class that has two colours, so it must be a class too")
        return names

    def _is_coloured(self, name: str) -> bool:
        return name in self._classes and self._classes[name].coloured

    def _import(self, node: ast.stmt) -> list[str]:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            raise self._problem(node, "only imports can stand here")
        if isinstance(node, ast.Import) or node.level == 0:
            return [ast.unparse(node)]
        folder = "" if self._name == CLIENT or node.level > 1 else RESOURCES
        module = "/".join(part for part in (folder, (node.module or "").replace(".", "/")) if part)
        lines = []
        for alias in node.names:
            renamed = f" as {alias.asname}" if alias.asname else ""
            if self._is_coloured(alias.name) and self._classes[alias.name].module == module:
                lines.append(f"from .{module.rpartition('/')[2]} import {_async(alias.name)}{renamed}")
            else:
                lines.append(f"from ..{module.replace('/', '.')} import {alias.name}{renamed}")
        return lines

    def _colour(self, owner: _Class) -> None:
        for docstring in _docstrings(owner.node):
            self._replace(docstring, self._awaiting(self._text(docstring)))
        start = self._at(owner.node.lineno, owner.node.col_offset)
        self._edits.append((start, start + len(f"class {owner.node.name}"), f"class {_async(owner.node.name)}"))
        for node in ast.walk(owner.node):
            if isinstance(node, ast.Name) and self._is_coloured(node.id):
                self._replace(node, _async(node.id))
        for method in owner.methods:
            if method.name in owner.asynchronous:
                start = self._at(method.lineno, method.col_offset)
                name = CONTEXT.get(method.name, method.name)
                self._edits.append((start, start + len(f"def {method.name}"), f"async def {name}"))
            self._await_in(method, owner)

    def _await_in(self, method: ast.FunctionDef, owner: _Class) -> None:
        parents = {child: node for node in ast.walk(method) for child in ast.iter_child_nodes(node)}
        for call in _calls(method):
            if not _is_awaited(call, owner, self._classes):
                continue
            node: ast.AST = call
            while (node := parents[node]) is not method:
                if isinstance(node, ast.Lambda | ast.FunctionDef | ast.GeneratorExp):
                    raise self._problem(call, "this has to be awaited, and cannot be inside a function of its own")
            start, end = self._at(call.lineno, call.col_offset), self._at(call.end_lineno, call.end_col_offset)
            is_part = isinstance(parents[call], ast.Attribute | ast.Subscript | ast.BinOp)
            self._edits.append((start, start, "(await " if is_part else "await "))
            if is_part:
                self._edits.append((end, end, ")"))

    def _awaiting(self, text: str) -> str:
        names = {name for one in self._classes.values() for name in one.asynchronous}

        def awaited(call: re.Match[str]) -> str:
            return f"await {call[0]}" if call[1] in names else call[0]

        return re.sub(r"(?<!await )\btoast\.(?:\w+\.)*(\w+)\(", awaited, text)

    def _text(self, node: ast.expr) -> str:
        start = self._at(node.lineno, node.col_offset)
        return self._source[start : self._at(node.end_lineno, node.end_col_offset)].decode()

    def _replace(self, node: ast.expr, new: str) -> None:
        start = self._at(node.lineno, node.col_offset)
        self._edits.append((start, self._at(node.end_lineno, node.end_col_offset), new))

    def _problem(self, node: ast.stmt | ast.expr, problem: str) -> GenerationError:
        return GenerationError(f"overlays/{self._package}/{self._name}.py:{node.lineno}: {problem}")


def _async(name: str) -> str:
    return name if name.startswith("Async") else f"Async{name}"


def _docstrings(owner: ast.ClassDef) -> Iterator[ast.expr]:
    for node in ast.walk(owner):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                yield first.value

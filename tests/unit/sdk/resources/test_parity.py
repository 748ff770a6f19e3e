"""Test that the sync and async variants have the same classes, methods, signatures and docstrings."""

from __future__ import annotations

import ast
import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import toast_compute
from toast_compute import AsyncToastCompute, ToastCompute, aio, resources

# What mypy and pyright read.
SURFACE = Path(__file__).parents[3] / "typing" / "public_surface.py"
FOLDER = Path(resources.__file__ or "").parent
MODULES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")

# Words that may differ between the variants. Everything else has to be the same.
WORDS = {
    "for asyncio programs. Tasks of one event loop may share one.": "for blocking programs. Threads may share one.",
    "an `async with`": "a `with`",
    "AsyncBaseTransport": "BaseTransport",
    "AsyncToastCompute": "ToastCompute",
}
# Members of the language's protocols for `with`.
PROTOCOL = {"__aenter__": "__enter__", "__aexit__": "__exit__"}
# These do no I/O and never wait, so they are the same in both variants.
PLAIN = {"__init__", "__del__", "__repr__", "__reduce__", "deadline", "capture"}


def classes_of(module: Any) -> dict[str, type]:
    """Return the classes that a module defines, by name."""
    return {
        name: one for name, one in vars(module).items() if inspect.isclass(one) and one.__module__ == module.__name__
    }


def pairs() -> list[tuple[type, type]]:
    """Return every class of the sync variant that has a counterpart, and that one."""
    found: list[tuple[type, type]] = [(ToastCompute, AsyncToastCompute)]
    for name in MODULES:
        blocking = import_module(f"toast_compute.resources.{name}")
        asynchronous = import_module(f"toast_compute.aio.{name}")
        theirs = classes_of(asynchronous)
        for own in classes_of(blocking).values():
            other = theirs.pop(f"Async{own.__name__}", None)
            if other is not None:
                found.append((own, other))
        assert not theirs, f"in the async variant only: {theirs}"
    return found


PAIRS = pairs()
both = pytest.mark.parametrize(("own", "other"), PAIRS, ids=lambda one: one.__name__)


def members(one: type) -> dict[str, Any]:
    """Return the functions and properties that a class defines itself, by their names in the sync variant."""
    return {
        PROTOCOL.get(name, name): member
        for name, member in vars(one).items()
        if (inspect.isfunction(member) and member.__module__ == one.__module__)
        or isinstance(member, property | staticmethod | classmethod)
    }


def code_of(member: Any) -> Any:
    """Return the function of a member."""
    return member.fget if isinstance(member, property) else inspect.unwrap(getattr(member, "__func__", member))


def plain(text: str | None) -> str:
    """Return a text in the words of the sync variant, on one line."""
    text = " ".join((text or "").split())
    for word, other in WORDS.items():
        text = text.replace(word, other)
    text = re.sub(r"\bawait (?=toast\.)", "", text)
    return re.sub(r"\b[Aa]n? (?=ToastCompute)", "a ", text).replace("async with ToastCompute", "with ToastCompute")


def annotation(value: Any) -> str:
    """Return an annotation as it is written, in the words of the sync variant."""
    return re.sub(r"\bAsync(?=[A-Z])", "", str(value))


def test_every_resource_has_both_variants() -> None:
    missing = []
    for name in MODULES:
        names = {own.__name__ for own, _ in PAIRS}
        module = import_module(f"toast_compute.resources.{name}")
        missing += [one for one in classes_of(module) if one not in names and hasattr(module, one)]
    assert missing == []
    assert {path.stem for path in Path(aio.__file__ or "").parent.glob("*.py")} == {*MODULES, "__init__", "_client"}


@both
def test_variants_have_the_same_members(own: type, other: type) -> None:
    assert set(members(own)) == set(members(other))
    assert [annotation(base.__name__) for base in own.__mro__] == [annotation(base.__name__) for base in other.__mro__]


@both
def test_variants_have_the_same_attributes(own: type, other: type) -> None:
    first, second = (
        {name: annotation(value) for name, value in vars(one).get("__annotations__", {}).items()}
        for one in (own, other)
    )
    assert first == second


@both
def test_variants_have_the_same_signatures(own: type, other: type) -> None:
    theirs = members(other)
    for name, member in members(own).items():
        first, second = (inspect.signature(code_of(one)) for one in (member, theirs[name]))
        assert list(first.parameters) == list(second.parameters), name
        for parameter in first.parameters.values():
            twin = second.parameters[parameter.name]
            assert (parameter.kind, parameter.default) == (twin.kind, twin.default), f"{name}({parameter.name})"
            assert annotation(parameter.annotation) == annotation(twin.annotation), f"{name}({parameter.name})"
        # A coroutine function is annotated with what it returns when it is awaited.
        assert annotation(first.return_annotation) == annotation(second.return_annotation), name


@both
def test_variants_have_the_same_docstrings(own: type, other: type) -> None:
    assert plain(own.__doc__) == plain(other.__doc__)
    theirs = members(other)
    for name, member in members(own).items():
        assert plain(inspect.getdoc(code_of(member))) == plain(inspect.getdoc(code_of(theirs[name]))), name


@both
def test_methods_of_the_async_variant_are_coroutine_functions(own: type, other: type) -> None:
    for name, member in members(other).items():
        is_plain = isinstance(member, property) or name in PLAIN
        assert inspect.iscoroutinefunction(code_of(member)) is not is_plain, name
    for name, member in members(own).items():
        assert not inspect.iscoroutinefunction(code_of(member)), name


def test_clients_have_the_same_resources() -> None:
    first = ToastCompute("k", "u", "p")
    second = AsyncToastCompute("k", "u", "p")
    kinds = [
        {name: type(value).__name__ for name, value in vars(toast).items() if not name.startswith("_")}
        for toast in (first, second)
    ]
    assert kinds[0] == {name: annotation(kind) for name, kind in kinds[1].items()}
    assert len(kinds[0]) == 5


def test_clients_are_exported() -> None:
    assert {"ToastCompute", "AsyncToastCompute"} <= set(toast_compute.__all__)


def called_in(function: str) -> set[str]:
    """Return what a function of the file calls on its client, such as `flavors.list`."""
    tree = ast.parse(SURFACE.read_text(encoding="utf-8"))
    (found,) = (
        node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == function
    )
    calls = (ast.unparse(node.func) for node in ast.walk(found) if isinstance(node, ast.Call))
    return {call.removeprefix("toast.") for call in calls if call.startswith("toast.")}


def public_of(toast: object) -> set[str]:
    """Return the public methods of a client and its resources."""
    parts = {name: value for name, value in vars(toast).items() if not name.startswith("_")}
    methods = {name for name, _ in inspect.getmembers(toast, inspect.ismethod)}
    for part, value in parts.items():
        methods |= {f"{part}.{name}" for name, _ in inspect.getmembers(value, inspect.ismethod) if name[0] != "_"}
    return {name for name in methods if not name.startswith("_")}


def test_every_public_method_is_type_checked_in_both_variants() -> None:
    assert called_in("blocking") == public_of(ToastCompute("k", "u", "p"))
    assert called_in("asynchronous") == public_of(AsyncToastCompute("k", "u", "p"))

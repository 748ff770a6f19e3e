"""Collect the public surface: every name, parameter, error, path, option and format that users rely on.

`python -m tests.contract.surface` prints it as JSON, the form of `public_surface.json`.
"""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from functools import cached_property
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from types import FunctionType, ModuleType
from typing import Any

import httpx
import msgspec
import toast_compute
import toast_compute_api
import toast_compute_mock
from toast_compute.token_store import FileTokenStore
from toast_compute_mock import MockCloud
from toast_compute_mock.faults import EFFECTS, PRESETS
from toast_compute_pytest.checks import CHECKS

ROOT = Path(__file__).parents[2]
# What a subclass of object has anyway, and what is said by other members of the surface.
_UNTOLD = frozenset({"__doc__", "__module__", "__dict__", "__weakref__", "__slots__", "__hash__", "__init__"})
# Names in the package of faults that only the engine uses, to ask which fault fires.
_ENGINE_ONLY = frozenset({"CallContext", "Chosen", "FaultState"})
_OPERATORS = re.compile(r"__(enter|exit|aenter|aexit|iter|len|contains|getitem|eq|reduce|call)__")


def collect() -> dict[str, Any]:
    """Return the whole surface as plain JSON values, sorted."""
    collected = {
        "sdk": {module.__name__: dict(sorted(_module(module))) for module in _public_modules(toast_compute)},
        "generated": {module.__name__: dict(sorted(_module(module))) for module in _generated_modules()},
        "mock": dict(sorted(_exports(toast_compute_mock, toast_compute_mock.__all__))),
        "mock objects": _objects(MockCloud()),
        "mock faults": {
            "names": dict(sorted(_faults())),
            "effects": sorted(EFFECTS),
            "presets": sorted(PRESETS),
        },
        "pytest": sorted(CHECKS),
        "admin": _admin(),
        "world": _shape(_printed("toast-compute-mock", "--show-world")),
        "snapshot": _snapshot(),
        "token store": _token_file(),
        "commands": {
            "toast-compute-mock": _options("toast-compute-mock"),
            **{" ".join(words): _options(*words) for words in _TOAST_COMPUTE},
        },
        "exit codes": _exit_codes(),
        "variables": sorted(_variables()),
    }
    result: dict[str, Any] = json.loads(json.dumps(collected, sort_keys=True))
    return result


_TOAST_COMPUTE = (("toast-compute",), ("toast-compute", "config"), ("toast-compute", "doctor"))


def _public_modules(package: ModuleType) -> Iterator[ModuleType]:
    yield package
    for found in walk_packages(package.__path__, package.__name__ + "."):
        if not any(part.startswith("_") for part in found.name.split(".")):
            yield import_module(found.name)


def _generated_modules() -> Iterator[ModuleType]:
    for module in _public_modules(toast_compute_api):
        if module.__name__.startswith(("toast_compute_api.models", "toast_compute_api.api")):
            yield module


def _module(module: ModuleType) -> Iterator[tuple[str, Any]]:
    names = getattr(module, "__all__", None)
    if names is None:
        names = [name for name in vars(module) if not name.startswith("_")]
        names = [name for name in names if getattr(vars(module)[name], "__module__", None) == module.__name__]
    yield from _exports(module, names)


def _exports(module: ModuleType, names: Iterable[str]) -> Iterator[tuple[str, Any]]:
    for name in {one for one in names if not one.startswith("_")}:
        value = getattr(module, name)
        if isinstance(value, type):
            yield name, _class(value)
        elif isinstance(value, FunctionType):
            yield name, _signature(value)
        else:
            yield name, f"a {type(value).__name__}"


def _class(cls: type[Any]) -> dict[str, Any]:
    described: dict[str, Any] = {"bases": [base.__name__ for base in cls.__mro__[1:] if _is_public(base)]}
    if issubclass(cls, msgspec.Struct):
        fields = msgspec.structs.fields(cls)
        described["fields"] = {field.name: [field.encode_name, field.required] for field in fields}
        described["tag"] = cls.__struct_config__.tag
    elif issubclass(cls, str) and hasattr(cls, "__members__"):
        described["values"] = {name: member.value for name, member in cls.__members__.items()}
    else:
        described["parameters"] = _signature(cls)
    annotated = {name for base in cls.__mro__ for name in getattr(base, "__annotations__", {})}
    described["attributes"] = sorted(name for name in annotated if not name.startswith("_"))
    members: dict[str, Any] = {}
    for base in reversed(cls.__mro__[:-1]):
        if base.__module__.startswith("toast_compute"):
            members.update({name: value for name, value in vars(base).items() if _is_member(name, value)})
    described["members"] = {name: _member(value) for name, value in members.items()}
    return {name: value for name, value in described.items() if value}


def _is_public(cls: type[Any]) -> bool:
    path = [*cls.__module__.split("."), cls.__name__]
    if (
        path[0].startswith("toast_compute")
        and path[0] != "toast_compute"
        and path[:2] != ["toast_compute_api", "models"]
    ):
        return False
    return cls is not object and not any(part.startswith("_") for part in path)


def _is_member(name: str, value: object) -> bool:
    if name in _UNTOLD or (name.startswith("_") and not _OPERATORS.fullmatch(name)):
        return False
    return isinstance(value, FunctionType | property | cached_property | classmethod | staticmethod)


def _member(value: Any) -> Any:
    if isinstance(value, property | cached_property):
        return "property"
    kind = type(value).__name__ if isinstance(value, classmethod | staticmethod) else ""
    function = value.__func__ if kind else value
    parameters = _signature(function)
    if inspect.iscoroutinefunction(function):
        return {"async": parameters}
    return {kind: parameters} if kind else parameters


def _signature(function: Any) -> list[str]:
    """Return the parameters with name, kind and default, in order, without annotations."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:
        return []
    return [
        f"{one.kind.description}: {one.name}"
        + ("" if one.default is one.empty else f" = {re.sub(r' at 0x[0-9a-f]+', '', repr(one.default))}")
        for one in parameters
        if one.name != "self"
    ]


def _objects(cloud: MockCloud) -> dict[str, Any]:
    """Return the classes of what a cloud has as attributes, by the name of the attribute."""
    values = {name: getattr(cloud, name) for name in dir(cloud) if not name.startswith("_")}
    with cloud.serve() as server:
        values["serve()"] = server
        return {
            name: {"members": _class(type(value))["members"], "names": sorted(filter(_is_named, dir(value)))}
            for name, value in values.items()
            if type(value).__module__.startswith("toast_compute_mock")
        }


def _is_named(name: str) -> bool:
    return not name.startswith("_")


def _faults() -> Iterator[tuple[str, Any]]:
    """Yield the classes of effects, what makes them, and what a program meets when it uses them."""
    for name, described in _module(import_module("toast_compute_mock.faults")):
        if name not in _ENGINE_ONLY:
            yield name, described


def _admin() -> dict[str, Any]:
    """Return the admin API: its operations by path, and the schemas of its JSON."""
    with httpx.Client(transport=MockCloud().transport, base_url="http://localhost") as client:
        document = client.get("/_mock/openapi.json").json()
        behaviours = client.get("/_mock/behaviours").json()
        evolution = client.get("/_mock/evolution").json()
        health = client.get("/_mock/health").json()
    operations = {
        f"{method.upper()} {path}": _without_prose(operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    return {
        "operations": operations,
        "components": _without_prose(document["components"]),
        "behaviours": _shape(behaviours),
        "evolution": _shape(evolution),
        "health": _shape(health),
    }


def _without_prose(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _without_prose(member)
            for name, member in value.items()
            if not (name in ("description", "summary", "examples") and not isinstance(member, dict))
        }
    return [_without_prose(member) for member in value] if isinstance(value, list) else value


def _shape(value: Any) -> Any:
    """Return a JSON value with the kind of each leaf in its place, and of a list the shapes that occur in it."""
    if isinstance(value, dict):
        return {name: _shape(member) for name, member in value.items()}
    if isinstance(value, list):
        return sorted({json.dumps(_shape(member), sort_keys=True) for member in value})
    return type(value).__name__


def _snapshot() -> Any:
    return _shape(json.loads(MockCloud().snapshot()))


def _token_file() -> dict[str, Any]:
    """Return what a file store writes for a token: its name and the kind of each member."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "tokens.json")
        with toast_compute.ToastCompute(
            "demo-appkey",
            "demo@example.com",
            "demo-password",
            transport=MockCloud().transport,
            token_store=FileTokenStore(file),
        ) as toast:
            toast.flavors.list()
        written = {path.relative_to(folder): path for path in Path(folder).rglob("*") if path.is_file()}
        return {
            re.sub("[0-9a-f]{64}", "KEY", str(name)): _shape_of_text(path.read_text(encoding="utf-8"))
            for name, path in written.items()
        }


def _shape_of_text(text: str) -> Any:
    return _shape(json.loads(re.sub("[0-9a-f]{64}", "KEY", text))) if text else ""


def _printed(*command: str) -> Any:
    return json.loads(_run(*command).stdout)


def _run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name(command[0])
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TOAST_COMPUTE_")}
    with tempfile.TemporaryDirectory() as home:
        return subprocess.run(
            [program, *command[1:]],
            env={**kept, "HOME": home, "XDG_CONFIG_HOME": home, "COLUMNS": "80", **environment},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
            timeout=60,
        )


def _options(*command: str) -> list[str]:
    return sorted(set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", _run(*command, "--help").stdout)))


def _exit_codes() -> dict[str, int]:
    """Return the exit status of commands that are used rightly and wrongly."""
    cases: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
        "config without credentials": (("toast-compute", "config"), {}),
        "config with credentials": (
            ("toast-compute", "config"),
            {f"TOAST_COMPUTE_{name}": "demo" for name in ("APPKEY", "USERNAME", "PASSWORD")},
        ),
        "doctor without credentials": (("toast-compute", "doctor"), {}),
        "unknown command": (("toast-compute", "nothing"), {}),
        "mock, unknown option": (("toast-compute-mock", "--nothing"), {}),
        "mock, world that is not there": (("toast-compute-mock", "--world", "missing.json"), {}),
        "mock, world shown": (("toast-compute-mock", "--show-world"), {}),
    }
    return {name: _run(*command, **environment).returncode for name, (command, environment) in cases.items()}


def _variables() -> set[str]:
    """Return the environment variables that the packages read, found by their prefix."""
    folders = (ROOT / "overlays" / "toast_compute", ROOT / "mock" / "toast_compute_mock")
    texts = (file.read_text(encoding="utf-8") for folder in folders for file in folder.rglob("*.py"))
    return {name for text in texts for name in re.findall(r"TOAST_COMPUTE_[A-Z_]+[A-Z]", text)}


if __name__ == "__main__":
    json.dump(collect(), sys.stdout, indent=1, sort_keys=True, ensure_ascii=False)
    print()

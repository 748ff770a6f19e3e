"""Measure the house: folders, import floors, circles, steps of a call, first lines and words.

`python -m tools.house` prints every figure; `--steps` prints the modules that each measured call enters, in order.
"""

from __future__ import annotations

import argparse
import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
# The packages of the house with the folder that each lies in; those that are not there are passed over.
PACKAGES = {
    "toast_compute": "overlays",
    "toast_compute_mock": "mock",
    "toast_compute_runtime": "runtime",
    "generator": ".",
    "tools": ".",
}
SDK = ("overlays/toast_compute/", "generated/toast_compute_api/", "runtime/toast_compute_runtime/")
QUESTION = re.compile(r"^(How|What|Which|Who|Where|When|Why|Does|Do|Is|Are|Can|May|Would|Has|Have)\b.*\?")
# Words that the glossary replaces, and that mean nothing else in this tree.
WORDS = (
    r"colours?|trouble[sd]?|glance[sd]?|glimpses?|sightings?|tall(?:y|ies)|deliberate bugs?|planting|stor(?:y|ies)"
    r"|doubt(?:s|ed)?|is no legal|without end|departure|whoever|in words|beside it"
)

Graph = dict[str, set[str]]


@dataclass(frozen=True, slots=True)
class Shape:
    """The shape of one package."""

    files: int
    lines: int
    fullest_folder: int
    floors: int
    largest_circle: int
    imports: int


def main(arguments: list[str] | None = None) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m tools.house", description="Measure the structure of the tree.")
    parser.add_argument("--steps", action="store_true", help="print the modules that each measured call enters")
    options = parser.parse_args(arguments)
    print(f"{'package':<22}{'files':>6}{'lines':>8}{'fullest':>9}{'floors':>8}{'circle':>8}{'imports':>9}")
    for package, folder in PACKAGES.items():
        if (ROOT / folder / package).is_dir():
            one = shape(package, ROOT / folder)
            print(
                f"{package:<22}{one.files:>6}{one.lines:>8}{one.fullest_folder:>9}"
                f"{one.floors:>8}{one.largest_circle:>8}{one.imports:>9}"
            )
    files = python_files()
    print(f"\nPython lines of the tree: {sum(map(lines_of, files))} in {len(files)} files")
    print(f"modules that begin with a question: {sum(map(begins_with_a_question, files))}")
    texts = [*files, *tracked("*.md")]
    print(f"files with a word that the glossary replaces: {sum(map(has_old_word, texts))}")
    print("\nchanges of module (warm client, in-process mock, SDK and generated code)")
    for name, steps in measured_steps().items():
        print(f"{name:<22}{changes_of_module(steps):>5} changes, {len(set(steps))} modules, {len(steps)} calls")
        if options.steps:
            print("    " + " > ".join(step for step, _ in _runs(steps)))
    return 0


def shape(package: str, folder: Path) -> Shape:
    """Return the shape of a package that lies in a folder."""
    graph = imports_of(package, folder)
    root = folder / package
    files = list(root.rglob("*.py"))
    fullest = Counter(file.parent for file in files if file.name != "__init__.py")
    circles = list(strongly_connected(graph))
    return Shape(
        files=len(files),
        lines=sum(map(lines_of, files)),
        fullest_folder=max(fullest.values()),
        floors=floors(graph, circles),
        largest_circle=max(map(len, circles)),
        imports=sum(map(len, graph.values())),
    )


def imports_of(package: str, folder: Path) -> Graph:
    """Return which modules of a package import which others: nested, typing-only and string imports count."""
    files = {_name_of(file, folder): file for file in (folder / package).rglob("*.py")}
    return {name: {target for target in _imported(name, file, files) if target != name} for name, file in files.items()}


def _name_of(file: Path, folder: Path) -> str:
    parts = file.relative_to(folder).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(name: str, file: Path, files: Mapping[str, Path]) -> Iterator[str]:
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in files)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield from (target for target in (inner if inner in files else base,) if target in files)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            target = package + node.value if node.value.startswith(".") else node.value
            if target in files and "." in target:
                yield target


def strongly_connected(graph: Graph) -> Iterator[set[str]]:
    """Yield the circles of a graph; a node on none is a set of its own."""
    reached = {node: _reachable(graph, node) for node in graph}
    placed: set[str] = set()
    for node in graph:
        if node not in placed:
            circle = {node} | {other for other in reached[node] if node in reached[other]}
            placed |= circle
            yield circle


def _reachable(graph: Graph, start: str) -> set[str]:
    seen: set[str] = set()
    ahead = [start]
    while ahead:
        for following in graph[ahead.pop()] - seen:
            seen.add(following)
            ahead.append(following)
    return seen


def floors(graph: Graph, circles: Iterable[set[str]]) -> int:
    """Return the length of the longest way down the imports, in modules, with each circle as one."""
    home = {node: frozenset(circle) for circle in circles for node in circle}

    @cache
    def depth(circle: frozenset[str]) -> int:
        below = {home[target] for node in circle for target in graph[node]} - {circle}
        return 1 + max(map(depth, below), default=0)

    return max(map(depth, home.values()))


def tracked(*patterns: str) -> list[Path]:
    """Return the files that git tracks, without what is generated."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    return [ROOT / name for name in listed if name and (ROOT / name).is_file()]


def python_files() -> list[Path]:
    """Return every Python file of the tree."""
    return tracked("*.py")


def lines_of(file: Path) -> int:
    """Return the number of lines of a file."""
    return len(file.read_text(encoding="utf-8").splitlines())


def begins_with_a_question(file: Path) -> bool:
    """Return whether the first line of a module's docstring asks something."""
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return "?" in docstring.partition("\n")[0] or bool(QUESTION.match(docstring))


def has_old_word(file: Path) -> bool:
    """Return whether a text has a word that the glossary replaces."""
    if file == Path(__file__).resolve():
        return False
    return re.search(rf"\b({WORDS})\b", file.read_text(encoding="utf-8"), re.IGNORECASE) is not None


def measured_steps() -> dict[str, list[str]]:
    """Return, for two calls of a warm client, the module of each function that runs, in order."""
    from toast_compute import ToastCompute
    from toast_compute_mock import MockCloud

    with ToastCompute("demo-appkey", "demo@example.com", "demo-password", transport=MockCloud().transport) as toast:
        instance = toast.instances.list_details()[0]
        flavor = next(one for one in toast.flavors.list() if one.name == instance.flavor.name)
        subnet = "5b4e0000-0000-4000-8000-000000000001"

        def create(name: str) -> Callable[[], Any]:
            return lambda: toast.instances.create(
                name=name,
                image=instance.image,
                flavor=flavor.id,
                availability_zone=instance.availability_zone,
                key_name="demo-key",
                networks=[{"subnet_id": subnet}],
                security_groups=["default"],
                volume={"size": 20, "type": "General SSD"},
            )

        toast.flavors.list()
        create("warm-up")()
        return {
            "flavors.list()": steps_of(toast.flavors.list),
            "instances.create(...)": steps_of(create("measured")),
        }


def steps_of(call: Callable[[], object]) -> list[str]:
    """Return the modules of the SDK and the generated code that a call enters, one for each function that runs."""
    steps: list[str] = []

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            file = frame.f_code.co_filename
            for folder in SDK:
                if folder in file:
                    steps.append(file.partition(folder)[2].removesuffix(".py"))

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return steps


def changes_of_module(steps: list[str]) -> int:
    """Return how often a function of another module runs next."""
    return sum(before != after for before, after in pairwise(steps))


def _runs(steps: list[str]) -> Iterator[tuple[str, int]]:
    last, number = "", 0
    for step in steps:
        if step != last and last:
            yield last, number
            number = 0
        last, number = step, number + 1
    if last:
        yield last, number


if __name__ == "__main__":
    sys.exit(main())

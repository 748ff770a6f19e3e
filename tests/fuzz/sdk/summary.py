"""How is a run told to people? What was found, and how often was everything tried, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ..markdown import table
from .junit import Case

Counts = Mapping[str, int]


def write_summary(file: Path, title: str, said: str, cases: Iterable[Case], counts: Mapping[str, Counts]) -> None:
    """Write a page.

    Args:
        file: where.
        title: of the page.
        said: the line that the run ends with.
        cases: those that failed are shown, with how to replay them.
        counts: how often what was tried, by the title of a table.
    """
    file.write_text("\n".join(_lines(title, said, cases, counts)) + "\n", encoding="utf-8")


def _lines(title: str, said: str, cases: Iterable[Case], counts: Mapping[str, Counts]) -> Iterator[str]:
    yield from (f"# {title}", "", said)
    for case in cases:
        if case.problem:
            yield from ("", f"## Found: {case.name}", "", "```", case.problem, "```")
    for name, counted in counts.items():
        yield from ("", f"## {name}", "", *table((name.lower(), "how often"), sorted(counted.items())))

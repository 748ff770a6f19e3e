"""The public surface is that of the recorded snapshot.

A change on purpose is recorded with `python -m tests.contract.surface > tests/contract/public_surface.json`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .surface import collect

RECORDED = Path(__file__).with_name("public_surface.json")


def differences(recorded: Any, present: Any, path: str = "") -> Iterator[str]:
    if isinstance(recorded, dict) and isinstance(present, dict):
        for name in recorded.keys() | present.keys():
            if name not in present:
                yield f"{path}/{name} is gone"
            elif name not in recorded:
                yield f"{path}/{name} is new"
            else:
                yield from differences(recorded[name], present[name], f"{path}/{name}")
    elif recorded != present:
        yield f"{path}: {recorded!r} became {present!r}"


def test_public_surface_is_as_recorded() -> None:
    assert sorted(differences(json.loads(RECORDED.read_text(encoding="utf-8")), collect())) == []


def test_surface_diff_names_what_is_gone_new_and_changed() -> None:
    before = {"a": {"gone": 1, "kept": [1, 2]}, "b": "x"}
    after = {"a": {"new": 1, "kept": [1]}, "b": "x"}
    assert sorted(differences(before, after)) == ["/a/gone is gone", "/a/kept: [1, 2] became [1]", "/a/new is new"]

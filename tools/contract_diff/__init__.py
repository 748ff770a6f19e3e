"""The comparison of two versions of the contract: what changed, and whether clients of the older one break.

A client that was made for the old contract breaks

- where a request that was valid is refused, or means something else, by the new one;
- where a reply may carry what the old contract did not allow. Clients read leniently, as the contract asks them to: a
  new member in a reply, a new value of an enum, a new result code, and null for what may be missing break nobody;
- where a name is gone that generated code has, of an operation or of a schema;
- where the contract withdraws a promise that clients rely on: `x-retry`, `x-lifecycle`, `x-result-codes`, `x-success`,
  `x-sensitive` and `x-timestamp`.

A change that is not understood counts as breaking, so that nothing passes because nobody thought of it.
"""

from __future__ import annotations

from typing import Any

from . import codes, lifecycle, operations, unclassified
from .changes import Change, Changes
from .schemas import SchemaComparison


def compare(old: dict[str, Any], new: dict[str, Any]) -> list[Change]:
    """Return the changes from one contract to the other, those that break old clients first."""
    changes = Changes()
    schemas = SchemaComparison(old, new, changes)
    operations.compare(old, new, changes, schemas)
    schemas.compare_names()
    lifecycle.compare(old, new, changes)
    codes.compare(old, new, changes)
    unclassified.compare(old, new, changes)
    return changes.found()


__all__ = ["Change", "compare"]

"""What changed between two versions of the contract, and do clients of the older one break?

A client that was made for the old contract breaks

- where a request that was valid is refused, or means something else, by the new one;
- where a reply may carry what the old contract did not allow. Clients read leniently, as the contract tells them to: a
  new member in a reply, a new value of an enum, a new result code, and null for what may be missing break nobody;
- where a name is gone that generated code has: that of an operation or of a schema;
- where the contract takes back a promise that clients act on: `x-retry`, `x-lifecycle`, `x-result-codes`, `x-success`,
  `x-sensitive` and `x-timestamp`.

What changed and is not understood counts as breaking, so that nothing gets through because nobody thought of it.
"""

from __future__ import annotations

from typing import Any

from . import codes, lifecycle, operations, unclassified
from .changes import Change, Changes
from .schemas import SchemaComparison


def compare(old: dict[str, Any], new: dict[str, Any]) -> list[Change]:
    """Return what changed from one contract to the other, what breaks old clients first; nothing for nothing."""
    changes = Changes()
    schemas = SchemaComparison(old, new, changes)
    operations.compare(old, new, changes, schemas)
    schemas.compare_names()
    lifecycle.compare(old, new, changes)
    codes.compare(old, new, changes)
    unclassified.compare(old, new, changes)
    return changes.found()


__all__ = ["Change", "compare"]

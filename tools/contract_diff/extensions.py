"""The comparison of the extensions of operations, schemas and parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .changes import Changes, formatted
from .path import LocatedSchema, location

# From always safe to retry to never.
_RETRIES = ("safe", "idempotent", "never")
EXTENSIONS = frozenset({"x-retry", "x-sensitive", "x-success", "x-timestamp"})
"""The extensions that are compared here."""


def compare_extensions(was: LocatedSchema, now: LocatedSchema, changes: Changes) -> None:
    """Compare the extensions of two schemas, operations or parameters."""
    _compare_retry(was, now, changes)
    _compare_sensitive(was, now, changes)
    _compare_success(was, now, changes)
    before, after = was.schema.get("x-timestamp"), now.schema.get("x-timestamp")
    if before != after:
        what = f"was {formatted(before)}, is {formatted(after)}"
        changes.breaking(location(was, now, "x-timestamp"), what, "old clients read times as they were written")


def _compare_retry(was: LocatedSchema, now: LocatedSchema, changes: Changes) -> None:
    before, after = was.schema.get("x-retry"), now.schema.get("x-retry")
    if before == after:
        return
    where, what = location(was, now, "x-retry"), f"was {formatted(before)}, is {formatted(after)}"
    if before in _RETRIES and after in _RETRIES and _RETRIES.index(after) < _RETRIES.index(before):
        changes.compatible(where, what, "old clients are more careful than they need be")
    else:
        changes.breaking(where, what, "old clients send it again when they should no longer")


def _compare_sensitive(was: LocatedSchema, now: LocatedSchema, changes: Changes) -> None:
    before, after = (bool(place.schema.get("x-sensitive")) for place in (was, now))
    if before != after:
        where = location(was, now, "x-sensitive")
        if before:
            changes.breaking(where, "is no longer secret", "who relies on the mask sees the value")
        else:
            changes.compatible(where, "is secret now", "nothing else travels than before")


def _compare_success(was: LocatedSchema, now: LocatedSchema, changes: Changes) -> None:
    before, after = (_required_members(place.schema.get("x-success", {})) for place in (was, now))
    where = location(was, now, "x-success")
    for case in before.keys() | after.keys():
        of_case = f" of {case}" if case else ""
        for member in before.get(case, set()) - after.get(case, set()):
            what = f"a success{of_case} need no longer carry {member}"
            changes.breaking(where, what, "old clients count on it")
        for member in after.get(case, set()) - before.get(case, set()):
            what = f"a success{of_case} has to carry {member} now"
            changes.compatible(where, what, "old clients can read all that comes")


def _required_members(rule: Mapping[str, Any]) -> dict[str, set[str]]:
    """Return the members that a success has to carry, always ("") or for one action."""
    return {"": set(rule.get("required", []))} | {
        case: set(members) for case, members in rule.get("requiredFor", {}).items()
    }

"""Does the contract keep what its extensions promise of an operation, a schema or a parameter?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .changes import Changes, shown
from .path import Place, spot

# From what may always be sent twice to what must not be.
_RETRIES = ("safe", "idempotent", "never")
PROMISES = frozenset({"x-retry", "x-sensitive", "x-success", "x-timestamp"})
"""The extensions that are compared here."""


def compare_promises(was: Place, now: Place, changes: Changes) -> None:
    """Compare the extensions of two schemas, operations or parameters."""
    _compare_retry(was, now, changes)
    _compare_sensitive(was, now, changes)
    _compare_success(was, now, changes)
    before, after = was.schema.get("x-timestamp"), now.schema.get("x-timestamp")
    if before != after:
        what = f"was {shown(before)}, is {shown(after)}"
        changes.breaking(spot(was, now, "x-timestamp"), what, "old clients read times as they were written")


def _compare_retry(was: Place, now: Place, changes: Changes) -> None:
    before, after = was.schema.get("x-retry"), now.schema.get("x-retry")
    if before == after:
        return
    where, what = spot(was, now, "x-retry"), f"was {shown(before)}, is {shown(after)}"
    if before in _RETRIES and after in _RETRIES and _RETRIES.index(after) < _RETRIES.index(before):
        changes.compatible(where, what, "old clients are more careful than they need be")
    else:
        changes.breaking(where, what, "old clients send it again when they should no longer")


def _compare_sensitive(was: Place, now: Place, changes: Changes) -> None:
    before, after = (bool(place.schema.get("x-sensitive")) for place in (was, now))
    if before != after:
        where = spot(was, now, "x-sensitive")
        if before:
            changes.breaking(where, "is no longer secret", "who relies on it being masked sees it shown")
        else:
            changes.compatible(where, "is secret now", "nothing else travels than before")


def _compare_success(was: Place, now: Place, changes: Changes) -> None:
    before, after = (_promised(place.schema.get("x-success", {})) for place in (was, now))
    where = spot(was, now, "x-success")
    for case in before.keys() | after.keys():
        of_case = f" of {case}" if case else ""
        for member in before.get(case, set()) - after.get(case, set()):
            what = f"a success{of_case} need no longer carry {member}"
            changes.breaking(where, what, "old clients count on it")
        for member in after.get(case, set()) - before.get(case, set()):
            what = f"a success{of_case} has to carry {member} now"
            changes.compatible(where, what, "old clients can read all that comes")


def _promised(rule: Mapping[str, Any]) -> dict[str, set[str]]:
    """What a success carries, always ("") or for one action."""
    return {"": set(rule.get("required", []))} | {
        case: set(members) for case, members in rule.get("requiredFor", {}).items()
    }

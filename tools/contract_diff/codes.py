"""The comparison of result codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from generator.contract.document import pointer_of

from .changes import Changes, Location, formatted

_CODES = "#/x-result-codes"
# What a client decides by; the rest of an entry is for people.
_DECISIVE = ("kind", "retry", "subsystem")


def compare(old: dict[str, Any], new: dict[str, Any], changes: Changes) -> None:
    """Compare the result codes of two contracts."""
    was, now = old.get("x-result-codes", {}), new.get("x-result-codes", {})
    _compare_codes(was.get("codes", []), now.get("codes", []), changes)
    _compare_statuses(was.get("statuses", {}), now.get("statuses", {}), changes)
    _compare_ranges(was.get("ranges", []), now.get("ranges", []), changes)


def _compare_codes(was: list[dict[str, Any]], now: list[dict[str, Any]], changes: Changes) -> None:
    list_pointer = pointer_of(_CODES, "codes")
    before = {entry["code"]: pointer_of(list_pointer, index) for index, entry in enumerate(was)}
    after = {entry["code"]: pointer_of(list_pointer, index) for index, entry in enumerate(now)}
    for code in before.keys() - after.keys():
        entry = was[_index(before[code])]
        changes.breaking(
            Location.gone(before[code]), f"the code {code} ({entry['message']}) is gone", "old clients act on it"
        )
    for code in after.keys() - before.keys():
        entry = now[_index(after[code])]
        what = f"the code {code} ({entry['message']}) is new"
        changes.compatible(Location.fresh(after[code]), what, "old clients raise an error that names no kind")
    for code in before.keys() & after.keys():
        old, new = was[_index(before[code])], now[_index(after[code])]
        if old["message"] != new["message"]:
            what = f"the message of code {code} was {formatted(old['message'])}, and is {formatted(new['message'])}"
            where = Location(pointer_of(before[code], "message"), pointer_of(after[code], "message"))
            changes.compatible(where, what, "refusals begin with it, and clients act by the code")
        for member in _DECISIVE:
            if old.get(member) != new.get(member):
                what = (
                    f"the {member} of code {code} was {formatted(old.get(member))}, and is {formatted(new.get(member))}"
                )
                where = Location(pointer_of(before[code], member), pointer_of(after[code], member))
                changes.breaking(where, what, "old clients act by it")


def _compare_statuses(was: Mapping[str, str], now: Mapping[str, str], changes: Changes) -> None:
    for status in was.keys() | now.keys():
        before, after = was.get(status), now.get(status)
        where = Location.same(pointer_of(pointer_of(_CODES, "statuses"), status))
        if before is None:
            changes.compatible(where, f"codes of {status} are {after} now", "old clients knew no kind for them")
        elif before != after:
            what = f"codes of {status} were {before}, and are {formatted(after)}"
            changes.breaking(where, what, "old clients raise another error")


def _compare_ranges(was: list[dict[str, Any]], now: list[dict[str, Any]], changes: Changes) -> None:
    list_pointer = pointer_of(_CODES, "ranges")
    before = {_range(entry): pointer_of(list_pointer, index) for index, entry in enumerate(was)}
    after = {_range(entry): pointer_of(list_pointer, index) for index, entry in enumerate(now)}
    widened: set[tuple[int, int, str]] = set()
    for part in before.keys() - after.keys():
        wider = next((one for one in after if _holds(one, part)), None)
        if wider is not None:
            widened.add(wider)
            what = f"the codes of {part[2]} were {part[0]} to {part[1]}, and are {wider[0]} to {wider[1]}"
            why = "old clients raise an error that names no kind for the new ones"
            changes.compatible(Location(before[part], after[wider]), what, why)
        else:
            what = f"not all of {part[0]} to {part[1]} are the codes of {part[2]} any more"
            changes.breaking(Location.gone(before[part]), what, "old clients act on them")
    for part in after.keys() - before.keys() - widened:
        what = f"{part[0]} to {part[1]} are the codes of {part[2]} now"
        changes.compatible(Location.fresh(after[part]), what, "old clients raise an error that names no kind")


def _holds(wider: tuple[int, int, str], part: tuple[int, int, str]) -> bool:
    return wider[2] == part[2] and wider[0] <= part[0] and part[1] <= wider[1]


def _range(entry: Mapping[str, Any]) -> tuple[int, int, str]:
    return entry["from"], entry["to"], entry["subsystem"]


def _index(pointer: str) -> int:
    return int(pointer.rpartition("/")[2])

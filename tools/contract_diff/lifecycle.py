"""The comparison of lifecycles, by which clients wait and act."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from generator.contract.document import pointer_of
from generator.contract.replies import operations_of

from .changes import Changes, Location, formatted

_LIFECYCLE = Location.same("#/x-lifecycle")


def compare(old: dict[str, Any], new: dict[str, Any], changes: Changes) -> None:
    """Compare the lifecycles of two contracts."""
    was, now = old.get("x-lifecycle"), new.get("x-lifecycle")
    if was is None or now is None:
        if was is not None:
            changes.breaking(_LIFECYCLE, "the lifecycle is gone", "old clients wait by it")
        elif now is not None:
            changes.compatible(_LIFECYCLE, "the lifecycle is new", "no old client knows of it")
        return
    _compare_states(was["states"], now["states"], changes)
    _compare_operations(was["operations"], now["operations"], _operation_names(old), changes)


def _compare_states(was: Mapping[str, Any], now: Mapping[str, Any], changes: Changes) -> None:
    reached, reaches = _reachable(was), _reachable(now)
    for state in was.keys() - now.keys():
        where = _location("states", state)
        changes.breaking(where, f"the state {state} is gone", "who waits for it waits in vain")
    for state in now.keys() - was.keys():
        where = _location("states", state)
        changes.compatible(where, f"the state {state} is new", "old clients wait on in a state that they do not know")
    for state in was.keys() & now.keys():
        where = _location("states", state, "next")
        before, after = was[state]["next"], now[state]["next"]
        for next_ in before:
            if next_ not in after and next_ in now:
                what = f"{state} no longer leads to {next_}"
                changes.breaking(where, what, "who waits for that waits in vain")
        gained = sorted((reaches[state] - reached[state]) & was.keys())
        for next_ in after:
            if next_ not in before:
                what = f"{state} leads to {next_} now"
                if gained and next_ in was:
                    why = f"old clients give up waiting for {', '.join(gained)}"
                    changes.breaking(where, what, why)
                else:
                    changes.compatible(where, what, "old clients reject nothing that is possible now")
        changes.mark_compared(where)


def _compare_operations(was: Mapping[str, Any], now: Mapping[str, Any], known: set[str], changes: Changes) -> None:
    for name in was.keys() - now.keys():
        where = _location("operations", name)
        changes.breaking(where, f"{name} has no lifecycle any more", "old clients act by it")
    for name in now.keys() - was.keys():
        where = _location("operations", name)
        if name in known:
            changes.breaking(where, f"{name} is bound to states now", "it was accepted in every state")
        else:
            changes.compatible(where, f"{name} is new", "no old client knows of it")
    for name in was.keys() & now.keys():
        _compare_move(name, was[name], now[name], changes)


def _compare_move(name: str, was: Mapping[str, Any], now: Mapping[str, Any], changes: Changes) -> None:
    for state in was["from"]:
        if state not in now["from"]:
            what = f"{name} is no longer accepted in {state}"
            changes.breaking(_location("operations", name, "from"), what, "requests that were accepted are refused")
    for state in now["from"]:
        if state not in was["from"]:
            what = f"{name} is accepted in {state} now"
            changes.compatible(_location("operations", name, "from"), what, "what was accepted still is")
    if was["to"] != now["to"]:
        what = f"{name} ended in {was['to']}, and ends in {now['to']}"
        changes.breaking(_location("operations", name, "to"), what, "who waits for the old end waits in vain")
    if was["through"] != now["through"]:
        where = _location("operations", name, "through")
        what = f"{name} went through {formatted(was['through'])}, and goes through {formatted(now['through'])}"
        if was["through"]:
            changes.compatible(where, what, "old clients check where it ends")
        else:
            changes.breaking(where, what, "old clients consider it done at once")
    most = was["seconds"]["max"], now["seconds"]["max"]
    if most[0] != most[1]:
        where = _location("operations", name, "seconds", "max")
        what = f"{name} took {most[0]} s at most, and takes {most[1]} s"
        if most[1] > most[0]:
            changes.breaking(where, what, "after the old time, old clients believe a status from before it")
        else:
            changes.compatible(where, what, "old clients are more patient than they need be")
    least = was["seconds"]["min"], now["seconds"]["min"]
    if least[0] != least[1]:
        where = _location("operations", name, "seconds", "min")
        changes.compatible(where, f"{name} took {least[0]} s at least, and takes {least[1]} s", "nobody counts on it")
    if was["basis"] != now["basis"]:
        where = _location("operations", name, "basis")
        changes.compatible(where, f"was {was['basis']}, is {now['basis']}", "it is where the rule comes from")


def _reachable(states: Mapping[str, Any]) -> dict[str, set[str]]:
    """Return the states that each state can lead to, over any number of moves."""
    reached = {state: set(rule["next"]) for state, rule in states.items()}
    grows = True
    while grows:
        grows = False
        for found in reached.values():
            more = {further for state in found for further in reached.get(state, set())} - found
            found |= more
            grows = grows or bool(more)
    return reached


def _operation_names(contract: dict[str, Any]) -> set[str]:
    """Return the operationIds and the discriminator values."""
    schemas = contract["components"]["schemas"]
    tags = {tag for schema in schemas.values() for tag in schema.get("discriminator", {}).get("mapping", {})}
    return tags | {operation.id for operation in operations_of(contract)}


def _location(*keys: str) -> Location:
    pointer = str(_LIFECYCLE)
    for key in keys:
        pointer = pointer_of(pointer, key)
    return Location.same(pointer)

"""Do the behaviour tables agree with the rest? Checks server, token header, lifecycle and result codes."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

from ..contract.document import pointer_of, resolve
from ..contract.replies import operations
from ..errors import ContractError


def check(data: dict[str, Any]) -> None:
    """Check what the behaviour module is written from.

    Raises:
        ContractError: A table is missing, or names what is not there.
    """
    for name in ("servers", "security", "x-lifecycle", "x-result-codes"):
        if not data.get(name):
            raise ContractError("#", f"{name} is missing")
    schemes = list(data["components"].get("securitySchemes", {}).values())
    if [(scheme["type"], scheme.get("in")) for scheme in schemes] != [("apiKey", "header")]:
        raise ContractError("#/components/securitySchemes", "there must be one scheme: the token in a header")
    _check_lifecycle(data, data["x-lifecycle"])
    _check_codes(data["x-result-codes"])


def _check_lifecycle(data: dict[str, Any], cycle: dict[str, Any]) -> None:
    place = "#/x-lifecycle"
    statuses = resolve(data, cycle["statuses"]["$ref"])["enum"]
    states = cycle["states"]
    for missing in [status for status in statuses if status not in states]:
        raise ContractError(f"{place}/states", f"the status {missing} is missing")
    for name, state in states.items():
        _known([name], statuses, f"{place}/states/{name}")
        _known(state["next"], statuses, f"{place}/states/{name}/next")
    _known([cycle["initial"]], statuses, f"{place}/initial")
    names = {operation.id for operation in operations(data)} | _actions(data)
    for name, move in cycle["operations"].items():
        where = pointer_of(f"{place}/operations", name)
        if name not in names:
            raise ContractError(where, f"{name} is no operationId and no action")
        _known(move["from"], statuses, f"{where}/from")
        _known(move["through"], statuses, f"{where}/through")
        _known([move["to"]], [*statuses, "same", "gone"], f"{where}/to")
        _check_path(move, states, where)
        if move["seconds"]["min"] > move["seconds"]["max"]:
            raise ContractError(f"{where}/seconds", "min is over max")


def _check_path(move: dict[str, Any], states: dict[str, Any], where: str) -> None:
    """Follow a move through the states: a step that no state allows would stand in two places and differ."""
    for start in move["from"]:
        steps = [start, *move["through"], *([] if move["to"] in ("same", "gone") else [move["to"]])]
        for before, after in itertools.pairwise(steps):
            if after not in states[before]["next"]:
                raise ContractError(where, f"it goes from {before} to {after}, which the state {before} does not allow")


def _check_codes(table: dict[str, Any]) -> None:
    place = "#/x-result-codes"
    seen: set[int] = set()
    for index, item in enumerate(table["codes"]):
        if item["code"] in seen:
            raise ContractError(f"{place}/codes/{index}", f"the code {item['code']} is listed twice")
        seen.add(item["code"])
    last = None
    for index, item in enumerate(table["ranges"]):
        if item["from"] > item["to"] or (last is not None and item["from"] <= last):
            raise ContractError(f"{place}/ranges/{index}", "ranges must ascend and not overlap")
        last = item["to"]


def _actions(data: dict[str, Any]) -> set[str]:
    return {
        value
        for schema in data["components"]["schemas"].values()
        for value in schema.get("discriminator", {}).get("mapping", {})
    }


def _known(names: Iterable[str], allowed: Iterable[str], pointer: str) -> None:
    for name in names:
        if name not in allowed:
            raise ContractError(pointer, f"{name} is no status of the resource")

"""Checks of the behaviour tables: server, token header, lifecycle and result codes."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

from ..contract import Contract
from ..contract.document import pointer_of, resolve
from ..errors import ContractError


def check(contract: Contract) -> None:
    """Check what the behaviour module is written from.

    Raises:
        ContractError: A table is missing, or names something that does not exist.
    """
    data = contract.data
    for name in ("servers", "security", "x-lifecycle", "x-result-codes"):
        if not data.get(name):
            raise ContractError("#", f"{name} is missing")
    schemes = list(data["components"].get("securitySchemes", {}).values())
    if [(scheme["type"], scheme.get("in")) for scheme in schemes] != [("apiKey", "header")]:
        raise ContractError("#/components/securitySchemes", "there must be one scheme: the token in a header")
    _check_lifecycle(contract, data["x-lifecycle"])
    _check_codes(data["x-result-codes"])


def _check_lifecycle(contract: Contract, cycle: dict[str, Any]) -> None:
    place = "#/x-lifecycle"
    statuses = resolve(contract.data, cycle["statuses"]["$ref"])["enum"]
    states = cycle["states"]
    for missing in [status for status in statuses if status not in states]:
        raise ContractError(f"{place}/states", f"the status {missing} is missing")
    for name, state in states.items():
        _known([name], statuses, f"{place}/states/{name}")
        _known(state["next"], statuses, f"{place}/states/{name}/next")
    _known([cycle["initial"]], statuses, f"{place}/initial")
    names = {operation.id for operation in contract.operations} | contract.actions
    for name, move in cycle["operations"].items():
        where = pointer_of(f"{place}/operations", name)
        if name not in names:
            raise ContractError(where, f"{name} is neither an operationId nor an action")
        _known(move["from"], statuses, f"{where}/from")
        _known(move["through"], statuses, f"{where}/through")
        _known([move["to"]], [*statuses, "same", "gone"], f"{where}/to")
        _check_path(move, states, where)
        if move["seconds"]["min"] > move["seconds"]["max"]:
            raise ContractError(f"{where}/seconds", "min is over max")


def _check_path(move: dict[str, Any], states: dict[str, Any], where: str) -> None:
    """Follow a move through the states: a step that no state allows would contradict the states."""
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


def _known(names: Iterable[str], allowed: Iterable[str], pointer: str) -> None:
    for name in names:
        if name not in allowed:
            raise ContractError(pointer, f"{name} is not a status of the resource")

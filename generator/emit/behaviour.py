"""The module of behaviour tables: the contract's extensions as typed constants."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..contract import Contract
from .endpoints import module_name


def write(contract: Contract, target: Path) -> None:
    """Write the module of constants: server, token header, result codes, lifecycle and where each operation is."""
    data = contract.data
    codes, cycle = data["x-result-codes"], data["x-lifecycle"]
    scheme = next(iter(data["components"]["securitySchemes"].values()))
    tables = [
        ("SERVER_URL", "str", repr(data["servers"][0]["url"]), "The base URL of the service."),
        ("TOKEN_HEADER", "str", repr(scheme["name"]), "The header that carries the token."),
        (
            "RESULT_CODES",
            "Mapping[int, ResultCode]",
            _mapping({item["code"]: _result_code(item) for item in codes["codes"]}),
            "The documented result codes.",
        ),
        (
            "STATUS_KINDS",
            "Mapping[int, str]",
            _mapping({int(status): repr(kind) for status, kind in codes["statuses"].items()}),
            "In the ranges of SUBSYSTEM_RANGES: the kind that the last three digits of a code stand for.",
        ),
        (
            "SUBSYSTEM_RANGES",
            "tuple[SubsystemRange, ...]",
            _tuple([_range(item) for item in codes["ranges"]]),
            "Which part of the service a code in a range belongs to.",
        ),
        ("LIFECYCLE", "Lifecycle", _lifecycle(cycle), "What moves an instance from status to status."),
        (
            "OPERATIONS",
            "Mapping[str, str]",
            _mapping({operation.id: repr(module_name(operation)) for operation in contract.operations}),
            "The module of each operation, relative to this package, by operationId.",
        ),
    ]
    lines = [
        '"""The behaviour of the service as the contract states it: result codes, lifecycle and operations."""',
        "from __future__ import annotations",
        "from collections.abc import Mapping",
        "from types import MappingProxyType",
        "from toast_compute_runtime.behaviour_types import Lifecycle, Move, ResultCode, State, SubsystemRange",
    ]
    for name, type_, value, meaning in tables:
        lines += ["", f"{name}: {type_} = {value}", f'"""{meaning}"""']
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _result_code(item: dict[str, Any]) -> str:
    return _call("ResultCode", {"subsystem": None, **item})


def _range(item: dict[str, Any]) -> str:
    return _call("SubsystemRange", {"first": item["from"], "last": item["to"], "subsystem": item["subsystem"]})


def _lifecycle(cycle: dict[str, Any]) -> str:
    states = {name: _call("State", {**state, "next": tuple(state["next"])}) for name, state in cycle["states"].items()}
    moves = {name: _move(move) for name, move in cycle["operations"].items()}
    return (
        f"Lifecycle(resource={cycle['resource']!r}, initial={cycle['initial']!r}, "
        f"states={_mapping(states)}, operations={_mapping(moves)})"
    )


def _move(move: dict[str, Any]) -> str:
    fields = {
        "accepted_in": tuple(move["from"]),
        "through": tuple(move["through"]),
        "to": move["to"],
        "min_seconds": float(move["seconds"]["min"]),
        "max_seconds": float(move["seconds"]["max"]),
        "basis": move["basis"],
    }
    return _call("Move", fields)


def _call(name: str, fields: dict[str, Any]) -> str:
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in sorted(fields.items()))})"


def _mapping(members: dict[Any, str]) -> str:
    # A read-only view: a table that one caller could change would change for all.
    return "MappingProxyType({" + ", ".join(f"{key!r}: {value}" for key, value in members.items()) + "})"


def _tuple(members: list[str]) -> str:
    return "(" + "".join(f"{member}, " for member in members) + ")"

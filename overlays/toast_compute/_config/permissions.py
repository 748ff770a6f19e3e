"""The changes that a client may make, by `read_only` and `allow`."""

from __future__ import annotations

from collections.abc import Collection
from importlib import import_module
from typing import TypeGuard

from toast_compute_api.api.instance_actions.run_instance_action import OPERATION as RUN_INSTANCE_ACTION
from toast_compute_api.behaviour import OPERATIONS
from toast_compute_runtime.operation import Operation

from .._validation import suggestion
from ..errors import ConfigurationError, NotAllowedError

_READS = "GET"
_RAW = "request"  # of `request()`, for paths outside the contract
_ACTIONS = tuple(type_.__struct_config__.tag for type_ in RUN_INSTANCE_ACTION.variants)


def allowed_changes(allow: object) -> frozenset[str] | None:
    """Return the only changes that a client may make, or None for all of them. Raises ConfigurationError."""
    if allow is None:
        return None
    if not _is_several(allow):
        raise ConfigurationError("The allow setting must be a collection of operations and actions (allow={...}).")
    known = _known_changes()
    names: set[str] = set()
    for name in allow:
        if not isinstance(name, str):
            raise ConfigurationError("The allow setting cannot be used: it must hold strings (allow={...}).")
        if name not in known:
            raise ConfigurationError(
                f"The allow setting cannot be used: {name!r} is no change{suggestion(name, known)} (allow={{...}})."
            )
        names.add(name)
    return frozenset(names)


def _is_several(value: object) -> TypeGuard[Collection[object]]:
    return isinstance(value, Collection) and not isinstance(value, str)


def _known_changes() -> list[str]:
    """Return the operationIds of changes; the actions stand for the operation that carries them."""
    modules = (import_module(f"toast_compute_api.{module}") for module in OPERATIONS.values())
    operations: list[Operation] = [module.OPERATION for module in modules]
    changes = {one.id for one in operations if one.method != _READS and one.needs_token}
    return sorted([*(changes - {RUN_INSTANCE_ACTION.id}), *_ACTIONS, _RAW])


def check_allowed(operation: Operation, action: str, *, read_only: bool, allow: Collection[str] | None) -> None:
    """Raise NotAllowedError when the client may not make a change. Reads and tokens are always allowed."""
    if operation.method == _READS or not operation.needs_token:
        return
    name = action or operation.id
    if read_only:
        raise NotAllowedError(f"{name} was not sent: this client is read-only (read_only=True)", operation=operation.id)
    if allow is not None and name not in allow:
        allowed = f"{', '.join(sorted(allow))} only" if allow else "nothing that changes something"
        raise NotAllowedError(f"{name} was not sent: this client may do {allowed} (allow=...)", operation=operation.id)

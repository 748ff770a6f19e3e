"""What a result code means, and the HTTP status that means the same; all from the contract."""

from __future__ import annotations

from enum import Enum

from toast_compute_api.behaviour import RESULT_CODES, STATUS_KINDS, SUBSYSTEM_RANGES
from toast_compute_runtime.behaviour_types import http_status


class Family(Enum):
    """The reason for an outcome, and the HTTP status that stands for it."""

    SUCCESS = ("success", 200)
    INPUT = ("a malformed request", 400)
    ACCESS = ("no permission", 403)
    STATE = ("the state of things", 409)
    UNSUPPORTED = ("something that the service does not have", 405)
    SERVER = ("an error of the service itself", 500)
    UNKNOWN = ("a code that is not in the contract", 500)


_FAMILIES = {
    "success": Family.SUCCESS,
    "invalid-parameters": Family.INPUT,
    "authentication": Family.ACCESS,
    "permission-denied": Family.ACCESS,
    "not-found": Family.STATE,
    "conflict": Family.STATE,
    "not-supported": Family.UNSUPPORTED,
    "server-error": Family.SERVER,
    "other": Family.STATE,
}
_FAMILIES_BY_RETRY = {
    "after-correction": Family.INPUT,
    "read-detail": Family.STATE,  # such a code also stands for a state that forbids the request
}
_STATUSES = {kind: status for status, kind in STATUS_KINDS.items()}


def kind_of(code: int) -> str | None:
    """Return the kind of a result code; None for a code that the contract does not know."""
    known = RESULT_CODES.get(code)
    if known is not None:
        return known.kind
    return STATUS_KINDS.get(http_status(code)) if subsystem_of(code) else None


def subsystem_of(code: int) -> str | None:
    """Return the part of the service that a result code names."""
    known = RESULT_CODES.get(code)
    if known is not None:
        return known.subsystem
    return next((one.subsystem for one in SUBSYSTEM_RANGES if code in one), None)


def family_of(code: int) -> Family:
    """Return the reason that a result code gives."""
    known = RESULT_CODES.get(code)
    kind = kind_of(code)
    by_kind = Family.UNKNOWN if kind is None else _FAMILIES[kind]
    return by_kind if known is None else _FAMILIES_BY_RETRY.get(known.retry, by_kind)


def virtual_status(code: int) -> int:
    """Return the HTTP status for a result code, for tools that tell success from failure by the status alone."""
    return _STATUSES.get(kind_of(code) or "", family_of(code).value[1])

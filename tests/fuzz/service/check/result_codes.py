"""What does a result code say, and which HTTP status would say the same? All read from the contract."""

from __future__ import annotations

from enum import Enum
from http import HTTPStatus

from toast_compute_api.behaviour import RESULT_CODES, STATUS_KINDS, SUBSYSTEM_RANGES
from toast_compute_api.behaviour_types import http_status


class Family(Enum):
    """Whose fault an outcome is."""

    SUCCESS = "success"
    INPUT = "a malformed request"
    ACCESS = "no permission"
    STATE = "the state of things"
    UNSUPPORTED = "something that the service does not have"
    SERVER = "an error of the service itself"
    UNKNOWN = "nothing that the contract knows"


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

_STATUSES = {kind: status for status, kind in STATUS_KINDS.items()}

_STATUSES_OF_FAMILIES = {
    Family.SUCCESS: HTTPStatus.OK,
    Family.INPUT: HTTPStatus.BAD_REQUEST,
    Family.ACCESS: HTTPStatus.FORBIDDEN,
    Family.STATE: HTTPStatus.CONFLICT,
    Family.UNSUPPORTED: HTTPStatus.METHOD_NOT_ALLOWED,
    Family.SERVER: HTTPStatus.INTERNAL_SERVER_ERROR,
    Family.UNKNOWN: HTTPStatus.INTERNAL_SERVER_ERROR,
}


def kind_of(code: int) -> str | None:
    """Return the kind that the contract gives a result code; None for a code that it does not know."""
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
    """Return whose fault a result code says it is."""
    known = RESULT_CODES.get(code)
    if known is not None and known.retry == "after-correction":
        return Family.INPUT
    if known is not None and known.retry == "read-detail":  # it is also what is said when the state forbids it
        return Family.STATE
    kind = kind_of(code)
    return Family.UNKNOWN if kind is None else _FAMILIES[kind]


def virtual_status(code: int) -> int:
    """Return the HTTP status for a result code, where success and failure are told apart by the status alone."""
    kind = kind_of(code)
    status = None if kind is None else _STATUSES.get(kind)
    return int(_STATUSES_OF_FAMILIES[family_of(code)] if status is None else status)

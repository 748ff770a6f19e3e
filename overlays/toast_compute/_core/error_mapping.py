"""The error that each failure becomes: a fault of the transport, a refusal, something absent, the end of a call.

What a result code means is data of the contract; this module only knows which class stands for which kind.
"""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from toast_compute_api.behaviour import RESULT_CODES, STATUS_KINDS, SUBSYSTEM_RANGES
from toast_compute_api.models import ResultHeader
from toast_compute_runtime.behaviour_types import http_status
from toast_compute_runtime.operation import Request

from .. import errors
from .._effects import FaultKind, TransportFault
from .._redaction import Secret, mask, one_line
from .attempts import AttemptLog

_CLASSES: dict[str, type[errors.APIError]] = {
    "permission-denied": errors.PermissionDeniedError,
    "authentication": errors.AuthenticationError,
    "invalid-parameters": errors.InvalidParametersError,
    "not-found": errors.NotFoundError,
    "conflict": errors.ConflictError,
    "not-supported": errors.NotSupportedError,
    "server-error": errors.ServerError,
}
_NO_REASON = "no reason given"
_DOCTOR = "`toast-compute doctor` checks the settings and says where each one comes from."
_REDIRECTS = range(300, 400)


def refusal(operation: str, header: ResultHeader, secrets: Iterable[Secret]) -> errors.APIError:
    """Return the error for the header of a refusal, with `secrets` masked in the message."""
    code, message = header.result_code, mask(header.result_message, secrets)
    known = RESULT_CODES.get(code)
    subsystem = next((part.subsystem for part in SUBSYSTEM_RANGES if code in part), None)
    if known is not None:
        kind, subsystem = known.kind, known.subsystem
    else:
        kind = STATUS_KINDS.get(http_status(code), "other") if subsystem is not None else "other"
    return _CLASSES.get(kind, errors.APIError)(
        f"{operation} was refused: {one_line(message) or _NO_REASON} (result code {code})",
        operation=operation,
        result_code=code,
        result_message=message,
        kind=kind,
        subsystem=subsystem,
    )


def absent(operation: str, what: str, subsystem: str, attempts: tuple[errors.Attempt, ...]) -> errors.NotFoundError:
    """Return the error for a list that should hold one resource and does not."""
    error = errors.NotFoundError(
        f"{operation} found no {what}",
        operation=operation,
        result_code=0,
        result_message="",
        kind="not-found",
        subsystem=subsystem,
    )
    error.attempts = attempts
    return error


def is_absence(error: errors.APIError, subsystem: str) -> bool:
    """Return whether the resource itself is missing, and not something else that was named, or the token."""
    return isinstance(error, errors.NotFoundError) and error.subsystem in (None, subsystem)


def error_of(
    request: Request[Any], fault: TransportFault, secrets: Iterable[Secret]
) -> errors.APIConnectionError | errors.MalformedResponseError:
    """Return the error for a request without a reply, with `secrets` masked in the transport's words."""
    operation = request.operation.id
    message = f"{operation}: {one_line(mask(fault.reason, secrets))}"
    if fault.kind is FaultKind.REPLY:
        return errors.MalformedResponseError(message, operation=operation, retryable=False)
    kind = errors.APITimeoutError if fault.kind is FaultKind.TIMEOUT else errors.APIConnectionError
    retryable = fault.not_sent or request.retry != "never"
    return kind(message, operation=operation, never_sent=fault.not_sent, retryable=retryable)


def out_of_time(request: Request[Any], log: AttemptLog, deadline: str) -> errors.APITimeoutError:
    """Return the error for an attempt that was not made, since the deadline described is over."""
    operation = request.operation.id
    again = " again" if log.may_have_arrived else ""
    error = errors.APITimeoutError(
        f"{operation} was not sent{again}: {deadline}", operation=operation, never_sent=True, retryable=True
    )
    error.attempts = log.attempts
    note_earlier_attempts(error, request, log)
    return error


def note_earlier_attempts(error: errors.ToastComputeError, request: Request[Any], log: AttemptLog) -> None:
    """Correct an error of the last step of a call by what earlier attempts may have done."""
    if log.may_have_arrived and isinstance(error, errors.APIConnectionError):
        error.never_sent = False
    if log.may_be_done and request.retry != "safe":
        error.add_note(f"{request.operation.id} was sent before, and may have been carried out.")


def final_error(
    error: errors.ToastComputeError, request: Request[Any], log: AttemptLog, *, not_done: bool
) -> errors.ToastComputeError:
    """Return the error that a call ends in: ambiguous unless it is certain that the request was not carried out."""
    error.attempts = log.attempts
    if request.retry != "never" or not_done:
        if isinstance(error, errors.APIConnectionError) and error.never_sent:
            note_earlier_attempts(error, request, log)
        return _with_hint(error, error)
    operation = request.operation.id
    ambiguous = errors.AmbiguousOutcomeError(
        f"{operation} may or may not have been carried out, check the state before sending it again: {error}",
        operation=operation,
    )
    ambiguous.attempts = log.attempts
    ambiguous.__cause__ = error
    return _with_hint(ambiguous, error)


def _with_hint(error: errors.ToastComputeError, cause: errors.ToastComputeError) -> errors.ToastComputeError:
    if (note := hint(cause)) is not None:
        error.add_note(note)
    return error


def hint(error: errors.ToastComputeError) -> str | None:
    """Return a sentence or two that may help, where the message does not say it already."""
    match error:
        case errors.AuthenticationError(operation="issueToken"):
            return f"The username or the password is wrong, or not of this appkey. {_DOCTOR}"
        case errors.AuthenticationError():
            return f"The service does not accept the token that it has issued. {_DOCTOR}"
        case errors.PermissionDeniedError():
            known = RESULT_CODES.get(error.result_code)
            meaning = "The user may not do this." if known is None else known.meaning
            return f"{meaning} {_DOCTOR}"
        case errors.APIError():
            known = RESULT_CODES.get(error.result_code)
            # The detail behind the colon of the message decides; without it, only the meaning of the code is left.
            return known.meaning if known is not None and known.retry == "read-detail" else None
        case errors.MalformedResponseError(path=None, status=int(status)) if _is_elsewhere(status):
            return f"Is the base_url that of the service? {_DOCTOR}"
        case _:
            return None


def _is_elsewhere(status: int) -> bool:
    return status == HTTPStatus.NOT_FOUND or status in _REDIRECTS

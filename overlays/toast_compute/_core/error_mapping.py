"""Which error does a failure become, by itself and at the end of a call?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from toast_compute_api.operation import Request

from .._effects import FaultKind, TransportFault
from .._redaction import Secret, mask, one_line
from ..errors import (
    AmbiguousOutcomeError,
    APIConnectionError,
    APITimeoutError,
    Attempt,
    MalformedResponseError,
    ToastComputeError,
)
from .hints import hint
from .retry import Failure, may_pass


def error_of(
    request: Request[Any], fault: TransportFault, secrets: Iterable[Secret]
) -> APIConnectionError | MalformedResponseError:
    """Return the error that says that no reply came to a request, with `secrets` masked in the transport's words."""
    operation = request.operation.id
    message = f"{operation}: {one_line(mask(fault.reason, secrets))}"
    retryable = fault.not_sent or request.retry != "never"
    if fault.kind is FaultKind.REPLY:
        return MalformedResponseError(message, operation=operation, retryable=False)
    kind = APITimeoutError if fault.kind is FaultKind.TIMEOUT else APIConnectionError
    return kind(message, operation=operation, never_sent=fault.not_sent, retryable=retryable)


def final_error(failure: Failure, request: Request[Any], attempts: tuple[Attempt, ...]) -> ToastComputeError:
    """Return the error with which a call ends; what must not be sent twice, and may have been done, is ambiguous."""
    error = failure.error
    error.attempts = attempts
    error.retryable = may_pass(failure, request.retry)
    if request.retry != "never" or failure.not_sent:
        return _with_hint(error, error)
    operation = request.operation.id
    ambiguous = AmbiguousOutcomeError(
        f"{operation} may or may not have been carried out, look before sending it again: {error}", operation=operation
    )
    ambiguous.attempts = attempts
    ambiguous.__cause__ = error
    return _with_hint(ambiguous, error)


def _with_hint(error: ToastComputeError, cause: ToastComputeError) -> ToastComputeError:
    if (note := hint(cause)) is not None:
        error.add_note(note)
    return error

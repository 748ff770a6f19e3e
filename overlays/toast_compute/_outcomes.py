"""Which error does a failure become, by itself and at the end of a call?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from toast_compute_runtime.operation import Request

from ._attempts import Attempt
from ._effects import FaultKind, TransportFault
from ._hints import hint
from ._retries import Failure, may_pass
from ._secret import Secret, mask
from ._words import one_line
from .errors import (
    AmbiguousOutcomeError,
    APIConnectionError,
    APITimeoutError,
    MalformedResponseError,
    ToastComputeError,
)


def error_of(
    request: Request[Any], fault: TransportFault, secrets: Iterable[Secret]
) -> APIConnectionError | MalformedResponseError:
    """Return the error that says that no reply came to a request, with `secrets` masked in the transport's words."""
    operation = request.operation.id
    message = f"{operation}: {one_line(mask(fault.reason, secrets))}"
    retryable = fault.never_left or request.retry != "never"
    if fault.kind is FaultKind.REPLY:
        return MalformedResponseError(message, operation=operation, retryable=False)
    kind = APITimeoutError if fault.kind is FaultKind.TIMEOUT else APIConnectionError
    return kind(message, operation=operation, never_sent=fault.never_left, retryable=retryable)


def final_error(failure: Failure, request: Request[Any], attempts: tuple[Attempt, ...]) -> ToastComputeError:
    """Return the error with which a call ends; what must not be sent twice, and may have been done, is ambiguous."""
    error = failure.error
    error.attempts = attempts
    error.retryable = may_pass(failure, request.retry)
    if request.retry != "never" or failure.never_left:
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

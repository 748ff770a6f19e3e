"""Which error does a refusing envelope become?

What a result code means is data of the contract; this module only says which class stands for which kind.
"""

from __future__ import annotations

from collections.abc import Iterable

from toast_compute_api.behaviour import RESULT_CODES, STATUS_KINDS, SUBSYSTEM_RANGES
from toast_compute_runtime.behaviour_types import http_status

from . import errors
from ._attempts import Attempt
from ._secret import Secret, mask
from ._words import one_line

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


def refusal(operation: str, code: int, message: str, secrets: Iterable[Secret]) -> errors.APIError:
    """Return the error for a result code, with `secrets` masked in the message."""
    message = mask(message, secrets)
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


def absent(operation: str, what: str, subsystem: str, attempts: tuple[Attempt, ...]) -> errors.NotFoundError:
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
    """Return whether the thing itself is missing, and not something else that was named, or the token."""
    return isinstance(error, errors.NotFoundError) and error.subsystem in (None, subsystem)


def proves_nothing_was_done(error: errors.APIError) -> bool:
    """Return whether the refusal means that the request was not carried out; a failure inside the service does not."""
    known = RESULT_CODES.get(error.result_code)
    return known is None or known.kind != "server-error" or known.retry != "support"


def asks_for_fresh_token(error: errors.APIError) -> bool:
    """Return whether the refusal may mean no more than that the token ended."""
    known = RESULT_CODES.get(error.result_code)
    return error.kind == "authentication" or (known is not None and known.retry == "fresh-token")

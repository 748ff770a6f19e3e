"""The errors that this package raises, and what each of them carries.

Every error derives from `ToastComputeError`, can be pickled and deep-copied, and shows no secret: secrets that the
service echoes are masked before an error is made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

__all__ = [
    "APIConnectionError",
    "APIError",
    "APITimeoutError",
    "AmbiguousOutcomeError",
    "AuthenticationError",
    "ConfigurationError",
    "ConflictError",
    "InstanceFailedError",
    "InvalidParametersError",
    "InvalidRequestError",
    "MalformedResponseError",
    "NotAllowedError",
    "NotFoundError",
    "NotSupportedError",
    "PermissionDeniedError",
    "ServerError",
    "ToastComputeError",
    "WaitTimeoutError",
]


class Attempt(NamedTuple):
    """One attempt to send a request. It holds no secret."""

    operation: str
    """The operationId."""
    started: float
    """Seconds from the start of the call."""
    elapsed: float
    """Seconds that it took."""
    outcome: str
    """`success`, or the name of the error's class, such as `APITimeoutError`."""
    result_code: int | None
    """`header.resultCode` of the reply, or None without one."""
    status: int | None
    """The HTTP status of the reply, or None without one."""
    decision: str
    """What followed, and why: `done`, `again after 0.8 s: ...` or `given up: ...`."""

    def __str__(self) -> str:
        code = "" if self.result_code is None else f" {self.result_code}"
        return f"{self.started:.1f} s {self.operation}: {self.outcome}{code} in {self.elapsed:.2f} s, {self.decision}"


class ToastComputeError(Exception):
    """The base of every error that this package raises.

    Attributes:
        operation: the operationId of the contract that was under way, or None without one.
        retryable: whether the same call is safe to repeat, and may succeed then.
        attempts: the attempts of the call, oldest first; empty when nothing was sent.
    """

    operation: str | None
    retryable: bool
    attempts: tuple[Attempt, ...]

    def __init__(self, message: str, *, operation: str | None = None, retryable: bool = False) -> None:
        super().__init__(message)
        self.operation = operation
        self.retryable = retryable
        self.attempts = ()

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _rebuild, (type(self), self.args, dict(self.__dict__))


def _rebuild(cls: type[ToastComputeError], args: tuple[Any, ...], state: dict[str, Any]) -> ToastComputeError:
    error = cls.__new__(cls, *args)
    error.__dict__.update(state)
    return error


class ConfigurationError(ToastComputeError):
    """A credential or a setting is missing or unusable. Nothing was sent."""


class InvalidRequestError(ToastComputeError):
    """The request breaks the contract. Nothing was sent.

    Attributes:
        path: the first invalid field by its name on the wire, such as `instance.networks[0].subnetId`.
        findings: all invalid fields, as pairs of a path and a reason.
    """

    path: str
    findings: tuple[tuple[str, str], ...]

    def __init__(
        self,
        message: str,
        *,
        path: str,
        operation: str | None = None,
        findings: tuple[tuple[str, str], ...] | None = None,
    ) -> None:
        super().__init__(message, operation=operation)
        self.path = path
        self.findings = ((path, message),) if findings is None else findings

    @classmethod
    def of(cls, operation: str, findings: tuple[tuple[str, str], ...]) -> InvalidRequestError:
        """Return the error for these findings, with each as `path: reason` in the message."""
        listed = "; ".join(f"{path}: {reason}" for path, reason in findings)
        return cls(f"{operation} was not sent: {listed}", path=findings[0][0], operation=operation, findings=findings)


class NotAllowedError(ToastComputeError):
    """The client may not do this, by its own `read_only` or `allow`. Nothing was sent."""


class APIConnectionError(ToastComputeError):
    """The service could not be reached, or the connection broke.

    Attributes:
        never_sent: whether the request provably was not sent.
    """

    never_sent: bool

    def __init__(self, message: str, *, operation: str, never_sent: bool, retryable: bool) -> None:
        super().__init__(message, operation=operation, retryable=retryable)
        self.never_sent = never_sent


class APITimeoutError(APIConnectionError):
    """The service did not answer in time."""


class MalformedResponseError(ToastComputeError):
    """The reply is not valid: not JSON, without an envelope, of the wrong shape, or of another HTTP status than 200.

    Attributes:
        status: the HTTP status, or None when the reply could not be read that far.
        path: where the reply breaks the contract, such as `instances[0].id`, or None when it is not JSON at all.
    """

    status: int | None
    path: str | None

    def __init__(
        self,
        message: str,
        *,
        operation: str,
        status: int | None = None,
        path: str | None = None,
        retryable: bool = False,
    ) -> None:
        super().__init__(message, operation=operation, retryable=retryable)
        self.status = status
        self.path = path


class AmbiguousOutcomeError(ToastComputeError):
    """A request that must not be sent twice may or may not have been carried out.

    It was sent, and no valid reply came back. Check the state (a list, a detail) before sending it again. The failure
    is the `__cause__`.

    Attributes:
        candidates: the instances in detail that may be the outcome, where the client searched for them.
    """

    candidates: tuple[Any, ...]

    def __init__(self, message: str, *, operation: str | None = None, candidates: Sequence[Any] = ()) -> None:
        super().__init__(message, operation=operation)
        self.candidates = tuple(candidates)


class APIError(ToastComputeError):
    """The service refused the request, so it was not carried out.

    Attributes:
        result_code: `header.resultCode` of the reply.
        result_message: `header.resultMessage` of the reply, with secrets masked.
        kind: the meaning of the code by `x-result-codes` of the contract, such as `not-found`; `other` when unknown.
        subsystem: the part of the service that refused, such as `instance` or `volume`, or None when unknown.
    """

    result_code: int
    result_message: str
    kind: str
    subsystem: str | None

    def __init__(
        self,
        message: str,
        *,
        operation: str,
        result_code: int,
        result_message: str,
        kind: str,
        subsystem: str | None = None,
        retryable: bool = False,
    ) -> None:
        super().__init__(message, operation=operation, retryable=retryable)
        self.result_code = result_code
        self.result_message = result_message
        self.kind = kind
        self.subsystem = subsystem


class PermissionDeniedError(APIError):
    """The user, the appkey or the token has no permission."""


class AuthenticationError(APIError):
    """The credentials are wrong."""


class InvalidParametersError(APIError):
    """A value in the URL or the body is missing or has the wrong format."""


class NotFoundError(APIError):
    """The resource does not exist.

    Also raised when the service returns an empty list for one resource; `result_code` is then 0.
    """


class ConflictError(APIError):
    """The resource is in a state that does not allow the request."""


class NotSupportedError(APIError):
    """The service does not support the feature."""


class ServerError(APIError):
    """The service failed."""


class WaitTimeoutError(ToastComputeError):
    """The deadline of a wait passed.

    Attributes:
        last: the last state seen: an `Instance`, a list of them in `wait_for_all`, or None when none was seen.
        timeout: the seconds that the wait was allowed to take.
    """

    last: Any
    timeout: float

    def __init__(self, message: str, *, last: Any, timeout: float, operation: str | None = None) -> None:
        super().__init__(message, operation=operation, retryable=True)
        self.last = last
        self.timeout = timeout


class InstanceFailedError(ToastComputeError):
    """The state that was waited for can no longer be reached.

    Attributes:
        last: the last state seen, an `Instance`.
    """

    last: Any

    def __init__(self, message: str, *, last: Any, operation: str | None = None) -> None:
        super().__init__(message, operation=operation)
        self.last = last

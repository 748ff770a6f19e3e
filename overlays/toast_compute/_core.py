"""How does one call go: token, request, judgement, and the error that each way to fail becomes?"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from toast_compute_api.api.tokens.get_token import get_token
from toast_compute_api.api.tokens.issue_token import issue_token
from toast_compute_api.models import Access, Credentials, TokenRequest, TokenSuccess
from toast_compute_api.operation import InvalidRequest, Request

from ._config import Settings, unusable
from ._effects import FaultKind, Plan, Reply, Send, TransportFault
from ._envelope import judge
from ._input import build
from ._refusals import asks_for_fresh_token
from ._secret import Secret
from ._tokens import TokenKeeper
from .errors import (
    AmbiguousOutcomeError,
    APIConnectionError,
    APIError,
    APITimeoutError,
    InvalidRequestError,
    MalformedResponseError,
)

S = TypeVar("S")


class Core:
    """What all calls of one client share. It does no I/O: its methods are plans for a driver."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._token_request = _token_request(settings)
        self._tokens = TokenKeeper(self.issue_token)

    @property
    def timeout(self) -> float:
        """The seconds that one request may take."""
        return self._settings.timeout

    def request(self, make: Callable[[str], Request[S]]) -> Request[S]:
        """Return the request that an endpoint function makes with the client's appkey.

        Raises:
            InvalidRequestError: it breaks the contract.
        """
        return build(lambda: make(self._settings.appkey.reveal()))

    def issue_token(self, timeout: float | None = None) -> Plan[Access]:
        """Issue a token. The one that calls use is not touched.

        Args:
            timeout: seconds, when not those of the client.
        """
        seconds = self._settings.timeout if timeout is None else timeout
        reply: TokenSuccess = yield from self._send(self._token_request, None, seconds, ())
        # Replies are read leniently; this value has to travel in a header.
        try:
            self.request(lambda appkey: get_token(appkey, id=reply.access.token.id))
        except InvalidRequestError:
            usable = False
        else:
            usable = True
        if not usable:
            raise MalformedResponseError(
                "issueToken: the reply breaks the contract at access.token.id",
                operation="issueToken",
                path="access.token.id",
            )
        return reply.access

    def call(self, request: Request[S], *, timeout: float | None = None, secrets: tuple[Secret, ...] = ()) -> Plan[S]:
        """Carry a request out and return its success.

        Args:
            request: what to send.
            timeout: seconds, when not those of the client.
            secrets: what the request carries beyond the client's own secrets, to be masked in errors.
        """
        seconds = self._settings.timeout if timeout is None else timeout
        if not request.operation.needs_token:
            return (yield from self._send(request, None, seconds, secrets))
        token = yield from self._token(request, seconds)
        try:
            return (yield from self._send(request, token, seconds, secrets))
        except APIError as refusal:
            if not asks_for_fresh_token(refusal):
                raise
        # A refusal says that the request was not carried out, so even a create may go again.
        token = yield from self._token(request, seconds, refused=token)
        return (yield from self._send(request, token, seconds, secrets))

    def _token(self, request: Request[S], seconds: float, refused: Secret | None = None) -> Plan[Secret]:
        try:
            return (yield from self._tokens.current(seconds, refused))
        except TransportFault as fault:
            failure = _error(request, fault)
        raise failure

    def _send(self, request: Request[S], token: Secret | None, timeout: float, extra: tuple[Secret, ...]) -> Plan[S]:
        failure: APIConnectionError | MalformedResponseError
        maybe_done = True
        try:
            reply: Reply = yield Send(request, token, timeout)
        except TransportFault as fault:
            failure = _error(request, fault)
            maybe_done = not fault.never_left
        else:
            verdict = judge(request, reply, self._secrets(token, extra))
            if isinstance(verdict, APIError):
                raise verdict
            if not isinstance(verdict, MalformedResponseError):
                return verdict
            failure = verdict
        if request.retry == "never" and maybe_done:
            operation = request.operation.id
            raise AmbiguousOutcomeError(
                f"{operation} may or may not have been carried out, look before sending it again: {failure}",
                operation=operation,
            ) from failure
        raise failure

    def _secrets(self, token: Secret | None, extra: tuple[Secret, ...]) -> tuple[Secret, ...]:
        sent = () if token is None else (token,)
        return (self._settings.appkey, self._settings.password, *self._tokens.known, *sent, *extra)


def _token_request(settings: Settings) -> Request[TokenSuccess]:
    try:
        return issue_token(
            settings.appkey.reveal(),
            body=TokenRequest(
                auth=Credentials(username=settings.username.reveal(), password=settings.password.reveal())
            ),
        )
    except InvalidRequest as problem:
        field, reason = problem.field.removeprefix("auth."), problem.reason
    # Outside of the handler: its traceback would show the values.
    raise unusable(field, reason)


def _error(request: Request[S], fault: TransportFault) -> APIConnectionError | MalformedResponseError:
    operation = request.operation.id
    message = f"{operation}: {fault.reason}"
    retryable = fault.never_left or request.retry != "never"
    if fault.kind is FaultKind.REPLY:
        return MalformedResponseError(message, operation=operation, retryable=False)
    kind = APITimeoutError if fault.kind is FaultKind.TIMEOUT else APIConnectionError
    return kind(message, operation=operation, never_sent=fault.never_left, retryable=retryable)

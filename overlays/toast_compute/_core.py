"""How does one call go: guard, token, tries, judgement, and the error that each way to fail becomes?"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from toast_compute_api.api.tokens.get_token import get_token
from toast_compute_api.api.tokens.issue_token import issue_token
from toast_compute_api.models import Access, Credentials, TokenRequest, TokenSuccess
from toast_compute_api.operation import InvalidRequest, Request

from ._attempts import Trail
from ._capture import Exchange, is_listening, note
from ._config import Settings, unusable
from ._deadline import Deadline, present, seconds_left, within
from ._effects import Draw, Plan, ReadClock, Reply, Send, Sleep, TransportFault
from ._envelope import judge
from ._guard import check_allowed
from ._input import build
from ._outcomes import error_of, final_error
from ._refusals import proves_nothing_was_done
from ._retries import Failure, RetryBudget, Verdict, delay, judge_failure, retry_after
from ._secret import Secret
from ._settling import Settle
from ._tokens import TokenKeeper, token_key
from .errors import (
    APIError,
    APITimeoutError,
    InvalidRequestError,
    MalformedResponseError,
    ToastComputeError,
)

S = TypeVar("S")

_log = logging.getLogger("toast_compute")


class Core:
    """What all calls of one client share. It does no I/O: its methods are plans for a driver."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._token_request = _token_request(settings)
        self._tokens = TokenKeeper(
            self._issue,
            issue_once=self._issue_once,
            store=settings.token_store,
            key=token_key(settings.base_url, settings.appkey, settings.username),
        )
        self._budget = RetryBudget()

    @property
    def timeout(self) -> float:
        """The seconds that one request may take."""
        return self._settings.timeout

    def remaining(self) -> Plan[float]:
        """Return the seconds that the present deadline leaves; infinitely many without one."""
        deadline = present(self)
        if deadline is None:
            return math.inf
        now: float = yield ReadClock()
        return seconds_left(deadline, now)

    def request(self, make: Callable[[str], Request[S]]) -> Request[S]:
        """Return the request that an endpoint function makes with the client's appkey.

        Raises:
            InvalidRequestError: it breaks the contract.
        """
        return build(lambda: make(self._settings.appkey.reveal()))

    def issue_token(self, timeout: float | None = None, *, max_retries: int | None = None) -> Plan[Access]:
        """Issue a token. The one that calls use is not touched.

        Args:
            timeout: seconds for one try, when not those of the client.
            max_retries: how often it is tried again, when not as often as the client does.
        """
        reply: TokenSuccess | None = yield from self._call(
            _Call(self._token_request, timeout, (), "", max_retries=max_retries)
        )
        assert reply is not None
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

    def _issue(self, seconds: float) -> Plan[Access]:
        """Issue a token within so many seconds, all tries together."""
        now: float = yield ReadClock()
        with within(Deadline(self, seconds, now)):
            return (yield from self.issue_token(seconds))

    def _issue_once(self, seconds: float) -> Plan[Access]:
        return (yield from self.issue_token(seconds, max_retries=0))

    def check_allowed(self, request: Request[S], action: str = "") -> None:
        """Raise NotAllowedError when the client may not send this."""
        settings = self._settings
        check_allowed(request.operation, action, read_only=settings.read_only, allow=settings.allow)

    def call(
        self,
        request: Request[S],
        *,
        timeout: float | None = None,
        secrets: tuple[Secret, ...] = (),
        action: str = "",
    ) -> Plan[S]:
        """Carry a request out, trying again where that is safe, and return its success.

        Args:
            request: what to send.
            timeout: seconds for one try, when not those of the client.
            secrets: what the request carries beyond the client's own secrets, to be masked in errors.
            action: the action, for the operation whose body is one.

        Raises:
            NotAllowedError: the client may not do this.
            AmbiguousOutcomeError: it must not be sent twice, and may have been carried out.
            ToastComputeError: any other failure, with the trail of tries in `attempts`.
        """
        success = yield from self._call(_Call(request, timeout, secrets, action))
        assert success is not None
        return success

    def change(
        self, request: Request[S], settle: Settle, *, timeout: float | None = None, action: str = ""
    ) -> Plan[S | None]:
        """Do what `call` does with a request that may be sent twice.

        When a try was lost and the next is refused, `settle` says whether that means that the lost one was carried out;
        the success is None then.
        """
        return (yield from self._call(_Call(request, timeout, (), action, settle)))

    def _call(self, call: _Call[S]) -> Plan[S | None]:
        settings, request = self._settings, call.request
        self.check_allowed(request, call.action)
        deadline = present(self)
        began: float = yield ReadClock()
        trail = Trail(request.operation.id, began)
        number, renewed, lost = 1, False, False
        refused: Secret | None = None
        while True:
            token = None
            if request.operation.needs_token:
                token = yield from self._token(call, refused, deadline, trail)
            outcome = yield from self._try(call, token, deadline, trail)
            if not isinstance(outcome, Failure):
                trail.decide("done")
                self._budget.give_back()
                return outcome
            error = outcome.error
            if lost and call.settle is not None and isinstance(error, APIError) and (yield from call.settle(error)):
                trail.decide("done: the try before was carried out")
                return None
            lost = lost or not outcome.never_left
            verdict = judge_failure(
                outcome,
                request.retry,
                number=number,
                max_retries=settings.max_retries if call.max_retries is None else call.max_retries,
                renewed=renewed or token is None,
            )
            if verdict.fresh_token:
                refused, renewed = token, True
                trail.decide(f"again {verdict.reason}")
                continue
            pause = yield from self._pause(outcome, verdict, number, deadline)
            if isinstance(pause, str):
                trail.decide(f"given up: {pause}")
                final = final_error(outcome, request, trail.attempts)
                if deadline is not None:
                    now: float = yield ReadClock()
                    if seconds_left(deadline, now) <= 0:
                        final.add_note(deadline.story(now))
                raise final
            trail.decide(f"again after {pause:.1f} s: {verdict.reason}")
            yield Sleep(pause)
            _spend(deadline, "back-off", pause)
            number += 1

    def _token(self, call: _Call[S], refused: Secret | None, deadline: Deadline | None, trail: Trail) -> Plan[Secret]:
        began: float = yield ReadClock()
        seconds = self._seconds(call, deadline, began, trail)
        failure: ToastComputeError | None = None
        token: Secret | None = None
        try:
            token = yield from self._tokens.current(seconds, refused)
        except TransportFault as fault:
            failure = error_of(call.request, fault)
            failure.attempts = trail.attempts
        except ToastComputeError as error:
            failure = error
        if deadline is not None:
            now: float = yield ReadClock()
            deadline.spend("token", now - began)
        if token is None:
            assert failure is not None
            raise failure
        return token

    def _try(self, call: _Call[S], token: Secret | None, deadline: Deadline | None, trail: Trail) -> Plan[S | Failure]:
        """Send the request once, and say how it ended."""
        request = call.request
        at: float = yield ReadClock()
        seconds = self._seconds(call, deadline, at, trail)
        reply: Reply | None = None
        try:
            answer: Reply = yield Send(request, token, seconds)
        except TransportFault as fault:
            result: S | Failure = Failure(error_of(request, fault), fault.never_left)
        except BaseException as interrupt:
            # An interrupt or a cancellation is not ours to turn into an error, and yet whoever pays has to know.
            if request.retry == "never" and not isinstance(interrupt, Exception):
                said = f"{request.operation.id} may or may not have been carried out, look before sending it again"
                interrupt.add_note(said)
                _log.warning("%s", said)
            raise
        else:
            result, reply = self._judged(call, token, answer), answer
        status = None if reply is None else reply.status
        done: float = yield ReadClock()
        if request.operation.needs_token:  # the time of the others is that of a token
            _spend(deadline, "tries", done - at)
        error = result.error if isinstance(result, Failure) else None
        code = error.result_code if isinstance(error, APIError) else None if error is not None else 0
        trail.add(at, done, "success" if error is None else type(error).__name__, result_code=code, status=status)
        if reply is not None and is_listening(self):
            parsed = None if isinstance(result, Failure) else result
            headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in reply.headers)
            note(self, Exchange(request.operation.id, reply.status, headers, reply.body, parsed, trail.attempts))
        return result

    def _judged(self, call: _Call[S], token: Secret | None, reply: Reply) -> S | Failure:
        sent = () if token is None else (token,)
        secrets = (self._settings.appkey, self._settings.password, *self._tokens.known, *sent, *call.secrets)
        verdict = judge(call.request, reply, secrets)
        if isinstance(verdict, APIError):
            return Failure(verdict, never_left=proves_nothing_was_done(verdict))
        if isinstance(verdict, MalformedResponseError):
            return Failure(verdict, never_left=False, retry_after=retry_after(reply.headers))
        return verdict

    def _seconds(self, call: _Call[S], deadline: Deadline | None, now: float, trail: Trail) -> float:
        """The seconds that the next step may take. Raises APITimeoutError when the deadline leaves none."""
        own = self._settings.timeout if call.timeout is None else call.timeout
        left = seconds_left(deadline, now)
        if left > 0:
            return min(own, left)
        assert deadline is not None
        operation = call.request.operation.id
        error = APITimeoutError(
            f"{operation} was not sent: {deadline.story(now)}", operation=operation, never_sent=True, retryable=True
        )
        error.attempts = trail.attempts
        raise error

    def _pause(self, failure: Failure, verdict: Verdict, number: int, deadline: Deadline | None) -> Plan[float | str]:
        """The seconds until the next try, or why there is none."""
        if not verdict.again:
            return verdict.reason
        chance: float = yield Draw()
        pause = delay(failure, number=number, chance=chance)
        if deadline is not None:
            now: float = yield ReadClock()
            if pause >= seconds_left(deadline, now):
                return (
                    f"{verdict.reason}, but {deadline.story(now)}"
                    if seconds_left(deadline, now) <= 0
                    else (f"{verdict.reason}, but the deadline leaves no time for another try")
                )
        if not self._budget.take():
            return f"{verdict.reason}, but too many calls of this client are being repeated"
        return pause


@dataclass(frozen=True, slots=True)
class _Call(Generic[S]):
    request: Request[S]
    timeout: float | None
    secrets: tuple[Secret, ...]
    action: str
    settle: Settle | None = None
    max_retries: int | None = None


def _spend(deadline: Deadline | None, what: str, seconds: float) -> None:
    if deadline is not None:
        deadline.spend(what, seconds)


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

"""One call: permission, token, attempts, judgement, and the error that it ends in."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from toast_compute_api.models import ResultHeader
from toast_compute_runtime.operation import Operation, Request

from .._effects import Effects, Random, ReadClock, Reply, Send, Sleep, TransportFault
from .._redaction import Secret
from ..errors import APIError, MalformedResponseError, ToastComputeError
from .attempts import AttemptLog
from .call_token import CallToken, RenewalBackoff, TokenSource
from .capture import is_listening, report
from .deadline import TimeLimit
from .envelope import judge
from .error_mapping import error_of, final_error, note_earlier_attempts, out_of_time, refusal
from .retry import (
    Failure,
    RetryBudget,
    Verdict,
    asks_for_fresh_token,
    delay,
    is_transient,
    judge_failure,
    proves_nothing_was_done,
    retry_after,
)

S = TypeVar("S")

OutcomeProbe: TypeAlias = Callable[[APIError], Effects[bool]]
"""Finds out whether a refusal means that an earlier attempt, whose reply was lost, was carried out."""

_log = logging.getLogger("toast_compute")


@dataclass(frozen=True, slots=True)
class CallContext:
    """What all calls of one client have in common."""

    owner: object
    """Whose deadlines and captures hold: the core of the client."""
    timeout: float
    """Seconds for one attempt."""
    long_timeout: float
    """Seconds for one attempt of what must not be sent twice."""
    max_retries: int
    secrets: tuple[Secret, ...]
    """What to mask in errors."""
    check_allowed: Callable[[Operation, str], None]
    """Raises NotAllowedError for an operation, or an action of it, that the client may not send."""
    tokens: TokenSource
    budget: RetryBudget
    backoff: RenewalBackoff


class Call(Generic[S]):
    """One call under way."""

    def __init__(
        self,
        context: CallContext,
        request: Request[S],
        *,
        timeout: float | None = None,
        secrets: tuple[Secret, ...] = (),
        action: str = "",
        probe: OutcomeProbe | None = None,
        max_retries: int | None = None,
    ) -> None:
        """Prepare a call.

        Args:
            context: what it has in common with the other calls of its client.
            request: what to send.
            timeout: seconds for one attempt, when not those of the client.
            secrets: what the request carries besides the client's own secrets, to be masked in errors.
            action: the action, for the operation whose body is one.
            probe: finds out whether an earlier attempt was carried out.
            max_retries: how often it is sent again, when not as often as the client does.
        """
        self._context = context
        self._request = request
        self._secrets = secrets
        self._action = action
        self._probe = probe
        self._max_retries = context.max_retries if max_retries is None else max_retries
        if timeout is None:
            timeout = context.long_timeout if request.retry == "never" else context.timeout
        self._time = TimeLimit(context.owner, timeout)
        self.log: AttemptLog
        """The attempts so far, from the moment when the call runs."""
        self.ended = 0.0
        """When the last attempt ended, by the clock."""

    def run(self) -> Effects[S]:
        """Carry the request out, and return its success.

        Raises:
            NotAllowedError: the client may not do this.
            AmbiguousOutcomeError: it must not be sent twice, and may have been carried out.
            ToastComputeError: any other failure, with the log of attempts in `attempts`.
        """
        success = yield from self.run_or_confirm()
        assert success is not None, "only a probe makes a success without a reply"
        return success

    def run_or_confirm(self) -> Effects[S | None]:
        """Do what `run` does, and return None for a success that only the probe saw."""
        context, request = self._context, self._request
        context.check_allowed(request.operation, self._action)
        _, now = yield ReadClock()
        log = self.log = AttemptLog(request.operation.id, now)
        call_token = CallToken(context.tokens, context.backoff, self._action or request.operation.id)
        number = 1
        while True:
            token: Secret | None = None
            if request.operation.needs_token:
                token = call_token.held(now)
                if token is None:
                    token, now = yield from self._current_token(call_token, now)
            outcome = yield from self._attempt(token, now)
            if not isinstance(outcome, Failure):
                context.budget.refill()
                return outcome
            now = self.ended
            error = outcome.error
            # The state decides before the words of the refusal do: an earlier attempt may be why this one is refused.
            if log.may_be_done and isinstance(error, APIError) and (yield from self._is_confirmed(error)):
                log.decide("done: the attempt before was carried out")
                return None
            log.may_be_done = log.may_be_done or not outcome.not_done
            verdict = judge_failure(
                outcome,
                request.retry,
                number=number,
                max_retries=self._max_retries,
                no_renewal=call_token.why_no_renewal(token, now),
            )
            if verdict.fresh_token and token is not None:
                call_token.refuse(token)
                log.decide(f"again {verdict.reason}")
                continue
            if token is not None and asks_for_fresh_token(error):
                call_token.note_final_refusal(token, now)
            pause, now = yield from self._pause(outcome, verdict, number, now)
            if isinstance(pause, str):
                log.decide(f"given up: {pause}")
                error.retryable = is_transient(error, request.retry)
                final = final_error(error, request, log, not_done=outcome.not_done)
                if self._time.is_over(now):
                    final.add_note(self._time.explain(now))
                raise final
            log.decide(f"again after {pause:.1f} s: {verdict.reason}")
            _, now = yield Sleep(pause)
            self._time.spend("back-off", pause)
            number += 1

    def _is_confirmed(self, error: APIError) -> Effects[bool]:
        return self._probe is not None and (yield from self._probe(error))

    def _current_token(self, call_token: CallToken, began: float) -> Effects[tuple[Secret, float]]:
        # Who waits longer for the reply to a create does so for nothing else.
        seconds = min(self._seconds(began), self._context.timeout)
        failure: ToastComputeError | None = None
        token: Secret | None = None
        try:
            token = yield from call_token.current(seconds)
        except TransportFault as fault:
            failure = error_of(self._request, fault, self._all_secrets(None))
            failure.attempts = self.log.attempts
        except ToastComputeError as error:
            failure = error
            failure.attempts = self.log.followed_by(error.attempts, began)
        _, now = yield ReadClock()
        self._time.spend("token", now - began)
        if token is None:
            assert failure is not None
            note_earlier_attempts(failure, self._request, self.log)
            raise failure
        return token, now

    def _attempt(self, token: Secret | None, began: float) -> Effects[S | Failure]:
        """Send the request once, and return how it ended."""
        request, log = self._request, self.log
        seconds = self._seconds(began)
        reply: Reply | None = None
        answer: tuple[Reply, float] | None = None
        failure: Failure | None = None
        try:
            answer = yield Send(request, token, seconds, min(seconds, self._context.timeout))
        except TransportFault as fault:
            log.may_have_arrived = log.may_have_arrived or not fault.not_sent
            failure = Failure(error_of(request, fault, self._all_secrets(token)), fault.not_sent)
        except BaseException as interrupt:
            # An interrupt stays what it is; the user still has to learn that there may be a bill.
            if request.retry == "never" and not isinstance(interrupt, Exception):
                name = request.operation.id
                warning = f"{name} may or may not have been carried out, check the state before sending it again"
                interrupt.add_note(warning)
                _log.warning("%s", warning)
            raise
        if answer is None:
            assert failure is not None
            result: S | Failure = failure
            _, self.ended = yield ReadClock()
        else:
            log.may_have_arrived = True
            reply, self.ended = answer
            result = self._judged(token, reply)
        if request.operation.needs_token:  # the time of the others is that of a token
            self._time.spend("attempts", self.ended - began)
        error = result.error if isinstance(result, Failure) else None
        log.add(
            began,
            self.ended,
            "success" if error is None else type(error).__name__,
            result_code=error.result_code if isinstance(error, APIError) else None if error is not None else 0,
            status=None if reply is None else reply.status,
        )
        if error is None:
            log.decide("done")
        if reply is not None and is_listening(self._context.owner):
            parsed = None if isinstance(result, Failure) else result
            report(self._context.owner, request.operation.id, reply, parsed, log.attempts)
        return result

    def _judged(self, token: Secret | None, reply: Reply) -> S | Failure:
        verdict = judge(self._request, reply)
        if isinstance(verdict, ResultHeader):
            error = refusal(self._request.operation.id, verdict, self._all_secrets(token))
            return Failure(error, not_done=proves_nothing_was_done(error))
        if isinstance(verdict, MalformedResponseError):
            return Failure(verdict, not_done=False, retry_after=retry_after(reply.headers))
        return verdict

    def _all_secrets(self, token: Secret | None) -> tuple[Secret, ...]:
        sent = () if token is None else (token,)
        return (*self._context.secrets, *self._context.tokens.known, *sent, *self._secrets)

    def _seconds(self, now: float) -> float:
        """Return the seconds that the next step may take. Raises APITimeoutError when the deadline leaves none."""
        if self._time.is_over(now):
            raise out_of_time(self._request, self.log, self._time.explain(now))
        return self._time.for_attempt(now)

    def _pause(self, failure: Failure, verdict: Verdict, number: int, now: float) -> Effects[tuple[float | str, float]]:
        """Return the seconds until the next attempt, or why there is none; and the time."""
        if not verdict.again:
            return verdict.reason, now
        chance, now = yield Random()
        pause = delay(failure, number=number, chance=chance)
        if self._time.is_over(now):
            return f"{verdict.reason}, but {self._time.explain(now)}", now
        if pause >= self._time.left(now):
            return f"{verdict.reason}, but the deadline leaves no time for another attempt", now
        if not self._context.budget.take():
            return f"{verdict.reason}, but too many calls of this client are being repeated", now
        return pause, now

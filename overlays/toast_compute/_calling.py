"""How does one call go: guard, token, tries, judgement, and the error that each way to fail becomes?"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Generic, TypeVar

from toast_compute_runtime.operation import Request

from ._attempts import Trail
from ._capture import Exchange, is_listening, note
from ._config import Settings
from ._deadline import Deadline, present, seconds_left
from ._effects import Draw, Plan, ReadClock, Reply, Send, Sleep, TransportFault
from ._envelope import judge
from ._guard import check_allowed
from ._outcomes import error_of, final_error
from ._refusals import asks_for_fresh_token, proves_nothing_was_done
from ._retries import Failure, RetryBudget, UselessRenewals, Verdict, delay, judge_failure, retry_after
from ._secret import Secret
from ._settling import Settle
from ._tokens import TokenKeeper
from .errors import APIConnectionError, APIError, APITimeoutError, MalformedResponseError, ToastComputeError

S = TypeVar("S")

_log = logging.getLogger("toast_compute")


@dataclass(frozen=True, slots=True)
class Common:
    """What all calls of one client have in common."""

    owner: object
    """Whose deadlines and captures hold: the core of the client."""
    settings: Settings
    tokens: TokenKeeper
    budget: RetryBudget
    useless: UselessRenewals


class Call(Generic[S]):
    """One call under way."""

    def __init__(
        self,
        common: Common,
        request: Request[S],
        *,
        timeout: float | None = None,
        secrets: tuple[Secret, ...] = (),
        action: str = "",
        settle: Settle | None = None,
        max_retries: int | None = None,
    ) -> None:
        """Begin a call.

        Args:
            common: what it has in common with the other calls of its client.
            request: what to send.
            timeout: seconds for one try, when not those of the client.
            secrets: what the request carries beyond the client's own secrets, to be masked in errors.
            action: the action, for the operation whose body is one.
            settle: says whether a refusal means that an earlier try, whose reply was lost, was carried out.
            max_retries: how often it is tried again, when not as often as the client does.
        """
        settings = common.settings
        self._common = common
        self._request = request
        self._timeout = settings.seconds_for(request.retry) if timeout is None else timeout
        self._secrets = secrets
        self._action = action
        self._what = action or request.operation.id
        self._settle = settle
        self._max_retries = settings.max_retries if max_retries is None else max_retries
        self._deadline = present(common.owner)
        self._has_left = False
        """Whether a try may have reached the service."""
        self._is_lost = False
        """Whether one of them may have been carried out."""
        self.trail = Trail(request.operation.id)

    def run(self) -> Plan[S | None]:
        """Carry the request out; None stands for a success that only `settle` saw.

        Raises:
            NotAllowedError: the client may not do this.
            AmbiguousOutcomeError: it must not be sent twice, and may have been carried out.
            ToastComputeError: any other failure, with the trail of tries in `attempts`.
        """
        common, request, trail = self._common, self._request, self.trail
        operation = request.operation
        settings = common.settings
        check_allowed(operation, self._action, read_only=settings.read_only, allow=settings.allow)
        now: float = yield ReadClock()
        trail.begin(now)
        number, renewed = 1, False
        refused: Secret | None = None
        while True:
            token = (yield from self._token(refused)) if operation.needs_token else None
            outcome = yield from self._try(token)
            if not isinstance(outcome, Failure):
                trail.decide("done")
                common.budget.give_back()
                return outcome
            error = outcome.error
            settle = self._settle if self._is_lost else None
            if settle is not None and isinstance(error, APIError) and (yield from settle(error)):
                trail.decide("done: the try before was carried out")
                return None
            self._is_lost = self._is_lost or not outcome.never_left
            now = yield ReadClock()
            verdict = judge_failure(
                outcome,
                request.retry,
                number=number,
                max_retries=self._max_retries,
                no_renewal=self._why_no_renewal(token, renewed, now),
            )
            if verdict.fresh_token:
                refused, renewed = token, True
                trail.decide(f"again {verdict.reason}")
                continue
            if token is not None and isinstance(error, APIError) and asks_for_fresh_token(error):
                self._note_refused(token, now)
            pause = yield from self._pause(outcome, verdict, number)
            if isinstance(pause, str):
                trail.decide(f"given up: {pause}")
                final = final_error(outcome, request, trail.attempts)
                if isinstance(final, APIConnectionError) and final.never_sent:
                    self._say_if_sent_before(final)
                yield from self._say_if_over(final)
                raise final
            trail.decide(f"again after {pause:.1f} s: {verdict.reason}")
            yield Sleep(pause)
            self._spend("back-off", pause)
            number += 1

    def _why_no_renewal(self, token: Secret | None, renewed: bool, now: float) -> str:
        if token is None:
            return "the credentials were refused"
        if renewed:
            return "a fresh token was refused, too"
        if self._common.useless.is_useless(self._what, token, now):
            return "this token was fresh when it was refused for the same a moment ago"
        return ""

    def _note_refused(self, token: Secret, now: float) -> None:
        if self._common.tokens.is_fresh(token, now) and not self._common.useless.is_useless(self._what, token, now):
            self._common.useless.note(self._what, token, now)

    def _token(self, refused: Secret | None) -> Plan[Secret]:
        began: float = yield ReadClock()
        # Who waits longer for the reply to a create does so for nothing else.
        seconds = min(self._seconds(began), self._common.settings.timeout)
        failure: ToastComputeError | None = None
        token: Secret | None = None
        try:
            token = yield from self._common.tokens.current(seconds, refused)
        except TransportFault as fault:
            failure = error_of(self._request, fault, self._all_secrets(None))
            failure.attempts = self.trail.attempts
        except ToastComputeError as error:
            failure = error
            failure.attempts = self.trail.followed_by(error.attempts, began)
        now: float = yield ReadClock()
        self._spend("token", now - began)
        if token is None:
            assert failure is not None
            self._say_if_sent_before(failure)
            raise failure
        return token

    def _say_if_sent_before(self, failure: ToastComputeError) -> None:
        if self._has_left and isinstance(failure, APIConnectionError):
            failure.never_sent = False
        if self._is_lost and self._request.retry != "safe":
            failure.add_note(f"{self._request.operation.id} was sent before, and may have been carried out.")

    def _try(self, token: Secret | None) -> Plan[S | Failure]:
        """Send the request once, and say how it ended."""
        request = self._request
        at: float = yield ReadClock()
        seconds = self._seconds(at)
        reply: Reply | None = None
        try:
            answer: Reply = yield Send(request, token, seconds, min(seconds, self._common.settings.timeout))
        except TransportFault as fault:
            self._has_left = self._has_left or not fault.never_left
            result: S | Failure = Failure(error_of(request, fault, self._all_secrets(token)), fault.never_left)
        except BaseException as interrupt:
            # An interrupt or a cancellation is not ours to turn into an error, and yet whoever pays has to know.
            if request.retry == "never" and not isinstance(interrupt, Exception):
                said = f"{request.operation.id} may or may not have been carried out, look before sending it again"
                interrupt.add_note(said)
                _log.warning("%s", said)
            raise
        else:
            self._has_left = True
            result, reply = self._judged(token, answer), answer
        done: float = yield ReadClock()
        if request.operation.needs_token:  # the time of the others is that of a token
            self._spend("tries", done - at)
        error = result.error if isinstance(result, Failure) else None
        code = error.result_code if isinstance(error, APIError) else None if error is not None else 0
        self.trail.add(
            at,
            done,
            "success" if error is None else type(error).__name__,
            result_code=code,
            status=None if reply is None else reply.status,
        )
        if reply is not None and is_listening(self._common.owner):
            parsed = None if isinstance(result, Failure) else result
            headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in reply.headers)
            exchange = Exchange(request.operation.id, reply.status, headers, reply.body, parsed, self.trail.attempts)
            note(self._common.owner, exchange)
        return result

    def _judged(self, token: Secret | None, reply: Reply) -> S | Failure:
        verdict = judge(self._request, reply, self._all_secrets(token))
        if isinstance(verdict, APIError):
            return Failure(verdict, never_left=proves_nothing_was_done(verdict))
        if isinstance(verdict, MalformedResponseError):
            return Failure(verdict, never_left=False, retry_after=retry_after(reply.headers))
        return verdict

    def _all_secrets(self, token: Secret | None) -> tuple[Secret, ...]:
        settings = self._common.settings
        sent = () if token is None else (token,)
        return (settings.appkey, settings.password, *self._common.tokens.known, *sent, *self._secrets)

    def _seconds(self, now: float) -> float:
        """The seconds that the next step may take. Raises APITimeoutError when the deadline leaves none."""
        left = seconds_left(self._deadline, now)
        if left > 0:
            return min(self._timeout, left)
        assert self._deadline is not None
        operation = self._request.operation.id
        again = " again" if self._has_left else ""
        error = APITimeoutError(
            f"{operation} was not sent{again}: {self._deadline.story(now)}",
            operation=operation,
            never_sent=True,
            retryable=True,
        )
        error.attempts = self.trail.attempts
        self._say_if_sent_before(error)
        raise error

    def _pause(self, failure: Failure, verdict: Verdict, number: int) -> Plan[float | str]:
        """The seconds until the next try, or why there is none."""
        if not verdict.again:
            return verdict.reason
        chance: float = yield Draw()
        pause = delay(failure, number=number, chance=chance)
        if self._deadline is not None:
            now: float = yield ReadClock()
            left = seconds_left(self._deadline, now)
            if left <= 0:
                return f"{verdict.reason}, but {self._deadline.story(now)}"
            if pause >= left:
                return f"{verdict.reason}, but the deadline leaves no time for another try"
        if not self._common.budget.take():
            return f"{verdict.reason}, but too many calls of this client are being repeated"
        return pause

    def _say_if_over(self, error: ToastComputeError) -> Plan[None]:
        deadline: Deadline | None = self._deadline
        if deadline is not None:
            now: float = yield ReadClock()
            if seconds_left(deadline, now) <= 0:
                error.add_note(deadline.story(now))

    def _spend(self, what: str, seconds: float) -> None:
        if self._deadline is not None:
            self._deadline.spend(what, seconds)

"""What can be asked of a client's core: requests, calls, and tokens?"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

from toast_compute_api.api.tokens.get_token import get_token
from toast_compute_api.api.tokens.issue_token import issue_token
from toast_compute_api.models import Access, Credentials, TokenRequest, TokenSuccess
from toast_compute_runtime.operation import InvalidRequest, Request

from ._attempts import Attempt
from ._calling import Call, Common
from ._config import Settings, unusable
from ._deadline import Deadline, present, seconds_left, within
from ._effects import Plan, ReadClock, Sleep
from ._guard import check_allowed
from ._input import build
from ._retries import RetryBudget, UselessRenewals
from ._secret import Secret
from ._settling import Settle
from ._tokens import TokenKeeper, token_key
from .errors import InvalidRequestError, MalformedResponseError

S = TypeVar("S")


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
        self._common = Common(self, settings, self._tokens, RetryBudget(), UselessRenewals())

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

    def pause(self, seconds: float) -> Plan[bool]:
        """Wait for some seconds and return True, or return False at once when the deadline does not leave as many."""
        if (yield from self.remaining()) <= seconds:
            return False
        yield Sleep(seconds)
        return True

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
        reply = yield from Call(self._common, self._token_request, timeout=timeout, max_retries=max_retries).run()
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
        success, _ = yield from self.traced(request, timeout=timeout, secrets=secrets, action=action)
        return success

    def traced(
        self,
        request: Request[S],
        *,
        timeout: float | None = None,
        secrets: tuple[Secret, ...] = (),
        action: str = "",
    ) -> Plan[tuple[S, tuple[Attempt, ...]]]:
        """Do what `call` does, and return the trail of tries beside the success."""
        call = Call(self._common, request, timeout=timeout, secrets=secrets, action=action)
        success = yield from call.run()
        assert success is not None
        return success, call.trail.attempts

    def change(
        self, request: Request[S], settle: Settle, *, timeout: float | None = None, action: str = ""
    ) -> Plan[S | None]:
        """Do what `call` does with a request that may be sent twice.

        When a try was lost and the next is refused, `settle` says whether that means that the lost one was carried out;
        the success is None then.
        """
        return (yield from Call(self._common, request, timeout=timeout, action=action, settle=settle).run())


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

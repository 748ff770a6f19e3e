"""The core of a client: the state that its calls share, and how calls and tokens are made from it."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from toast_compute_api.api.tokens.get_token import get_token
from toast_compute_api.api.tokens.issue_token import issue_token
from toast_compute_api.models import Access, Credentials, TokenRequest, TokenSuccess
from toast_compute_runtime.operation import InvalidRequest, Request

from .._auth.token_manager import TokenManager, token_key
from .._config.permissions import check_allowed
from .._config.settings import Settings, unusable
from .._effects import Effects, ReadClock, Sleep
from .._redaction import Secret
from ..errors import InvalidRequestError, MalformedResponseError
from .call import Call, CallContext, OutcomeProbe
from .call_token import RenewalBackoff
from .deadline import Deadline, present, seconds_left, within
from .retry import RetryBudget, is_transient

S = TypeVar("S")
T = TypeVar("T")


class Core:
    """What all calls of one client share. It does no I/O: its generators are run by a driver."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._token_request = _token_request(settings)
        self._tokens = TokenManager(
            self._issue,
            is_transient=lambda error: is_transient(error, "renewal"),
            issue_once=self._issue_once,
            store=settings.token_store,
            key=token_key(settings.base_url, settings.appkey, settings.username),
        )
        self._state: dict[Callable[[], Any], Any] = {}
        self._context = CallContext(
            owner=self,
            timeout=settings.timeout,
            long_timeout=settings.long_timeout,
            max_retries=settings.max_retries,
            secrets=(settings.appkey, settings.password),
            check_allowed=partial(check_allowed, read_only=settings.read_only, allow=settings.allow),
            tokens=self._tokens,
            budget=RetryBudget(),
            backoff=RenewalBackoff(),
        )

    def state(self, make: Callable[[], T]) -> T:
        """Return what `make` makes for this client: the same one each time, made when it is first asked for."""
        if make not in self._state:
            self._state.setdefault(make, make())  # of two threads that ask at once, both get the one stored first
        found: T = self._state[make]
        return found

    @property
    def timeout(self) -> float:
        """The seconds that one request may take."""
        return self._settings.timeout

    def remaining(self) -> Effects[float]:
        """Return the seconds that the present deadline leaves; infinitely many without one."""
        deadline = present(self)
        if deadline is None:
            return math.inf
        _, now = yield ReadClock()
        return seconds_left(deadline, now)

    def pause(self, seconds: float) -> Effects[bool]:
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
        try:
            return make(self._settings.appkey.reveal())
        except InvalidRequest as problem:
            operation, path, reason = problem.operation, problem.field, problem.reason
        # Outside of the handler: the traceback of the generated code would show the values.
        raise InvalidRequestError.of(operation, ((path, reason),))

    def issue_token(self, timeout: float | None = None, *, max_retries: int | None = None) -> Effects[Access]:
        """Issue a token. The one that calls use is not touched.

        Args:
            timeout: seconds for one try, when not those of the client.
            max_retries: how often it is tried again, when not as often as the client does.
        """
        reply = yield from Call(self._context, self._token_request, timeout=timeout, max_retries=max_retries).run()
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

    def _issue(self, seconds: float) -> Effects[Access]:
        """Issue a token within so many seconds, all tries together."""
        _, now = yield ReadClock()
        with within(Deadline(self, seconds, now)):
            return (yield from self.issue_token(seconds))

    def _issue_once(self, seconds: float) -> Effects[Access]:
        return (yield from self.issue_token(seconds, max_retries=0))

    def check_allowed(self, request: Request[S], action: str = "") -> None:
        """Raise NotAllowedError when the client may not send this."""
        self._context.check_allowed(request.operation, action)

    def prepare(
        self,
        request: Request[S],
        *,
        timeout: float | None = None,
        secrets: tuple[Secret, ...] = (),
        action: str = "",
        probe: OutcomeProbe | None = None,
    ) -> Call[S]:
        """Return the call that sends a request; its `run` carries it out. The arguments are those of `Call`."""
        return Call(self._context, request, timeout=timeout, secrets=secrets, action=action, probe=probe)

    def call(self, request: Request[S]) -> Effects[S]:
        """Carry a request out, sending it again where that is safe, and return its success."""
        return Call(self._context, request).run()


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

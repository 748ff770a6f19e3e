"""Retries: which failures are transient, what follows from a failure, and how long to wait before the next attempt.

Whether an operation may be sent twice is data of the contract (`x-retry`); which failures are transient is the one
table here, for calls, for the polls of a wait, and for the renewal of a token.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from typing import Literal, TypeAlias

from toast_compute_api.behaviour import RESULT_CODES
from toast_compute_runtime.operation import Retry

from .._effects import TransportFault
from ..errors import APIConnectionError, APIError, MalformedResponseError, ServerError, ToastComputeError

FIRST_DELAY = 0.5
LAST_DELAY = 8.0
# A reply that asks for a longer wait ends the call: the caller learns it at once and can decide.
LONGEST_RETRY_AFTER = 60.0

BUDGET = 100.0
_COST_OF_RETRY = 5.0
_GAIN_OF_SUCCESS = 1.0

Use: TypeAlias = Retry | Literal["poll", "renewal"]
"""What the answer is for: a call by its `x-retry`, a poll of a wait, or a renewal while the old token still holds."""


class FailureKind(Enum):
    """The kinds of failure that are treated alike."""

    NOT_SENT = auto()
    NO_REPLY = auto()
    """The connection ended, the time was over, or what came back was not HTTP."""
    BUSY_GATEWAY = auto()
    """HTTP status 429, 502, 503 or 504: how gateways answer when the service behind them is busy or away."""
    OTHER_PAGE = auto()
    """Another HTTP status than 200, or a body without an envelope: a gateway answers in its own words."""
    WRONG_SHAPE = auto()
    """An envelope whose content breaks the contract: it is the service's own."""
    FAILED = auto()
    """Result code -1: the authentication module could not be reached, or the state does not allow the request."""
    UNEXPECTED = auto()
    """Result code -2: an unexpected error of the service."""
    OTHER_SERVER_ERROR = auto()
    """Another failure inside the service, such as result code -6: a query of its database failed."""
    REFUSED = auto()
    """Any other refusal, and every failure that is not the service's or the network's."""


_USES: tuple[Use, ...] = ("safe", "idempotent", "never", "poll", "renewal")
# Where the columns differ:
# - Calls: what may have been carried out is sent again only where that does no harm. -1 may be about the state, and
#   only a read has no state that could be wrong. A page or a failed query would most likely come again within seconds.
# - Polls: a wait has minutes, and one odd page or one failed query must not end it. An envelope of the wrong shape
#   stays wrong, so it ends a wait too.
# - Renewals: everything but a refusal is absorbed, since the old token still holds and nothing is lost.
_TABLE: dict[FailureKind, tuple[bool, bool, bool, bool, bool]] = {
    #                                 safe   idempotent never poll  renewal
    FailureKind.NOT_SENT: (True, True, True, True, True),
    FailureKind.NO_REPLY: (True, True, False, True, True),
    FailureKind.BUSY_GATEWAY: (True, True, False, True, True),
    FailureKind.OTHER_PAGE: (False, False, False, True, True),
    FailureKind.WRONG_SHAPE: (False, False, False, False, True),
    FailureKind.FAILED: (True, False, False, True, True),
    FailureKind.UNEXPECTED: (True, True, False, True, True),
    FailureKind.OTHER_SERVER_ERROR: (False, False, False, True, True),
    FailureKind.REFUSED: (False, False, False, False, False),
}
_BUSY = frozenset({429, 502, 503, 504})
_BY_CODE = {-1: FailureKind.FAILED, -2: FailureKind.UNEXPECTED}
_ABOUT_THE_REPLY = frozenset({FailureKind.BUSY_GATEWAY, FailureKind.OTHER_PAGE, FailureKind.WRONG_SHAPE})


def is_transient(error: Exception, use: Use) -> bool:
    """Return whether the failure may be gone at the next attempt, and the user of the answer may make one."""
    return _TABLE[kind_of(error)][_USES.index(use)]


def kind_of(error: Exception) -> FailureKind:
    """Return the kind of a failure."""
    match error:
        case APIConnectionError(never_sent=not_sent) | TransportFault(not_sent=not_sent):
            return FailureKind.NOT_SENT if not_sent else FailureKind.NO_REPLY
        case MalformedResponseError(path=str()):
            return FailureKind.WRONG_SHAPE
        case MalformedResponseError(status=None):
            return FailureKind.NO_REPLY
        case MalformedResponseError(status=status):
            return FailureKind.BUSY_GATEWAY if status in _BUSY else FailureKind.OTHER_PAGE
        case ServerError(result_code=code):
            return _BY_CODE.get(code, FailureKind.OTHER_SERVER_ERROR)
        case _:
            return FailureKind.REFUSED


def proves_nothing_was_done(error: APIError) -> bool:
    """Return whether the refusal means that the request was not carried out; a failure inside the service does not."""
    known = RESULT_CODES.get(error.result_code)
    return known is None or known.kind != "server-error" or known.retry != "support"


def asks_for_fresh_token(error: Exception) -> bool:
    """Return whether the failure may mean no more than that the token ended."""
    if not isinstance(error, APIError):
        return False
    known = RESULT_CODES.get(error.result_code)
    return error.kind == "authentication" or (known is not None and known.retry == "fresh-token")


class RetryBudget:
    """Bounds the retries of all calls of a client together, so that many of them do not become a storm.

    Twenty retries at once, and after that one for every five successes. Threads share it without a lock: a retry more
    or less in a storm does not matter.
    """

    def __init__(self) -> None:
        self._left = BUDGET

    def take(self) -> bool:
        """Return whether one more retry may be made, and count it if so."""
        if self._left < _COST_OF_RETRY:
            return False
        self._left -= _COST_OF_RETRY
        return True

    def refill(self) -> None:
        """Count a success."""
        if self._left < BUDGET:
            self._left = min(BUDGET, self._left + _GAIN_OF_SUCCESS)


@dataclass(frozen=True, slots=True)
class Failure:
    """How one attempt ended, if not in a success."""

    error: ToastComputeError
    not_done: bool
    """Whether it is certain that the request was not carried out: it was not sent, or it was refused."""
    retry_after: float | None = None
    """Seconds that the reply asks to wait, if it does."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from a failure."""

    again: bool
    reason: str
    fresh_token: bool = False


def judge_failure(failure: Failure, retry: Retry, *, number: int, max_retries: int, no_renewal: str) -> Verdict:
    """Return whether attempt `number` is followed by another; `no_renewal` is why a fresh token cannot help, if so."""
    error = failure.error
    if asks_for_fresh_token(error):
        if no_renewal:
            return Verdict(False, no_renewal)
        # A refusal says that the request was not carried out, so even a create may go again.
        return Verdict(True, "with a fresh token", fresh_token=True)
    reason = _reason(error, retry)
    if not is_transient(error, retry):
        return Verdict(False, reason)
    if number > max_retries:
        return Verdict(False, f"{reason}, and it was sent again {max_retries} times already" if max_retries else reason)
    if failure.retry_after is not None and failure.retry_after > LONGEST_RETRY_AFTER:
        asked, longest = failure.retry_after, LONGEST_RETRY_AFTER
        return Verdict(False, f"the reply asks to wait {asked:.0f} s, which is more than {longest:.0f} s")
    return Verdict(True, reason)


def delay(failure: Failure, *, number: int, chance: float) -> float:
    """Return the seconds to wait after attempt `number`; `chance` is from 0 up to 1 (full jitter)."""
    jittered = chance * min(LAST_DELAY, FIRST_DELAY * 2 ** (number - 1))
    return float(max(jittered, failure.retry_after or 0.0))


def retry_after(headers: tuple[tuple[bytes, bytes], ...]) -> float | None:
    """Return the seconds that a reply's Retry-After asks for: a number, or a date against the reply's own Date.

    A date without the other means nothing, since the clock here may be wrong.
    """
    values = {name.lower(): value.decode("latin-1").strip() for name, value in headers}
    asked = values.get(b"retry-after")
    if asked is None:
        return None
    if asked.isascii() and asked.isdigit():
        return float(asked.lstrip("0")[:9] or 0)
    moment, now = _date(asked), _date(values.get(b"date", ""))
    return None if moment is None or now is None else max(0.0, (moment - now).total_seconds())


def _reason(error: ToastComputeError, retry: Retry) -> str:
    """Return why there is another attempt, or why there is none, for the log of attempts."""
    kind, again = kind_of(error), is_transient(error, retry)
    if kind is FailureKind.NOT_SENT:
        return "it was not sent"
    if retry == "never" and (kind is FailureKind.NO_REPLY or kind in _ABOUT_THE_REPLY):
        return "it may have been carried out, and must not be carried out twice"
    if kind is FailureKind.NO_REPLY:
        return "no reply came, and it may be carried out twice"
    if isinstance(error, MalformedResponseError):
        return f"HTTP status {error.status} may be transient" if again else "the reply cannot be understood"
    if again and isinstance(error, APIError):
        return f"result code {error.result_code} may be transient"
    return "the same request would be refused again"


def _date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)

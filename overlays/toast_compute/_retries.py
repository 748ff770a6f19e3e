"""Is a request sent again, when, and why not?

Whether an operation may be sent twice is said by `x-retry` in the contract; this module only knows which failures pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from toast_compute_runtime.operation import Retry

from ._refusals import asks_for_fresh_token
from ._secret import Secret
from .errors import APIConnectionError, APIError, MalformedResponseError, ToastComputeError

DEFAULT_MAX_RETRIES = 2
FIRST_DELAY = 0.5
LAST_DELAY = 8.0
# Who asks for more is not waited for: the caller learns it at once and can decide.
LONGEST_RETRY_AFTER = 60.0

# What gateways answer when the service behind them is busy or away for a moment.
_PASSING_STATUSES = frozenset({429, 502, 503, 504})
# "The authentication module could not be reached, or the request cannot be carried out in the present state": a read
# has no state that could be wrong.
_FAIL = -1
_UNKNOWN_EXCEPTION = -2

# For so long after a fresh token was refused as well, the same change or read does not have it replaced: it is the
# permission that is missing, and each call would issue a token.
USELESS_SECONDS = 60.0

BUDGET = 100.0
_COST_OF_RETRY = 5.0
_GAIN_OF_SUCCESS = 1.0


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

    def give_back(self) -> None:
        """Count a success."""
        if self._left < BUDGET:
            self._left = min(BUDGET, self._left + _GAIN_OF_SUCCESS)


class UselessRenewals:
    """Remembers which fresh tokens did not help, and for what. Threads share it: one more token does not matter."""

    def __init__(self) -> None:
        self._refused: dict[str, tuple[Secret, float]] = {}

    def note(self, what: str, token: Secret, now: float) -> None:
        """Note that a token was refused that was issued a moment ago."""
        self._refused[what] = (token, now + USELESS_SECONDS)

    def is_useless(self, what: str, token: Secret, now: float) -> bool:
        """Return whether it is that token that is refused again. Any other may have come to its end."""
        refused, until = self._refused.get(what, (None, now))
        return token == refused and now < until


@dataclass(frozen=True, slots=True)
class Failure:
    """How one try ended, if not in a success."""

    error: ToastComputeError
    never_left: bool
    """Whether the request provably never left this machine, or was refused: either way it was not carried out."""
    retry_after: float | None = None
    """Seconds that the reply asks to wait, if it does."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from a failure."""

    again: bool
    reason: str
    fresh_token: bool = False


def judge_failure(failure: Failure, retry: Retry, *, number: int, max_retries: int, no_renewal: str) -> Verdict:
    """Return whether try number `number` is followed by another; `no_renewal` says why a fresh token cannot help."""
    error = failure.error
    if isinstance(error, APIError) and asks_for_fresh_token(error):
        if no_renewal:
            return Verdict(False, no_renewal)
        # A refusal says that the request was not carried out, so even a create may go again.
        return Verdict(True, "with a fresh token", fresh_token=True)
    passes, what = _passes(failure, retry)
    if not passes:
        return Verdict(False, what)
    if number > max_retries:
        return Verdict(False, f"{what}, and it was sent again {max_retries} times already" if max_retries else what)
    if failure.retry_after is not None and failure.retry_after > LONGEST_RETRY_AFTER:
        asked, longest = failure.retry_after, LONGEST_RETRY_AFTER
        return Verdict(False, f"the reply asks to wait {asked:.0f} s, which is more than {longest:.0f} s")
    return Verdict(True, what)


def may_pass(failure: Failure, retry: Retry) -> bool:
    """Return whether the same call may be made again as it stands and may then succeed."""
    return _passes(failure, retry)[0]


def delay(failure: Failure, *, number: int, chance: float) -> float:
    """Return the seconds to wait after try number `number`; `chance` is from 0 up to 1 (full jitter)."""
    jittered = chance * min(LAST_DELAY, FIRST_DELAY * 2 ** (number - 1))
    return float(max(jittered, failure.retry_after or 0.0))


def retry_after(headers: tuple[tuple[bytes, bytes], ...]) -> float | None:
    """Return the seconds that a reply's Retry-After asks for: a number, or a date against the reply's own Date.

    A date without the other says nothing, since the clock here may be wrong.
    """
    values = {name.lower(): value.decode("latin-1").strip() for name, value in headers}
    asked = values.get(b"retry-after")
    if asked is None:
        return None
    if asked.isascii() and asked.isdigit():
        return float(asked.lstrip("0")[:9] or 0)
    moment, now = _date(asked), _date(values.get(b"date", ""))
    return None if moment is None or now is None else max(0.0, (moment - now).total_seconds())


def _passes(failure: Failure, retry: Retry) -> tuple[bool, str]:
    """Whether the failure may be gone the next time and the request may be sent then, and why (not)."""
    error = failure.error
    if isinstance(error, APIConnectionError):
        if failure.never_left:
            return True, "it never left this machine"
        if retry == "never":
            return False, "it may have been carried out, and must not be carried out twice"
        return True, "no reply came, and it may be carried out twice"
    if isinstance(error, MalformedResponseError):
        if retry == "never":
            return False, "it may have been carried out, and must not be carried out twice"
        if error.status is None:
            return True, "what came back is no reply, and it may be carried out twice"
        if error.status in _PASSING_STATUSES:
            return True, f"HTTP status {error.status} may pass"
        return False, "the reply cannot be understood"
    if isinstance(error, APIError):
        code = error.result_code
        if (code == _FAIL and retry == "safe") or (code == _UNKNOWN_EXCEPTION and retry != "never"):
            return True, f"result code {code} may pass"
    return False, "the same request would be refused again"


def _date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)

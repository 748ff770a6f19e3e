"""Was the caller told the truth? Holds what a call came to against the requests that the mock has noted for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from toast_compute import AmbiguousOutcomeError, APIConnectionError, APIError, MalformedResponseError, ToastComputeError
from toast_compute_mock.journal import Entry
from toast_compute_mock.worlds import TOKEN_LIFETIME

from .facts import asks_for_fresh_token, kind_of, operations, proves_nothing
from .troubles import NEVER, Trouble

_TRIES = 3  # the first, and two more: what the stories' clients are told
_ROUNDING = 1e-3
TOKEN = "issueToken"
# A client may use all of a token's life but the last two minutes.
LIFE = TOKEN_LIFETIME.total_seconds() - 120.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call came to, and what it did on the way."""

    operation: str
    action: str
    value: Any
    error: Exception | None
    entries: Sequence[Entry]
    """All requests that arrived for it."""
    began: float
    ended: float
    trouble: Trouble | None

    @property
    def own(self) -> list[Entry]:
        """The requests of the operation itself, without the looks and tokens around it."""
        return [entry for entry in self.entries if (entry.operation, entry.action) == (self.operation, self.action)]

    @property
    def retry(self) -> str:
        """Whether the operation may be sent twice."""
        return operations()[self.operation].retry_of(self.action)

    @property
    def applied(self) -> int:
        """How often it was carried out."""
        return sum(entry.applied for entry in self.own)

    @property
    def is_troubled(self) -> bool:
        """Whether something went wrong on the way."""
        return any(entry.faults for entry in self.entries)


def problems_of_outcome(outcome: Outcome) -> Iterator[str]:
    """Yield what is wrong with what the caller of one operation was told."""
    name, error = outcome.action or outcome.operation, outcome.error
    yield from problems_of_any_outcome(outcome)
    if error is None and not outcome.applied and not (outcome.is_troubled and len(outcome.own) > 1):
        yield f"{name} was told to have succeeded, and it was not carried out"
    if isinstance(error, APIError) and outcome.applied and outcome.trouble is not None:
        yield f"{name} was told to be refused ({type(error).__name__}), and it was carried out"
    yield from problems_of_trouble(outcome, name)


def problems_of_any_outcome(outcome: Outcome) -> Iterator[str]:
    """Yield what is wrong with what was sent and told, whatever and how much went wrong on the way."""
    name, error = outcome.action or outcome.operation, outcome.error
    yield from _sent_too_often(outcome, name)
    if outcome.retry == NEVER and outcome.applied > 1:
        yield f"{name} was carried out {outcome.applied} times"
    yield from problems_of_tries(outcome)
    if isinstance(error, AmbiguousOutcomeError) and (outcome.retry != NEVER or not outcome.is_troubled):
        yield f"{name} was told to be ambiguous, and it is not"
    if outcome.retry == NEVER and isinstance(error, APIError) and proves_nothing(error.result_code):
        yield f"{name} was told to be refused with {error.result_code}, which proves nothing"
    if outcome.retry == NEVER and isinstance(error, APIConnectionError | MalformedResponseError) and outcome.own:
        yield f"{type(error).__name__} hides that {name} may have been carried out"


def problems_of_tries(outcome: Outcome) -> Iterator[str]:
    """Yield what is wrong with what an error tells of the requests that were sent for a call."""
    name, error, own = outcome.action or outcome.operation, outcome.error, outcome.own
    failures = (error, error.__cause__) if error is not None else ()
    if own and any(isinstance(one, APIConnectionError) and one.never_sent for one in failures):
        yield f"{name} was told never to have been sent, and it arrived"
    told = sum(one.operation == outcome.operation for one in getattr(error, "attempts", ()))
    if error is not None and told < len(own):
        yield f"{name} arrived {len(own)} times, and the error tells of {told} tries"


def problems_when_it_lasts(outcome: Outcome) -> Iterator[str]:
    """Yield what is wrong, when the trouble lasts, with the number of tries and with what is said of calling again."""
    trouble, error, name = outcome.trouble, outcome.error, outcome.action or outcome.operation
    if trouble is None or not isinstance(error, ToastComputeError):
        return
    passes = trouble.is_final or (outcome.retry in trouble.survived and not _is_about_a_token(trouble))
    if error.retryable != (passes and outcome.retry != NEVER):
        yield f"{name} may {'not ' if error.retryable else ''}be called again, and the error says something else"
    due = 2 if _is_about_a_token(trouble) else _TRIES if outcome.retry in trouble.survived - {NEVER} else 1
    if len(outcome.own) != due:
        yield f"{name} was tried {len(outcome.own)} times and not {due}, and {trouble.says}"


def _is_about_a_token(trouble: Trouble) -> bool:
    return trouble.code is not None and asks_for_fresh_token(trouble.code)


def problems_of_trouble(outcome: Outcome, name: str) -> Iterator[str]:
    """Yield what is wrong with how the SDK dealt with what went wrong, if it did."""
    trouble, error, took = outcome.trouble, outcome.error, outcome.ended - outcome.began
    if trouble is None or not outcome.is_troubled:
        if isinstance(error, APIConnectionError | MalformedResponseError):
            yield f"{name} failed though nothing went wrong: {error}"
        return
    if trouble.is_final and error is None:
        yield f"{name} was sent again, and {trouble.says}"
    if took > trouble.at_most:
        yield f"{name} took {took:g} s, and {trouble.says}"
    if outcome.retry not in trouble.survived:
        return
    if trouble.pauses and len(outcome.own) > 1 and took <= 0:
        yield f"{name} was sent again without a pause, and {trouble.says}"
    if took < trouble.at_least - _ROUNDING:
        yield f"{name} took {took:g} s, and {trouble.says}"
    if error is not None and not isinstance(error, APIError):
        yield f"{type(error).__name__} though {name} could be sent again"
    if isinstance(error, APIError) and error.result_code == trouble.code:
        yield f"{name} was not tried again after the result code {trouble.code}"


def problems_of_tokens(
    entries: Sequence[Entry], began: float, ended: float, issued: float | None, others: int
) -> Iterator[str]:
    """Yield what is wrong with the tokens that a call has issued beside what it is for.

    `issued` is when the client's token was issued; None when it has none. `others` is how many others issued one.
    """
    asked = [entry for entry in entries if entry.operation == TOKEN]
    refused = sum(entry.result_code is not None and asks_for_fresh_token(entry.result_code) for entry in entries)
    broken = sum(bool(entry.faults) for entry in asked)
    aged = issued is None or ended - issued >= LIFE
    most = others + refused + broken + (1 + int((ended - began) / LIFE) if aged else 0)
    if len(asked) > most:
        yield f"{len(asked)} tokens were issued, and {most} would do"


def kind_of_entry(entry: Entry) -> str:
    """Return how a request ended in the mock: "success", or the kind of the refusal."""
    return "success" if entry.result_code == 0 else kind_of(entry.result_code or 0)


def _sent_too_often(outcome: Outcome, name: str) -> Iterator[str]:
    own = outcome.own
    refused = sum(entry.result_code is not None and asks_for_fresh_token(entry.result_code) for entry in own)
    most = (1 if outcome.retry == NEVER else _TRIES) + min(refused, 1)
    if len(own) > most:
        yield f"{name} was sent {len(own)} times"
    if outcome.retry == NEVER and any(
        entry.result_code is None or not asks_for_fresh_token(entry.result_code) for entry in own[:-1]
    ):
        yield f"{name} was sent again though it may have been carried out"

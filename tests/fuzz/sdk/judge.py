"""Judge what a caller was told about a call against the requests that the mock recorded for it."""

from __future__ import annotations

from collections.abc import Iterator

from toast_compute import AmbiguousOutcomeError, APIConnectionError, APIError, MalformedResponseError, ToastComputeError

from .bench import LIFETIME, Outcome
from .contract import NEVER, TOKEN, asks_for_fresh_token, proves_nothing

ATTEMPTS = 3  # the first, and two more: what the clients here are told
_ROUNDING = 1e-3
USABLE = LIFETIME - 120.0
"""A client may use all of a token's life but the last two minutes."""


def problems_of_outcome(outcome: Outcome) -> Iterator[str]:
    """Yield what is wrong with a call in which at most one fault struck."""
    name, error = outcome.name, outcome.error
    yield from problems_of_any_outcome(outcome)
    if error is None and not outcome.applied and not (outcome.is_faulty and len(outcome.own) > 1):
        yield f"{name} was reported done, and it was not carried out"
    if isinstance(error, APIError) and outcome.applied and outcome.case is not None:
        yield f"{name} was reported refused ({type(error).__name__}), and it was carried out"
    yield from problems_of_recovery(outcome)


def problems_of_any_outcome(outcome: Outcome) -> Iterator[str]:
    """Yield what is wrong with what was sent and reported, whatever and however often it went wrong."""
    name, error, own, is_never = outcome.name, outcome.error, outcome.own, outcome.call.retry == NEVER
    refused = [asks_for_fresh_token(entry.result_code) for entry in own]
    if len(own) > (1 if is_never else ATTEMPTS) + any(refused):
        yield f"{name} was sent {len(own)} times"
    if is_never and not all(refused[:-1]):
        yield f"{name} was sent again though it may have been carried out"
    if is_never and outcome.applied > 1:
        yield f"{name} was carried out {outcome.applied} times"
    yield from problems_of_attempts(outcome)
    if isinstance(error, AmbiguousOutcomeError) and not (is_never and outcome.is_faulty):
        yield f"{name} was reported ambiguous, and it is not"
    if is_never and isinstance(error, APIError) and proves_nothing(error.result_code):
        yield f"{name} was reported refused with {error.result_code}, which proves nothing"
    if is_never and isinstance(error, APIConnectionError | MalformedResponseError) and own:
        yield f"{type(error).__name__} hides that {name} may have been carried out"


def problems_of_attempts(outcome: Outcome) -> Iterator[str]:
    """Yield what is wrong with what an error reports of the requests that were sent."""
    name, error, own = outcome.name, outcome.error, outcome.own
    failures = (error, error.__cause__) if error is not None else ()
    if own and any(isinstance(one, APIConnectionError) and one.never_sent for one in failures):
        yield f"{name} was reported never sent, and it arrived"
    reported = attempts_in(outcome)
    if error is not None and reported < len(own):
        yield f"{name} arrived {len(own)} times, and the error reports {reported} attempts"


def attempts_in(outcome: Outcome) -> int:
    """Return how many attempts an error reports of the operation itself."""
    return sum(one.operation == outcome.call.operation for one in getattr(outcome.error, "attempts", ()))


def problems_when_it_lasts(outcome: Outcome) -> Iterator[str]:
    """Yield what is wrong, when a fault strikes every time, with the attempts and with `retryable`."""
    case, error, name = outcome.case, outcome.error, outcome.name
    if case is None or not isinstance(error, ToastComputeError):
        return
    is_about_token, is_survived = asks_for_fresh_token(case.code), outcome.call.retry in case.survived
    if error.retryable != (outcome.call.retry != NEVER and (case.is_final or (is_survived and not is_about_token))):
        yield f"{name} failed for {case.name}, and retryable is {error.retryable}"
    due = 2 if is_about_token else ATTEMPTS if is_survived and outcome.call.retry != NEVER else 1
    if len(outcome.own) != due:
        yield f"{name} was sent {len(outcome.own)} times and not {due} at {case.name}"


def problems_of_recovery(outcome: Outcome) -> Iterator[str]:
    """Yield what is wrong with how the SDK recovered from a fault, if one struck."""
    case, error, name, took = outcome.case, outcome.error, outcome.name, outcome.took
    if case is None or not outcome.is_faulty:
        if isinstance(error, APIConnectionError | MalformedResponseError):
            yield f"{name} failed though no fault struck: {error}"
        return
    if case.is_final and error is None:
        yield f"{name} was sent again after {case.name}"
    if took > case.at_most:
        yield f"{name} took {took:g} s at {case.name}"
    if outcome.call.retry not in case.survived:
        return
    if case.pauses and len(outcome.own) > 1 and took <= 0:
        yield f"{name} was sent again without a pause after {case.name}"
    if took < case.at_least - _ROUNDING:
        yield f"{name} took {took:g} s at {case.name}"
    if error is not None and not isinstance(error, APIError):
        yield f"{type(error).__name__} though {name} could be sent again"
    if isinstance(error, APIError) and error.result_code == case.code:
        yield f"{name} was not tried again after the result code {case.code}"


def problems_of_tokens(outcome: Outcome, issued: float | None, others: int) -> Iterator[str]:
    """Yield what is wrong with the tokens that a call issued in addition to its own request.

    The client's token was `issued` then, or never; others issued so many meanwhile.
    """
    asked = [entry for entry in outcome.entries if entry.operation == TOKEN]
    refused = sum(asks_for_fresh_token(entry.result_code) for entry in outcome.entries)
    broken = sum(bool(entry.faults) for entry in asked)
    has_aged = issued is None or outcome.ended - issued >= USABLE
    most = others + refused + broken + (1 + int(outcome.took / USABLE) if has_aged else 0)
    if len(asked) > most:
        yield f"{len(asked)} tokens were issued, and {most} would do"

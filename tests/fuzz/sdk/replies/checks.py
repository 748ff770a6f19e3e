"""Judge the result of a call against what it was served and the contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import toast_compute as sdk
from toast_compute.batches import BatchResult

from ..calls import Call
from ..contract import (
    NEVER,
    Schema,
    asks_for_fresh_token,
    document,
    kind_of,
    proves_nothing,
    schema_named,
    validator,
)
from ..judge import ATTEMPTS
from ..secrecy import problems_of_error, shows
from .service import SECRETS, Served
from .values import LARGEST_WHOLE, comparable

# The errors of a call that was sent; the others mean that nothing was.
_AFTER_SENDING = (
    sdk.APIConnectionError,
    sdk.APIError,
    sdk.AmbiguousOutcomeError,
    sdk.InstanceFailedError,
    sdk.MalformedResponseError,
    sdk.WaitTimeoutError,
)


@dataclass(frozen=True, slots=True)
class Result:
    """What a call returned or raised."""

    value: Any = None
    error: Exception | None = None
    parsed: Any = None
    """The last success of the operation that the SDK understood, as a whole."""
    asked: tuple[str, ...] = ()
    """The operations that were asked for."""


Expectation = Callable[[Call, Result], Iterator[str]]
"""Yields what is wrong with the result of a call."""


def problems(call: Call, served: Served, result: Result) -> Iterator[str]:
    """Yield what is wrong whatever was served: the result is a valid object or a typed error, and nothing else."""
    yield from _sent_too_often(call, served, result)
    if result.error is not None:
        yield from _problems_of_failure(call, served, result.error)
        return
    if isinstance(result.value, BatchResult):
        for error in result.value.failed.values():
            yield from _problems_of_failure(call, served, error)
    elif shows(repr(result.value), SECRETS):
        yield f"the repr of a {type(result.value).__name__} shows a secret"
    if result.parsed is None:
        return
    if served.status != 200:
        yield f"a reply with HTTP status {served.status} was taken for a success"
    finding = next(
        validator(schema_named(call.success), has_open_enums=True).iter_errors(
            _small(msgspec.to_builtins(result.parsed))
        ),
        None,
    )
    if finding is not None:
        place = "/".join(str(part) for part in finding.instance_path)
        yield f"a reply was taken for a success that breaks the contract at {place or 'its top'}"


def is_success(meaning: dict[str, Any], literal: dict[str, Any]) -> Expectation:
    """Expect that a reply was understood, as a whole and in what the method returns."""

    def check(call: Call, result: Result) -> Iterator[str]:
        returns = call.returns
        expected = returns(literal if call.operation == "request" else meaning) if returns is not None else None
        is_absent = expected is sdk.NotFoundError
        if result.error is not None:
            if returns is not None and not (is_absent and isinstance(result.error, sdk.NotFoundError)):
                yield f"{type(result.error).__name__} for a reply that obeys the contract: {result.error}"
            return
        if is_absent:
            yield "something was returned that the reply does not have"
            return
        schema = schema_named(call.success)
        if returns is not None and result.parsed is None:
            yield "no reply was understood, and yet there is a result"
        if result.parsed is not None:
            understood = comparable(msgspec.to_builtins(result.parsed), schema)
            if understood != comparable(meaning, schema):
                yield "the reply, decoded and encoded again, is another one"
        if returns is not None and not _is_same(result.value, expected, schema):
            yield "what the method returned is not what the reply holds"

    return check


def is_refusal(code: int, message: str) -> Expectation:
    """Expect the error that stands for a result code, with its message."""

    def check(call: Call, result: Result) -> Iterator[str]:
        errors = result.value.failed.values() if isinstance(result.value, BatchResult) else [result.error]
        for error in errors:
            yield from _problems_of_refusal(call, error, code, message)

    return check


def _problems_of_refusal(call: Call, error: Exception | None, code: int, message: str) -> Iterator[str]:
    kind = kind_of(code)
    if call.returns is None and isinstance(error, sdk.WaitTimeoutError):
        return  # a wait tolerates failures that may pass
    if isinstance(error, sdk.AmbiguousOutcomeError):
        # A failure inside the service does not prove that nothing was done.
        listed = {known["code"]: known for known in document()["x-result-codes"]["codes"]}
        if listed.get(code, {}).get("retry") != "support":
            yield f"AmbiguousOutcomeError for the refusal {code}"
        return
    if call.method == "instances.wait_until_deleted" and kind == "not-found" and error is None:
        return
    if not isinstance(error, sdk.APIError):
        yield f"{type(error).__name__} for the refusal {code}"
        return
    camel = "".join(part.title() for part in kind.removesuffix("-error").split("-"))
    wanted = "APIError" if kind == "other" else f"{camel}Error"
    if type(error).__name__ != wanted or error.kind != kind:
        yield f"{type(error).__name__} of kind {error.kind} for {code}, which is {kind}"
    if error.result_code != code:
        yield f"result_code is {error.result_code} for {code}"
    if error.result_message != message:
        yield "result_message is not that of the reply"


def _problems_of_failure(call: Call, served: Served, error: Exception) -> Iterator[str]:
    # The variables of frames take long to read: only where secrets may have got into them.
    may_quote = served.error is not None or any(secret.encode() in served.body for secret in SECRETS)
    yield from problems_of_error(error, SECRETS, with_locals=may_quote)
    if not isinstance(error, _AFTER_SENDING):
        yield f"{type(error).__name__} is not an error of a request that was sent"
    is_never = call.retry == NEVER
    if isinstance(error, sdk.AmbiguousOutcomeError) and not is_never:
        yield f"AmbiguousOutcomeError for {call.operation}, which is safe to retry"
    if is_never and isinstance(error, sdk.APIError) and proves_nothing(error.result_code):
        yield f"{error.result_code}, which proves nothing, is reported as a refusal"
    if is_never and not isinstance(error, sdk.AmbiguousOutcomeError | sdk.APIError) and not served.is_unsent:
        yield f"{type(error).__name__} hides that {call.operation} may have been carried out"
    if isinstance(error, sdk.APIConnectionError) and error.never_sent != served.is_unsent:
        yield f"never_sent is {error.never_sent} for a request that was {'not ' if served.is_unsent else ''}sent"


def _sent_too_often(call: Call, served: Served, result: Result) -> Iterator[str]:
    if call.returns is None:  # it makes more than one call
        return
    most = 1 if call.retry == NEVER and not served.is_unsent else ATTEMPTS
    if isinstance(result.error, sdk.APIError) and asks_for_fresh_token(result.error.result_code):
        most += 1  # it was refused, so nothing was done
    times = result.asked.count(call.operation)
    if times > most:
        yield f"{call.operation} was sent {times} times"


def _is_same(value: Any, expected: Any, schema: Schema) -> bool:
    """Whether a result is what is expected of it: both as part of the same kind of reply, so that times compare."""
    if expected is None:
        return value is None
    own = msgspec.to_builtins(value)
    for name, member in schema["properties"].items():
        for part in (member, member.get("items")):
            if (
                part is not None
                and name != "header"
                and validator(part, has_open_enums=True).is_valid(_small(expected))
            ):
                return bool(comparable(own, part) == comparable(expected, part))
    return bool(own == expected)


def _small(value: Any) -> Any:
    """Return the same with numbers that a validator can hold."""
    if isinstance(value, dict):
        return {name: _small(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_small(entry) for entry in value]
    return 0 if isinstance(value, int) and not isinstance(value, bool) and abs(value) > LARGEST_WHOLE else value

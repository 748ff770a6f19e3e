"""Was the SDK right about what it was served? Holds what a call came to against what the contract says."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import jsonschema_rs
import msgspec
from toast_compute import (
    AmbiguousOutcomeError,
    APIConnectionError,
    APIError,
    InstanceFailedError,
    MalformedResponseError,
    NotFoundError,
    WaitTimeoutError,
)
from toast_compute.batches import BatchResult

from .calls import Call
from .facts import asks_for_fresh_token, document, kind_of, operations, proves_nothing, schema_named
from .reply_values import LARGEST_WHOLE, comparable
from .secrecy import problems_of_error, shown
from .served import Served

_TRIES = 3  # the first, and two more: the SDK's default
# The errors of a call that was sent; the others say that nothing was.
_AFTER_SENDING = (
    APIConnectionError,
    APIError,
    AmbiguousOutcomeError,
    InstanceFailedError,
    MalformedResponseError,
    WaitTimeoutError,
)


@dataclass(frozen=True, slots=True)
class Told:
    """What a call came to."""

    value: Any = None
    error: Exception | None = None
    parsed: Any = None
    """The last success of the operation that the SDK understood, as a whole."""
    asked: tuple[str, ...] = ()
    """The operations that were asked for."""


Expectation = Callable[[Call, Told], Iterator[str]]
"""Yields what is wrong with what a call came to."""


def success_schema(call: Call) -> str:
    """Return the name of the schema of what the call is served."""
    return "EmptySuccess" if call.operation == "request" else operations()[call.operation].success_of(call.action)


def problems(call: Call, served: Served, told: Told, secrets: Collection[str]) -> Iterator[str]:
    """Yield what is wrong whatever was served: the result is a valid object or a typed error, and nothing else."""
    yield from _sent_too_often(call, served, told)
    if told.error is not None:
        yield from _problems_of_failure(call, served, told.error, secrets)
        return
    if isinstance(told.value, BatchResult):
        for error in told.value.failed.values():
            yield from _problems_of_failure(call, served, error, secrets)
    elif shown(repr(told.value), secrets):
        yield f"the repr of a {type(told.value).__name__} shows a secret"
    if told.parsed is None:
        return
    if served.status != 200:
        yield f"a reply with HTTP status {served.status} was taken for a success"
    content = _small(msgspec.to_builtins(told.parsed))
    finding = next(_validator(success_schema(call)).iter_errors(content), None)
    if finding is not None:
        place = "/".join(str(part) for part in finding.instance_path)
        yield f"a reply was taken for a success that breaks the contract at {place or 'its top'}"


def is_success(meaning: dict[str, Any], literal: dict[str, Any]) -> Expectation:
    """Expect that a reply was understood, as a whole and in what the method returns."""

    def check(call: Call, told: Told) -> Iterator[str]:
        wanted = literal if call.operation == "request" else meaning
        expected = call.returns(wanted) if call.returns is not None else None
        if told.error is not None:
            if not (expected is NotFoundError and isinstance(told.error, NotFoundError)) and call.returns is not None:
                yield f"{type(told.error).__name__} for a reply that obeys the contract: {told.error}"
            return
        if expected is NotFoundError:
            yield "something was returned that the reply does not have"
            return
        schema = schema_named(success_schema(call))
        if call.returns is not None and told.parsed is None:
            yield "no reply was understood, and yet there is a result"
        if told.parsed is not None and _json(told.parsed, schema) != comparable(meaning, schema):
            yield "the reply, decoded and encoded again, is another one"
        if call.returns is not None and _returned(told.value, expected, schema) is False:
            yield "what the method returned is not what the reply says"

    return check


def is_refusal(code: int, message: str) -> Expectation:
    """Expect the error that stands for a result code, with its message."""

    def check(call: Call, told: Told) -> Iterator[str]:
        errors = list(told.value.failed.values()) if isinstance(told.value, BatchResult) else [told.error]
        for error in errors:
            yield from _problems_of_refusal(call, error, code, message)

    return check


def _problems_of_refusal(call: Call, error: Any, code: int, message: str) -> Iterator[str]:
    listed = {known["code"]: known for known in document()["x-result-codes"]["codes"]}
    kind = kind_of(code)
    if call.returns is None and isinstance(error, WaitTimeoutError):
        return  # a wait puts up with failures that may pass
    if isinstance(error, AmbiguousOutcomeError):
        # A failure inside the service does not prove that nothing was done.
        if listed.get(code, {}).get("retry") != "support":
            yield f"AmbiguousOutcomeError for the refusal {code}"
        return
    if call.method == "instances.wait_until_deleted" and kind == "not-found" and error is None:
        return
    if not isinstance(error, APIError):
        yield f"{type(error).__name__} for the refusal {code}"
        return
    camel = "".join(part.title() for part in kind.removesuffix("-error").split("-"))
    wanted = "APIError" if kind == "other" else f"{camel}Error"
    if type(error).__name__ != wanted or error.kind != kind:
        yield f"{type(error).__name__} of kind {error.kind} for {code}, which is {kind}"
    if error.result_code != code:
        yield f"result_code is {error.result_code} for {code}"
    if error.result_message != message:
        yield "result_message is not what the reply says"


def _problems_of_failure(call: Call, served: Served, error: Exception, secrets: Collection[str]) -> Iterator[str]:
    yield from problems_of_error(error, secrets, with_locals=_quotes(served, secrets))
    if not isinstance(error, _AFTER_SENDING):
        yield f"{type(error).__name__} is no error of a request that was sent"
    never = _retry(call) == "never"
    if isinstance(error, AmbiguousOutcomeError) and not never:
        yield f"AmbiguousOutcomeError for {call.operation}, which may be sent twice"
    if never and isinstance(error, APIError) and proves_nothing(error.result_code):
        yield f"a refusal with {error.result_code}, which proves nothing, is told as one that does"
    if never and not isinstance(error, AmbiguousOutcomeError | APIError) and not served.never_left:
        yield f"{type(error).__name__} hides that {call.operation} may have been carried out"
    if isinstance(error, APIConnectionError) and error.never_sent != served.never_left:
        yield f"never_sent is {error.never_sent} for a request that {'never left' if served.never_left else 'left'}"


def _quotes(served: Served, secrets: Collection[str]) -> bool:
    """Whether the other side quotes secrets, so that they may have got into variables; to look at these takes long."""
    return not served.is_reply or any(secret.encode() in served.body for secret in secrets)


def _sent_too_often(call: Call, served: Served, told: Told) -> Iterator[str]:
    times = told.asked.count(call.operation)
    if call.returns is None:  # it makes more than one call
        return
    most = _TRIES if _retry(call) != "never" or served.never_left else 1
    if isinstance(told.error, APIError) and asks_for_fresh_token(told.error.result_code):
        most += 1  # it was refused, so nothing was done
    if times > most:
        yield f"{call.operation} was sent {times} times"


def _retry(call: Call) -> str:
    return "safe" if call.operation == "request" else operations()[call.operation].retry_of(call.action)


def _returned(value: Any, expected: Any, schema: dict[str, Any]) -> bool:
    """Whether a result is what is expected of it: both as part of the same kind of reply, so that times compare."""
    if expected is None:
        return value is None
    own = msgspec.to_builtins(value)
    for name, member in schema["properties"].items():
        for part in (member, member.get("items")):
            if part is not None and _fits(expected, part, name):
                return bool(comparable(own, part) == comparable(expected, part))
    return bool(own == expected)


def _fits(expected: Any, schema: dict[str, Any], name: str) -> bool:
    return name != "header" and next(_validator_of(json.dumps(schema)).iter_errors(_small(expected)), None) is None


def _json(parsed: Any, schema: dict[str, Any]) -> Any:
    return comparable(msgspec.to_builtins(parsed), schema)


def _small(value: Any) -> Any:
    """The same with numbers that a validator can hold."""
    if isinstance(value, dict):
        return {name: _small(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_small(entry) for entry in value]
    return 0 if isinstance(value, int) and not isinstance(value, bool) and abs(value) > LARGEST_WHOLE else value


def _validator(name: str) -> Any:
    return _validator_of(json.dumps({"$ref": f"#/components/schemas/{name}"}))


@cache
def _validator_of(schema: str) -> Any:
    """A validator by the strict contract, but for enums, which are open in replies."""
    components = _open(document()["components"])
    return jsonschema_rs.Draft202012Validator({**_open(json.loads(schema)), "components": components})


def _open(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _open(member) for name, member in value.items() if name != "enum" or not isinstance(member, list)}
    return [_open(entry) for entry in value] if isinstance(value, list) else value

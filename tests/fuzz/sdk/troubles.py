"""What goes wrong with a call in a story, and what has the SDK to make of it?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from toast_compute_mock import faults
from toast_compute_mock.faults import Fault

SAFE, IDEMPOTENT, NEVER = "safe", "idempotent", "never"
_REPEATABLE = frozenset({SAFE, IDEMPOTENT})
_ALL = frozenset({SAFE, IDEMPOTENT, NEVER})
_NONE = frozenset[str]()
LONG = 86_400


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that goes wrong, once or twice in a call."""

    name: str
    says: str
    """In a story, behind the call."""
    make: Callable[[str, str | None], Fault]
    """Makes the fault for an operation and, where there is one, an action."""
    survived: frozenset[str]
    """The kinds of requests (`x-retry`) whose call has to end as if nothing had gone wrong."""
    at_least: float = 0.0
    """Seconds that a call which survives it takes at least."""
    at_most: float = 200.0
    """Seconds that a call takes at most."""
    code: int | None = None
    """The result code that the reply has."""
    pauses: bool = False
    """Whether there has to be a pause before the next try."""
    is_final: bool = False
    """Whether there must be no next try, since it asks to wait for longer than anybody waits."""


def _trouble(
    name: str,
    says: str,
    make: Callable[..., Fault],
    survived: frozenset[str] = _REPEATABLE,
    at_least: float = 0.0,
    at_most: float = 200.0,
    code: int | None = None,
    pauses: bool = False,
    is_final: bool = False,
) -> Trouble:
    return Trouble(
        name, says, lambda operation, action: make(operation, action=action), survived, at_least, at_most, code, pauses,
        is_final,
    )  # fmt: skip


def _code(code: int, survived: frozenset[str]) -> Trouble:
    return _trouble(
        f"result code {code}",
        f"the service answers {code}",
        lambda operation, **match: faults.result_code(operation, code, **match),
        survived,
        code=code,
    )


def _status(
    status: Literal[429, 500, 502, 503, 504],
    survived: frozenset[str],
    *,
    commit: bool = False,
    retry_after: int | None = None,
    times: int = 1,
) -> Trouble:
    asked = "" if retry_after is None else f", Retry-After {retry_after}"
    done = ", carried out" if commit else ""
    often = "" if times == 1 else f", {times} times"
    refuses = retry_after == LONG
    return _trouble(
        f"HTTP {status}{asked}{done}{often}",
        f"a gateway answers {status}{asked}{often}" + (" after it was carried out" if commit else ""),
        lambda operation, **match: faults.http_status(
            operation, status, commit=commit, retry_after=retry_after, budget=times, **match
        ),
        survived,
        at_least=0.0 if retry_after is None or refuses else float(retry_after),
        is_final=refuses,
        at_most=60.0 if refuses else 200.0,
        pauses=survived == _REPEATABLE,
    )


def _delay(seconds: float, survived: frozenset[str]) -> Trouble:
    return _trouble(
        f"late by {seconds:g} s",
        f"the reply is {seconds:g} s late",
        lambda operation, **match: faults.delay(operation, seconds, **match),
        survived,
    )


TROUBLES: dict[str, Trouble] = {
    trouble.name: trouble
    for trouble in (
        _trouble("reply lost", "the reply gets lost", faults.lose_reply),
        _trouble(
            "reply stuck",
            "the reply gets stuck",
            lambda operation, **match: faults.lose_reply(operation, how="stall", **match),
        ),
        _trouble("request lost", "the request gets lost", faults.lose_request),
        _trouble("reset", "the connection is reset after it was carried out", faults.reset),
        _trouble(
            "reset before",
            "the connection is reset before it is carried out",
            lambda operation, **match: faults.reset(operation, commit=False, **match),
        ),
        _trouble("closed", "the connection is closed after it was carried out", faults.close),
        _trouble("garbage", "what comes back is no HTTP", faults.garbage),
        _trouble("short body", "the reply ends too early", faults.short_body),
        _trouble("bad chunk", "the reply is broken", faults.bad_chunk),
        _trouble("stall", "the reply stalls half way", faults.stall),
        _trouble(
            "dribble",
            "the reply comes in drops",
            lambda operation, **match: faults.dribble(operation, piece=64, **match),
            _ALL,
        ),
        _delay(2.0, _ALL),
        _delay(45.0, _REPEATABLE),
        _status(503, _REPEATABLE),
        _status(503, _REPEATABLE, times=2),
        _status(503, _REPEATABLE, retry_after=20),
        _status(503, _NONE, retry_after=LONG),
        _status(502, _REPEATABLE, commit=True),
        _status(429, _REPEATABLE, retry_after=1),
        _status(500, _NONE),
        _trouble("HTML", "a page of HTML comes back", faults.html, _NONE),
        _trouble("no header", "the reply has no header", faults.missing_header, _NONE),
        _trouble("wrong type", "the reply has a wrong type", faults.wrong_type, _NONE),
        _trouble("no code", "the service refuses under code 0", faults.unsuccessful_without_code, _NONE),
        _code(-1, frozenset({SAFE})),
        _code(-2, _REPEATABLE),
        _code(-3, _ALL),
        _code(-6, _NONE),
        _code(10409, _NONE),
    )
}
"""All of them, by their names."""

"""Define the faults of a call, and what the SDK has to make of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from toast_compute_mock import faults
from toast_compute_mock.faults import Fault

from .contract import IDEMPOTENT, NEVER, SAFE

_REPEATABLE = frozenset({SAFE, IDEMPOTENT})
_ALL = frozenset({SAFE, IDEMPOTENT, NEVER})
_NONE = frozenset[str]()
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class FaultCase:
    """One fault, which strikes once or twice in a call."""

    name: str
    make: Callable[..., Fault]
    """Makes the fault for an operation and, where there is one, an action."""
    survived: frozenset[str] = _REPEATABLE
    """The kinds of requests (`x-retry`) whose call has to end as if nothing had gone wrong."""
    at_least: float = 0.0
    """Seconds that a call which survives it takes at least."""
    at_most: float = 200.0
    """Seconds that a call takes at most."""
    code: int | None = None
    """The result code of the reply."""
    pauses: bool = False
    """Whether there has to be a pause before the next attempt."""
    is_final: bool = False
    """Whether there must be no next attempt, since it asks to wait for longer than anybody waits."""

    def fault(self, operation: str, action: str | None) -> Fault:
        """Return the fault for an operation."""
        return self.make(operation, action=action)

    def lasting(self) -> FaultCase:
        """Return the same fault, which strikes every time."""
        return replace(self, make=partial(self.make, budget=None))

    def __str__(self) -> str:
        return self.name


def _code(code: int, survived: frozenset[str]) -> FaultCase:
    return FaultCase(f"result code {code}", partial(faults.result_code, code=code), survived, code=code)


def _status(status: Literal[429, 500, 502, 503, 504], survived: frozenset[str], **options: Any) -> FaultCase:
    after = options.get("retry_after")
    is_final = after == _DAY
    return FaultCase(
        ", ".join([f"HTTP {status}", *(f"{name} {value}" for name, value in options.items())]),
        partial(faults.http_status, status=status, **options),
        survived,
        at_least=0.0 if after is None or is_final else float(after),
        at_most=60.0 if is_final else 200.0,
        pauses=survived == _REPEATABLE,
        is_final=is_final,
    )


def _cases() -> Iterator[FaultCase]:
    yield FaultCase("reply lost", faults.lose_reply)
    yield FaultCase("reply stuck", partial(faults.lose_reply, how="stall"))
    yield FaultCase("request lost", faults.lose_request)
    yield FaultCase("reset", faults.reset)
    yield FaultCase("reset before", partial(faults.reset, commit=False))
    yield FaultCase("closed", faults.close)
    yield FaultCase("garbage", faults.garbage)
    yield FaultCase("short body", faults.short_body)
    yield FaultCase("bad chunk", faults.bad_chunk)
    yield FaultCase("stall", faults.stall)
    yield FaultCase("dribble", partial(faults.dribble, piece=64), _ALL)
    yield FaultCase("late by 2 s", partial(faults.delay, seconds=2.0), _ALL)
    yield FaultCase("late by 45 s", partial(faults.delay, seconds=45.0))
    yield _status(503, _REPEATABLE)
    yield _status(503, _REPEATABLE, budget=2)
    yield _status(503, _REPEATABLE, retry_after=20)
    yield _status(503, _NONE, retry_after=_DAY)
    yield _status(502, _REPEATABLE, commit=True)
    yield _status(429, _REPEATABLE, retry_after=1)
    yield _status(500, _NONE)
    yield FaultCase("HTML", faults.html, _NONE)
    yield FaultCase("no header", faults.missing_header, _NONE)
    yield FaultCase("wrong type", faults.wrong_type, _NONE)
    yield FaultCase("no code", faults.unsuccessful_without_code, _NONE)
    yield _code(-1, frozenset({SAFE}))
    yield _code(-2, _REPEATABLE)
    yield _code(-3, _ALL)
    yield _code(-6, _NONE)
    yield _code(10409, _NONE)


FAULTS: Mapping[str, FaultCase] = {case.name: case for case in _cases()}
"""All of them, by their names."""
LOST = tuple(FAULTS[name] for name in ("reply lost", "reset before", "HTTP 502, commit True", "result code -2"))
"""The faults after which a change may have been carried out, or not."""

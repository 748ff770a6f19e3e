"""Build fault rules in tests: one function for each effect, all of one form.

The first argument is an operationId, or None for any operation. The options are the same everywhere:
`name`, `budget` (1 unless given; None for unlimited), `action`, `world`, `nth`, `every`, `probability`,
`token_age_min`, `token_age_max`, `after`, `until`; see Fault and Match. All raise FaultError.
"""

from __future__ import annotations

from typing import Literal, Unpack, cast

from .base import LONGEST_DELAY
from .delays import Delay, DelayLogNormal, DelayUniform
from .reply_effects import Html, HttpStatus, MissingHeader, ResultCode, UnsuccessfulWithoutCode, WrongType
from .rules import Effect, Fault, Match, MatchOptions
from .state_effects import ApplyTwice, EndInError, How, LoseReply, LoseRequest, StaleRead
from .wire_effects import BadChunk, Close, Dribble, Garbage, Reset, ShortBody, Slow, Stall


class Options(MatchOptions, total=False):
    """The options of every fault in addition to its operation and effect."""

    name: str | None
    budget: int | None


def result_code(operation: str | None, code: int, message: str | None = None, **options: Unpack[Options]) -> Fault:
    """Refuse with this code; the message is the contract's word for it, unless one is given."""
    return _fault(operation, ResultCode(code, message), options)


def unsuccessful_without_code(operation: str | None = None, **options: Unpack[Options]) -> Fault:
    """Refuse, with a header that is unsuccessful under code 0."""
    return _fault(operation, UnsuccessfulWithoutCode(), options)


def missing_header(operation: str | None = None, **options: Unpack[Options]) -> Fault:
    """Reply without a header."""
    return _fault(operation, MissingHeader(), options)


def wrong_type(operation: str | None = None, member: str | None = None, **options: Unpack[Options]) -> Fault:
    """Reply with a wrong JSON type in one member, given as a path such as `instance.status`, or in the payload."""
    return _fault(operation, WrongType(member), options)


def http_status(
    operation: str | None,
    status: Literal[429, 500, 502, 503, 504],
    *,
    retry_after: int | str | None = None,
    commit: bool = False,
    **options: Unpack[Options],
) -> Fault:
    """Reply as a gateway would; `retry_after` is whole seconds or an HTTP date. With `commit`, carry it out before."""
    return _fault(operation, HttpStatus(status, retry_after, commit), options)


def html(operation: str | None = None, *, commit: bool = False, **options: Unpack[Options]) -> Fault:
    """Reply with an HTML page under status 200. With `commit`, carry it out before."""
    return _fault(operation, Html(commit), options)


def reset(operation: str | None = None, *, commit: bool = True, **options: Unpack[Options]) -> Fault:
    """Reset the connection. Without `commit`, do not carry it out before."""
    return _fault(operation, Reset(commit), options)


def close(operation: str | None = None, *, commit: bool = True, **options: Unpack[Options]) -> Fault:
    """Close the connection without a reply. Without `commit`, do not carry it out before."""
    return _fault(operation, Close(commit), options)


def garbage(operation: str | None = None, *, commit: bool = True, **options: Unpack[Options]) -> Fault:
    """Send what is not HTTP. Without `commit`, do not carry it out before."""
    return _fault(operation, Garbage(commit), options)


def short_body(operation: str | None = None, **options: Unpack[Options]) -> Fault:
    """End the reply's body in the middle."""
    return _fault(operation, ShortBody(), options)


def bad_chunk(operation: str | None = None, **options: Unpack[Options]) -> Fault:
    """Send the reply in chunks, and break one."""
    return _fault(operation, BadChunk(), options)


def dribble(operation: str | None = None, *, piece: int = 16, pause: float = 0.0, **options: Unpack[Options]) -> Fault:
    """Send the reply in pieces of so many bytes, with a pause in seconds between them."""
    return _fault(operation, Dribble(piece, pause), options)


def slow(operation: str | None = None, *, piece: int = 64, pause: float = 0.05, **options: Unpack[Options]) -> Fault:
    """Send the reply slowly, in pieces of so many bytes, with a pause in seconds between them."""
    return _fault(operation, Slow(piece, pause), options)


def stall(operation: str | None = None, **options: Unpack[Options]) -> Fault:
    """Send half of the reply's body, and then nothing more."""
    return _fault(operation, Stall(), options)


def lose_reply(operation: str | None = None, *, how: How = "close", **options: Unpack[Options]) -> Fault:
    """Carry it out, and lose the reply."""
    return _fault(operation, LoseReply(how), options)


def lose_request(operation: str | None = None, *, how: How = "close", **options: Unpack[Options]) -> Fault:
    """Lose the request before it is carried out."""
    return _fault(operation, LoseRequest(how), options)


def apply_twice(operation: str | None = None, **options: Unpack[Options]) -> Fault:
    """Carry it out twice, and reply once."""
    return _fault(operation, ApplyTwice(), options)


def end_in_error(operation: str | None = None, **options: Unpack[Options]) -> Fault:
    """Carry it out, and let the instance end in ERROR."""
    return _fault(operation, EndInError(), options)


def stale_read(operation: str | None = None, *, seconds: float | None = None, **options: Unpack[Options]) -> Fault:
    """Answer a read from before the last write; with `seconds`, only for so long after the write."""
    return _fault(operation, StaleRead(seconds), options)


def delay(operation: str | None, seconds: float, **options: Unpack[Options]) -> Fault:
    """Reply so many seconds late."""
    return _fault(operation, Delay(seconds), options)


def delay_uniform(operation: str | None, min: float, max: float, **options: Unpack[Options]) -> Fault:
    """Reply late, by anything between two numbers of seconds."""
    return _fault(operation, DelayUniform(min, max), options)


def delay_log_normal(
    operation: str | None, median: float, sigma: float, *, max: float = LONGEST_DELAY, **options: Unpack[Options]
) -> Fault:
    """Reply late as real services do: by `median` seconds in the middle, at most by `max`; `sigma` is the spread."""
    return _fault(operation, DelayLogNormal(median, sigma, max), options)


def _fault(operation: str | None, effect: Effect, options: Options) -> Fault:
    name = options.pop("name", None) or ""
    budget = options.pop("budget", 1)
    match = Match(operation=operation, **cast(MatchOptions, options))
    return Fault(name=name, match=match, effect=effect, budget=budget)

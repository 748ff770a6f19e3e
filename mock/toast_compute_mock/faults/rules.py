"""Define a fault rule, and which calls it matches."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from itertools import chain
from typing import NamedTuple, TypeAlias, TypedDict, get_args

import msgspec
from toast_compute_api.behaviour import LIFECYCLE, OPERATIONS

from ..contract.operations import contract
from .base import (
    LAST_MOMENT,
    BaseEffect,
    FaultError,
    RulePart,
    check_name,
    check_number,
    check_seconds,
    check_text,
    check_whole,
)
from .delays import Delay, DelayLogNormal, DelayUniform
from .reply_effects import Html, HttpStatus, MissingHeader, ResultCode, UnsuccessfulWithoutCode, WrongType
from .state_effects import ApplyTwice, EndInError, LoseReply, LoseRequest, StaleRead
from .wire_effects import BadChunk, Close, Dribble, Garbage, Reset, ShortBody, Slow, Stall

_TIMES = {None: "unlimited", 1: "once", 2: "twice"}
_ENDINGS = {1: "st", 2: "nd", 3: "rd"}
_NAME_LIMIT = 100
_WORLD_LIMIT = 255
_MOVES = frozenset(name for name, move in LIFECYCLE.operations.items() if move.through)


AnyDelay: TypeAlias = Delay | DelayUniform | DelayLogNormal
"""The effects of which several add up."""

Effect: TypeAlias = (
    ResultCode
    | UnsuccessfulWithoutCode
    | MissingHeader
    | WrongType
    | HttpStatus
    | Html
    | Reset
    | Close
    | Garbage
    | ShortBody
    | BadChunk
    | Dribble
    | Slow
    | Stall
    | LoseReply
    | LoseRequest
    | ApplyTwice
    | EndInError
    | StaleRead
    | Delay
    | DelayUniform
    | DelayLogNormal
)
"""Any effect; in JSON its `kind` names it."""

EFFECTS: dict[str, type[BaseEffect]] = {effect.__struct_config__.tag: effect for effect in get_args(Effect)}
"""All effects by kind."""


class CallContext(NamedTuple):
    """A call, as far as rules can see it."""

    operation: str = ""
    """The operationId; empty when the path or method belongs to none."""
    action: str = ""
    """The action, for the operation whose body is one; empty otherwise, and when the request is malformed."""
    world: str = ""
    """The id of the world that it is about; empty when that is unknown."""
    token_age: float | None = None
    """Seconds since the token was issued; None without a valid token."""
    now: float = 0.0
    """Seconds since 1970 on the mock's clock."""
    changed_ago: float | None = None
    """For a read: seconds since the last write to the world. None for all else, and when none is remembered."""

    @property
    def can_be_stale(self) -> bool:
        """Return whether it can be answered from before the last write."""
        return self.changed_ago is not None


class Match(RulePart, frozen=True, kw_only=True):
    """Which calls a fault is for: those for which every condition here holds."""

    operation: str | None = None
    """An operationId."""
    action: str | None = None
    """An action of the operation whose body is one."""
    world: str | None = None
    """The id of a world."""
    nth: int | None = None
    """Only the nth call that matches all the rest, counted for each fault from 1."""
    every: int | None = None
    """Only every nth call that matches all the rest."""
    probability: float | None = None
    """From 0 to 1. The seed, the fault's name and the number of the call decide, so it comes out the same again."""
    token_age_min: float | None = None
    """Seconds; calls with a younger token, and those without a valid one, do not match."""
    token_age_max: float | None = None
    """Seconds; calls with an older token, and those without a valid one, do not match."""
    after: float | None = None
    """Seconds since 1970 on the mock's clock: from this moment on."""
    until: float | None = None
    """Seconds since 1970 on the mock's clock: before this moment."""

    def __post_init__(self) -> None:
        if self.operation is not None:
            check_name("operation", self.operation, OPERATIONS)
        if self.action is not None:
            self._check_action()
        if self.world is not None:
            check_text("world", self.world, _WORLD_LIMIT)
        for field, number in (("nth", self.nth), ("every", self.every)):
            if number is not None:
                check_whole(field, number, least=1)
        if self.nth is not None and self.every is not None:
            raise FaultError("every", "cannot go together with nth")
        if self.probability is not None:
            check_number("probability", self.probability, 0, 1)
        _check_range("token_age_min", self.token_age_min, "token_age_max", self.token_age_max, LAST_MOMENT)
        _check_range("after", self.after, "until", self.until, LAST_MOMENT)
        if self.after is not None and self.after == self.until:
            raise FaultError("until", "must be later than after")

    def _check_action(self) -> None:
        actions = contract().actions
        if self.operation is not None and not actions[self.operation]:
            raise FaultError("action", f"{self.operation} has no actions")
        known = list(chain(*actions.values())) if self.operation is None else actions[self.operation]
        check_name("action", self.action, known)

    def fits(self, call: CallContext) -> bool:
        """Return whether everything but nth, every and probability holds for this call."""
        if self.operation is not None and self.operation != call.operation:
            return False
        if self.action is not None and self.action != call.action:
            return False
        if self.world is not None and self.world != call.world:
            return False
        if self.token_age_min is not None and (call.token_age is None or call.token_age < self.token_age_min):
            return False
        if self.token_age_max is not None and (call.token_age is None or call.token_age > self.token_age_max):
            return False
        return (self.after is None or call.now >= self.after) and (self.until is None or call.now < self.until)

    def picks(self, count: int, chance: float) -> bool:
        """Return whether nth, every and probability hold for call number `count`; `chance` is from 0 up to 1."""
        if self.nth is not None and count != self.nth:
            return False
        if self.every is not None and count % self.every:
            return False
        return self.probability is None or chance < self.probability


class Fault(RulePart, frozen=True, kw_only=True):
    """One rule: which calls, what goes wrong with them, and how often."""

    name: str = ""
    """What the journal and the list of faults call it; without one, the plan makes one."""
    match: Match = msgspec.field(default_factory=Match)
    effect: Effect
    budget: int | None = 1
    """How often it happens at most; None for unlimited."""

    def __post_init__(self) -> None:
        if self.name != "":
            check_text("name", self.name, _NAME_LIMIT)
        if not isinstance(self.match, Match):
            raise FaultError("match", "must be a Match")
        if not isinstance(self.effect, tuple(EFFECTS.values())):
            raise FaultError("effect", "must be one of the effects")
        if self.budget is not None:
            check_whole("budget", self.budget, least=1)
        if isinstance(self.effect, StaleRead):
            if self.match.action is not None:
                raise FaultError("match.action", "cannot go together with a stale read, since no action reads")
            if self.match.operation is not None and self.match.operation not in _reads():
                raise FaultError("match.operation", f"{self.match.operation} does not read, so it cannot be stale")
        if isinstance(self.effect, EndInError):
            field, name = ("action", self.match.action) if self.match.action else ("operation", self.match.operation)
            if name is not None and name not in _MOVES and not contract().actions.get(name):
                raise FaultError(f"match.{field}", f"{name} begins no change of status that could end in ERROR")

    def fits(self, call: CallContext) -> bool:
        """Return whether it is for such a call, apart from nth, every, probability and budget."""
        effect = self.effect
        if isinstance(effect, StaleRead):
            ago = call.changed_ago
            if ago is None or (effect.seconds is not None and ago >= effect.seconds):
                return False
        elif isinstance(effect, EndInError) and (call.action or call.operation) not in _MOVES:
            return False
        return self.match.fits(call)


class FaultState(msgspec.Struct, frozen=True, rename="camel"):
    """A fault, and how far it has come."""

    fault: Fault
    matched: int
    """How many calls it matched apart from nth, every and probability, until its budget was spent."""
    used: int
    """How often it fired."""
    remaining: int | None
    """How often it can fire yet; None for unlimited."""


class MatchOptions(TypedDict, total=False):
    """The conditions of a match in addition to its operation; see Match."""

    action: str | None
    world: str | None
    nth: int | None
    every: int | None
    probability: float | None
    token_age_min: float | None
    token_age_max: float | None
    after: float | None
    until: float | None


@cache
def _reads() -> frozenset[str]:
    """Return the operations that change nothing."""
    return frozenset(operation.id for operation in contract().operations if operation.reads)


def _check_range(first: str, low: float | None, last: str, high: float | None, most: float) -> None:
    for field, value in ((first, low), (last, high)):
        if value is not None:
            check_seconds(field, value, most)
    if low is not None and high is not None and high < low:
        raise FaultError(last, f"must not be below {first}")


def describe(fault: Fault) -> str:
    """Return one line such as `the 2nd createInstance: carried out, then the reply is lost, once`."""
    often = _TIMES.get(fault.budget, f"{fault.budget} times")
    return f"{_calls(fault.match)}: {fault.effect.says}, {often}"


def _calls(match: Match) -> str:
    if match.nth is not None:
        which = f"the {_ordinal(match.nth)} {_operation(match) or 'call'}"
    elif match.every is not None:
        which = f"every {_ordinal(match.every)} {_operation(match) or 'call'}"
    else:
        which = _operation(match) or "any call"
    return which + "".join(_limits(match))


def _operation(match: Match) -> str:
    return " ".join(name for name in (match.operation, match.action) if name is not None)


def _limits(match: Match) -> list[str]:
    limits = []
    if match.world is not None:
        limits.append(f" in world {match.world}")
    if match.token_age_min is not None:
        limits.append(f" with a token of {match.token_age_min:g} s or older")
    if match.token_age_max is not None:
        limits.append(f" with a token of {match.token_age_max:g} s or younger")
    if match.after is not None:
        limits.append(f" from {_moment(match.after)} on")
    if match.until is not None:
        limits.append(f" until {_moment(match.until)}")
    if match.probability is not None:
        limits.append(f" in {match.probability * 100:g} % of cases")
    return limits


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _ordinal(number: int) -> str:
    teens = 10 <= number % 100 < 20
    return f"{number}{'th' if teens else _ENDINGS.get(number % 10, 'th')}"

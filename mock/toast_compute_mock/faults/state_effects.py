"""Make the client's view differ from the state of the cloud: lost exchanges, double work, stale reads."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import Literal, TypeAlias

from ..exchange import CONTENT_TYPE, Break, Reply, Wire
from .base import LONGEST_DELAY, BaseEffect, FaultError, check_choice, check_seconds

How: TypeAlias = Literal["close", "reset", "stall"]
"""What the client sees of a loss: the connection is closed, is reset, or stays silent half way."""

_BREAKS = {"close": Break.CLOSE, "reset": Break.RESET, "stall": Break.STALL}
_LOSS_WORDS = {"close": "", "reset": " by a reset", "stall": " in a stall"}
# A stall sends half of the body, so there has to be one: this half is not a reply.
_UNFINISHED_BODY = b"{}"


class LoseReply(BaseEffect, frozen=True):
    """The operation is carried out, and then its reply gets lost: the client cannot know that it happened."""

    how: str = "close"
    """`close`, `reset` or `stall`."""

    def __post_init__(self) -> None:
        check_choice("how", self.how, tuple(_BREAKS))

    @property
    def says(self) -> str:
        return f"carried out, then the reply is lost{_LOSS_WORDS[self.how]}"

    def apply(self, reply: Reply) -> Reply:
        return replace(reply, wire=Wire(_BREAKS[self.how]))


class LoseRequest(BaseEffect, frozen=True):
    """The request gets lost before it is carried out: the client sees the same as with `lose-reply`."""

    how: str = "close"
    """`close`, `reset` or `stall`."""

    def __post_init__(self) -> None:
        check_choice("how", self.how, tuple(_BREAKS))

    @property
    def commits(self) -> bool:
        return False

    @property
    def says(self) -> str:
        return f"lost before it is carried out{_LOSS_WORDS[self.how]}"

    def apply(self, reply: Reply) -> Reply:
        return replace(
            reply,
            status=HTTPStatus.OK.value,
            headers=(("content-type", CONTENT_TYPE),),
            body=_UNFINISHED_BODY,
            wire=Wire(_BREAKS[self.how]),
        )


class ApplyTwice(BaseEffect, frozen=True):
    """The operation is carried out twice; the reply is that of the first time."""

    @property
    def times(self) -> int:
        return 2

    @property
    def says(self) -> str:
        return "carried out twice, with one reply"


class EndInError(BaseEffect, frozen=True):
    """The operation is carried out, and what it begins fails: the instance ends in ERROR.

    Calls that begin no change of status do not match.
    """

    @property
    def fails(self) -> bool:
        return True

    @property
    def says(self) -> str:
        return "carried out, and the instance ends in ERROR"


class StaleRead(BaseEffect, frozen=True):
    """A read is answered from what was there before the last write, as if that had not arrived everywhere yet.

    Calls that cannot be stale do not match.
    """

    seconds: float | None = None
    """For how long after the write, on the mock's clock; without it, until the next write."""

    def __post_init__(self) -> None:
        if self.seconds is not None:
            check_seconds("seconds", self.seconds, LONGEST_DELAY)
            if self.seconds == 0:
                raise FaultError("seconds", "must be above 0")

    @property
    def stale(self) -> bool:
        return True

    @property
    def says(self) -> str:
        limit = "" if self.seconds is None else f", up to {self.seconds:g} s after it"
        return f"answered from before the last write{limit}"

"""What can go wrong? All effects, in their four families."""

from __future__ import annotations

from typing import TypeAlias, get_args

from .delays import Delay, DelayLogNormal, DelayUniform
from .reply_effects import Html, HttpStatus, MissingHeader, ResultCode, UnsuccessfulWithoutCode, WrongType
from .state_effects import ApplyTwice, EndInError, LoseReply, LoseRequest, StaleRead
from .terms import BaseEffect
from .wire_effects import BadChunk, Close, Dribble, Garbage, Reset, ShortBody, Slow, Stall

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
"""Any effect; in JSON its `kind` says which."""

EFFECTS: dict[str, type[BaseEffect]] = {effect.__struct_config__.tag: effect for effect in get_args(Effect)}
"""All effects by kind."""

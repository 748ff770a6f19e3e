"""What can go wrong on purpose? Rules that say which calls fail, how, and how often."""

from __future__ import annotations

from .builders import (
    apply_twice,
    bad_chunk,
    close,
    delay,
    delay_log_normal,
    delay_uniform,
    dribble,
    end_in_error,
    garbage,
    html,
    http_status,
    lose_reply,
    lose_request,
    missing_header,
    reset,
    result_code,
    short_body,
    slow,
    stale_read,
    stall,
    unsuccessful_without_code,
    wrong_type,
)
from .checks import FaultError
from .delays import Delay, DelayLogNormal, DelayUniform
from .describing import describe
from .effects import EFFECTS, Effect
from .json import read_faults
from .plan import Chosen, FaultPlan, FaultState
from .presets import EXPLANATIONS, PRESETS, preset
from .reply_effects import Html, HttpStatus, MissingHeader, ResultCode, UnsuccessfulWithoutCode, WrongType
from .rules import Fault, Match, Sighting
from .state_effects import ApplyTwice, EndInError, LoseReply, LoseRequest, StaleRead
from .wire_effects import BadChunk, Close, Dribble, Garbage, Reset, ShortBody, Slow, Stall

__all__ = [
    "EFFECTS",
    "EXPLANATIONS",
    "PRESETS",
    "ApplyTwice",
    "BadChunk",
    "Chosen",
    "Close",
    "Delay",
    "DelayLogNormal",
    "DelayUniform",
    "Dribble",
    "Effect",
    "EndInError",
    "Fault",
    "FaultError",
    "FaultPlan",
    "FaultState",
    "Garbage",
    "Html",
    "HttpStatus",
    "LoseReply",
    "LoseRequest",
    "Match",
    "MissingHeader",
    "Reset",
    "ResultCode",
    "ShortBody",
    "Sighting",
    "Slow",
    "StaleRead",
    "Stall",
    "UnsuccessfulWithoutCode",
    "WrongType",
    "apply_twice",
    "bad_chunk",
    "close",
    "delay",
    "delay_log_normal",
    "delay_uniform",
    "describe",
    "dribble",
    "end_in_error",
    "garbage",
    "html",
    "http_status",
    "lose_reply",
    "lose_request",
    "missing_header",
    "preset",
    "read_faults",
    "reset",
    "result_code",
    "short_body",
    "slow",
    "stale_read",
    "stall",
    "unsuccessful_without_code",
    "wrong_type",
]

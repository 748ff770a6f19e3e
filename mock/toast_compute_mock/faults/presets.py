"""Define the faults that are ready-made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Unpack

import msgspec

from ..messages import message_for
from ..rules import RefusedError, Rule
from .base import check_name
from .delays import DelayLogNormal
from .reply_effects import HttpStatus, ResultCode
from .rules import Fault, Match, MatchOptions
from .wire_effects import Close, Reset

# Low enough that a client which tries again comes through, high enough to be met within some tens of calls.
_RARE_PROBABILITY = 0.05
# The first poll of a waiter has a token that is younger than this, and every poll after it an older one.
_AGE_AT_SECOND_POLL = 0.5
_ZONE_CONFLICT = Rule.ZONE_UNAVAILABLE.value.code


class Preset(NamedTuple):
    """Faults that belong together."""

    description: str
    faults: tuple[Fault, ...]


class PresetOptions(MatchOptions, total=False):
    """What can replace the match and budget of a preset's faults; see Fault and Match."""

    operation: str | None
    budget: int | None


def _rare_fault(name: str, effect: Reset | Close | DelayLogNormal) -> Fault:
    return Fault(name=name, match=Match(probability=_RARE_PROBABILITY), effect=effect, budget=None)


_PRESETS: Mapping[str, Preset] = {
    "flaky-network": Preset(
        "Now and then, on any operation: the connection is reset or closed after the work has been done, or the reply "
        "is late. Each happens to one call in twenty, by the seed.",
        (
            _rare_fault("flaky-network-reset", Reset()),
            _rare_fault("flaky-network-close", Close()),
            _rare_fault("flaky-network-late", DelayLogNormal(median=0.8, sigma=0.6, max=5.0)),
        ),
    ),
    "token-expires-mid-wait": Preset(
        "Once, a token that has not expired is refused as if it had: on the second listInstances after it is half a "
        "second old, which is in the middle of a wait. A fresh token is accepted.",
        (
            Fault(
                name="token-expires-mid-wait",
                match=Match(operation="listInstances", nth=2, token_age_min=_AGE_AT_SECOND_POLL),
                effect=ResultCode(Rule.BAD_TOKEN.value.code, RefusedError(Rule.BAD_TOKEN).message),
            ),
        ),
    ),
    "zone-full": Preset(
        "No instance can be created: the availability zone is full, until the fault is removed or its budget is spent.",
        (
            Fault(
                name="zone-full",
                match=Match(operation="createInstance"),
                effect=ResultCode(_ZONE_CONFLICT, f"{message_for(_ZONE_CONFLICT)} : availability zone is full"),
                budget=None,
            ),
        ),
    ),
    "throttled": Preset(
        "Two calls are answered with 429 and Retry-After: 1, and are not carried out; then all is fine.",
        (Fault(name="throttled", effect=HttpStatus(429, retry_after=1), budget=2),),
    ),
    "bad-gateway": Preset(
        "One call is answered with 502 and a page of HTML, and is not carried out.",
        (Fault(name="bad-gateway", effect=HttpStatus(502)),),
    ),
}

PRESETS: Mapping[str, tuple[Fault, ...]] = {name: preset.faults for name, preset in _PRESETS.items()}
"""The faults of each preset."""

EXPLANATIONS: Mapping[str, str] = {name: preset.description for name, preset in _PRESETS.items()}
"""What each preset does, for people."""

PRESET_NAMES = frozenset(fault.name for faults in PRESETS.values() for fault in faults)
"""The names that faults have from a preset."""


def preset(name: str, **options: Unpack[PresetOptions]) -> tuple[Fault, ...]:
    """Return the faults of a preset, with these options in the place of its own. Raises FaultError."""
    check_name("preset", name, PRESETS)
    limits = {option: value for option, value in options.items() if option != "budget"}
    return tuple(
        Fault(
            name=fault.name,
            match=msgspec.structs.replace(fault.match, **limits),
            effect=fault.effect,
            budget=options.get("budget", fault.budget),
        )
        for fault in PRESETS[name]
    )

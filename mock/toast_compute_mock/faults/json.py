"""Read faults from JSON, and name the place of what is wrong."""

from __future__ import annotations

import re
from typing import Any, cast

import msgspec
from msgspec import UNSET, UnsetType

from .base import FaultError, RulePart, check_name
from .presets import PresetOptions, preset
from .rules import EFFECTS, Fault

_ROOT = "faults"
_NAME_LIMIT = 40
_JSON_NAMES = {"int": "an integer", "float": "a number", "str": "a string", "bool": "true or false"}
_REASONS = {"missing required": "is missing", "contains unknown": "is not a known member"}
_PLACED = re.compile(r"(?s)(.*) - at `\$(.*)`")
_EXPECTED = re.compile(r"Expected `([^`]*)`(?:, got `([^`]*)`)?")
_MEMBER = re.compile(r"Object (missing required|contains unknown) field `(.*)`", re.DOTALL)


class _PresetUse(RulePart, frozen=True, kw_only=True):
    """A preset, and what replaces its own match and budget."""

    preset: str
    budget: int | UnsetType | None = UNSET
    operation: str | UnsetType | None = UNSET
    action: str | UnsetType | None = UNSET
    world: str | UnsetType | None = UNSET
    nth: int | UnsetType | None = UNSET
    every: int | UnsetType | None = UNSET
    probability: float | UnsetType | None = UNSET
    token_age_min: float | UnsetType | None = UNSET
    token_age_max: float | UnsetType | None = UNSET
    after: float | UnsetType | None = UNSET
    until: float | UnsetType | None = UNSET


def read_faults(content: bytes) -> list[Fault]:
    """Read a fault, a preset such as `{"preset": "throttled"}`, or an array of both, from JSON in UTF-8.

    A preset can also have the members `budget`, `operation` and all others of a match. Raises FaultError.
    """
    try:
        read = msgspec.json.decode(content)
    except RecursionError:
        raise FaultError(_ROOT, "is nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise FaultError(_ROOT, "is not JSON in UTF-8") from None
    if not isinstance(read, list):
        return _read(read, "")
    return [fault for index, item in enumerate(read) for fault in _read(item, f"[{index}]")]


def _read(item: Any, place: str) -> list[Fault]:
    """Return the faults of one entry."""
    try:
        if isinstance(item, dict) and "preset" in item:
            return _use_preset(msgspec.convert(item, _PresetUse))
        _check_kind(item)
        return [msgspec.convert(item, Fault)]
    except FaultError as error:
        raise FaultError(_path(place, _camel(error.field)), error.reason) from None
    except msgspec.ValidationError as error:
        raise _as_fault_error(error, place) from None


def _use_preset(use: _PresetUse) -> list[Fault]:
    options = {
        name: value for name in use.__struct_fields__ if name != "preset" and (value := getattr(use, name)) is not UNSET
    }
    return list(preset(use.preset, **cast(PresetOptions, options)))


def _check_kind(item: Any) -> None:
    """Name the kinds that there are; the decoder would not."""
    effect = item.get("effect") if isinstance(item, dict) else None
    if isinstance(effect, dict) and "kind" in effect:
        check_name("effect.kind", effect["kind"], EFFECTS)


def _as_fault_error(error: msgspec.ValidationError, place: str) -> FaultError:
    """Return the decoder's message, with the place first."""
    placed = _PLACED.fullmatch(str(error))
    text, path = placed.groups() if placed is not None else (str(error), "")
    place = _path(place, path.removeprefix("."))
    if isinstance(error.__cause__, FaultError):
        return FaultError(_path(place, _camel(error.__cause__.field)), error.__cause__.reason)
    member = _MEMBER.fullmatch(text)
    if member is not None:
        what, name = member.groups()
        return FaultError(_path(place, name[:_NAME_LIMIT]), _REASONS[what])
    expected = _EXPECTED.match(text)
    if expected is not None:
        types = [_JSON_NAMES.get(name, f"an {name}" if name[0] in "ao" else name) for name in expected[1].split(" | ")]
        return FaultError(place, f"must be {' or '.join(types)}")
    return FaultError(place, text)


def _path(place: str, more: str) -> str:
    root = place if place.startswith(_ROOT) else _ROOT + place
    return root if not more else f"{root}{'' if more.startswith('[') else '.'}{more}"


def _camel(field: str) -> str:
    """`match.token_age_min` as JSON has it."""
    return re.sub(r"_(\w)", lambda found: found[1].upper(), field)

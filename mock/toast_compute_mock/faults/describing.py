"""How is a fault told to people? In one line."""

from __future__ import annotations

from datetime import UTC, datetime

from .rules import Fault, Match

_TIMES = {None: "without end", 1: "once", 2: "twice"}
_ENDINGS = {1: "st", 2: "nd", 3: "rd"}


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

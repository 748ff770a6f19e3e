"""Does a client keep to what it was made with? Its timeout, what it may do, and a token store that others use, too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from toast_compute import APIError, APITimeoutError, NotAllowedError
from toast_compute.token_store import MemoryTokenStore
from toast_compute_mock import MockCloud, faults

from .clocks import SteppingClock
from .driver import CREDENTIALS, Driver, opened
from .facts import operations
from .kinds import CHANGES, ONE_OF_EACH, Kind
from .story import COLOURS
from .troubles import SAFE

_KINDS = {**ONE_OF_EACH, **CHANGES}
_NAMES = {kind.name for kind in _KINDS if operations()[kind.operation].retry_of(kind.action) != SAFE}
_TIMEOUT = 5.0
_LATE = 20.0
_EXACTNESS = 1e-3


def timeout_holds(kind: Kind, colour: str) -> str:
    """Return what is wrong with how long a client with a timeout waits for a reply that is late."""
    cloud, clock, driver = opened(colour, timeout=_TIMEOUT, max_retries=0)
    try:
        cloud.faults.add(faults.delay(kind.operation, _LATE, action=kind.action or None))
        began = clock.monotonic()
        _, error = driver.call(_KINDS[kind])
        took = clock.monotonic() - began
    finally:
        driver.close()
    if not isinstance(error, APITimeoutError) and not isinstance(getattr(error, "__cause__", None), APITimeoutError):
        return f"{kind.name} ended as {type(error).__name__} when its reply was {_LATE:g} s late"
    is_right = abs(took - _TIMEOUT) <= _EXACTNESS
    return "" if is_right else f"{kind.name} took {took:g} s with a timeout of {_TIMEOUT:g} s"


def what_is_allowed_is_done(kind: Kind, colour: str) -> str:
    """Return what is wrong with a client that may do one thing, and does it."""
    _, _, driver = opened(colour, allow={kind.name} & _NAMES)
    try:
        _, error = driver.call(_KINDS[kind])
    finally:
        driver.close()
    return "" if error is None else f"{kind.name} of a client that may do it ended as {type(error).__name__}"


def what_is_not_allowed_is_left(kind: Kind, colour: str) -> str:
    """Return what is wrong with a client that may do everything but this, and with those that may change nothing."""
    guards: list[dict[str, Any]] = [{"allow": _NAMES - {kind.name}}, {"allow": set()}, {"read_only": True}]
    for options in guards if kind.name in _NAMES else ():
        cloud, _, driver = opened(colour, **options)
        last = cloud.journal.last
        try:
            _, error = driver.call(_KINDS[kind])
        finally:
            driver.close()
        if not isinstance(error, NotAllowedError) or cloud.journal.last != last:
            return f"{kind.name} of a client that may not do it ended as {type(error).__name__}"
    return ""


def a_store_keeps_users_apart(colour: str) -> str:
    """Return what is wrong with two users of one appkey who keep their tokens in one store."""
    clock = SteppingClock()
    cloud = MockCloud(clock=clock)
    other = (CREDENTIALS[0], "other@example.com", "other-password")
    cloud.worlds.fork(appkey=other[0], username=other[1], password=other[2])
    store = MemoryTokenStore(clock.monotonic)
    drivers = [Driver(cloud, clock, colour, who, token_store=store) for who in (CREDENTIALS, other)]
    try:
        made = drivers[0].call(lambda toast: toast.keypairs.create("of-the-first"))
        seen = drivers[1].call(lambda toast: toast.keypairs.get("of-the-first"))
    finally:
        for driver in drivers:
            driver.close()
    if made[1] is not None or not isinstance(seen[1], APIError | None):
        return "a client with a store of tokens fails"
    return "two users with one store of tokens see each other's key pairs" if seen[1] is None else ""


CHECKS: Mapping[str, Callable[[], str]] = {
    f"{check.__name__.replace('_', ' ')}, {kind.name}, {colour}": partial(check, kind, colour)
    for check in (timeout_holds, what_is_allowed_is_done, what_is_not_allowed_is_left)
    for kind in _KINDS
    for colour in COLOURS
} | {
    f"{a_store_keeps_users_apart.__name__.replace('_', ' ')}, {colour}": partial(a_store_keeps_users_apart, colour)
    for colour in COLOURS
}
"""By name: returns what is wrong, empty for nothing."""

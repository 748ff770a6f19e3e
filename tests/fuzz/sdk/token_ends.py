"""What is sent, and shown, when a token has come to its end, is refused, or cannot be replaced?"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from toast_compute import ToastComputeError
from toast_compute_mock import MockCloud, faults
from toast_compute_mock.worlds import TOKEN_LIFETIME

from .driver import opened
from .secrecy import problems_of_error
from .story import COLOURS
from .told import TOKEN

_LIST = "listFlavors"
_LIFE = TOKEN_LIFETIME.total_seconds()
_NEARLY = 60.0  # seconds before its end, when a token may be used on if no other can be had


def an_ended_token_is_not_sent(colour: str) -> str:
    """Return what is wrong with a client whose token has ended, and that can get no other."""
    cloud, clock, driver = opened(colour)
    try:
        cloud.faults.add(faults.http_status(TOKEN, 503, budget=None))
        clock.advance(_LIFE)
        last = cloud.journal.last
        _, error = driver.call(lambda toast: toast.flavors.list())
    finally:
        driver.close()
    if cloud.journal.find(after=last, operation=_LIST):
        return "a token was sent that had come to its end"
    return "" if isinstance(error, ToastComputeError) else "a call without a token ended as if it had one"


def a_token_that_holds_is_used_on(colour: str) -> str:
    """Return what is wrong with a client whose token is about to end, and that can get no other."""
    cloud, clock, driver = opened(colour)
    try:
        cloud.faults.add(faults.http_status(TOKEN, 503, budget=None))
        clock.advance(_LIFE - _NEARLY)
        _, error = driver.call(lambda toast: toast.flavors.list())
    finally:
        driver.close()
    return "" if error is None else f"a call with a token that holds ended as {type(error).__name__}"


def the_token_before_is_a_secret_too(colour: str) -> str:
    """Return what is wrong with how an error shows a token that was replaced a moment ago."""
    cloud, clock, driver = opened(colour)
    try:
        (before,) = cloud.worlds.secrets() - MockCloud().worlds.secrets()
        clock.advance(_LIFE)
        driver.call(lambda toast: toast.flavors.list())
        cloud.faults.add(faults.result_code(_LIST, -4, f"Invalid parameters : {before}"))
        _, error = driver.call(lambda toast: toast.flavors.list())
    finally:
        driver.close()
    if error is None:
        return "a refusal ended as a success"
    return next(problems_of_error(error, {before}), "")


CHECKS: Mapping[str, Callable[[], str]] = {
    f"{check.__name__.replace('_', ' ')}, {colour}": lambda check=check, colour=colour: check(colour)  # type: ignore[misc]
    for check in (an_ended_token_is_not_sent, a_token_that_holds_is_used_on, the_token_before_is_a_secret_too)
    for colour in COLOURS
}
"""By name: returns what is wrong, empty for nothing."""

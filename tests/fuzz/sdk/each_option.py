"""Is each argument that is not sent itself held to what it may be, whatever is passed for it? Settings, too."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from toast_compute import AsyncToastCompute, ConfigurationError, InvalidRequestError, ToastCompute, ToastComputeError

from .arguments import ARGUMENTS, ID
from .driver import CREDENTIALS
from .refused import problem_of_refusal
from .sent import Bench
from .story import COLOURS
from .wrong_values import VALUES

Allows = Callable[[Any], bool | None]
"""Says whether a value may be passed; None where either will do."""
_MOST_AT_ONCE = 64
_MOST_RETRIES = 20
_BEYOND_CLOCKS = 1e30
_WAIT = {"timeout": 5.0, "poll_interval": 1.0, "on_poll": None}


def _is_seconds(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < _BEYOND_CLOCKS


def _is_none_or(allows: Allows) -> Allows:
    return lambda value: value is None or allows(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_limit(value: Any) -> bool:
    return _is_whole(value) and 1 <= value <= _MOST_AT_ONCE


def _may_be_ids(value: Any) -> bool | None:
    several = isinstance(value, Collection) and not isinstance(value, str | bytes)
    return None if several and all(isinstance(one, str) for one in value) else False


def _may_be_text(value: Any) -> bool | None:
    return None if isinstance(value, str) else False


def _is_empty(value: Any) -> bool:
    return isinstance(value, list | tuple | set) and not value


def _is_nothing(value: Any) -> bool:
    return value is None


def _none_of_them(_: Any) -> bool:
    """Say that none of the values may be passed, since what may be is a word that is not among them."""
    return False


_WAITS: Mapping[str, Allows] = {
    "timeout": _is_seconds,
    "poll_interval": _is_none_or(_is_seconds),
    "on_poll": _is_none_or(callable),
}
OPTIONS: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Allows]]] = {
    "instances.wait_for_status": (
        {"id": ID, "status": "ACTIVE", **_WAIT},
        {"id": _may_be_text, "status": _none_of_them, "since": _is_nothing, **_WAITS},
    ),
    "instances.wait_until_deleted": ({"id": ID, **_WAIT}, {"id": _may_be_text, **_WAITS}),
    "instances.wait_for_all": (
        {"ids": [ID], "status": "ACTIVE", **_WAIT},
        {"ids": _may_be_ids, "status": _none_of_them, "since": _is_empty, **_WAITS},
    ),
    "instances.map": (
        {"method": "stop", "ids": [ID], "limit": 1},
        {"method": _none_of_them, "ids": _may_be_ids, "limit": _is_limit},
    ),
    "instances.create": (ARGUMENTS["instances.create"], {"on_ambiguous": _none_of_them}),
    "request": (
        {"method": "GET", "path": "/quotas", "query": {"zone": "a"}, "retry": "safe"},
        {
            "method": _none_of_them,
            "path": _may_be_text,
            "query": _is_none_or(lambda value: value == {}),
            "body": lambda _: None,
            "retry": _none_of_them,
        },
    ),
}
"""By method: what to pass, and for each argument that is tried which values of it may be passed."""

SETTINGS: Mapping[str, Allows] = {
    "profile": _is_nothing,
    "base_url": _is_nothing,
    "timeout": _is_none_or(_is_seconds),
    "max_retries": _is_none_or(lambda value: _is_whole(value) and 0 <= value <= _MOST_RETRIES),
    "token_store": _is_nothing,
    "clock": _is_nothing,
    "read_only": lambda value: isinstance(value, bool),
    "allow": _is_none_or(lambda value: isinstance(value, Collection) and not isinstance(value, str) and not value),
}
"""For each setting of a client, but for its credentials, which of the values it may have."""


def _problems_of(method: str) -> Iterator[str]:
    arguments, options = OPTIONS[method]
    for colour in COLOURS:
        bench = Bench(colour)
        try:
            for option, allows in options.items():
                for name, make in VALUES.items():
                    sent, error = bench.call(method, {**arguments, option: make()})
                    may = allows(make())
                    problem = ""
                    if may is False:
                        problem = problem_of_refusal(sent, error, option)
                    elif not isinstance(error, ToastComputeError | None) or (
                        may and isinstance(error, InvalidRequestError)
                    ):
                        problem = f"ended as {type(error).__name__}"
                    if problem:
                        yield f"{colour}: {method} with {name} as {option} {problem}"
        finally:
            bench.close()


def _problems_of_setting(setting: str) -> Iterator[str]:
    for client in (ToastCompute, AsyncToastCompute):
        for name, make in VALUES.items():
            error: Exception | None = None
            try:
                client(*CREDENTIALS, **{setting: make()})
            except Exception as problem:  # whatever it is, it is judged
                error = problem
            where = f"{client.__name__} with {name} as {setting}"
            if SETTINGS[setting](make()):
                if error is not None:
                    yield f"{where} ended as {type(error).__name__}"
            elif not isinstance(error, ConfigurationError):
                yield f"{where} was not refused with a ConfigurationError"
            elif setting not in str(error) or "\n" in str(error):
                yield f"{where} is not told of in one line with its name"


CHECKS: Mapping[str, Callable[[], str]] = {
    f"options of {method}": lambda method=method: next(_problems_of(method), "") for method in OPTIONS
} | {f"setting {setting}": lambda setting=setting: next(_problems_of_setting(setting), "") for setting in SETTINGS}
"""By name: returns what is wrong, empty for nothing."""

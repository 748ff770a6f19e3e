"""Is each argument that is not sent itself held to what it may be, whatever is passed for it? Settings, too."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Set
from typing import Any

from toast_compute import AsyncToastCompute, ConfigurationError, ToastCompute, ToastComputeError

from .calls import ID
from .driver import CREDENTIALS
from .each_argument import SAMPLES
from .facts import document
from .sent import Bench, problem_of_refusal
from .story import COLOURS
from .wrong_values import VALUES

Allows = Callable[[Any], bool]
_MOST_AT_ONCE = 64
_BEYOND_CLOCKS = 1e30
_STATUSES = frozenset(document()["x-lifecycle"]["states"])
_WAIT = {"timeout": 5.0, "poll_interval": 1.0, "on_poll": None}


def _is_seconds(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < _BEYOND_CLOCKS


def _is_none_or(allows: Allows) -> Allows:
    return lambda value: value is None or allows(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_limit(value: Any) -> bool:
    return _is_whole(value) and 1 <= value <= _MOST_AT_ONCE


def _are_ids(value: Any) -> bool:
    several = isinstance(value, Collection) and not isinstance(value, str | bytes)
    return several and all(isinstance(one, str) for one in value)


def _is_empty(value: Any) -> bool:
    return isinstance(value, Collection) and not value


def _is_nothing(value: Any) -> bool:
    return value is None


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _one_of(names: Set[str]) -> Allows:
    return lambda value: isinstance(value, str) and value in names


_WAITS: Mapping[str, Allows] = {
    "timeout": _is_seconds,
    "poll_interval": _is_none_or(_is_seconds),
    "on_poll": _is_none_or(callable),
}
OPTIONS: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Allows]]] = {
    "instances.wait_for_status": (
        {"id": ID, "status": "ACTIVE", **_WAIT},
        {"id": _is_text, "status": _one_of(_STATUSES), "since": _is_nothing, **_WAITS},
    ),
    "instances.wait_until_deleted": ({"id": ID, **_WAIT}, {"id": _is_text, **_WAITS}),
    "instances.wait_for_all": (
        {"ids": [ID], "status": "ACTIVE", **_WAIT},
        {"ids": _are_ids, "status": _one_of(_STATUSES), "since": _is_empty, **_WAITS},
    ),
    "instances.map": (
        {"method": "stop", "ids": [ID], "limit": 1},
        {"method": _one_of(frozenset()), "ids": _are_ids, "limit": _is_limit},
    ),
    "instances.create": (SAMPLES["instances.create"], {"on_ambiguous": _one_of(frozenset())}),
    "request": (
        {"method": "GET", "path": "/quotas", "query": {"zone": "a"}, "retry": "safe"},
        {
            "method": _one_of(frozenset()),
            "path": _is_text,
            "query": _is_none_or(lambda value: value == {}),
            "body": lambda _: True,
            "retry": _one_of(frozenset()),
        },
    ),
}
"""By method: what to pass, and for each argument that is tried which values of it may be passed."""


_MOST_RETRIES = 20
SETTINGS: Mapping[str, Allows] = {
    "profile": _is_nothing,
    "base_url": _is_nothing,
    "timeout": _is_none_or(_is_seconds),
    "max_retries": _is_none_or(lambda value: _is_whole(value) and 0 <= value <= _MOST_RETRIES),
    "token_store": _is_nothing,
    "clock": _is_nothing,
    "read_only": lambda value: isinstance(value, bool),
    "allow": _is_none_or(lambda value: _is_empty(value) and not isinstance(value, str)),
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
                    problem = "" if allows(make()) else problem_of_refusal(sent, error, option)
                    if error is not None and not isinstance(error, ToastComputeError):
                        problem = f"ended as {type(error).__name__}"
                    if problem:
                        yield f"{colour}: {method} with {name} as {option} {problem}"
        finally:
            bench.close()


def _problems_of_setting(setting: str) -> Iterator[str]:
    for client in (ToastCompute, AsyncToastCompute):
        for name, make in VALUES.items():
            try:
                client(*CREDENTIALS, **{setting: make()})
                error = None
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

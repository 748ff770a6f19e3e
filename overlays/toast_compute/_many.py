"""How does one method go for many instances at once?"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from toast_compute_api.api.instance_actions.run_instance_action import OPERATION as RUN_INSTANCE_ACTION

from . import _plans
from ._core import Core
from ._effects import Plan, Together
from ._input import refuse, text
from .batches import BatchResult
from .errors import (
    APITimeoutError,
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
    NotAllowedError,
    PermissionDeniedError,
    ToastComputeError,
)

_NAME = "map"
_MOST_AT_ONCE = 100  # the client has no more connections
_SKIPPED = object()
# What these say holds for every instance.
_FATAL = (AuthenticationError, ConfigurationError, InvalidRequestError, NotAllowedError, PermissionDeniedError)


def _snake(tag: str) -> str:
    return re.sub("[A-Z]", lambda letter: "_" + letter[0].lower(), tag)


_TAGS = {_snake(type_.__struct_config__.tag): type_.__struct_config__.tag for type_ in RUN_INSTANCE_ACTION.variants}
_OTHERS: Mapping[str, Callable[[Core, str], Plan[Any]]] = {
    "delete": _plans.remove_instance,
    "get": _plans.brief_instance,
    "get_details": _plans.one_detail,
}
_DEFAULTS: Mapping[str, Mapping[str, str]] = {"reboot": {"type": "SOFT"}}


def map_instances(
    core: Core, method: object, ids: Iterable[str], limit: object, arguments: Mapping[str, Any]
) -> Plan[BatchResult]:
    """Do the same to each instance, at most `limit` at a time."""
    known = sorted([*_TAGS, *_OTHERS])
    if method not in known:
        refuse(_NAME, "method", f"expected one of {', '.join(known)}")
    if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= _MOST_AT_ONCE:
        refuse(_NAME, "limit", f"expected an integer from 1 to {_MOST_AT_ONCE}")
    if isinstance(ids, str):
        refuse(_NAME, "ids", "expected a list of ids, got one string")
    given = list(dict.fromkeys(text(_NAME, f"ids[{index}]", id) for index, id in enumerate(ids)))
    for id in given:
        # Building the request checks the id: nothing is sent when one of them cannot be.
        _plans.brief_instances(core, id)
    name = str(method)
    if name in _OTHERS and arguments:
        refuse(_NAME, next(iter(arguments)), f"{name} takes no arguments")
    fatal: list[ToastComputeError] = []

    def one(id: str) -> Plan[Any]:
        if fatal:
            return _SKIPPED
        try:
            return (yield from _plan(core, name, id, arguments))
        except ToastComputeError as error:
            if isinstance(error, _FATAL) or (isinstance(error, APITimeoutError) and (yield from core.remaining()) <= 0):
                fatal.append(error)
            raise

    outcomes: list[Any] = yield Together([one(id) for id in given], limit)
    by_id = dict(zip(given, outcomes, strict=True))
    for outcome in outcomes:
        if isinstance(outcome, Exception) and not isinstance(outcome, ToastComputeError):
            raise outcome
    return BatchResult(
        ok={id: one for id, one in by_id.items() if one is not _SKIPPED and not isinstance(one, Exception)},
        failed={id: one for id, one in by_id.items() if isinstance(one, ToastComputeError)},
        skipped=tuple(id for id, one in by_id.items() if one is _SKIPPED),
    )


def _plan(core: Core, name: str, id: str, arguments: Mapping[str, Any]) -> Plan[Any]:
    if name in _OTHERS:
        return _OTHERS[name](core, id)
    parameters = {**_DEFAULTS.get(name, {}), **arguments}
    action = {"action": _TAGS[name], **({"parameters": parameters} if parameters else {})}
    return _plans.act(core, id, action)

"""How does one method go for many instances at once?"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from toast_compute_api.api.instance_actions.run_instance_action import OPERATION as RUN_INSTANCE_ACTION
from toast_compute_api.api.instances.delete_instance import delete_instance
from toast_compute_runtime.operation import Request

from . import _plans
from ._core import Core
from ._effects import Plan, Together
from ._input import one_of, refuse, texts
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
_WITHOUT_PARAMETERS = {
    _snake(type_.__struct_config__.tag)
    for type_ in RUN_INSTANCE_ACTION.variants
    if not any(field.required for field in msgspec.structs.fields(type_))
}
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
    name = one_of(_NAME, "method", method, sorted([*_TAGS, *_OTHERS]))
    if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= _MOST_AT_ONCE:
        refuse(_NAME, "limit", f"expected an integer from 1 to {_MOST_AT_ONCE}")
    # However often and in which case an id is given, there is one instance.
    spelled: dict[str, str] = {}
    for id in texts(_NAME, "ids", ids):
        spelled.setdefault(id.casefold(), id)
    given = list(spelled.values())
    for id in given:
        # Building the request checks the id: nothing is sent when one of them cannot be.
        _plans.brief_instances(core, id)
    if name in _OTHERS and arguments:
        refuse(_NAME, next(iter(arguments)), f"{name} takes no arguments")
    if given:
        # What is wrong with one is wrong with all, so nothing is sent.
        request, action = _request(core, name, given[0], arguments)
        core.check_allowed(request, action)
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


def _request(core: Core, name: str, id: str, arguments: Mapping[str, Any]) -> tuple[Request[Any], str]:
    """The request that the method makes for an instance, and its action."""
    if name in _TAGS:
        return _plans.action_request(core, id, _action(name, arguments))
    if name == "delete":
        return core.request(lambda appkey: delete_instance(appkey, id=id)), ""
    return _plans.brief_instances(core, id), ""


def _plan(core: Core, name: str, id: str, arguments: Mapping[str, Any]) -> Plan[Any]:
    if name in _OTHERS:
        return _OTHERS[name](core, id)
    return _plans.act(core, id, _action(name, arguments))


def _action(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    parameters = {**_DEFAULTS.get(name, {}), **arguments}
    takes_some = name not in _WITHOUT_PARAMETERS
    return {"action": _TAGS[name], **({"parameters": parameters} if parameters or takes_some else {})}

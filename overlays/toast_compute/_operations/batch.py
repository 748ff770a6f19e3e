"""Batches: one method called for many instances at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from toast_compute_api.api.instance_actions.run_instance_action import OPERATION as RUN_INSTANCE_ACTION
from toast_compute_api.api.instances.delete_instance import delete_instance
from toast_compute_runtime.operation import Request

from .._core.client_core import Core
from .._effects import Effects, Gather
from .._validation import one_of, refuse, texts
from ..batches import BatchResult
from ..errors import (
    APITimeoutError,
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
    NotAllowedError,
    PermissionDeniedError,
    ToastComputeError,
)
from . import instance_reads, instances

_NAME = "map"
_MOST_AT_ONCE = 100  # the client has no more connections
_SKIPPED = object()
# These hold for every instance: the ones that have not begun are skipped.
_FATAL = (AuthenticationError, ConfigurationError, InvalidRequestError, NotAllowedError, PermissionDeniedError)


def _snake(tag: str) -> str:
    return re.sub("[A-Z]", lambda letter: "_" + letter[0].lower(), tag)


_TAGS = {_snake(type_.__struct_config__.tag): type_.__struct_config__.tag for type_ in RUN_INSTANCE_ACTION.variants}
_WITHOUT_PARAMETERS = {
    _snake(type_.__struct_config__.tag)
    for type_ in RUN_INSTANCE_ACTION.variants
    if not any(field.required for field in msgspec.structs.fields(type_))
}
_OTHERS: Mapping[str, Callable[[Core, str], Effects[Any]]] = {
    "delete": instances.delete,
    "get": instance_reads.get,
    "get_details": instance_reads.get_details,
}
_DEFAULTS: Mapping[str, Mapping[str, str]] = {"reboot": {"type": "SOFT"}}


def map_instances(
    core: Core, method: object, ids: Iterable[str], limit: object, arguments: Mapping[str, Any]
) -> Effects[BatchResult]:
    """Call one method for each instance, at most `limit` at a time."""
    name = one_of(_NAME, "method", method, sorted([*_TAGS, *_OTHERS]))
    if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= _MOST_AT_ONCE:
        refuse(_NAME, "limit", f"expected an integer from 1 to {_MOST_AT_ONCE}")
    # An id that is given twice, or in another case, is one instance.
    distinct: dict[str, str] = {}
    for id in texts(_NAME, "ids", ids):
        distinct.setdefault(id.casefold(), id)
    given = list(distinct.values())
    for id in given:
        # Building the request checks the id. Nothing is sent when one of them is invalid.
        instance_reads.brief_request(core, id)
    if name in _OTHERS and arguments:
        refuse(_NAME, next(iter(arguments)), f"{name} takes no arguments")
    if given:
        # The arguments are the same for all instances, so they are checked with the first one.
        request, action = _request(core, name, given[0], arguments)
        core.check_allowed(request, action)
    fatal: list[ToastComputeError] = []

    def call(id: str) -> Effects[Any]:
        if fatal:
            return _SKIPPED
        try:
            return (yield from _operation(core, name, id, arguments))
        except ToastComputeError as error:
            if isinstance(error, _FATAL) or (isinstance(error, APITimeoutError) and (yield from core.remaining()) <= 0):
                fatal.append(error)
            raise

    outcomes: list[Any]
    outcomes, _ = yield Gather([call(id) for id in given], limit)
    by_id = dict(zip(given, outcomes, strict=True))
    for outcome in outcomes:
        if isinstance(outcome, Exception) and not isinstance(outcome, ToastComputeError):
            raise outcome
    return BatchResult(
        ok={id: out for id, out in by_id.items() if out is not _SKIPPED and not isinstance(out, Exception)},
        failed={id: out for id, out in by_id.items() if isinstance(out, ToastComputeError)},
        skipped=tuple(id for id, out in by_id.items() if out is _SKIPPED),
    )


def _request(core: Core, name: str, id: str, arguments: Mapping[str, Any]) -> tuple[Request[Any], str]:
    """Return the request that the method sends for an instance, and its action."""
    if name in _TAGS:
        return instances.action_request(core, id, _action(name, arguments))
    if name == "delete":
        return core.request(lambda appkey: delete_instance(appkey, id=id)), ""
    return instance_reads.brief_request(core, id), ""


def _operation(core: Core, name: str, id: str, arguments: Mapping[str, Any]) -> Effects[Any]:
    if name in _OTHERS:
        return _OTHERS[name](core, id)
    return instances.run_action(core, id, _action(name, arguments))


def _action(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    parameters = {**_DEFAULTS.get(name, {}), **arguments}
    has_parameters = bool(parameters) or name not in _WITHOUT_PARAMETERS
    return {"action": _TAGS[name], **({"parameters": parameters} if has_parameters else {})}

"""Operations that read instances: all of them or one, in brief or in detail."""

from __future__ import annotations

from typing import TypeVar

from toast_compute_api import models
from toast_compute_api.api.instances.list_instance_details import list_instance_details
from toast_compute_api.api.instances.list_instances import list_instances
from toast_compute_runtime.operation import Request

from .._core.client_core import Core
from .._core.error_mapping import absent
from .._effects import Effects
from .._validation import text
from ..errors import Attempt

R = TypeVar("R", models.Instance, models.InstanceDetail)

LIST = "listInstances"
LIST_DETAILS = "listInstanceDetails"


def brief_request(core: Core, id: str | None = None) -> Request[models.InstancesSuccess]:
    """Return the request for all instances in brief, or for one. Raises InvalidRequestError for an invalid id."""
    return core.request(lambda appkey: list_instances(appkey, id=id))


def detail_request(core: Core, id: str | None = None) -> Request[models.InstanceDetailsSuccess]:
    """Return the request for all instances in detail, or for one. Raises InvalidRequestError for an invalid id."""
    return core.request(lambda appkey: list_instance_details(appkey, id=id))


def list_all(core: Core) -> Effects[list[models.Instance]]:
    """Read all instances in brief."""
    return (yield from core.call(brief_request(core))).instances


def get(core: Core, id: str) -> Effects[models.Instance]:
    """Read one instance in brief."""
    call = core.prepare(brief_request(core, text(LIST, "id", id)))
    reply = yield from call.run()
    return _only(reply.instances, id, LIST, call.log.attempts)


def list_details(core: Core) -> Effects[list[models.InstanceDetail]]:
    """Read all instances in detail."""
    return (yield from core.call(detail_request(core))).instances


def get_details(core: Core, id: str) -> Effects[models.InstanceDetail]:
    """Read one instance in detail."""
    call = core.prepare(detail_request(core, text(LIST_DETAILS, "id", id)))
    reply = yield from call.run()
    return _only(reply.instances, id, LIST_DETAILS, call.log.attempts)


def _only(instances: list[R], id: str, operation: str, attempts: tuple[Attempt, ...]) -> R:
    # A service that ignores the filter must not hand out another instance, which might be deleted next.
    for instance in instances:
        if instance.id.casefold() == id.casefold():
            return instance
    raise absent(operation, f"instance {id}", "instance", attempts)

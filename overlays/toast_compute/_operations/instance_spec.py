"""How does what a caller passes to a create become what the contract asks for?"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec
from toast_compute_api import models

from .._findings import Findings
from .._validation import as_model, check_leaves, is_list, make_model, one_or_many

_OPERATION = "createInstance"
_PATH = "instance"


def instance_spec(
    networks: object, security_groups: object, volume: object, count: object, members: Mapping[str, Any]
) -> models.InstanceSpec:
    """Return the instance to ask for.

    Raises:
        InvalidRequestError: with everything that breaks the contract, and not only the first of it.
    """
    findings = Findings(_OPERATION)
    given: dict[str, Any] = {
        **members,
        "networks": [
            findings.of(partial(_network, network, f"{_PATH}.networks[{index}]"))
            for index, network in enumerate(one_or_many(networks))
        ],
        "security_groups": [
            findings.of(partial(_security_group, group, f"{_PATH}.securityGroups[{index}]"))
            for index, group in enumerate(one_or_many(security_groups))
        ],
    }
    if volume is not None:
        given["volume"] = findings.of(
            lambda: as_model(models.RootVolumeSpec, volume, operation=_OPERATION, path=f"{_PATH}.volume")
        )
    if count is not None:
        given["count"] = count
    for field in msgspec.structs.fields(models.InstanceSpec):
        value = given.get(field.name)
        path = f"{_PATH}.{field.encode_name}"
        if is_list(value):
            # What could not even be read has been told of already.
            value = [entry for entry in value if entry is not None]
            if not value and given[field.name]:
                continue
        if field.name not in given or (value is None and field.name == "volume"):
            continue
        findings.of(partial(check_leaves, value, operation=_OPERATION, path=path))
        findings.of_value(field.type, value, path)
    findings.raise_if_any()
    return make_model(models.InstanceSpec, given, operation=_OPERATION, path=_PATH)


def _network(network: object, path: str) -> models.NetworkReference:
    return as_model(models.NetworkReference, network, operation=_OPERATION, path=path)


def _security_group(group: object, path: str) -> models.SecurityGroupSpec:
    if isinstance(group, str):
        return models.SecurityGroupSpec(name=group)
    if isinstance(group, models.SecurityGroupReference):
        # What a detail shows can be passed on to the next instance.
        return models.SecurityGroupSpec(name=group.name)
    return as_model(models.SecurityGroupSpec, group, operation=_OPERATION, path=path)

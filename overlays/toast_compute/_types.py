"""Types of arguments that the sync and the async variant share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias, TypeVar

from toast_compute_api.models import (
    AddFloatingIpAction,
    AddSecurityGroupAction,
    NetworkReference,
    RebootAction,
    RemoveFloatingIpAction,
    RemoveSecurityGroupAction,
    ResizeAction,
    RootVolumeSpec,
    SecurityGroupReference,
    SecurityGroupSpec,
    StartAction,
    StopAction,
)

T = TypeVar("T")

Network: TypeAlias = NetworkReference | Mapping[str, str]
SecurityGroup: TypeAlias = str | SecurityGroupSpec | SecurityGroupReference | Mapping[str, str]
Volume: TypeAlias = RootVolumeSpec | Mapping[str, Any]
SilentAction: TypeAlias = (
    StartAction
    | StopAction
    | RebootAction
    | ResizeAction
    | AddFloatingIpAction
    | RemoveFloatingIpAction
    | AddSecurityGroupAction
    | RemoveSecurityGroupAction
)
"""An action whose reply carries nothing."""

"""The public names of the SDK, each loaded when it is first used.

from toast_compute import ToastCompute

with ToastCompute() as toast:
    for instance in toast.instances.list():
        print(instance.name, instance.status)

`AsyncToastCompute` is the same for asyncio: `async with` and `await`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toast_compute_api.models import (
        Access,
        AddFloatingIpAction,
        AddFloatingIpParameters,
        AddSecurityGroupAction,
        AddSecurityGroupParameters,
        AttachedVolume,
        Attachment,
        AvailabilityZone,
        AvailabilityZoneState,
        CreatedImage,
        Flavor,
        FlavorType,
        Instance,
        InstanceAction,
        InstanceAddress,
        InstanceDetail,
        InstanceFlavor,
        InstanceStatus,
        InstanceVolumes,
        Keypair,
        NetworkReference,
        RebootAction,
        RebootParameters,
        RebootType,
        RemoveFloatingIpAction,
        RemoveFloatingIpParameters,
        RemoveSecurityGroupAction,
        RemoveSecurityGroupParameters,
        ResizeAction,
        ResizeParameters,
        Role,
        RootVolume,
        RootVolumeSpec,
        SecurityGroupReference,
        SecurityGroupSpec,
        StartAction,
        StopAction,
        Token,
        UploadImageAction,
        UploadImageParameters,
        User,
        VolumeType,
    )

    from ._core.capture import Exchange
    from ._operations.created_keypair import CreatedKeypair
    from .aio._client import AsyncToastCompute
    from .batches import BatchResult
    from .clock import Clock
    from .errors import (
        AmbiguousOutcomeError,
        APIConnectionError,
        APIError,
        APITimeoutError,
        Attempt,
        AuthenticationError,
        ConfigurationError,
        ConflictError,
        InstanceFailedError,
        InvalidParametersError,
        InvalidRequestError,
        MalformedResponseError,
        NotAllowedError,
        NotFoundError,
        NotSupportedError,
        PermissionDeniedError,
        ServerError,
        ToastComputeError,
        WaitTimeoutError,
    )
    from .resources._client import ToastCompute

_MODEL_MODULE = "toast_compute_api.models"
_MODULES = {
    "ToastCompute": "toast_compute.resources._client",
    "AsyncToastCompute": "toast_compute.aio._client",
    "Attempt": "toast_compute.errors",
    "BatchResult": "toast_compute.batches",
    "Exchange": "toast_compute._core.capture",
    "CreatedKeypair": "toast_compute._operations.created_keypair",
    "Clock": "toast_compute.clock",
    "APIConnectionError": "toast_compute.errors",
    "APIError": "toast_compute.errors",
    "APITimeoutError": "toast_compute.errors",
    "AmbiguousOutcomeError": "toast_compute.errors",
    "AuthenticationError": "toast_compute.errors",
    "ConfigurationError": "toast_compute.errors",
    "ConflictError": "toast_compute.errors",
    "InstanceFailedError": "toast_compute.errors",
    "InvalidParametersError": "toast_compute.errors",
    "InvalidRequestError": "toast_compute.errors",
    "MalformedResponseError": "toast_compute.errors",
    "NotAllowedError": "toast_compute.errors",
    "NotFoundError": "toast_compute.errors",
    "NotSupportedError": "toast_compute.errors",
    "PermissionDeniedError": "toast_compute.errors",
    "ServerError": "toast_compute.errors",
    "ToastComputeError": "toast_compute.errors",
    "WaitTimeoutError": "toast_compute.errors",
}

__all__ = [
    "APIConnectionError",
    "APIError",
    "APITimeoutError",
    "Access",
    "AddFloatingIpAction",
    "AddFloatingIpParameters",
    "AddSecurityGroupAction",
    "AddSecurityGroupParameters",
    "AmbiguousOutcomeError",
    "AsyncToastCompute",
    "AttachedVolume",
    "Attachment",
    "Attempt",
    "AuthenticationError",
    "AvailabilityZone",
    "AvailabilityZoneState",
    "BatchResult",
    "Clock",
    "ConfigurationError",
    "ConflictError",
    "CreatedImage",
    "CreatedKeypair",
    "Exchange",
    "Flavor",
    "FlavorType",
    "Instance",
    "InstanceAction",
    "InstanceAddress",
    "InstanceDetail",
    "InstanceFailedError",
    "InstanceFlavor",
    "InstanceStatus",
    "InstanceVolumes",
    "InvalidParametersError",
    "InvalidRequestError",
    "Keypair",
    "MalformedResponseError",
    "NetworkReference",
    "NotAllowedError",
    "NotFoundError",
    "NotSupportedError",
    "PermissionDeniedError",
    "RebootAction",
    "RebootParameters",
    "RebootType",
    "RemoveFloatingIpAction",
    "RemoveFloatingIpParameters",
    "RemoveSecurityGroupAction",
    "RemoveSecurityGroupParameters",
    "ResizeAction",
    "ResizeParameters",
    "Role",
    "RootVolume",
    "RootVolumeSpec",
    "SecurityGroupReference",
    "SecurityGroupSpec",
    "ServerError",
    "StartAction",
    "StopAction",
    "ToastCompute",
    "ToastComputeError",
    "Token",
    "UploadImageAction",
    "UploadImageParameters",
    "User",
    "VolumeType",
    "WaitTimeoutError",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # A name that is not in the table is a model.
    value = getattr(import_module(_MODULES.get(name, _MODEL_MODULE)), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

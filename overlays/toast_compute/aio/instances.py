"""Instances: create, read, delete, volumes, batches."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from toast_compute_api.models import (
    Attachment,
    Instance,
    InstanceDetail,
)

from .._operations import batch as _batch
from .._operations import instance_reads as _reads
from .._operations import instances as _instances
from .._types import Network, SecurityGroup, Volume
from ..batches import BatchResult
from .instance_actions import AsyncInstanceActions
from .instance_waits import AsyncInstanceWaits


class AsyncInstances(AsyncInstanceActions, AsyncInstanceWaits):
    """The virtual machines of the project."""

    async def list(self) -> builtins.list[Instance]:
        """List id, name and status of all instances.

        Raises:
            ToastComputeError: any failure; see `toast_compute.errors`.

        Guide: 인스턴스 API, 인스턴스 정보 간략 조회.
        """
        return await self._run(_reads.list_all(self._core))

    async def get(self, id: str) -> Instance:
        """Read id, name and status of one instance.

        Args:
            id: the id of the instance.

        Raises:
            InvalidRequestError: the id is invalid; nothing was sent.
            NotFoundError: there is no such instance.
            ToastComputeError: any other failure; see `toast_compute.errors`.

        Guide: 인스턴스 API, 인스턴스 정보 간략 조회.
        """
        return await self._run(_reads.get(self._core, id))

    async def list_details(self) -> builtins.list[InstanceDetail]:
        """List everything known about all instances.

        `flavor.ram` is in MB, sizes of volumes are in GB, times are aware UTC datetimes.

        Raises:
            ToastComputeError: any failure; see `toast_compute.errors`.

        Guide: 인스턴스 API, 인스턴스 상세 조회.
        """
        return await self._run(_reads.list_details(self._core))

    async def get_details(self, id: str) -> InstanceDetail:
        """Read everything known about one instance.

        `flavor.ram` is in MB, sizes of volumes are in GB, times are aware UTC datetimes.

        Args:
            id: the id of the instance.

        Raises:
            InvalidRequestError: the id is invalid; nothing was sent.
            NotFoundError: there is no such instance.
            ToastComputeError: any other failure; see `toast_compute.errors`.

        Guide: 인스턴스 API, 인스턴스 상세 조회.
        """
        return await self._run(_reads.get_details(self._core, id))

    async def create(
        self,
        *,
        name: str,
        image: str,
        flavor: str,
        availability_zone: str,
        key_name: str,
        networks: Network | Sequence[Network],
        security_groups: SecurityGroup | Sequence[SecurityGroup],
        volume: Volume | None = None,
        count: int | None = None,
        on_ambiguous: Literal["raise", "reconcile"] = "raise",
    ) -> Instance:
        """Create one instance, or `count` of them.

        It is in status BUILD at first: `wait_for_status(id, "ACTIVE")`. The request is never sent twice.

        Args:
            name: up to 20 letters, digits, `-` and `.`; up to 12 on Windows images.
            image: the id of the image to install.
            flavor: the id of the flavor.
            availability_zone: the name of the availability zone.
            key_name: the name of the key pair to register.
            networks: one or several networks: `{"id": ...}`, `{"subnet_id": ...}` or both, or a `NetworkReference`.
            security_groups: one or several names of security groups.
            volume: the root disk: `{"size": 20, "type": "General SSD"}` with the size in GB, or a `RootVolumeSpec`. Not
                for u2 flavors.
            count: how many to create, 1 to 10; without it, one.
            on_ambiguous: what to do when no valid reply comes back, so that nobody knows whether there is an instance
                now. "raise" raises AmbiguousOutcomeError. "reconcile" reads the list before and after, and returns the
                new instance that is what was asked for; nothing is ever sent again. One that somebody else creates at
                the same time with the very same name and all the rest cannot be told apart.

        Returns:
            The new instance; one of them when `count` is over 1, find the others in the list.

        Raises:
            InvalidRequestError: an argument breaks the contract; nothing was sent.
            AmbiguousOutcomeError: no valid reply came back; the instance may exist. After "reconcile", what may be
                it is in `candidates`.
            APIError: the service refused; nothing was created.
            ToastComputeError: any other failure; see `toast_compute.errors`.

        Guide: 인스턴스 API, 인스턴스 생성.
        """
        return await self._run(
            _instances.create(
                self._core,
                name=name,
                image=image,
                flavor=flavor,
                availability_zone=availability_zone,
                key_name=key_name,
                networks=networks,
                security_groups=security_groups,
                volume=volume,
                count=count,
                on_ambiguous=on_ambiguous,
            )
        )

    async def delete(self, id: str) -> None:
        """Delete an instance. It is in status DELETING for a while: `wait_until_deleted(id)`.

        Args:
            id: the id of the instance.

        Raises:
            InvalidRequestError: the id is invalid; nothing was sent.
            NotFoundError: there is no such instance.
            ToastComputeError: any other failure; see `toast_compute.errors`.

        Guide: 인스턴스 API, 인스턴스 삭제.
        """
        await self._run(_instances.delete(self._core, id))

    async def attach_volume(self, id: str, volume_id: str) -> Attachment:
        """Attach a free volume of the same availability zone to an instance.

        Args:
            id: the id of the instance.
            volume_id: the id of the volume.

        Returns:
            The attachment with the name of the device in the instance, such as `/dev/vdc`.

        Raises:
            InvalidRequestError: an id is invalid; nothing was sent.
            NotFoundError: there is no such instance or volume.
            ConflictError: the volume is in use or in another zone, or the status of the instance does not allow it.
            AmbiguousOutcomeError: no valid reply came back; the volume may be attached.
            ToastComputeError: any other failure; see `toast_compute.errors`.

        Guide: 인스턴스 API, 블록 스토리지 연결.
        """
        return await self._run(_instances.attach_volume(self._core, id, volume_id))

    async def detach_volume(self, id: str, volume_id: str) -> None:
        """Detach a volume from an instance. The volume and its data stay.

        Args:
            id: the id of the instance.
            volume_id: the id of the volume.

        Raises:
            InvalidRequestError: an id is invalid; nothing was sent.
            NotFoundError: there is no such instance, or the volume is not attached to it.
            ConflictError: the status of the instance does not allow it.
            ToastComputeError: any other failure; see `toast_compute.errors`.

        Guide: 인스턴스 API, 블록 스토리지 연결 해제.
        """
        await self._run(_instances.detach_volume(self._core, id, volume_id))

    async def map(self, method: str, ids: Iterable[str], *, limit: int = 5, **arguments: Any) -> BatchResult:
        """Do the same to many instances, several at a time. One failure does not stop the others.

        Args:
            method: the name of a method on one instance: an action such as "stop" or "resize", "delete", "get" or
                "get_details".
            ids: the ids of the instances; one that comes twice is done once.
            limit: how many at a time, 1 to 100.
            arguments: what the method takes besides the id, such as `flavor=...`.

        Returns:
            What came of it for each id. When a failure would be that of all, such as a missing permission, the rest is
            not tried.

        Raises:
            InvalidRequestError: the method, the ids or the limit cannot be used; nothing was sent.

        Guide: 인스턴스 추가기능 API and 인스턴스 API.
        """
        return await self._run(_batch.map_instances(self._core, method, ids, limit, arguments))

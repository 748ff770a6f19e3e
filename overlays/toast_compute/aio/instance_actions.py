"""Actions on an instance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, overload

from toast_compute_api.models import (
    AddFloatingIpAction,
    AddFloatingIpParameters,
    AddSecurityGroupAction,
    AddSecurityGroupParameters,
    CreatedImage,
    RebootAction,
    RebootParameters,
    RebootType,
    RemoveFloatingIpAction,
    RemoveFloatingIpParameters,
    RemoveSecurityGroupAction,
    RemoveSecurityGroupParameters,
    ResizeAction,
    ResizeParameters,
    StartAction,
    StopAction,
    UploadImageAction,
)

from .._operations import instances as _instances
from .._types import SilentAction
from ._base import AsyncResource


class AsyncInstanceActions(AsyncResource):
    """The actions of `instances`. A return means that the service accepted: watch the status for the end.

    All of them raise `InvalidRequestError` when an argument breaks the contract (nothing was sent), `NotFoundError`
    when there is no such instance, `ConflictError` when its status does not allow the action, and any other
    `ToastComputeError`.
    """

    async def start(self, id: str) -> None:
        """Start a stopped instance. It goes through POWERING_ON to ACTIVE.

        Args:
            id: the id of the instance.

        Raises:
            ToastComputeError: see the class.

        Guide: 인스턴스 추가기능 API, 인스턴스 시작.
        """
        await self._run(_instances.run_action(self._core, id, StartAction()))

    async def stop(self, id: str) -> None:
        """Stop a running or failed instance. It goes through POWERING_OFF to STOP.

        Args:
            id: the id of the instance.

        Raises:
            ToastComputeError: see the class.

        Guide: 인스턴스 추가기능 API, 인스턴스 정지.
        """
        await self._run(_instances.run_action(self._core, id, StopAction()))

    async def reboot(self, id: str, type: RebootType | Literal["SOFT", "HARD"] = "SOFT") -> None:
        """Reboot a running instance. It goes through REBOOTING to ACTIVE.

        Args:
            id: the id of the instance.
            type: SOFT shuts down gracefully and starts again, HARD switches off and on.

        Raises:
            AmbiguousOutcomeError: no valid reply came back; it may be rebooting.
            ToastComputeError: see the class.

        Guide: 인스턴스 추가기능 API, 인스턴스 리부팅.
        """
        # The generated code checks the value, so a plain string does.
        action = RebootAction(parameters=RebootParameters(type=type))  # type: ignore[arg-type]
        await self._run(_instances.run_action(self._core, id, action))

    async def resize(self, id: str, flavor: str) -> None:
        """Change the flavor of an instance. It goes through RESIZING back to the status that it had.

        Args:
            id: the id of the instance.
            flavor: the id of the new flavor.

        Raises:
            AmbiguousOutcomeError: no valid reply came back; it may be resizing.
            ToastComputeError: see the class.

        Guide: 인스턴스 추가기능 API, 인스턴스 타입 변경.
        """
        await self._run(_instances.run_action(self._core, id, ResizeAction(parameters=ResizeParameters(flavor=flavor))))

    async def upload_image(self, id: str, name: str) -> CreatedImage:
        """Make an image of a stopped instance.

        Args:
            id: the id of the instance.
            name: the name of the new image.

        Returns:
            The id and the name of the image.

        Raises:
            AmbiguousOutcomeError: no valid reply came back; the image may be on its way.
            ToastComputeError: see the class.

        Guide: 인스턴스 추가기능 API, 이미지 생성.
        """
        return await self._run(_instances.upload_image(self._core, id, name))

    async def add_floating_ip(self, id: str, address: str, ip_address: str) -> None:
        """Give an instance a floating IP.

        Args:
            id: the id of the instance.
            address: the floating IP, an IPv4 address.
            ip_address: the IPv4 address of the instance that the floating IP leads to.

        Raises:
            ToastComputeError: see the class.

        Guide: 인스턴스 추가기능 API, 플로팅 IP 연결.
        """
        parameters = AddFloatingIpParameters(address=address, ip_address=ip_address)
        await self._run(_instances.run_action(self._core, id, AddFloatingIpAction(parameters=parameters)))

    async def remove_floating_ip(self, id: str, address: str) -> None:
        """Take a floating IP away from an instance.

        Args:
            id: the id of the instance.
            address: the floating IP, an IPv4 address.

        Raises:
            ToastComputeError: see the class.

        Guide: 인스턴스 추가기능 API, 플로팅 IP 연결 해제.
        """
        parameters = RemoveFloatingIpParameters(address=address)
        await self._run(_instances.run_action(self._core, id, RemoveFloatingIpAction(parameters=parameters)))

    async def add_security_group(self, id: str, name: str) -> None:
        """Add an instance to a security group.

        Args:
            id: the id of the instance.
            name: the name of the security group.

        Raises:
            ToastComputeError: see the class.

        Guide: 인스턴스 추가기능 API, 보안 그룹 등록.
        """
        parameters = AddSecurityGroupParameters(name=name)
        await self._run(_instances.run_action(self._core, id, AddSecurityGroupAction(parameters=parameters)))

    async def remove_security_group(self, id: str, name: str) -> None:
        """Take an instance out of a security group.

        Args:
            id: the id of the instance.
            name: the name of the security group.

        Raises:
            ToastComputeError: see the class.

        Guide: 인스턴스 추가기능 API, 보안 그룹 제거.
        """
        parameters = RemoveSecurityGroupParameters(name=name)
        await self._run(_instances.run_action(self._core, id, RemoveSecurityGroupAction(parameters=parameters)))

    @overload
    async def run_action(self, id: str, action: UploadImageAction) -> CreatedImage: ...

    @overload
    async def run_action(self, id: str, action: SilentAction) -> None: ...

    @overload
    async def run_action(self, id: str, action: Mapping[str, Any]) -> CreatedImage | None: ...

    async def run_action(
        self, id: str, action: UploadImageAction | SilentAction | Mapping[str, Any]
    ) -> CreatedImage | None:
        """Run any action, given as data.

        Args:
            id: the id of the instance.
            action: an action model, or a mapping such as `{"action": "reboot", "parameters": {"type": "SOFT"}}`.

        Returns:
            The image that `uploadImage` makes, None for every other action.

        Raises:
            AmbiguousOutcomeError: no valid reply to an action that must not be sent twice came back.
            ToastComputeError: see the class.

        Guide: 인스턴스 추가기능 API, 공통.
        """
        return await self._run(_instances.run_action(self._core, id, action))

"""How does a program wait for an instance?"""

from __future__ import annotations

import builtins
from collections.abc import Iterable

from toast_compute_api.models import Instance

from .. import _waiters
from ._base import Resource


class InstanceWaits(Resource):
    """The waits of `instances`. All times are seconds; between two looks pass 1 s at first and 15 s at last."""

    def wait_for_status(
        self, id: str, status: str, *, timeout: float = 600.0, poll_interval: float | None = None
    ) -> Instance:
        """Wait until an instance is in a status.

        Args:
            id: the id of the instance.
            status: one of the documented statuses, such as ACTIVE or STOP.
            timeout: seconds to wait at most.
            poll_interval: seconds between two looks, when it should not grow.

        Returns:
            The instance as it was seen in the status.

        Raises:
            InvalidRequestError: an argument is unusable; nothing was sent.
            InstanceFailedError: the instance failed (ERROR) or is being deleted, so it cannot get there any more.
            NotFoundError: there is no such instance, or no longer.
            WaitTimeoutError: the time is up; carries the last state seen.
            ToastComputeError: any other failure; see `toast_compute.errors`.

        Guide: 인스턴스 API, 인스턴스 상태 and 인스턴스 정보 간략 조회.
        """
        return self._run(_waiters.wait_for_status(self._core, id, status, timeout=timeout, poll_interval=poll_interval))

    def wait_until_deleted(self, id: str, *, timeout: float = 600.0, poll_interval: float | None = None) -> None:
        """Wait until an instance is gone. One that is gone already is fine.

        Args:
            id: the id of the instance.
            timeout: seconds to wait at most.
            poll_interval: seconds between two looks, when it should not grow.

        Raises:
            InvalidRequestError: an argument is unusable; nothing was sent.
            InstanceFailedError: the deletion failed.
            WaitTimeoutError: the time is up; carries the last state seen.
            ToastComputeError: any other failure; see `toast_compute.errors`.

        Guide: 인스턴스 API, 인스턴스 상태 and 인스턴스 삭제.
        """
        self._run(_waiters.wait_until_deleted(self._core, id, timeout=timeout, poll_interval=poll_interval))

    def wait_for_all(
        self, ids: Iterable[str], status: str, *, timeout: float = 600.0, poll_interval: float | None = None
    ) -> builtins.list[Instance]:
        """Wait until each of several instances has been seen in a status. However many they are, a look is one request.

        Args:
            ids: the ids of the instances.
            status: one of the documented statuses, such as ACTIVE or STOP.
            timeout: seconds to wait at most, for all of them together.
            poll_interval: seconds between two looks, when it should not grow.

        Returns:
            The instances in the order of `ids`, each as it was seen when it got there.

        Raises:
            InvalidRequestError: an argument is unusable; nothing was sent.
            InstanceFailedError: one of them cannot get there any more.
            NotFoundError: one of them does not exist, or no longer.
            WaitTimeoutError: the time is up; carries the last states seen.
            ToastComputeError: any other failure; see `toast_compute.errors`.

        Guide: 인스턴스 API, 인스턴스 상태 and 인스턴스 정보 간략 조회.
        """
        return self._run(_waiters.wait_for_all(self._core, ids, status, timeout=timeout, poll_interval=poll_interval))

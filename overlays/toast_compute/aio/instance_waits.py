"""Waits for the status of instances."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable

from toast_compute_api.models import Instance, InstanceDetail

from .._waiters import waiter as _waiters
from ._base import AsyncResource


class AsyncInstanceWaits(AsyncResource):
    """The waits of `instances`.

    All times are seconds. Polls are 1 s apart at first and 15 s at last, a little less at random, or exactly
    `poll_interval`; the last poll is at the deadline. Several waits on one client share their polls: together they read
    one list, not each its instance, and fall into one rhythm.

    After an action of this client, a status that the instance may have had before is believed only once it cannot be
    stale: a transient status such as REBOOTING was seen, or `updated_at` or `launched_at` moved in the details, or the
    time that the action takes by the contract is over. Right after a create, a list that does not show the instance yet
    is no reason to give up.

    Transient failures of a poll (connection, time-out, gateway, the service's own errors) are absorbed, up to five in a
    row. What a poll raises has a note about the wait (`__notes__`). A status that this version does not know is logged
    as a warning, and the wait goes on.
    """

    async def wait_for_status(
        self,
        id: str,
        status: str,
        *,
        timeout: float = 600.0,
        poll_interval: float | None = None,
        on_poll: Callable[[Instance | None], None] | None = None,
        since: InstanceDetail | None = None,
    ) -> Instance:
        """Wait until an instance is in a status.

        Args:
            id: the id of the instance.
            status: one of the documented statuses, such as ACTIVE or STOP.
            timeout: seconds to wait at most; the last poll, at the end of them, may take one more. A `deadline` of the
                client may leave less.
            poll_interval: seconds between two polls, when it should not grow.
            on_poll: called after each poll with the instance, or with None when the poll failed or did not find it.
                What it raises ends the wait.
            since: the instance in detail as it was before a change that others make; then the status is believed once
                its timestamps have moved, however long that takes.

        Returns:
            The instance as it was seen in the status.

        Raises:
            InvalidRequestError: an argument is invalid; nothing was sent.
            InstanceFailedError: the instance failed (ERROR) or is being deleted, so it cannot get there any more; says
                what was seen, and what the lifecycle would allow.
            NotFoundError: there is no such instance, or no longer.
            WaitTimeoutError: the time is up; carries the last state seen.
            ToastComputeError: any other failure; see `toast_compute.errors`.

        Guide: 인스턴스 API, 인스턴스 상태 and 인스턴스 정보 간략 조회.
        """
        return await self._run(
            _waiters.wait_for_status(
                self._core, id, status, timeout=timeout, poll_interval=poll_interval, on_poll=on_poll, since=since
            )
        )

    async def wait_until_deleted(
        self,
        id: str,
        *,
        timeout: float = 600.0,
        poll_interval: float | None = None,
        on_poll: Callable[[Instance | None], None] | None = None,
    ) -> None:
        """Wait until an instance is gone. One that is gone already is fine.

        Args:
            id: the id of the instance.
            timeout: seconds to wait at most; the last poll, at the end of them, may take one more. A `deadline` of the
                client may leave less.
            poll_interval: seconds between two polls, when it should not grow.
            on_poll: called after each poll with the instance, or with None when the poll failed or did not find it.
                What it raises ends the wait.

        Raises:
            InvalidRequestError: an argument is invalid; nothing was sent.
            InstanceFailedError: the deletion failed.
            WaitTimeoutError: the time is up; carries the last state seen.
            ToastComputeError: any other failure; see `toast_compute.errors`.

        Guide: 인스턴스 API, 인스턴스 상태 and 인스턴스 삭제.
        """
        await self._run(
            _waiters.wait_until_deleted(self._core, id, timeout=timeout, poll_interval=poll_interval, on_poll=on_poll)
        )

    async def wait_for_all(
        self,
        ids: Iterable[str],
        status: str,
        *,
        timeout: float = 600.0,
        poll_interval: float | None = None,
        on_poll: Callable[[Instance | None], None] | None = None,
        since: Iterable[InstanceDetail] = (),
    ) -> builtins.list[Instance]:
        """Wait until each of several instances has been seen in a status. However many they are, a poll is one request.

        Args:
            ids: the ids of the instances.
            status: one of the documented statuses, such as ACTIVE or STOP.
            timeout: seconds to wait at most, for all of them together; the last poll, at the end of them, may take one
                more. A `deadline` of the client may leave less.
            poll_interval: seconds between two polls, when it should not grow.
            on_poll: called after each poll with each instance that was still waited for, or with None for one that was
                not there; once with None when the poll failed. What it raises ends the wait.
            since: instances in detail as they were before a change that others make, such as `list_details()` returns;
                then their status is believed once their timestamps have moved, however long that takes.

        Returns:
            The instances in the order of `ids`, each as it was seen when it got there.

        Raises:
            InvalidRequestError: an argument is invalid; nothing was sent.
            InstanceFailedError: one of them cannot get there any more; says why.
            NotFoundError: one of them does not exist, or no longer.
            WaitTimeoutError: the time is up; carries the last states seen.
            ToastComputeError: any other failure; see `toast_compute.errors`.

        Guide: 인스턴스 API, 인스턴스 상태 and 인스턴스 정보 간략 조회.
        """
        return await self._run(
            _waiters.wait_for_all(
                self._core, ids, status, timeout=timeout, poll_interval=poll_interval, on_poll=on_poll, since=since
            )
        )

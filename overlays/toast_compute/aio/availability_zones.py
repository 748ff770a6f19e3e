"""Availability zones: where instances and volumes can be created."""

from __future__ import annotations

import builtins

from toast_compute_api.models import AvailabilityZone

from .._operations import catalog as _catalog
from ._base import AsyncResource


class AsyncAvailabilityZones(AsyncResource):
    """The availability zones of the region."""

    async def list(self) -> builtins.list[AvailabilityZone]:
        """List all availability zones.

        Raises:
            ToastComputeError: any failure; see `toast_compute.errors`.

        Guide: 가용성 영역 API, 가용성 영역 조회.
        """
        return await self._run(_catalog.list_zones(self._core))

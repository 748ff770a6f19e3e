"""Flavors: the sizes that an instance can have."""

from __future__ import annotations

import builtins

from toast_compute_api.models import Flavor

from .._operations import catalog as _catalog
from ._base import AsyncResource


class AsyncFlavors(AsyncResource):
    """The sizes that an instance can have."""

    async def list(self) -> builtins.list[Flavor]:
        """List all flavors. `ram` is in MB, `volume_size`, `max_volume_size` and `ephemeral` are in GB.

        Raises:
            ToastComputeError: any failure; see `toast_compute.errors`.

        Guide: 인스턴스 타입 API, 인스턴스 타입 목록 조회.
        """
        return await self._run(_catalog.list_flavors(self._core))

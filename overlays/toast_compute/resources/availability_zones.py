"""Where can instances and volumes be created?"""

from __future__ import annotations

import builtins

from toast_compute_api.models import AvailabilityZone

from .._operations import catalog as _catalog
from ._base import Resource


class AvailabilityZones(Resource):
    """The availability zones of the region."""

    def list(self) -> builtins.list[AvailabilityZone]:
        """List all availability zones.

        Raises:
            ToastComputeError: any failure; see `toast_compute.errors`.

        Guide: 가용성 영역 API, 가용성 영역 조회.
        """
        return self._run(_catalog.list_zones(self._core))

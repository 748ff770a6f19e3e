"""Answer listAvailabilityZones and listFlavors."""

from __future__ import annotations

import msgspec

from ..rules import RefusedError, Rule
from ..world.state import Flavor, World
from .call import Call, Payload


def list_availability_zones(world: World, _: Call) -> Payload:
    """Answer listAvailabilityZones. Guide: 가용성 영역 조회."""
    return {
        "zones": [{"zoneName": zone.name, "zoneState": {"available": zone.available}} for zone in world.zones.values()]
    }


def list_flavors(world: World, _: Call) -> Payload:
    """Answer listFlavors. Guide: 인스턴스 타입 목록 조회."""
    return {"flavors": [msgspec.to_builtins(flavor) for flavor in world.flavors.values()]}


def find_flavor(world: World, flavor_id: str) -> Flavor:
    """Return a flavor, also a disabled one. Raises RefusedError when there is none."""
    flavor = world.flavors.get(flavor_id)
    if flavor is None:
        raise RefusedError(Rule.NO_FLAVOR)
    return flavor


def require_enabled(flavor: Flavor) -> None:
    """Raise RefusedError when the flavor is disabled."""
    if flavor.disabled:
        raise RefusedError(Rule.FLAVOR_DISABLED)

"""Make a client of a mock whose time moves on by itself."""

from __future__ import annotations

from typing import Any

from toast_compute import ToastCompute
from toast_compute_mock import AutoJumpClock, MockCloud

WEB = "125a0000-0000-4000-8000-000000000001"
BATCH = "125a0000-0000-4000-8000-000000000002"
VOLUME = "b10c0000-0000-4000-8000-000000000001"
NEW: dict[str, Any] = {
    "name": "new-01",
    "image": "1a9e0000-0000-4000-8000-000000000001",
    "flavor": "f1a00000-0000-4000-8000-000000000001",
    "availability_zone": "kr-pub-a",
    "key_name": "demo-key",
    "networks": [{"subnet_id": "5b4e0000-0000-4000-8000-000000000001"}],
    "security_groups": ["default"],
}


def fresh_cloud() -> MockCloud:
    """Return a cloud in which time moves on when everybody waits."""
    return MockCloud(clock=AutoJumpClock())


def client(cloud: MockCloud, **options: Any) -> ToastCompute:
    """Return a client of the demo user that sleeps on the cloud's clock."""
    options = {"transport": cloud.transport, "clock": cloud.clock, **options}
    return ToastCompute("demo-appkey", "demo@example.com", "demo-password", **options)

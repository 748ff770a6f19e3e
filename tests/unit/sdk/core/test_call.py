"""Test the timeout of one attempt for each kind of request."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from toast_compute_mock import MockCloud

from ..clients import BATCH, NEW, VOLUME, WEB, client, make_cloud


class Recording(httpx.BaseTransport):
    """Passes requests on, and records the timeout of each in seconds."""

    def __init__(self, cloud: MockCloud) -> None:
        self._inner = cloud.transport
        self.seconds: dict[str, float] = {}
        self.to_connect: dict[str, float] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        key = f"{request.method} {request.url.path.rsplit('/', 1)[-1]}"
        steps = request.extensions["timeout"]
        self.seconds[key] = round(steps["read"])
        self.to_connect[key] = round(steps["connect"])
        return self._inner.handle_request(request)


def timeouts(**options: Any) -> Recording:
    cloud = make_cloud()
    recorded = Recording(cloud)
    with client(cloud, transport=recorded, **options) as toast:
        toast.flavors.list()
        toast.instances.create(**NEW)
        toast.keypairs.create("new")
        toast.instances.attach_volume(WEB, VOLUME)
        toast.instances.delete(WEB)
        toast.instances.upload_image(BATCH, "image")
    return recorded


def test_requests_that_must_not_be_resent_get_a_longer_timeout() -> None:
    assert timeouts().seconds == {
        "POST tokens": 30,
        "GET flavors": 30,
        "POST instances": 120,
        "POST keypairs": 120,
        "POST attachments": 120,
        "DELETE instances": 30,
        "POST action": 120,
    }


def test_timeout_of_the_user_applies_to_every_request() -> None:
    assert set(timeouts(timeout=7).seconds.values()) == {7}


def test_connect_timeout_is_the_same_for_every_request() -> None:
    assert set(timeouts().to_connect.values()) == {30}
    assert set(timeouts(timeout=7).to_connect.values()) == {7}


@pytest.mark.parametrize("seconds", [50, 200])
def test_deadline_bounds_the_longer_timeout(cloud: MockCloud, seconds: float) -> None:
    recorded = Recording(cloud)
    with client(cloud, transport=recorded) as toast, toast.deadline(seconds):
        toast.keypairs.create("new")
    assert recorded.seconds["POST keypairs"] == min(seconds, 120)

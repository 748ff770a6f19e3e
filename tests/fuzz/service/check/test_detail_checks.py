"""Does each check of details bite where it should, and only there?"""

from __future__ import annotations

import pytest

from ..exchange import JsonObject
from . import detail_checks
from .ledger import Ledger
from .samples import detail, exchange, judged, meaning, request, success

ALL = request("listInstanceDetails")
FLAVORS = request("listFlavors")
ADDRESS = {"macAddress": "fa:16:3e:00:00:01", "ipAddress": "192.168.0.10", "version": 4}
OTHER = {"macAddress": "fa:16:3e:00:00:02", "ipAddress": "192.168.0.11", "version": 4}


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(is_exact=True)


@pytest.mark.parametrize("name", ["updatedAt", "launchedAt"])
def test_an_instance_is_created_first(ledger: Ledger, name: str) -> None:
    check = detail_checks.times_are_in_order
    assert not judged(check, ledger, ALL, success(instances=[detail()]))
    assert judged(check, ledger, ALL, success(instances=[detail(**{name: "2026-01-15T08:59:59"})]))


@pytest.mark.parametrize(
    "twin",
    [
        {**OTHER, "macAddress": ADDRESS["macAddress"]},
        {**OTHER, "ipAddress": ADDRESS["ipAddress"]},
        {**OTHER, "floatingIpAddress": "203.0.113.9"},
    ],
)
def test_an_address_has_one_owner(ledger: Ledger, twin: JsonObject) -> None:
    first = {**ADDRESS, "floatingIpAddress": "203.0.113.9"}
    check = detail_checks.addresses_have_one_owner
    assert judged(check, ledger, ALL, success(instances=[detail(addresses=[first]), detail(addresses=[twin])]))
    assert not judged(check, ledger, ALL, success(instances=[detail(addresses=[first]), detail(addresses=[OTHER])]))


def test_live_networks_may_share_private_addresses() -> None:
    shown = success(instances=[detail(addresses=[ADDRESS]), detail(addresses=[{**OTHER, "ipAddress": "192.168.0.10"}])])
    assert not judged(detail_checks.addresses_have_one_owner, Ledger(is_exact=False), ALL, shown)


@pytest.mark.parametrize(
    ("vcpus", "ram", "name", "is_found"),
    [
        (2, 4096, "m2.c2m4", False),
        (4096, 2, "m2.c2m4", True),
        (2, 2048, "m2.c2m4", True),
        (4, 4096, "m2.c2m4", True),
        (2, 4096, "m2.c2m8", True),
    ],
)
def test_a_flavor_is_the_listed_one(ledger: Ledger, vcpus: int, ram: int, name: str, is_found: bool) -> None:
    listed = success(flavors=[{"id": "flavor-1", "vcpus": vcpus, "ram": ram, "name": name}])
    ledger.update(exchange(FLAVORS, listed), meaning(FLAVORS))
    assert bool(judged(detail_checks.flavor_is_the_listed_one, ledger, ALL, success(instances=[detail()]))) is is_found


def test_nothing_is_listed_twice(ledger: Ledger) -> None:
    check = detail_checks.nothing_is_listed_twice
    volume = {"id": "v", "name": "data", "size": 10, "type": "General HDD"}
    root = {"size": 20, "type": "General HDD"}
    groups = [{"name": "default"}, {"name": "web"}]
    assert not judged(check, ledger, ALL, success(instances=[detail(securityGroups=groups)]))
    assert judged(check, ledger, ALL, success(instances=[detail(securityGroups=[*groups, groups[0]])]))
    assert not judged(check, ledger, ALL, success(instances=[detail(volumes={"root": root, "attachments": [volume]})]))
    assert judged(check, ledger, ALL, success(instances=[detail(volumes={"root": root, "attachments": [volume] * 2})]))

"""Check that invalid arguments of a cloud are refused in one sentence that names the argument."""

from __future__ import annotations

from typing import Any

import pytest
from toast_compute_mock import FrozenClock, MockCloud, faults
from toast_compute_mock.world.registry import WorldError

DEMO = "05e40000-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"seed": "x"}, "seed: must be an integer of at most 63 bits"),
        ({"seed": 1.5}, "seed: must be an integer of at most 63 bits"),
        ({"seed": None}, "seed: must be an integer of at most 63 bits"),
        ({"seed": True}, "seed: must be an integer of at most 63 bits"),
        ({"seed": 2**63}, "seed: must be an integer of at most 63 bits"),
        ({"clock": "frozen"}, "clock: must be a clock such as FrozenClock()"),
        ({"clock": FrozenClock}, "clock: must be a clock such as FrozenClock()"),
        ({"world": "world.json"}, "world: must be a SeedWorld; read_seed_world makes one of a file's content"),
        ({"world": {}}, "world: must be a SeedWorld; read_seed_world makes one of a file's content"),
        ({"faults": "flaky-network"}, "faults: must be a list of faults; cloud.faults.use takes the name of a preset"),
        ({"faults": faults.reset()}, "faults: must be a list of faults; cloud.faults.use takes the name of a preset"),
        ({"faults": [1]}, "faults: must be a list of faults; cloud.faults.use takes the name of a preset"),
        ({"evolution": "nulls"}, "evolution: must be a list of options"),
        ({"evolution": ["null"]}, "evolution: there is no option 'null'"),
        ({"sample_above": -1}, "sample_above: must be a number of bytes, or None"),
        ({"sample_above": "x"}, "sample_above: must be a number of bytes, or None"),
        ({"admin_token": ""}, "admin_token: must be a text that is not empty, or None"),
        ({"admin_token": 5}, "admin_token: must be a text that is not empty, or None"),
    ],
)
def test_argument_that_makes_no_sense_is_named(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=r"^\w+: ") as refusal:
        MockCloud(**arguments)
    assert str(refusal.value).startswith(problem)


def test_faults_may_be_any_iterable_and_are_read_once() -> None:
    cloud = MockCloud(faults=(fault for fault in (faults.reset(), faults.close())))
    assert len(cloud.faults.list()) == 2


@pytest.mark.parametrize("port", [-1, 65536, 99999, "80", 1.5, True])
def test_server_listens_on_a_port_or_not_at_all(port: Any) -> None:
    with pytest.raises(ValueError, match=r"^port: must be an integer from 0 to 65535$"):
        MockCloud().serve(port=port)


@pytest.mark.parametrize("timeout", [float("nan"), float("inf"), -1, "5", None])
def test_wait_for_exchanges_ends(timeout: Any) -> None:
    with pytest.raises(ValueError, match=r"^timeout: must be a finite number of seconds"):
        MockCloud().wait_for(1, timeout=timeout)


@pytest.mark.parametrize("count", [-1, 1.5, "1", None])
def test_wait_for_returns_after_the_number_of_exchanges(count: Any) -> None:
    with pytest.raises(ValueError, match=r"^count: must be a whole number"):
        MockCloud().wait_for(count, timeout=0)


def test_wait_that_times_out_counts_what_came() -> None:
    with pytest.raises(TimeoutError, match=r"^0 of 1 exchanges came within 0 s$"):
        MockCloud().wait_for(1, timeout=0)


@pytest.mark.parametrize("limit", [-1, 1.5, "2", True])
def test_quota_is_a_number_or_none(limit: Any) -> None:
    with pytest.raises(ValueError, match=r"^keypairs: a quota must be a whole number"):
        MockCloud().worlds.set_quotas(DEMO, keypairs=limit)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_migration_takes_some_time(seconds: float) -> None:
    with pytest.raises(WorldError, match=r"^seconds: must be a finite number above 0$"):
        MockCloud().worlds.migrate(DEMO, "125a0000-0000-4000-8000-000000000001", seconds)

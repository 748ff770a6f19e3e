"""Test that all findings about an invalid request are reported together before anything is sent."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from toast_compute import InvalidRequestError
from toast_compute_mock import MockCloud

from ..clients import BATCH, NEW, client


def refused(cloud: MockCloud, **changes: Any) -> InvalidRequestError:
    with client(cloud) as toast, pytest.raises(InvalidRequestError) as caught:
        toast.instances.create(**NEW | changes)
    assert cloud.journal.count() == 0
    return caught.value


def test_findings_of_a_create_are_all_reported(cloud: MockCloud) -> None:
    error = refused(
        cloud,
        name="no spaces please",
        image="a/b",
        flavor=7,
        networks=[{"subnet_id": ""}, {"subnet": "x"}, {}],
        security_groups=["default", 5],
        volume={"size": 25, "type": "Tape"},
        count=11,
    )
    assert [path for path, _ in error.findings] == [
        "instance.networks[1].subnet",
        "instance.networks[2]",
        "instance.securityGroups[1]",
        "instance.name",
        "instance.image",
        "instance.flavor",
        "instance.networks[0].subnetId",
        "instance.count",
        "instance.volume.size",
        "instance.volume.type",
    ]
    assert error.path == "instance.networks[1].subnet"
    assert str(error).startswith("createInstance was not sent: instance.networks[1].subnet: there is no such member")
    for path, reason in error.findings:
        assert f"{path}: {reason}" in str(error)
    assert "no spaces please" not in str(error)


def test_single_finding_is_reported_alone(cloud: MockCloud) -> None:
    error = refused(cloud, count=0)
    assert error.findings == (("instance.count", "must be at least 1"),)
    assert str(error) == "createInstance was not sent: instance.count: must be at least 1"


def test_empty_lists_are_reported_together(cloud: MockCloud) -> None:
    error = refused(cloud, networks=[], security_groups=[])
    assert [path for path, _ in error.findings] == ["instance.networks", "instance.securityGroups"]


def test_findings_of_an_action_are_all_reported(cloud: MockCloud) -> None:
    with client(cloud) as toast, pytest.raises(InvalidRequestError) as caught:
        toast.instances.add_floating_ip(BATCH, "203.0.113", "somewhere")
    assert [path for path, _ in caught.value.findings] == ["parameters.address", "parameters.ipAddress"]
    assert cloud.journal.count() == 0


def test_findings_survive_pickling_and_copying(cloud: MockCloud) -> None:
    error = refused(cloud, count=0, name="")
    for twin in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):
        assert twin.findings == error.findings

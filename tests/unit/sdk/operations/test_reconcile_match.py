"""Test which instance is taken for the outcome of a lost create, and when the search is given up."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from toast_compute import AmbiguousOutcomeError, APITimeoutError
from toast_compute._effects import Sleep
from toast_compute._operations.recovery import ReturnedIds, find_created
from toast_compute_api.models import (
    InstanceAddress,
    InstanceDetail,
    InstanceSpec,
    NetworkReference,
    RootVolumeSpec,
    SecurityGroupReference,
    SecurityGroupSpec,
    VolumeType,
)

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
WANTED = InstanceSpec(
    name="web",
    image="image",
    flavor="flavor",
    networks=[NetworkReference(id="net")],
    availability_zone="kr-pub-a",
    key_name="key",
    security_groups=[SecurityGroupSpec(name="default")],
)
ADDRESS = {"macAddress": "fa:16:3e:00:00:01", "ipAddress": "10.0.0.5", "version": 4}
RAW: dict[str, Any] = {
    "id": "new",
    "name": "web",
    "image": "image",
    "status": "BUILD",
    "addresses": [ADDRESS],
    "availabilityZone": "kr-pub-a",
    "flavor": {"id": "flavor", "name": "m2.c1m2", "cpu": 1, "ram": 2048},
    "metadata": {},
    "keyName": "key",
    "volumes": {"root": {"size": 20, "type": "General HDD"}, "attachments": []},
    "securityGroups": [{"name": "default"}],
    "createdAt": "2026-01-15T12:00:00Z",
    "updatedAt": "2026-01-15T12:00:00Z",
}
MADE = msgspec.convert(RAW, InstanceDetail)

Read = Sequence[InstanceDetail] | APITimeoutError


def altered(**changes: Any) -> InstanceDetail:
    return msgspec.structs.replace(MADE, **changes)


def find(
    *reads: Read,
    before: Sequence[InstanceDetail] = (),
    wanted: InstanceSpec = WANTED,
    returned: ReturnedIds | None = None,
) -> tuple[InstanceDetail | AmbiguousOutcomeError, list[float]]:
    """Return what is found in these reads, and the pauses between them."""
    left = list(reads)
    pauses: list[float] = []

    def read() -> Generator[Any, Any, list[InstanceDetail]]:
        yield from ()
        seen = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(seen, APITimeoutError):
            raise seen
        return list(seen)

    def pause(seconds: float) -> Generator[Any, Any, bool]:
        yield Sleep(seconds)
        return True

    lost = AmbiguousOutcomeError("lost", operation="createInstance")
    plan = find_created(read, pause, before, wanted, lost, returned or ReturnedIds())
    try:
        while True:
            effect = next(plan)
            assert isinstance(effect, Sleep)
            pauses.append(effect.seconds)
    except StopIteration as over:
        return over.value, pauses
    except AmbiguousOutcomeError as error:
        return error, pauses


def test_new_matching_instance_is_taken_at_once() -> None:
    assert find([MADE]) == (MADE, [])


DIFFERENT = {
    "name": altered(name="db"),
    "image": altered(image="other"),
    "flavor": altered(flavor=msgspec.structs.replace(MADE.flavor, id="other")),
    "key": altered(key_name="other"),
    "zone": altered(availability_zone="kr-pub-b"),
    "number of networks": altered(addresses=[*MADE.addresses, msgspec.convert(ADDRESS, InstanceAddress)]),
    "security groups": altered(security_groups=[*MADE.security_groups, SecurityGroupReference(name="web")]),
}


@pytest.mark.parametrize("difference", DIFFERENT)
def test_instance_that_differs_is_not_a_candidate(difference: str) -> None:
    error, pauses = find([DIFFERENT[difference]])
    assert isinstance(error, AmbiguousOutcomeError)
    assert error.candidates == ()
    assert "no new instance like this can be seen" in str(error)
    assert pauses == [1.0, 3.0]


@pytest.mark.parametrize(("size", "is_found"), [(20, True), (30, False), (None, True)])
def test_size_of_the_root_disk_is_compared_when_requested(size: int | None, is_found: bool) -> None:
    volume = msgspec.UNSET if size is None else RootVolumeSpec(size=size)
    found, _ = find([MADE], wanted=msgspec.structs.replace(WANTED, volume=volume))
    assert (found == MADE) is is_found


@pytest.mark.parametrize(("type_", "is_found"), [("General HDD", True), ("General SSD", False), (None, True)])
def test_type_of_the_root_disk_is_compared_when_requested(type_: str | None, is_found: bool) -> None:
    volume = RootVolumeSpec() if type_ is None else RootVolumeSpec(type=VolumeType(type_))
    found, _ = find([MADE], wanted=msgspec.structs.replace(WANTED, volume=volume))
    assert (found == MADE) is is_found


def test_ids_are_compared_without_case() -> None:
    assert find([MADE], wanted=msgspec.structs.replace(WANTED, image="IMAGE", flavor="Flavor")) == (MADE, [])


def test_instance_listed_before_the_create_is_not_taken() -> None:
    assert isinstance(find([MADE], before=[MADE])[0], AmbiguousOutcomeError)
    assert isinstance(find([MADE], before=[altered(id="NEW")])[0], AmbiguousOutcomeError)


def test_instance_older_than_one_listed_before_is_not_taken() -> None:
    later = altered(id="other", created_at=NOON + timedelta(seconds=1))
    assert isinstance(find([later, MADE], before=[later])[0], AmbiguousOutcomeError)
    same = altered(id="other")
    assert find([same, MADE], before=[same])[0] == MADE


class Raced(ReturnedIds):
    """Another thread takes an instance between the read of the list and the call's own taking."""

    def __init__(self, id: str) -> None:
        super().__init__()
        self._id = id

    def take(self, ids: Iterable[str]) -> bool:
        self.add(self._id)
        return super().take(ids)


def test_instance_returned_to_another_call_is_not_taken() -> None:
    returned = ReturnedIds()
    returned.add("new")
    assert isinstance(find([MADE], returned=returned)[0], AmbiguousOutcomeError)
    assert isinstance(find([altered(id="NEW")], returned=returned)[0], AmbiguousOutcomeError)
    twin = altered(id="new-2")
    assert find([MADE, twin], returned=returned) == (twin, [])


def test_instance_that_another_call_takes_at_the_same_time_is_not_taken() -> None:
    error, pauses = find([MADE], [], returned=Raced("new"))
    assert isinstance(error, AmbiguousOutcomeError)
    assert pauses == [1.0, 3.0]


def test_several_instances_are_taken_together_or_not_at_all() -> None:
    returned = Raced("new-2")
    both = [MADE, altered(id="new-2")]
    error, _ = find(both, wanted=msgspec.structs.replace(WANTED, count=2), returned=returned)
    assert isinstance(error, AmbiguousOutcomeError)
    assert [one.id for one in error.candidates] == ["new"]
    assert "new" not in returned


def test_found_instance_is_taken_once() -> None:
    returned = ReturnedIds()
    find([MADE], returned=returned)
    assert isinstance(find([MADE], returned=returned)[0], AmbiguousOutcomeError)


def test_list_without_the_instance_is_read_again() -> None:
    assert find([], [MADE]) == (MADE, [1.0])
    assert find([], [], [MADE]) == (MADE, [1.0, 3.0])


def test_more_matching_instances_than_requested_are_candidates_at_once() -> None:
    error, pauses = find([MADE, altered(id="new-2")])
    assert isinstance(error, AmbiguousOutcomeError)
    assert [one.id for one in error.candidates] == ["new", "new-2"]
    assert "2 new instances like this can be seen, 1 were asked for: new, new-2" in str(error)
    assert pauses == []


def test_fewer_matching_instances_than_requested_are_candidates_after_all_reads() -> None:
    error, pauses = find([MADE], wanted=msgspec.structs.replace(WANTED, count=2))
    assert isinstance(error, AmbiguousOutcomeError)
    assert [one.id for one in error.candidates] == ["new"]
    assert pauses == [1.0, 3.0]


def test_failed_read_is_followed_by_another() -> None:
    late = APITimeoutError("late", operation="listInstanceDetails", never_sent=False, retryable=True)
    assert find(late, [MADE]) == (MADE, [1.0])
    error, _ = find(late)
    assert "; the last read failed: late;" in str(error)
    error, _ = find(late, [])
    assert "failed" not in str(error)


def test_oldest_returned_ids_are_forgotten_when_there_are_many() -> None:
    returned = ReturnedIds()
    for number in range(10_003):
        returned.add(str(number))
    assert [str(number) in returned for number in (2, 3, 10_002)] == [False, True, True]

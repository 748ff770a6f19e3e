"""Is the instance of a create whose reply was lost found, and is the create never sent again?"""

from __future__ import annotations

import pytest
from toast_compute import AmbiguousOutcomeError, InvalidRequestError
from toast_compute_mock import MockCloud, faults

from .mocked import NEW, client, fresh_cloud


@pytest.fixture
def cloud() -> MockCloud:
    return fresh_cloud()


def test_a_create_whose_reply_was_lost_returns_its_instance(cloud: MockCloud) -> None:
    cloud.faults.add(faults.lose_reply("createInstance"))
    with client(cloud) as toast:
        made = toast.instances.create(**NEW, on_ambiguous="reconcile")
        assert made.name == "new-01"
        assert [one.id for one in toast.instances.list()].count(made.id) == 1
    assert cloud.journal.count(operation="createInstance") == 1


def test_an_older_instance_of_the_same_kind_is_not_taken_for_it(cloud: MockCloud) -> None:
    with client(cloud) as toast:
        older = toast.instances.create(**NEW)
        cloud.faults.add(faults.lose_reply("createInstance"))
        made = toast.instances.create(**NEW, on_ambiguous="reconcile")
        assert made.id != older.id


def test_a_create_that_got_lost_says_that_nothing_was_found(cloud: MockCloud) -> None:
    cloud.faults.add(faults.lose_request("createInstance"))
    with client(cloud) as toast, pytest.raises(AmbiguousOutcomeError, match="were found none") as caught:
        toast.instances.create(**NEW, on_ambiguous="reconcile")
    assert caught.value.candidates == ()
    assert cloud.journal.count(operation="createInstance") == 1


def test_a_list_that_lags_behind_is_waited_for(cloud: MockCloud) -> None:
    cloud.faults.add(faults.lose_reply("createInstance"), faults.stale_read("listInstanceDetails", seconds=2))
    with client(cloud) as toast:
        assert toast.instances.create(**NEW, on_ambiguous="reconcile").name == "new-01"


def test_of_several_that_match_none_is_chosen(cloud: MockCloud) -> None:
    cloud.faults.add(faults.apply_twice("createInstance", nth=2), faults.lose_reply("createInstance"))
    with client(cloud) as toast:
        cloud.faults.clear()
        cloud.faults.add(faults.http_status("createInstance", 502, commit=True))
        other = client(cloud)
        before = len(toast.instances.list())
        with other:
            cloud.faults.add(faults.delay("createInstance", seconds=0))
            with pytest.raises(AmbiguousOutcomeError):
                other.instances.create(**NEW)
        assert len(toast.instances.list()) == before + 1


@pytest.mark.parametrize("count", [2, 10])
def test_of_a_create_of_several_all_are_found(cloud: MockCloud, count: int) -> None:
    cloud.faults.add(faults.lose_reply("createInstance"))
    with client(cloud) as toast:
        made = toast.instances.create(**NEW, count=count, on_ambiguous="reconcile")
        assert len([one for one in toast.instances.list() if one.name == made.name]) == count


def test_what_to_do_is_one_of_two_things(cloud: MockCloud) -> None:
    with (
        client(cloud) as toast,
        pytest.raises(InvalidRequestError, match="on_ambiguous: expected 'raise' or 'reconcile'"),
    ):
        toast.instances.create(**NEW, on_ambiguous="retry")  # type: ignore[arg-type]

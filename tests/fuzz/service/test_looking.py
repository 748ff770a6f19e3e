"""Do looks from several sides find what does not agree?"""

from __future__ import annotations

from typing import Any

from .looking import as_many_as_asked_for, list_and_detail_agree, refusal_changes_nothing
from .probes import quota_is_kept, strange_instance_stays
from .samples import brief, detail


def agree(one: list[Any], other: list[Any], *, is_exact: bool = True) -> list[str]:
    return list(list_and_detail_agree(one, other, is_exact=is_exact))


def test_a_list_and_the_details_of_the_same_instances_agree() -> None:
    assert not agree([brief()], [detail()])
    assert agree([brief()], [])
    assert agree([brief()], [detail(name="other")])
    assert agree([brief("ACTIVE")], [detail("STOP")])
    assert agree([brief()], [detail(id="other")])


def test_where_time_passes_a_status_may_have_moved_on_between_two_looks() -> None:
    assert not agree([brief("POWERING_OFF")], [detail("STOP")], is_exact=False)
    assert agree([brief("STOP")], [detail("BUILD")], is_exact=False)
    assert not agree([brief()], [], is_exact=False)
    assert agree([brief()], [detail(name="other")], is_exact=False)


def test_what_is_refused_is_not_done() -> None:
    assert not list(refusal_changes_nothing(detail(), detail(), is_exact=True))
    assert list(refusal_changes_nothing(detail(), detail(keyName="other"), is_exact=True))
    assert list(refusal_changes_nothing(detail("ACTIVE"), detail("STOP"), is_exact=True))
    assert not list(refusal_changes_nothing(detail("ACTIVE"), detail("STOP"), is_exact=False))


def test_a_create_makes_as_many_as_it_was_asked_for() -> None:
    assert not list(as_many_as_asked_for(3, 3, is_exact=True))
    assert list(as_many_as_asked_for(2, 3, is_exact=True))
    assert list(as_many_as_asked_for(4, 3, is_exact=True))
    assert not list(as_many_as_asked_for(4, 3, is_exact=False))


def test_a_quota_holds() -> None:
    assert not list(quota_is_kept(40, 40))
    assert list(quota_is_kept(41, 40))


def test_another_users_instance_stays_as_it_is() -> None:
    assert not list(strange_instance_stays(detail(), detail()))
    assert list(strange_instance_stays(detail("ACTIVE"), detail("DELETING")))
    assert list(strange_instance_stays(detail(), None))

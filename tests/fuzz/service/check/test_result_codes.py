"""Does every result code get the family and the status that the contract means?"""

from __future__ import annotations

import pytest
from toast_compute_api.behaviour import RESULT_CODES, STATUS_KINDS, SUBSYSTEM_RANGES

from .result_codes import Family, family_of, kind_of, subsystem_of, virtual_status


@pytest.mark.parametrize("code", RESULT_CODES)
def test_every_documented_code_has_a_family_and_only_0_is_a_success(code: int) -> None:
    assert family_of(code) is not Family.UNKNOWN
    assert (virtual_status(code) == 200) == (code == 0)


@pytest.mark.parametrize("area", SUBSYSTEM_RANGES, ids=lambda area: str(area.subsystem))
@pytest.mark.parametrize("status", STATUS_KINDS)
def test_a_code_of_a_range_has_the_status_of_its_last_digits(area: object, status: int) -> None:
    code = area.first // 1000 * 1000 + status  # type: ignore[attr-defined]
    assert virtual_status(code) == status
    assert kind_of(code) == STATUS_KINDS[status]
    assert subsystem_of(code) == area.subsystem  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("code", "family"),
    [
        (-1, Family.STATE),
        (-2, Family.SERVER),
        (-3, Family.ACCESS),
        (-4, Family.INPUT),
        (-5, Family.STATE),
        (-7, Family.UNSUPPORTED),
        (-8, Family.INPUT),
        (20001, Family.STATE),
        (50401, Family.ACCESS),
    ],
)
def test_a_family_says_whose_fault_it_is(code: int, family: Family) -> None:
    assert family_of(code) is family


@pytest.mark.parametrize("code", [1, -99, 10499, 99404])
def test_what_the_contract_does_not_explain_is_unknown_and_counts_as_the_services_fault(code: int) -> None:
    assert family_of(code) is Family.UNKNOWN
    assert virtual_status(code) == 500

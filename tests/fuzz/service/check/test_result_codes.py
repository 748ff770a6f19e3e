"""Every result code has the family and the status that the contract means."""

from __future__ import annotations

import pytest
from toast_compute_api.behaviour import RESULT_CODES, STATUS_KINDS, SUBSYSTEM_RANGES

from .result_codes import Family, family_of, kind_of, subsystem_of, virtual_status


@pytest.mark.parametrize("code", RESULT_CODES)
def test_documented_code_has_a_family_and_only_0_is_a_success(code: int) -> None:
    assert family_of(code) is not Family.UNKNOWN
    assert (virtual_status(code) == 200) == (code == 0)


@pytest.mark.parametrize("status", STATUS_KINDS)
def test_code_of_a_range_has_the_status_of_its_last_digits(status: int) -> None:
    for area in SUBSYSTEM_RANGES:
        code = area.first // 1000 * 1000 + status
        assert virtual_status(code) == status
        assert (kind_of(code), subsystem_of(code)) == (STATUS_KINDS[status], area.subsystem)


def test_family_is_the_reason_that_the_contract_gives() -> None:
    reasons = {-1: "STATE", -2: "SERVER", -3: "ACCESS", -4: "INPUT", -5: "STATE", -7: "UNSUPPORTED", -8: "INPUT"}
    for code, name in {**reasons, 20001: "STATE", 50401: "ACCESS"}.items():
        assert family_of(code) is Family[name]


@pytest.mark.parametrize("code", [1, -99, 10499, 99404])
def test_unknown_code_counts_as_an_error_of_the_service(code: int) -> None:
    assert family_of(code) is Family.UNKNOWN
    assert virtual_status(code) == 500

"""Does each check of what an instance showed before bite where it should, and only there?"""

from __future__ import annotations

from typing import Any

import pytest

from ..exchange import JsonObject
from . import history_checks
from .instance_checks import StateCheck
from .ledger import Ledger
from .samples import detail, exchange, judged, meaning, request, success

ALL = request("listInstanceDetails")
LATER = "2026-01-15T09:05:00.000000"
EARLIER = "2026-01-15T08:55:00.000000"
BOOTED = "2026-01-15T09:00:10.000000"


def told(check: StateCheck, before: JsonObject, after: JsonObject, *, is_exact: bool = True) -> list[str]:
    """What is said of an instance that is shown like this, and then like that."""
    ledger = Ledger(is_exact=is_exact)
    shown = success(instances=[before])
    ledger.update(exchange(ALL, shown), meaning(ALL))
    return judged(check, ledger, ALL, success(instances=[after]))


def test_what_nobody_changes_stays() -> None:
    check = history_checks.what_nobody_changes_stays
    port = {"macAddress": "fa:16:3e:00:00:01", "ipAddress": "192.168.0.99", "version": 4}
    assert not told(check, detail(), detail("STOP", updatedAt=LATER))
    for change in (
        {"name": "other"},
        {"image": "other"},
        {"keyName": "other"},
        {"createdAt": EARLIER},
        {"metadata": {"a": "b"}},
        {"addresses": [port]},
        {"volumes": {"root": {"size": 30, "type": "General HDD"}, "attachments": []}},
    ):
        assert told(check, detail(), detail(**change)), change


def with_volume(**changes: Any) -> JsonObject:
    volume = {"id": "v", "name": "data", "size": 10, "type": "General HDD", **changes}
    return detail(volumes={"root": {"size": 20, "type": "General HDD"}, "attachments": [volume]})


def test_a_volume_is_what_it_was() -> None:
    check = history_checks.what_nobody_changes_stays
    assert not told(check, with_volume(), with_volume())
    assert told(check, with_volume(), with_volume(size=20))
    assert told(check, detail(), with_volume(size=0))


@pytest.mark.parametrize("is_exact", [True, False])
def test_an_update_is_dated(is_exact: bool) -> None:
    check = history_checks.updates_are_dated
    assert not told(check, detail(), detail(), is_exact=is_exact)
    assert not told(check, detail(), detail("STOP", updatedAt=LATER), is_exact=is_exact)
    assert not told(check, detail("BUILD"), detail("POWERING_OFF"), is_exact=is_exact)
    assert told(check, detail(), detail(updatedAt=EARLIER), is_exact=is_exact)
    assert bool(told(check, detail(), detail("STOP"), is_exact=is_exact)) is is_exact


def test_a_boot_is_dated_and_nothing_else() -> None:
    check = history_checks.boots_are_dated
    never, once, twice = detail("STOP"), {"launchedAt": BOOTED}, {"launchedAt": LATER}
    assert told(check, never, detail())
    assert not told(check, never, detail(**once))
    assert not told(check, detail("POWERING_ON", **once), detail("ACTIVE", **twice))
    assert not told(check, detail("POWERING_ON", **once), detail("POWERING_OFF", **twice))
    assert not told(check, detail("POWERING_OFF", **once), detail("STOP", **once))
    assert told(check, detail("POWERING_OFF", **once), detail("STOP", **twice))
    assert told(check, detail("RESIZING", **once), detail("STOP", **twice))
    assert not told(check, detail("POWERING_OFF", **once), detail("STOP", **twice), is_exact=False)

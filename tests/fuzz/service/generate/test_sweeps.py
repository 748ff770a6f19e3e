"""The requests that do not depend on chance try what they are for, and the mock answers all of them correctly."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ..check.samples import brief, detail
from ..contract import contract
from ..exchange import JSON, Reply, Request
from ..run import Counters
from ..session import Session
from ..target import MockTarget
from .access_probes import use_up_the_quota
from .conftest import begun
from .forbidden_operations import ForbiddenOperations
from .invalid_requests import MALFORMED, MUTATED, mutations, send_malformed, send_mutated
from .observer import changed_members, list_differences
from .prose_rules import CREATING, PROSE, ProseRules, create_in_every_way, create_variants


@pytest.fixture
def counters(session: Session) -> Counters:
    return session.run.counters


def test_mutated_body_differs_in_one_thing() -> None:
    body = {"instance": {"name": "n", "count": 1, "networks": [{"id": "x"}]}}
    bodies = [json.dumps(one) for one in mutations(body)]
    assert json.dumps(body) not in bodies
    for wanted in (
        {"instance": {"name": "n", "count": "1", "networks": [{"id": "x"}]}},
        {"instance": {"name": "n", "count": None, "networks": [{"id": "x"}]}},
        {"instance": {"name": "n", "networks": [{"id": "x"}]}},
        {"instance": {"name": "n", "count": 1, "networks": []}},
        {"instance": {"name": "n", "count": 1, "networks": [{"id": "x", "no-such-member": 1}]}},
        {},
    ):
        assert json.dumps(wanted) in bodies


def test_every_operation_gets_malformed_requests_and_mutated_bodies(session: Session, counters: Counters) -> None:
    send_malformed(session.run, contract().operations, session.run.ledger.ours()[0].id)
    send_mutated(session.preparation, contract().operations)
    refused = {name for name, code in counters.codes if code}
    assert {name.partition(".")[0] for name in refused} >= {*contract().operations} - {
        "listFlavors",
        "listAvailabilityZones",
    }
    assert refused >= {name for name in contract().names if contract().body_schema(name.partition(".")[0])}
    assert counters.phases[MALFORMED] > 200
    assert counters.phases[MUTATED] > 300


def test_instance_is_created_in_every_way(session: Session, counters: Counters) -> None:
    create_in_every_way(session.inventory)
    assert counters.phases[CREATING] == len(list(create_variants(session.run, session.fixtures))) + 2
    assert not [code for name, code in counters.codes if name == "createInstance" and code]
    one, other = session.run.ledger.ours()[-2:]
    assert len(one.expected["securityGroups"] ^ other.expected["securityGroups"]) == 1


def test_operations_are_tried_in_states_that_forbid_them(session: Session, counters: Counters) -> None:
    forbidden = ForbiddenOperations(session.preparation)
    forbidden.try_states()
    forbidden.try_exceptional_states()
    for name, status in (
        ("runInstanceAction.start", "ACTIVE"),
        ("runInstanceAction.stop", "STOP"),
        ("runInstanceAction.uploadImage", "ACTIVE"),
        ("runInstanceAction.resize", "RESIZING"),
        ("runInstanceAction.start", "BUILD"),
        ("attachVolume", "REBOOTING"),
        ("deleteInstance", "DELETING"),
        ("attachVolume", "MIGRATING"),
        ("runInstanceAction.resize", "ERROR"),
    ):
        assert counters.states[name, status, False], (name, status)
        assert not counters.states[name, status, True]
    assert counters.states["deleteInstance", "ERROR", True]


def test_things_in_use_are_tried_twice_and_released_ones_again(session: Session, counters: Counters) -> None:
    forbidden = ForbiddenOperations(session.preparation)
    forbidden.try_two_volumes()
    assert (counters.codes["attachVolume", 0], counters.codes["detachVolume", 0]) == (3, 3)
    forbidden.try_things_in_use()
    forbidden.try_released_things()
    forbidden.try_similar_names()
    add, remove = "runInstanceAction.addFloatingIp", "runInstanceAction.removeFloatingIp"
    assert counters.codes["deleteKeypair", 13404] >= 3
    for refusal in (("attachVolume", 40409), ("detachVolume", 40404), (add, 22409), (remove, 22404)):
        assert counters.codes[refusal], refusal
    forbidden.try_second_address()
    assert session.run.ledger.ours()[-1].expected["addresses"] == 2
    assert counters.codes[add, 0] >= 3


def test_rules_in_prose_are_tried(session: Session, counters: Counters) -> None:
    ProseRules(session.inventory).try_all()
    assert counters.phases[PROSE] > session.run.target.addresses_in_subnet
    assert counters.codes["createInstance", -4] == 2  # a name that is too long, and a disk that is too small
    assert counters.codes["createInstance", 20001] == 1  # the subnet is full
    assert counters.codes["createKeypair", -4] == 5
    assert counters.codes["runInstanceAction.uploadImage", 0] == 1
    assert counters.codes["deleteInstance", 0] > session.run.target.addresses_in_subnet


def test_access_is_tried_with_other_tokens_passwords_and_users(session: Session, counters: Counters) -> None:
    assert counters.codes["issueToken", 50401] >= 6
    assert counters.codes["getToken", 50404] == 2
    for _ in range(2):
        session.probes.try_tokens("listFlavors", "", {}, None)
    assert counters.probes == dict.fromkeys(session.probes.kinds, 1)
    assert len(counters.probes) == 5
    session.probes.use_foreign_instance()
    assert not session.run.ledger.foreign_ids & session.run.ledger.instances.keys()
    assert counters.codes["deleteInstance", 10404]
    use_up_the_quota(session.inventory)
    assert counters.codes["createInstance", 10403]


def test_list_and_detail_have_to_agree() -> None:
    def found(one: Any, other: Any, *, is_exact: bool = True) -> list[str]:
        return list(list_differences([one] if one else [], [other] if other else [], is_exact=is_exact))

    assert not found(brief(), detail())
    for other in (None, detail(name="other"), detail("STOP"), detail(id="other")):
        assert found(brief(), other)
    assert not found(brief("POWERING_OFF"), detail("STOP"), is_exact=False)
    assert not found(brief(), None, is_exact=False)
    assert found(brief("STOP"), detail("BUILD"), is_exact=False)
    assert found(brief(), detail(name="other"), is_exact=False)


def test_status_may_change_by_itself_where_time_is_not_known() -> None:
    assert changed_members(detail(), detail(keyName="other"), is_exact=False) == ["keyName"]
    assert changed_members(detail(), detail("STOP"), is_exact=True) == ["status"]
    assert not changed_members(detail(), detail("STOP"), is_exact=False)


class Faulty(MockTarget):
    """Shows another key name, lets an instance come back, or creates one more, as it is set to."""

    key = back = ""
    more = False

    def send(self, request: Request) -> Reply:
        reply = super().send(request)
        content: Any = reply.content
        is_list = request.method == "GET" and "/instances" in request.target and reply.accepted
        if is_list and self.key and "detail" in request.target:
            content = {**content, "instances": [{**one, "keyName": self.key} for one in content["instances"]]}
        if is_list and self.back and "?" not in request.target:
            content["instances"].append({**brief(), "id": self.back})
        if self.more and request.method == "POST" and request.target.endswith("/instances"):
            super().send(request)
        return Reply(reply.status, reply.content_type, json.dumps(content).encode())


@pytest.mark.parametrize("fault", ["key", "back", "more"])
def test_observer_reports_what_a_request_has_changed_wrongly(fault: str) -> None:
    target = Faulty(1)
    session = begun(target)
    known = session.run.ledger.ours()[0]
    session.observer.read_before(known.id)
    if fault == "more":
        target.more = True
        session.inventory.create("one")
    else:
        exchange = session.run.step("start" if fault == "key" else "deleteInstance", known.id)
        setattr(target, fault, known.id)
        session.observer.after(exchange)
    expected = {
        "key": "refusal_changes_nothing",
        "back": "deleted_instance_is_gone",
        "more": "create_makes_as_many_as_asked_for",
    }
    assert expected[fault] in {check for check, _ in session.run.findings}


def test_reply_that_breaks_its_schema_is_not_recorded(session: Session) -> None:
    run = session.run
    known = run.ledger.ours()[0]
    asked = run.request("listInstanceDetails", {"id": known.id})
    shown = run.send(asked, phase="test").content
    broken = {**shown, "instances": [{**shown["instances"][0], "name": 7, "status": "STOP"}]}
    run.judge(asked, Reply(200, JSON, json.dumps(broken).encode()), phase="test")
    assert known.status != "STOP"
    assert run.findings.pop(("reply_keeps_its_schema", "listInstanceDetails"))

"""Do looks from several sides find what does not agree?"""

from __future__ import annotations

import json
from typing import Any

from ..check.samples import brief, detail, exchange, failure, request, success
from ..exchange import JSON, Reply, Request
from ..mock_target import MockTarget
from .access_probes import other_token_is_unknown, quota_is_kept, strange_instance_stays
from .observer import as_many_as_asked_for, list_and_detail_agree, refusal_changes_nothing
from .ready import World


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


def test_a_token_that_opens_nothing_is_not_told_of() -> None:
    asked = request("getToken", {"id": "somebody-else's"})
    assert not list(other_token_is_unknown(exchange(asked, failure(50404)), "expired"))
    assert list(other_token_is_unknown(exchange(asked, success(access={})), "expired"))


def test_another_users_instance_stays_as_it_is() -> None:
    assert not list(strange_instance_stays(detail(), detail()))
    assert list(strange_instance_stays(detail("ACTIVE"), detail("DELETING")))
    assert list(strange_instance_stays(detail(), None))


class Sly(MockTarget):
    """Changes an instance where it refuses to, and lets a deleted one come back in lists."""

    def __init__(self) -> None:
        super().__init__(1)
        self.key = ""
        self.returns = ""

    def send(self, request: Request) -> Reply:
        reply = super().send(request)
        content: Any = reply.content
        if self.key and "instances-detail" in request.target and reply.accepted:
            content = {**content, "instances": [{**one, "keyName": self.key} for one in content["instances"]]}
        if self.returns and request.method == "GET" and "/instances" in request.target and "?" not in request.target:
            again = [one for one in content["instances"] if one["id"] != self.returns]
            content = {**content, "instances": [*again, {"id": self.returns, "name": "x", "status": "ACTIVE"}]}
        return Reply(reply.status, reply.content_type, json.dumps(content).encode())


def test_what_a_refusal_changes_is_seen() -> None:
    target = Sly()
    world = World(target)
    known = world.run.ledger.ours()[0]
    world.lookout.before_at(known.id)
    refused = world.run.call("runInstanceAction", {"instanceId": known.id}, {"action": "start"})
    target.key = "another-key"
    world.lookout.after(refused)
    assert refusal_changes_nothing.__name__ in {check for check, _ in world.run.findings}


def test_after_a_deletion_all_instances_are_looked_at() -> None:
    target = Sly()
    world = World(target)
    known = world.run.ledger.ours()[0]
    world.lookout.before_at(known.id)
    deleted = world.run.call("deleteInstance", {"id": known.id})
    target.returns = known.id
    world.lookout.after(deleted)
    assert "deleted_instance_is_gone" in {check for check, _ in world.run.findings}


def test_a_reply_that_breaks_its_schema_is_not_taken_for_the_truth() -> None:
    world = World()
    known = world.run.ledger.ours()[0]
    asked = world.run.request("listInstanceDetails", {"id": known.id})
    shown = world.run.send(asked, phase="test").content or {}
    broken = {**shown, "instances": [{**shown["instances"][0], "name": 7, "status": "STOP"}]}
    status = known.status
    world.run.judge(asked, Reply(200, JSON, json.dumps(broken).encode()), phase="test")
    assert ("reply_keeps_its_schema", "listInstanceDetails") in world.run.findings
    assert known.status == status

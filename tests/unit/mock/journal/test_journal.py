"""Check that the journal holds what was asked and answered, without a secret and within limits."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from toast_compute_mock import MockCloud, faults
from toast_compute_mock.exchange import Request
from toast_compute_mock.journal.counters import Counters
from toast_compute_mock.journal.journal import Entry, Journal, Kind, Leak
from toast_compute_mock.world.state import issue_token

from ..conftest import APPKEY, BATCH, SEED_TOKEN, START, WEB, Cloud, new_instance

PASSWORD = "demo-password"
BODY = json.dumps(new_instance()).encode()
USER = "05e40000-0000-4000-8000-000000000001"


def newest(cloud: Cloud) -> Entry:
    return cloud.engine.journal.find()[-1]


def test_entry_holds_the_request_and_the_reply(cloud: Cloud) -> None:
    body = {"action": "reboot", "parameters": {"type": "SOFT"}}
    cloud.send("POST", f"instances/{WEB}/action", body)
    entry = newest(cloud)
    assert (entry.seq, entry.at, entry.world, entry.applied, entry.faults, entry.leaks) == (1, START, USER, 1, (), ())
    assert (entry.operation, entry.action, entry.method) == ("runInstanceAction", "reboot", "POST")
    assert entry.target == f"/compute/v1.0/appkeys/***/instances/{WEB}/action"
    assert (entry.status, entry.result_code) == (200, 0)
    assert json.loads(entry.request) == body
    assert json.loads(entry.reply)["header"]["isSuccessful"] is True


def test_refusal_has_its_code_and_was_not_carried_out(cloud: Cloud) -> None:
    cloud.act(BATCH, "stop")
    entry = newest(cloud)
    assert (entry.result_code, entry.applied, entry.action) == (10409, 0, "stop")


def test_password_and_the_token_of_a_token_request_are_not_kept(cloud: Cloud) -> None:
    reply = cloud.send("POST", "tokens", {"auth": {"username": "demo@example.com", "password": PASSWORD}})
    entry = newest(cloud)
    assert json.loads(entry.request) == {"auth": {"username": "demo@example.com", "password": "***"}}
    assert json.loads(entry.reply)["access"]["token"]["id"] == "***"
    assert json.loads(entry.reply)["access"]["token"]["expires"] == reply["access"]["token"]["expires"]
    assert entry.leaks == ()


@pytest.mark.parametrize(
    "body",
    [
        {"auth": {"username": "demo@example.com", "pasword": PASSWORD}},
        {"auth": PASSWORD},
        {"auth": {"username": "demo@example.com", "password": [PASSWORD]}},
        {"other": {"deep": [PASSWORD]}},
        [PASSWORD],
    ],
)
def test_password_in_the_wrong_member_is_not_kept_either(cloud: Cloud, body: object) -> None:
    assert cloud.code("POST", "tokens", body) == -4
    assert PASSWORD not in newest(cloud).request


def test_body_that_may_hold_a_password_and_cannot_be_read_is_not_kept(cloud: Cloud) -> None:
    assert cloud.code("POST", "tokens", raw=b'{"auth": {"password": "demo-password"') == -8
    assert PASSWORD not in newest(cloud).request


def test_token_that_is_read_is_not_kept(cloud: Cloud) -> None:
    cloud.send("GET", "tokens", query=f"id={SEED_TOKEN}")
    entry = newest(cloud)
    assert entry.target == "/compute/v1.0/appkeys/***/tokens?id=***"
    assert SEED_TOKEN not in entry.reply
    assert entry.leaks == ()


def test_private_key_is_not_kept(cloud: Cloud) -> None:
    reply = cloud.send("POST", "keypairs", {"keypair": {"name": "new"}})
    entry = newest(cloud)
    assert json.loads(entry.reply)["keypair"] == {**reply["keypair"], "privateKey": "***"}


def test_unknown_query_values_are_not_kept(cloud: Cloud) -> None:
    cloud.send("GET", "instances", query=f"id={WEB}&secret=abc&flag")
    assert newest(cloud).target == f"/compute/v1.0/appkeys/***/instances?id={WEB}&secret=***&flag"


def test_path_of_no_operation_is_kept_without_appkey_and_token(cloud: Cloud) -> None:
    cloud.send("GET", f"token/{SEED_TOKEN}", query=f"id={SEED_TOKEN}")
    entry = newest(cloud)
    assert (entry.operation, entry.target) == ("", "/compute/v1.0/appkeys/***/token/***?***")


@pytest.mark.parametrize("appkey", [APPKEY, "another-appkey"])
def test_appkey_is_not_kept(cloud: Cloud, appkey: str) -> None:
    cloud.appkey = appkey
    cloud.send("GET", "flavors")
    assert appkey not in newest(cloud).target


def test_token_where_it_does_not_belong_is_noticed_and_hidden(cloud: Cloud) -> None:
    cloud.send("GET", "instances", query=f"token={SEED_TOKEN}")
    assert newest(cloud).leaks == ("query",)
    cloud.send("POST", "instances", new_instance(name=PASSWORD))
    assert newest(cloud).leaks == ("body",)
    assert PASSWORD not in newest(cloud).request
    target = f"/compute/v1.0/appkeys/{APPKEY}/flavors"
    cloud.engine.handle(Request("GET", target, {"x-auth-token": SEED_TOKEN, "x-trace": PASSWORD}), START)
    assert newest(cloud).leaks == ("headers",)
    cloud.send("DELETE", f"instances/{SEED_TOKEN}")
    assert newest(cloud).leaks == ("path",)
    assert SEED_TOKEN not in newest(cloud).target


def note(journal: Journal, *, operation: str = "listInstances", code: int = 0, size: int = 0) -> None:
    journal.note(START, Kind(operation, "", USER, code), "GET", "/", 200, 1, (), (), b"", b"x" * size)


def test_oldest_entries_go_when_there_are_too_many() -> None:
    journal = Journal(count_limit=3)
    for _ in range(5):
        note(journal)
    assert [entry.seq for entry in journal.find()] == [3, 4, 5]
    assert journal.last == 5


def test_oldest_entries_go_when_they_are_too_large() -> None:
    journal = Journal(bytes_limit=30_000)
    for _ in range(5):
        note(journal, size=10_000)
    assert [entry.seq for entry in journal.find()] == [4, 5]


def test_long_body_is_cut() -> None:
    journal = Journal()
    note(journal, size=100_000)
    (entry,) = journal.find()
    assert entry.reply == "x" * 16 * 1024 + " (cut)"
    assert len(entry.reply_body) < 17_000


def test_counts_include_entries_that_are_no_longer_kept() -> None:
    journal = Journal(count_limit=1)
    for code in (0, 0, -3):
        note(journal, code=code)
    note(journal, operation="createInstance")
    assert journal.count() == 4
    assert journal.count(operation="listInstances") == 3
    assert journal.count(operation="listInstances", result_code=-3) == 1
    assert journal.count(world="another") == 0
    journal.clear()
    assert (journal.count(), journal.find(), journal.last) == (0, [], 4)


def test_entries_are_found_by_what_they_are_about() -> None:
    journal = Journal()
    for code in (0, -3, 0):
        note(journal, code=code)
    note(journal, operation="createInstance")
    assert [entry.seq for entry in journal.find(operation="listInstances")] == [1, 2, 3]
    assert [entry.seq for entry in journal.find(result_code=-3)] == [2]
    assert [entry.seq for entry in journal.find(after=2)] == [3, 4]
    assert [entry.seq for entry in journal.find(after=1, limit=1)] == [2]
    assert [entry.seq for entry in journal.find(after=9)] == []
    assert journal.find(fault="any") == []


@pytest.mark.parametrize("slip", ["createInstence", "createinstance", "start"])
def test_unknown_operation_is_refused_with_a_suggestion(slip: str) -> None:
    journal, says = Journal(), rf"^operation: there is no '{slip}'; (did you mean \w+\?|known are issueToken, .*)$"
    for ask in (journal.find, journal.count):
        with pytest.raises(ValueError, match=says):
            ask(operation=slip)


def test_nearest_operation_and_action_are_suggested() -> None:
    with pytest.raises(ValueError, match=r"^operation: there is no 'createInstence'; did you mean createInstance\?$"):
        Journal().count(operation="createInstence")
    with pytest.raises(ValueError, match=r"^action: there is no 'rebot'; did you mean reboot\?$"):
        Journal().find(action="rebot")
    with pytest.raises(ValueError, match=r"^action: createInstance has no actions$"):
        Journal().count(operation="createInstance", action="reboot")
    with pytest.raises(ValueError, match=r"^operation: there is no 'x{40}…'; known are [^\n]*$"):
        Journal().count(operation="x" * 100)


def test_empty_filter_finds_entries_without_operation_or_action(cloud: Cloud) -> None:
    cloud.send("GET", "nowhere")
    cloud.send("GET", "flavors")
    cloud.act(WEB, "reboot", type="SOFT")
    journal = cloud.engine.journal
    assert journal.count(operation="") == 1
    assert (journal.count(action=""), journal.count(operation="runInstanceAction", action="reboot")) == (2, 1)


@pytest.mark.parametrize("name", ["after", "limit"])
def test_negative_number_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name}: must not be negative$"):
        Journal().find(**{name: -1})  # type: ignore[arg-type]


def test_wait_for_what_cannot_come_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match=r"^operation: there is no 'createInstence'"):
        MockCloud().wait_for(1, timeout=30, operation="createInstence")


def test_leaks_are_known_when_their_entries_are_gone(cloud: Cloud) -> None:
    cloud.engine.journal = Journal(count_limit=1)
    for _ in range(3):
        cloud.send("GET", "instances", query=f"token={SEED_TOKEN}")
    cloud.send("POST", "instances", new_instance(name=PASSWORD))
    cloud.send("GET", "instances")
    prefix = "/compute/v1.0/appkeys/***/instances"
    assert [entry.leaks for entry in cloud.engine.journal.find()] == [()]
    assert cloud.engine.journal.leaks() == [
        Leak("query", 3, (f"GET {prefix}?token=***",)),
        Leak("body", 1, (f"POST {prefix}",)),
    ]


def test_examples_of_leaks_do_not_grow_for_ever(cloud: Cloud) -> None:
    for number in range(50):
        cloud.send("GET", "instances", query=f"id={number}&token={SEED_TOKEN}")
    (leak,) = cloud.engine.journal.leaks()
    assert (leak.count, len(leak.examples)) == (50, 10)


def test_repeated_creates_are_known_when_their_entries_are_gone(cloud: Cloud) -> None:
    cloud.engine.journal = Journal(count_limit=1)
    for name in ("twin", "other", "twin", "third", "twin"):
        cloud.create(name=name)
    (repeated,) = cloud.engine.journal.repeated_creates()
    assert (repeated.world, repeated.times) == (USER, 3)
    assert json.loads(repeated.body) == new_instance(name="twin")


def test_creates_that_differ_only_behind_the_cut_are_not_the_same(cloud: Cloud) -> None:
    for end in ("b", "c", "b"):
        body = json.dumps(new_instance(name="a")) + " " * 20_000 + {"b": "", "c": " "}[end]
        assert cloud.code("POST", "instances", raw=body.encode()) == 0
    (repeated,) = cloud.engine.journal.repeated_creates()
    assert repeated.times == 2
    assert repeated.body.endswith(" (cut)")


def test_creates_that_differ_only_in_a_secret_are_not_the_same(cloud: Cloud) -> None:
    for name in (PASSWORD, APPKEY):
        cloud.create(name=name)
    assert cloud.engine.journal.repeated_creates() == []


def test_same_create_in_two_worlds_is_not_repeated(cloud: Cloud) -> None:
    now = datetime.fromtimestamp(START, UTC)
    other = cloud.engine.registry.add("other-appkey", "other@example.com", "other-password", None, now)
    cloud.create()
    cloud.appkey, cloud.token = "other-appkey", issue_token(other, "other-token", now).id
    cloud.create()
    assert cloud.engine.journal.repeated_creates() == []


def test_create_that_was_not_carried_out_and_then_retried_is_not_repeated(cloud: Cloud) -> None:
    cloud.engine.faults.add(faults.lose_request("createInstance"))
    lost = Request("POST", f"/compute/v1.0/appkeys/{APPKEY}/instances", {"x-auth-token": SEED_TOKEN}, BODY)
    for _ in range(2):
        cloud.engine.handle(lost, START)
    assert [entry.applied for entry in cloud.engine.journal.find()] == [0, 1]
    assert cloud.engine.journal.repeated_creates() == []


def test_create_that_was_carried_out_and_then_retried_is_repeated(cloud: Cloud) -> None:
    cloud.engine.faults.add(faults.lose_reply("createInstance"))
    lost = Request("POST", f"/compute/v1.0/appkeys/{APPKEY}/instances", {"x-auth-token": SEED_TOKEN}, BODY)
    for _ in range(2):
        cloud.engine.handle(lost, START)
    assert [repeated.times for repeated in cloud.engine.journal.repeated_creates()] == [2]


def test_create_that_is_executed_twice_is_repeated(cloud: Cloud) -> None:
    cloud.engine.faults.add(faults.apply_twice("createInstance"))
    cloud.create()
    assert [repeated.times for repeated in cloud.engine.journal.repeated_creates()] == [2]
    cloud.engine.faults.add(faults.apply_twice("createInstance"))
    cloud.create()
    assert [repeated.times for repeated in cloud.engine.journal.repeated_creates()] == [4]


def test_create_that_was_refused_and_then_retried_is_not_repeated(cloud: Cloud) -> None:
    cloud.engine.faults.add(faults.result_code("createInstance", -6))
    assert cloud.code("POST", "instances", new_instance()) == -6
    assert cloud.code("POST", "instances", new_instance()) == 0
    assert cloud.engine.journal.repeated_creates() == []


def test_only_creates_of_instances_are_counted_by_their_body(cloud: Cloud) -> None:
    for _ in range(2):
        cloud.act(WEB, "reboot", type="SOFT")
    assert cloud.engine.journal.repeated_creates() == []


def test_oldest_of_very_many_creates_are_forgotten_but_not_those_that_were_repeated() -> None:
    counters = Counters()
    twice, once = 200_001, 200_002
    for identity in (twice, once, twice):
        counters.count_create(USER, identity, 1, b"%d" % identity)
    for identity in range(100_000):
        counters.count_create(USER, identity, 1, b"")
    for identity in (twice, once):
        counters.count_create(USER, identity, 1, b"%d" % identity)
    assert counters.repetitions() == [(USER, 3, b"200001")]


def test_journal_that_was_cleared_has_room_again() -> None:
    journal = Journal(bytes_limit=30_000)
    for _ in range(2):
        for _ in range(2):
            note(journal, size=10_000)
        assert len(journal.find()) == 2
        journal.clear()


def test_journal_that_was_cleared_has_no_counters(cloud: Cloud) -> None:
    for _ in range(2):
        cloud.create(name=PASSWORD)
    journal = cloud.engine.journal
    assert journal.leaks()
    assert journal.repeated_creates()
    journal.clear()
    assert (journal.leaks(), journal.repeated_creates()) == ([], [])
    cloud.create(name=PASSWORD)
    assert journal.repeated_creates() == []

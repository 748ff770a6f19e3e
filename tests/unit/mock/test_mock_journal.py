"""Does the journal say what was asked and answered, without a secret, and without growing for ever?"""

from __future__ import annotations

import json

import pytest
from toast_compute_mock.exchange import Request
from toast_compute_mock.journal import Entry, Journal, Kind

from .conftest import APPKEY, BATCH, SEED_TOKEN, START, WEB, Cloud, new_instance

PASSWORD = "demo-password"
USER = "05e40000-0000-4000-8000-000000000001"


def newest(cloud: Cloud) -> Entry:
    return cloud.engine.journal.find()[-1]


def test_an_entry_says_what_was_asked_and_answered(cloud: Cloud) -> None:
    body = {"action": "reboot", "parameters": {"type": "SOFT"}}
    cloud.send("POST", f"instances/{WEB}/action", body)
    entry = newest(cloud)
    assert (entry.seq, entry.at, entry.world, entry.applied, entry.faults, entry.leaks) == (1, START, USER, 1, (), ())
    assert (entry.operation, entry.action, entry.method) == ("runInstanceAction", "reboot", "POST")
    assert entry.target == f"/compute/v1.0/appkeys/***/instances/{WEB}/action"
    assert (entry.status, entry.result_code) == (200, 0)
    assert json.loads(entry.request) == body
    assert json.loads(entry.reply)["header"]["isSuccessful"] is True


def test_a_refusal_has_its_code_and_was_not_carried_out(cloud: Cloud) -> None:
    cloud.act(BATCH, "stop")
    entry = newest(cloud)
    assert (entry.result_code, entry.applied, entry.action) == (10409, 0, "stop")


def test_the_password_and_the_token_of_a_token_request_are_not_kept(cloud: Cloud) -> None:
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
def test_a_password_in_the_wrong_member_is_not_kept_either(cloud: Cloud, body: object) -> None:
    assert cloud.code("POST", "tokens", body) == -4
    assert PASSWORD not in newest(cloud).request


def test_a_body_that_may_hold_a_password_and_cannot_be_read_is_not_kept(cloud: Cloud) -> None:
    assert cloud.code("POST", "tokens", raw=b'{"auth": {"password": "demo-password"') == -8
    assert PASSWORD not in newest(cloud).request


def test_the_token_that_is_looked_up_is_not_kept(cloud: Cloud) -> None:
    cloud.send("GET", "tokens", query=f"id={SEED_TOKEN}")
    entry = newest(cloud)
    assert entry.target == "/compute/v1.0/appkeys/***/tokens?id=***"
    assert SEED_TOKEN not in entry.reply
    assert entry.leaks == ()


def test_a_private_key_is_not_kept(cloud: Cloud) -> None:
    reply = cloud.send("POST", "keypairs", {"keypair": {"name": "new"}})
    entry = newest(cloud)
    assert json.loads(entry.reply)["keypair"] == {**reply["keypair"], "privateKey": "***"}


def test_values_of_a_query_that_the_contract_does_not_know_are_not_kept(cloud: Cloud) -> None:
    cloud.send("GET", "instances", query=f"id={WEB}&secret=abc&flag")
    assert newest(cloud).target == f"/compute/v1.0/appkeys/***/instances?id={WEB}&secret=***&flag"


def test_a_path_of_no_operation_is_kept_without_appkey_and_token(cloud: Cloud) -> None:
    cloud.send("GET", f"token/{SEED_TOKEN}", query=f"id={SEED_TOKEN}")
    entry = newest(cloud)
    assert (entry.operation, entry.target) == ("", "/compute/v1.0/appkeys/***/token/***?***")


@pytest.mark.parametrize("appkey", [APPKEY, "another-appkey"])
def test_the_appkey_is_not_kept(cloud: Cloud, appkey: str) -> None:
    cloud.appkey = appkey
    cloud.send("GET", "flavors")
    assert appkey not in newest(cloud).target


def test_a_token_where_it_does_not_belong_is_noticed_and_hidden(cloud: Cloud) -> None:
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


def test_the_oldest_entries_go_when_there_are_too_many() -> None:
    journal = Journal(count_limit=3)
    for _ in range(5):
        note(journal)
    assert [entry.seq for entry in journal.find()] == [3, 4, 5]
    assert journal.last == 5


def test_the_oldest_entries_go_when_they_are_too_large() -> None:
    journal = Journal(bytes_limit=30_000)
    for _ in range(5):
        note(journal, size=10_000)
    assert [entry.seq for entry in journal.find()] == [4, 5]


def test_a_long_body_is_cut() -> None:
    journal = Journal()
    note(journal, size=100_000)
    (entry,) = journal.find()
    assert entry.reply == "x" * 16 * 1024 + " (cut)"
    assert len(entry.reply_body) < 17_000


def test_counts_know_of_entries_that_are_gone() -> None:
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

"""Exchanges and ledgers for the tests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..contract import Meaning, contract
from ..exchange import JSON, Exchange, JsonObject, Reply, Request
from .exchange_checks import Check
from .ledger import Known, Ledger

APPKEY = "demo-appkey"
TOKEN = "00000000-0000-4000-8000-00000000aaaa"
INSTANCE = "125a0000-0000-4000-8000-00000000000a"
NOON = 1_768_478_400.0
SPEC: JsonObject = {
    "name": "web",
    "image": "image-1",
    "flavor": "flavor-1",
    "networks": [{"id": "network-1"}],
    "availabilityZone": "kr-pub-a",
    "keyName": "key",
    "securityGroups": [{"name": "default"}],
}


def success(**payload: Any) -> Reply:
    header = {"isSuccessful": True, "resultCode": 0, "resultMessage": "SUCCESS"}
    return Reply(200, JSON, json.dumps({"header": header, **payload}).encode())


def failure(code: int, message: str = "no") -> Reply:
    header = {"isSuccessful": False, "resultCode": code, "resultMessage": message}
    return Reply(200, JSON, json.dumps({"header": header}).encode())


def request(
    operation: str,
    parameters: Mapping[str, str] | None = None,
    body: JsonObject | None = None,
    token: str | None = TOKEN,
) -> Request:
    return contract().request(operation, appkey=APPKEY, token=token, parameters=parameters, body=body)


def action(name: str, /, **parameters: Any) -> Request:
    """Return a request for an action on the instance."""
    body = {"action": name, "parameters": parameters} if parameters else {"action": name}
    return request("runInstanceAction", {"instanceId": INSTANCE}, body)


def create(**changes: Any) -> Request:
    return request("createInstance", body={"instance": {**SPEC, **changes}})


def brief(status: str = "ACTIVE", **changes: Any) -> JsonObject:
    return {"id": INSTANCE, "name": "web", "status": status, **changes}


def detail(status: str = "ACTIVE", **changes: Any) -> JsonObject:
    return {
        "addresses": [{"macAddress": "fa:16:3e:00:00:01", "ipAddress": "192.168.0.10", "version": 4}],
        "availabilityZone": "kr-pub-a",
        "flavor": {"id": "flavor-1", "name": "m2.c2m4", "cpu": 2, "ram": 4096},
        "status": status,
        "id": INSTANCE,
        "name": "web",
        "image": "image-1",
        "metadata": {},
        "keyName": "key",
        "volumes": {"root": {"size": 20, "type": "General HDD"}, "attachments": []},
        "securityGroups": [{"name": "default"}],
        "createdAt": "2026-01-15T09:00:00.000000",
        "updatedAt": "2026-01-15T09:00:00.000000",
        **changes,
    }


def meaning(asked: Request) -> Meaning:
    """Return what a request means where only TOKEN is valid."""
    return contract().meaning(asked, appkey=APPKEY, tokens={TOKEN: True})


def problems(
    check: Check,
    asked: Request,
    reply: Reply,
    ledger: Ledger | None = None,
    *,
    at: float = NOON,
    prepared: bool = False,
) -> list[str]:
    """Return what a check reports of an exchange."""
    exchange = Exchange(1, at, asked, reply, "test", prepared)
    return list(check(ledger or Ledger(is_exact=True), exchange, meaning(asked)))


def ledger_after(*exchanges: tuple[Request, Reply], is_exact: bool = True, at: float = NOON) -> Ledger:
    """Return the ledger after these exchanges."""
    ledger = Ledger(is_exact=is_exact)
    for asked, reply in exchanges:
        ledger.update(Exchange(1, at, asked, reply, "test"), meaning(asked))
    return ledger


def ledger_with(status: str = "ACTIVE", *, is_exact: bool = True, **known: Any) -> Ledger:
    """Return a ledger that knows an instance of the run's own."""
    ledger = Ledger(is_exact=is_exact)
    ledger.instances[INSTANCE] = Known(INSTANCE, is_ours=True, status=status, **known)
    return ledger

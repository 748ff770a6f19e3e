"""Which exchanges do the tests of the checks need? Made by hand, one for each thing that can be wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..calls import request_for
from ..contract import Meaning, contract
from ..exchange import JSON, Exchange, JsonObject, Reply, Request
from .ledger import Known, Ledger

APPKEY = "demo-appkey"
TOKEN = "00000000-0000-4000-8000-00000000aaaa"
INSTANCE = "125a0000-0000-4000-8000-00000000000a"
VOLUME = "b10c0000-0000-4000-8000-00000000000a"
ADDRESS = "203.0.113.10"
NOON = 1_768_478_400.0
SUCCESS = {"isSuccessful": True, "resultCode": 0, "resultMessage": "SUCCESS"}
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
    """A success with this payload."""
    return Reply(200, JSON, json.dumps({"header": SUCCESS, **payload}).encode())


def failure(code: int, message: str = "no") -> Reply:
    """A failure with this code."""
    header = {"isSuccessful": False, "resultCode": code, "resultMessage": message}
    return Reply(200, JSON, json.dumps({"header": header}).encode())


def request(
    operation: str,
    parameters: Mapping[str, str] | None = None,
    body: JsonObject | None = None,
    *,
    token: str | None = TOKEN,
) -> Request:
    """A request to an operation, with a token that is valid unless another is given."""
    return request_for(contract(), operation, appkey=APPKEY, token=token, parameters=parameters, body=body)


def exchange(asked: Request, reply: Reply, *, at: float = NOON, prepared: bool = False) -> Exchange:
    """An exchange."""
    return Exchange(1, at, asked, reply, "test", prepared=prepared)


def meaning(asked: Request) -> Meaning:
    """What a request means where only TOKEN is valid."""
    return contract().meaning(asked, appkey=APPKEY, tokens={TOKEN: True})


def judged(check: Any, ledger_or_contract: Any, asked: Request, reply: Reply, **how: Any) -> list[str]:
    """What a check says of an exchange."""
    return list(check(ledger_or_contract, exchange(asked, reply, **how), meaning(asked)))


def known(ledger: Ledger, status: str = "ACTIVE", **more: Any) -> Known:
    """Let a ledger know an instance of the run's own."""
    one = Known(INSTANCE, is_ours=True, status=status, **more)
    ledger.instances[INSTANCE] = one
    return one


def brief(status: str = "ACTIVE", **more: Any) -> JsonObject:
    """An instance in brief."""
    return {"id": INSTANCE, "name": "web", "status": status, **more}


def detail(status: str = "ACTIVE", **more: Any) -> JsonObject:
    """An instance in detail."""
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
        **more,
    }


def action(name: str, /, **parameters: Any) -> Request:
    """A request for an action on the instance."""
    body = {"action": name, "parameters": parameters} if parameters else {"action": name}
    return request("runInstanceAction", {"instanceId": INSTANCE}, body)

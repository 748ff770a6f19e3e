"""Define the two requests that every server gets: a list of one instance, and a create that is accepted."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import msgspec
from ruamel.yaml import YAML
from toast_compute_mock.world.seed import SeedWorld, default_seed_world
from toast_compute_mock.world.state import Account

from .load import request
from .servers import ROOT

MANY = 10  # instances in one create; the contract allows no more

# Of the world that every mock begins with.
DEMO_APPKEY = "demo-appkey"
DEMO_TOKEN = "00000000-0000-4000-8000-000000000001"
DEMO_INSTANCE = "125a0000-0000-4000-8000-000000000001"

_WIDE = "10.0.0.0/8"
_AMI = "ami-12c6146b"  # one that moto knows


class Question(NamedTuple):
    """A request, and what a good reply to it holds."""

    request: bytes
    wanted: bytes


def wide_world(accounts: int) -> SeedWorld:
    """Return the default seed world with one instance, a subnet that does not run full, and this many accounts."""
    seed_world = default_seed_world()
    seed_world.accounts = [
        Account(
            appkey=appkey(number),
            username="bench@example.com",
            password="bench-password",
            user_id=f"05e40000-0000-4000-8000-{number:012d}",
            roles=["member"],
            token=token(number),
        )
        for number in range(accounts)
    ]
    first = seed_world.subnets[0]
    first.cidr = _WIDE
    seed_world.subnets = [first]
    del seed_world.instances[1:]
    for interface in seed_world.instances[0].interfaces:
        interface.ip_address = "10.0.0.10"
    return seed_world


def world_file(accounts: int) -> bytes:
    """Return such a world as `--world` reads it."""
    return msgspec.json.format(msgspec.json.encode(wide_world(accounts)), indent=1)


def appkey(number: int) -> str:
    """Return the appkey of an account of the wide world."""
    return f"bench-appkey-{number}"


def toast_list(number: int, prefix: str = "/compute") -> Question:
    """Ask for all instances, of which there is one."""
    target = f"{prefix}/v1.0/appkeys/{appkey(number)}/instances"
    return Question(request("GET", target, _headers(number)), b'"name":"web-01"')


def toast_create(number: int, prefix: str = "/compute", count: int = 1) -> Question:
    """Create instances with the example of the contract."""
    target = f"{prefix}/v1.0/appkeys/{appkey(number)}/instances"
    headers = {**_headers(number), "content-type": "application/json;charset=UTF-8"}
    body = json.dumps({"instance": {**create_example(), "count": count}}).encode()
    return Question(request("POST", target, headers, body), b'"status":"BUILD"')


@cache
def create_example() -> dict[str, Any]:
    """Return the instance that the contract's example of createInstance asks for; not to be changed."""
    document = YAML(typ="safe").load(ROOT / "openapi.yaml")
    operation = document["paths"]["/v1.0/appkeys/{appkey}/instances"]["post"]
    example = operation["requestBody"]["content"]["application/json"]["examples"]["create"]["value"]["instance"]
    wanted: dict[str, Any] = example
    return wanted


def moto_list() -> Question:
    """Ask for all instances, of which there is one."""
    return _ec2("Action=DescribeInstances", b"<instanceId>")


def moto_create() -> Question:
    """Create one instance."""
    return _ec2(f"Action=RunInstances&ImageId={_AMI}&InstanceType=m5.large&MinCount=1&MaxCount=1", b"<instanceId>")


def moto_reset() -> Question:
    """Forget all that was made."""
    return Question(request("POST", "/moto-api/reset", {"content-length": "0"}), b"ok")


def repeat(question: Question, times: int) -> Iterator[bytes]:
    """Ask the same again and again."""
    return itertools.repeat(question.request, times)


def _ec2(query: str, wanted: bytes) -> Question:
    scope = "bench/20260101/us-east-1/ec2/aws4_request"  # moto reads the region from it and checks no signature
    headers = {
        "authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
        "content-type": "application/x-www-form-urlencoded; charset=utf-8",
    }
    return Question(request("POST", "/", headers, f"{query}&Version=2016-11-15".encode()), wanted)


def _headers(number: int) -> dict[str, str]:
    return {"accept": "application/json", "x-auth-token": token(number)}


def token(number: int) -> str:
    """Return the token that the world of an account begins with."""
    return f"00000000-0000-4000-8000-{number + 1:012d}"


def demo_list() -> Question:
    """Ask for one instance of the world that every mock begins with."""
    target = f"/compute/v1.0/appkeys/{DEMO_APPKEY}/instances?id={DEMO_INSTANCE}"
    return Question(request("GET", target, {"x-auth-token": DEMO_TOKEN}), b'"name":"web-01"')

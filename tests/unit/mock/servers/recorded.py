"""Record five hundred requests, good and bad, always the same ones for a seed."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import quote

from toast_compute_mock import FrozenClock, MockCloud
from toast_compute_mock.exchange import Request

from ..conftest import BATCH, SEED_TOKEN, WEB, new_instance

COUNT = 500
STEP_SECONDS = 20.0
"""Between two requests; in the course of all, instances finish what they do, and tokens expire."""

_ROOT = "/compute/v1.0/appkeys"
_FLAVORS = [f"f1a00000-0000-4000-8000-00000000000{number}" for number in range(1, 8)]
_VOLUMES = [f"b10c0000-0000-4000-8000-00000000000{number}" for number in range(1, 4)]
_ADDRESSES = ["203.0.113.10", "203.0.113.11", "203.0.113.12", "203.0.113.99"]
_OWN_ADDRESSES = ["192.168.0.10", "192.168.0.11", "192.168.0.12"]
_GROUPS = ["default", "web", "no-such-group"]
TRICKS = [
    "/../flavors",
    "/./flavors",
    "/flavors/../flavors",
    "/x%2f..%2fflavors",
    "/%2e%2e/other-appkey/flavors",
    "//flavors",
    "/flavors/",
    "/flavors//",
    "/flavors%00",
    "/flavors%",
    "/flavors%zz",
    "/%66lavors",
    "/instances//action",
    "/instances/..%2faction",
    "/instances/%00/action",
    "/instances/%ff/action",
    "/instances?id=%ff",
    "/instances?id=%00",
    "/instances?id=a&id=b",
    "/instances?id=",
    "/instances?&&=&%",
    "/keypairs?name=%ED%95%9C+%ea%b8%80",
    "?a=b",
    "/flavors?" + "a=b&" * 2000,
    "/" + "a" * 4000,
    "/flavors;a=b",
    "/flavors?a=/../%2f?b",
]
BODIES = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"text"',
    b"1e999",
    b"\xff\xfe{}",
    b"\xef\xbb\xbf{}",
    b'{"keypair": {"name": "\xff"}}',
    b'{"keypair": {"name": "\xed\xa0\x80"}}',
    b'{"keypair": {"name": "\\ud800"}}',
    b'{"keypair": {"name": "a\\u0000b"}}',
    b'{"keypair": {"name": "first"}, "keypair": {"name": "second"}}',
    b'{"action": "start", "action": "stop"}',
    b'{"instance": ' * 10_000 + b"1" + b"}" * 10_000,
    b"[" * 10_000 + b"]" * 10_000,
    b'{"keypair": {"name": "' + b"k" * 70_000 + b'"}}',
    '{"keypair": {"name": "\U0001f511"}}'.encode(),
    b'{"keypair": {"name": "late", "extra": 1}} trailing',
    b'{"keypair": {"name": NaN}}',
]
_TOKENS = ["", "no-such-token", SEED_TOKEN.upper(), f"{SEED_TOKEN}, {SEED_TOKEN}", "\u00e9\u00ff", "a" * 5000]


class Asked(NamedTuple):
    """One request, as every front can send it."""

    method: str
    target: str
    token: str | None
    body: bytes


def record(seed: int, watched: MockCloud) -> list[Asked]:
    """Return the requests. They follow what a cloud answers, so that they name what it has made."""
    return _Recorder(seed, watched).record()


class _Recorder:
    def __init__(self, seed: int, cloud: MockCloud) -> None:
        self._random = random.Random(seed)
        self._cloud = cloud
        self._token = SEED_TOKEN
        self._instances = [WEB, BATCH, "aaaaaaaa-0000-4000-8000-000000000000"]
        self._keypairs = ["demo-key", "absent"]
        self._tricks = itertools.cycle(TRICKS)
        self._bodies = itertools.cycle(BODIES)
        self._kinds: list[Callable[[], Asked]] = [
            *[self._read] * 4,
            *[self._create] * 2,
            *[self._act] * 10,
            self._delete,
            *[self._attach] * 2,
            *[self._detach] * 2,
            *[self._keypair] * 2,
            self._log_in,
            *[self._trick] * 3,
            *[self._bad_body] * 2,
            self._bad_token,
            self._bad_method,
        ]

    def record(self) -> list[Asked]:
        asked: list[Asked] = []
        for number in range(COUNT):
            one = self._log_in() if number % 50 == 49 else self._random.choice(self._kinds)()
            asked.append(one)
            headers = {} if one.token is None else {"x-auth-token": one.token}
            self._learn(self._cloud.handle(Request(one.method, one.target, headers, one.body)).body)
            clock = self._cloud.clock
            assert isinstance(clock, FrozenClock)
            clock.advance(STEP_SECONDS)
        return asked

    def _learn(self, body: bytes) -> None:
        """Keep the names of what has been made."""
        content = json.loads(body)
        for one in [content.get("instance"), *content.get("instances", [])]:
            if one and one["id"] not in self._instances:
                self._instances.append(one["id"])
        if "access" in content:
            self._token = content["access"]["token"]["id"]
        if "keypair" in content and len(content["keypair"]["name"]) < 256:
            self._keypairs.append(quote(content["keypair"]["name"]))

    def _ask(self, method: str, path: str, body: Any = None) -> Asked:
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return Asked(method, f"{_ROOT}/demo-appkey{path}", self._token, content)

    def _instance(self) -> str:
        return self._random.choice([WEB, *self._instances])

    def _read(self) -> Asked:
        return self._ask(
            "GET",
            self._random.choice(
                [
                    "/availability-zones",
                    "/flavors",
                    "/instances",
                    "/instances-detail",
                    "/keypairs",
                    f"/instances?id={self._instance()}",
                    f"/instances-detail?id={self._instance()}",
                    f"/keypairs?name={self._random.choice(self._keypairs)}",
                    f"/tokens?id={self._token}",
                ]
            ),
        )

    def _create(self) -> Asked:
        changes: dict[str, Any] = self._random.choice(
            [
                {},
                {"count": 2},
                {"name": "a" * 21},
                {"availabilityZone": "kr-pub-b"},
                {"flavor": self._random.choice(_FLAVORS)},
                {"keyName": "absent"},
                {"volume": {"size": self._random.choice([10, 25, 100]), "type": "General SSD"}},
                {"name": None},
                {"surprise": True},
            ]
        )
        return self._ask("POST", "/instances", new_instance(**changes))

    def _act(self) -> Asked:
        floating_ip = {
            "address": self._random.choice(_ADDRESSES),
            "ipAddress": self._random.choice(_OWN_ADDRESSES),
        }
        action, parameters = self._random.choice(
            [
                ("start", {}),
                ("stop", {}),
                ("reboot", {"type": self._random.choice(["SOFT", "HARD", "GENTLE"])}),
                ("resize", {"flavor": self._random.choice(_FLAVORS)}),
                ("uploadImage", {"name": "an-image"}),
                *[("addFloatingIp", floating_ip)] * 3,
                ("removeFloatingIp", {"address": self._random.choice(_ADDRESSES)}),
                ("addSecurityGroup", {"name": self._random.choice(_GROUPS)}),
                ("removeSecurityGroup", {"name": self._random.choice(_GROUPS)}),
            ]
        )
        body = {"action": action, "parameters": parameters} if parameters else {"action": action}
        return self._ask("POST", f"/instances/{self._instance()}/action", body)

    def _delete(self) -> Asked:
        return self._ask("DELETE", f"/instances?id={self._random.choice(self._instances[1:])}")

    def _attach(self) -> Asked:
        body = {"attachment": {"volumeId": self._random.choice(_VOLUMES)}}
        return self._ask("POST", f"/instances/{self._instance()}/attachments", body)

    def _detach(self) -> Asked:
        volume = self._random.choice(_VOLUMES)
        return self._ask("DELETE", f"/instances/{self._instance()}/attachments?volumeId={volume}")

    def _keypair(self) -> Asked:
        if self._random.random() < 0.5:
            return self._ask("DELETE", f"/keypairs?name={self._random.choice(self._keypairs[1:])}")
        return self._ask("POST", "/keypairs", {"keypair": {"name": f"key-{self._random.randrange(40)}"}})

    def _log_in(self) -> Asked:
        password = self._random.choice(["demo-password", "demo-password", "demo-password", "wrong"])
        asked = self._ask("POST", "/tokens", {"auth": {"username": "demo@example.com", "password": password}})
        return asked._replace(token=None)

    def _trick(self) -> Asked:
        return self._ask(self._random.choice(["GET", "POST"]), next(self._tricks), b"")

    def _bad_body(self) -> Asked:
        path = self._random.choice(["/keypairs", "/instances", "/tokens", f"/instances/{self._instance()}/action"])
        return self._ask("POST", path, next(self._bodies))

    def _bad_token(self) -> Asked:
        asked = self._read()
        other = asked.target.replace("demo-appkey", self._random.choice(["demo-appkey", "other-appkey", "%00"]))
        return asked._replace(token=self._random.choice([None, *_TOKENS]), target=other)

    def _bad_method(self) -> Asked:
        method = self._random.choice(["HEAD", "PUT", "PATCH", "OPTIONS", "DELETE"])
        return self._ask(method, self._random.choice(["/flavors", "/instances", "/tokens", "/nothing"]))

"""Provide an engine that tests talk to like a server: with a request and a moment."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from toast_compute_mock.engine.engine import Engine
from toast_compute_mock.exchange import Request

START = datetime(2026, 1, 15, 9, tzinfo=UTC).timestamp()
APPKEY = "demo-appkey"
SEED_TOKEN = "00000000-0000-4000-8000-000000000001"
WEB = "125a0000-0000-4000-8000-000000000001"
BATCH = "125a0000-0000-4000-8000-000000000002"


@dataclass
class Cloud:
    """An engine and its clock."""

    engine: Engine = field(default_factory=Engine)
    now: float = START
    token: str | None = SEED_TOKEN
    appkey: str = APPKEY

    def send(self, method: str, path: str, body: Any = None, *, query: str = "", raw: bytes | None = None) -> Any:
        """Send one request below the appkey and return the decoded reply."""
        content = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        headers = {} if self.token is None else {"x-auth-token": self.token}
        target = f"/compute/v1.0/appkeys/{self.appkey}/{path}" + (f"?{query}" if query else "")
        request = Request(method, target, headers, content)
        reply = self.engine.handle(request, self.now)
        assert reply.status == 200
        return json.loads(reply.body)

    def code(self, method: str, path: str, body: Any = None, *, query: str = "", raw: bytes | None = None) -> int:
        """Send one request and return its result code."""
        return int(self.send(method, path, body, query=query, raw=raw)["header"]["resultCode"])

    def message(self, method: str, path: str, body: Any = None, *, query: str = "") -> str:
        """Send one request and return its result message."""
        return str(self.send(method, path, body, query=query)["header"]["resultMessage"])

    def act(self, instance: str, action: str, **parameters: Any) -> int:
        """Run an action and return its result code."""
        body = {"action": action, "parameters": parameters} if parameters else {"action": action}
        return self.code("POST", f"instances/{instance}/action", body)

    def create(self, **changes: Any) -> Any:
        """Create an instance with some members changed; a member that is None is left out."""
        return self.send("POST", "instances", new_instance(**changes))

    def detail(self, instance: str) -> Any:
        """Return one instance in detail."""
        return self.send("GET", "instances-detail", query=f"id={instance}")["instances"][0]

    def status(self, instance: str) -> str:
        """Return the status of one instance."""
        return str(self.send("GET", "instances", query=f"id={instance}")["instances"][0]["status"])


def new_instance(**changes: Any) -> dict[str, Any]:
    """Return the body of a create that is accepted, with some members changed."""
    wanted: dict[str, Any] = {
        "name": "test-01",
        "image": "1a9e0000-0000-4000-8000-000000000001",
        "flavor": "f1a00000-0000-4000-8000-000000000001",
        "networks": [{"subnetId": "5b4e0000-0000-4000-8000-000000000001"}],
        "availabilityZone": "kr-pub-a",
        "keyName": "demo-key",
        "securityGroups": [{"name": "default"}],
        **changes,
    }
    return {"instance": {name: value for name, value in wanted.items() if value is not None}}


@pytest.fixture
def cloud() -> Cloud:
    """Return a fresh engine that stands at the moment of the contract's examples."""
    return Cloud()

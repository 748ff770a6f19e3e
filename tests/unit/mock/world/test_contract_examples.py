"""Check that the contract's examples are the mock's world, id for id."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any
from urllib.parse import quote

import pytest
from toast_compute_mock.engine.engine import Engine
from toast_compute_mock.exchange import Request

from ..conftest import SEED_TOKEN, START, WEB, Cloud, new_instance

DOCUMENT: dict[str, Any] = json.loads(files("toast_compute_api").joinpath("strict.json").read_text(encoding="utf-8"))
# The reply example of a request example whose success is not simply called `success`.
SUCCESS_OF = {"uploadImage": "successUploadImage", "upload": "successUpload"}


def exchanges() -> Iterator[Any]:
    """Return every request that the contract shows, with the success that it shows for it."""
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            successes = operation["responses"]["200"]["content"]["application/json"]["examples"]
            bodies = content.get("examples") or {"": {"value": None}}
            for name, body in bodies.items():
                success = successes[SUCCESS_OF.get(name, "success")]["value"]
                target, query = fill(path, operation["parameters"], name)
                yield pytest.param(
                    method.upper(),
                    f"/compute{target}?{query}",
                    body["value"],
                    success,
                    id=f"{operation['operationId']} {name}".strip(),
                )


def fill(path: str, parameters: list[dict[str, Any]], name: str) -> tuple[str, str]:
    """Return path and query with the parameters' examples: their only one, or the one of the body example's name."""
    query = []
    for item in parameters:
        parameter = DOCUMENT["components"]["parameters"][item["$ref"].split("/")[-1]] if "$ref" in item else item
        value = parameter["example"] if "example" in parameter else parameter["examples"][name]["value"]
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", quote(value, safe=""))
        else:
            query.append(f"{parameter['name']}={quote(value, safe='')}")
    return path, "&".join(query)


@pytest.mark.parametrize(("method", "target", "body", "success"), list(exchanges()))
def test_examples_of_the_contract_can_be_sent_and_are_answered_as_shown(
    method: str, target: str, body: Any, success: Any
) -> None:
    content = b"" if body is None else json.dumps(body).encode()
    reply = Engine().handle(Request(method, target, {"x-auth-token": SEED_TOKEN}, content), START)
    answer = json.loads(reply.body)
    if "privateKey" in success.get("keypair", {}):
        # The one value that a document must not show.
        assert answer["keypair"].pop("privateKey").startswith("-----BEGIN OPENSSH ")
        success = {**success, "keypair": {**success["keypair"]}}
        del success["keypair"]["privateKey"]
    assert answer == success


def test_every_operation_and_every_action_is_among_the_examples() -> None:
    shown = {parameter.id for parameter in exchanges()}
    operations = {operation["operationId"] for item in DOCUMENT["paths"].values() for operation in item.values()}
    assert {name.split()[0] for name in shown} == operations
    actions = set(DOCUMENT["components"]["schemas"]["InstanceAction"]["discriminator"]["mapping"])
    assert {name.split()[1] for name in shown if name.startswith("runInstanceAction")} == actions


def failures() -> Iterator[Any]:
    """Return every failure that the contract shows."""
    for item in DOCUMENT["paths"].values():
        for operation in item.values():
            examples = operation["responses"]["200"]["content"]["application/json"]["examples"]
            yield pytest.param(operation["operationId"], examples["failure"]["value"], id=operation["operationId"])


LOGIN = {"auth": {"username": "demo@example.com", "password": "wrong"}}
USED_VOLUME = {"attachment": {"volumeId": "b10c0000-0000-4000-8000-000000000003"}}
FREE_VOLUME = "volumeId=b10c0000-0000-4000-8000-000000000001"
# How each of them comes about: method, path, query, body.
FAILING: dict[str, tuple[str, str, str, Any]] = {
    "issueToken": ("POST", "tokens", "", LOGIN),
    "getToken": ("GET", "tokens", "id=unknown", None),
    "listAvailabilityZones": ("GET", "availability-zones", "", None),
    "listInstances": ("GET", "instances", "id=unknown", None),
    "createInstance": ("POST", "instances", "", new_instance(name="a" * 21)),
    "deleteInstance": ("DELETE", "instances", "id=unknown", None),
    "listInstanceDetails": ("GET", "instances-detail", "id=unknown", None),
    "attachVolume": ("POST", f"instances/{WEB}/attachments", "", USED_VOLUME),
    "detachVolume": ("DELETE", f"instances/{WEB}/attachments", FREE_VOLUME, None),
    "runInstanceAction": ("POST", f"instances/{WEB}/action", "", {"action": "start"}),
    "listFlavors": ("GET", "flavors", "", None),
    "listKeypairs": ("GET", "keypairs", "name=unknown", None),
    "createKeypair": ("POST", "keypairs", "", {"keypair": {"name": "demo-key"}}),
    "deleteKeypair": ("DELETE", "keypairs", "name=unknown", None),
}


@pytest.mark.parametrize(("operation", "failure"), list(failures()))
def test_failure_that_the_contract_shows_is_given_word_for_word(cloud: Cloud, operation: str, failure: Any) -> None:
    method, path, query, body = FAILING[operation]
    if failure["header"]["resultMessage"] == "Permission denied : token":
        cloud.token = None
    assert cloud.send(method, path, body, query=query) == failure

"""The document that the engine gets is the contract, and its examples are valid."""

from __future__ import annotations

import json

import schemathesis

from ..check.samples import APPKEY
from ..contract import contract
from ..exchange import JSON, JsonObject
from ..target import Credentials
from .document import document_for, example_bodies, links_of
from .fixtures import Fixtures

FIXTURES = Fixtures(
    "image", "", ("f1", "f2"), ("f3",), "network", "subnet", "zone", ("default",), ("volume",), ("203.0.113.10",)
)
CREDENTIALS = Credentials(APPKEY, "demo@example.com", "demo-password")


def document(*only: str) -> JsonObject:
    return document_for(
        contract(), base_url="http://service/compute", credentials=CREDENTIALS, fixtures=FIXTURES, only=only or None
    )


def operations(*only: str) -> dict[str, JsonObject]:
    return {spec["operationId"]: spec for item in document(*only)["paths"].values() for spec in item.values()}


def test_every_action_is_an_operation_whose_status_distinguishes_success_from_failure() -> None:
    found = operations()
    assert set(found) == set(contract().names)
    for name, status, schema in (
        ("runInstanceAction.uploadImage", "200", "UploadImageSuccess"),
        ("runInstanceAction.uploadImage", "4XX", "Failure"),
        ("runInstanceAction.start", "200", "EmptySuccess"),
    ):
        content = found[name]["responses"][status]["content"][JSON]
        assert content["schema"]["$ref"].endswith(f"/{schema}")
    assert all(f"/{APPKEY}/" in path for path in document()["paths"])
    assert "{appkey}" not in json.dumps(document()["paths"])


def test_every_link_leads_to_every_action_by_parameters_that_it_has() -> None:
    found = operations()
    links = [(source, link) for source, spec in found.items() for link in spec["responses"]["200"]["links"].values()]
    assert sorted(f"{source} -> {link['operationId']}" for source, link in links) == sorted(links_of(contract()))
    assert {"createInstance -> runInstanceAction.resize", "attachVolume -> detachVolume"} <= set(links_of(contract()))
    for _, link in links:
        names = {f"{one['in']}.{one['name']}" for one in found[link["operationId"]]["parameters"]}
        assert set(link["parameters"]) <= names
    some = operations("createInstance", "runInstanceAction.start")
    assert set(some) == {"createInstance", "runInstanceAction.start"}
    assert len(some["createInstance"]["responses"]["200"]["links"]) == 1


def test_engine_reads_the_document_and_finds_its_links() -> None:
    schema = schemathesis.openapi.from_dict(document(), config=schemathesis.Config.from_dict({}))
    assert len(list(schema.get_all_operations())) == len(contract().names)
    assert schema.statistic.transitions.total == len(links_of(contract()))


def test_every_example_keeps_the_contract() -> None:
    for operation, action, body in example_bodies(contract(), CREDENTIALS, FIXTURES):
        request = contract().request(operation, appkey=APPKEY, token="t", parameters={"instanceId": "x"}, body=body)
        meaning = contract().meaning(request, appkey=APPKEY, tokens={"t": True})
        assert not meaning.faults
        assert meaning.action == action

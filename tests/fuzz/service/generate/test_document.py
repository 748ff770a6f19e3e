"""Is the document that the engine gets the contract, and are its examples what the mock has?"""

from __future__ import annotations

import json

import pytest
import schemathesis
from toast_compute_mock import MockCloud
from toast_compute_mock.exchange import Request

from ..calls import request_for
from ..check.samples import APPKEY
from ..contract import contract
from ..exchange import JSON, JsonObject
from ..target import Credentials
from .document import document_for, example_bodies, links_of
from .fixtures import Material

MATERIAL = Material(
    "image", "", ("f1", "f2"), ("f3",), "network", "subnet", "zone", ("default",), ("volume",), ("203.0.113.10",)
)
CREDENTIALS = Credentials(APPKEY, "demo@example.com", "demo-password")
SEED_TOKEN = "00000000-0000-4000-8000-000000000001"


def document(*only: str) -> JsonObject:
    return document_for(
        contract(),
        base_url="http://service/compute",
        credentials=CREDENTIALS,
        material=MATERIAL,
        only=only or None,
    )


def operations(of: JsonObject) -> dict[str, JsonObject]:
    return {spec["operationId"]: spec for item in of["paths"].values() for spec in item.values()}


def test_every_operation_and_every_action_is_an_operation_of_its_own() -> None:
    assert set(operations(document())) == set(contract().names)


def test_status_tells_the_strict_success_from_the_failure() -> None:
    found = operations(document())
    upload = found["runInstanceAction.uploadImage"]["responses"]
    assert upload["200"]["content"][JSON]["schema"]["$ref"].endswith("/UploadImageSuccess")
    assert upload["4XX"]["content"][JSON]["schema"]["$ref"].endswith("/Failure")
    start = found["runInstanceAction.start"]["responses"]
    assert start["200"]["content"][JSON]["schema"]["$ref"].endswith("/EmptySuccess")


def test_every_link_of_the_contract_leads_to_every_action() -> None:
    found = operations(document())
    links = {
        (source, link["operationId"])
        for source, spec in found.items()
        for link in spec["responses"]["200"]["links"].values()
    }
    assert links == set(links_of(contract()))
    assert ("createInstance", "runInstanceAction.resize") in links
    assert ("attachVolume", "detachVolume") in links


def test_a_link_names_parameters_that_its_target_has() -> None:
    found = operations(document())
    for spec in found.values():
        for link in spec["responses"]["200"]["links"].values():
            names = {f"{one['in']}.{one['name']}" for one in found[link["operationId"]]["parameters"]}
            assert set(link["parameters"]) <= names


def test_the_appkey_stands_in_the_paths_and_is_no_parameter() -> None:
    assert all(f"/{APPKEY}/" in path for path in document()["paths"])
    assert "{appkey}" not in json.dumps(document()["paths"])


def test_a_document_about_some_operations_has_only_the_links_between_them() -> None:
    found = operations(document("createInstance", "runInstanceAction.start"))
    assert set(found) == {"createInstance", "runInstanceAction.start"}
    assert len(found["createInstance"]["responses"]["200"]["links"]) == 1


def test_the_engine_reads_the_document_and_finds_its_links() -> None:
    schema = schemathesis.openapi.from_dict(document(), config=schemathesis.Config.from_dict({}))
    assert len(list(schema.get_all_operations())) == len(contract().names)
    assert schema.statistic.transitions.total == len(list(links_of(contract())))


def test_every_example_keeps_the_contract() -> None:
    for operation, action, body in example_bodies(contract(), CREDENTIALS, MATERIAL):
        request = request_for(
            contract(), operation, appkey=APPKEY, token="t", parameters={"instanceId": "x"}, body=body
        )
        meaning = contract().meaning(request, appkey=APPKEY, tokens={"t": True})
        assert not meaning.faults
        assert meaning.action == action


@pytest.mark.parametrize("name", [name for name in contract().names if contract().body_schema(name.partition(".")[0])])
def test_the_examples_of_the_contract_are_accepted_by_a_fresh_mock(name: str) -> None:
    operation, _, action = name.partition(".")
    spec = contract().spec(operation)
    for key, example in spec["requestBody"]["content"][JSON]["examples"].items():
        if action and example["value"]["action"] != action:
            continue
        parameters = {
            one["name"]: one["examples"][key]["value"] if "examples" in one else one["example"]
            for one in contract().parameters(operation)
        }
        appkey = parameters.pop("appkey")
        asked = request_for(
            contract(), operation, appkey=appkey, token=SEED_TOKEN, parameters=parameters, body=example["value"]
        )
        cloud = MockCloud()
        reply = cloud.handle(
            Request(asked.method, cloud.prefix + asked.target, dict(asked.headers), asked.body, "test")
        )
        assert json.loads(reply.body)["header"]["isSuccessful"], reply.body

"""The engine gets the contract with valid examples, and a status that stands for the outcome."""

from __future__ import annotations

import json
from types import SimpleNamespace

import schemathesis
from schemathesis.hooks import GLOBAL_HOOK_DISPATCHER

from ..check.samples import APPKEY, failure, success
from ..contract import contract
from ..exchange import JSON, JsonObject
from ..run import PHASES
from ..session import Session
from ..target import Credentials
from .document import document_for, example_bodies, links_of
from .engine import settings
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


def test_engine_gets_a_status_that_stands_for_the_outcome(session: Session) -> None:
    request = SimpleNamespace(method="GET", url="http://testserver/compute/x", headers={}, body=None)
    failures = {404: failure(13404), 403: failure(-3), 400: failure(-4), 409: failure(10409)}
    for status, reply in {200: success(), **failures}.items():
        headers = {"content-type": ["application/json"]}
        response = SimpleNamespace(request=request, status_code=200, headers=headers, content=reply.body)
        session.engine.after_call(response)
        assert response.status_code == status
    session.run.findings.clear()  # the path is not in the contract


def test_engine_makes_requests_follows_links_and_leaves_no_hook_behind(session: Session) -> None:
    run, engine = session.run, session.engine
    engine.go(seed=1, examples=1, scenarios=3, phases=PHASES, only=("createKeypair", "listKeypairs"))
    assert not engine.errors
    assert not run.findings
    assert run.counters.accepted == {"createKeypair", "listKeypairs"}
    assert run.counters.links["createKeypair -> listKeypairs"]
    assert {phase for phase in PHASES if run.counters.phases[phase]} == set(PHASES)
    assert not GLOBAL_HOOK_DISPATCHER.get_all_by_name("before_call")


def test_settings_leave_nothing_to_chance(session: Session) -> None:
    plan = settings(session.run, session.fixtures, seed=5, examples=1, scenarios=1, phases=PHASES)
    config = schemathesis.Config.from_dict(plan)
    project = config.projects.get_default()
    assert config.seed == 5
    assert project.workers == 1
    assert project.generation.deterministic
    assert not config.cache.enabled
    assert not project.phases.stateful.inference.algorithms

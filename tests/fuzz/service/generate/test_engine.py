"""Does the engine still offer what is used of it, and does it see how a request ended?"""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import schemathesis
from schemathesis.hooks import GLOBAL_HOOK_DISPATCHER

from ..check.samples import failure, success
from ..mock_target import MockTarget
from ..run import PHASES, Run
from .access_probes import Prober
from .document import document_for, links_of
from .engine import Engine
from .fixtures import Given, find_material
from .inventory import Stock
from .observer import Lookout
from .preparation import Arranger
from .settings import settings


class Setup:
    """An engine on a fresh mock, and what it works with."""

    def __init__(self) -> None:
        self.run = Run(MockTarget(1))
        self.material = find_material(self.run, Given())
        lookout = Lookout(self.run)
        arranger = Arranger(self.run, Stock(self.run, lookout, self.material, label="test"))
        self.engine = Engine(self.run, arranger, lookout, Prober(self.run), self.material)


@pytest.fixture
def setup() -> Setup:
    return Setup()


@pytest.mark.parametrize(
    ("reply", "status"),
    [(success(keypairs=[]), 200), (failure(13404), 404), (failure(-3), 403), (failure(-4), 400), (failure(10409), 409)],
)
def test_the_engine_sees_a_status_that_says_how_a_request_ended(setup: Setup, reply: object, status: int) -> None:
    url = "http://testserver/compute/v1.0/appkeys/demo-appkey/keypairs"
    sent = SimpleNamespace(method="GET", url=url, headers={}, body=None)
    body = reply.body  # type: ignore[attr-defined]
    response = SimpleNamespace(
        request=sent, status_code=200, headers={"content-type": ["application/json"]}, content=body
    )
    setup.engine.after_call(response)
    assert response.status_code == status


def test_the_engine_makes_requests_follows_links_and_leaves_no_hook_behind(setup: Setup) -> None:
    run, engine = setup.run, setup.engine
    engine.go(seed=1, examples=1, scenarios=3, phases=PHASES, only=("createKeypair", "listKeypairs"))
    assert not engine.errors
    assert not run.findings
    assert run.tally.accepted == {"createKeypair", "listKeypairs"}
    assert run.tally.links["createKeypair -> listKeypairs"]
    assert {phase for phase in PHASES if run.tally.phases[phase]} == set(PHASES)
    assert not GLOBAL_HOOK_DISPATCHER.get_all_by_name("before_call")


def test_nothing_that_chance_could_change_is_left_to_the_engine(setup: Setup) -> None:
    run = setup.run
    config = schemathesis.Config.from_dict(
        settings(run, setup.material, seed=5, examples=1, scenarios=1, phases=PHASES)
    )
    project = config.projects.get_default()
    assert config.seed == 5
    assert project.workers == 1
    assert project.generation.deterministic
    assert not config.cache.enabled
    assert not project.phases.stateful.inference.algorithms
    document = document_for(
        run.contract,
        base_url=run.target.base_url,
        credentials=run.target.credentials,
        material=setup.material,
    )
    schema = schemathesis.openapi.from_dict(document, config=config)
    assert schema.statistic.transitions.total == len(list(links_of(run.contract)))

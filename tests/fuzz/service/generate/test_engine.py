"""The engine still offers what is used of it, and gets a status that tells how a request ended."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import schemathesis
from schemathesis.hooks import GLOBAL_HOOK_DISPATCHER

from ..check.samples import failure, success
from ..run import PHASES, Run
from ..session import Plan, Session
from ..target import MockTarget
from .engine import settings


@pytest.fixture
def session() -> Session:
    session = Session(Run(MockTarget(1)), Plan(seed=1, examples=1, scenarios=1))
    session.begin()
    return session


def test_engine_gets_a_status_that_tells_how_a_request_ended(session: Session) -> None:
    request = SimpleNamespace(method="GET", url="http://testserver/compute/x", headers={}, body=None)
    failures = {404: failure(13404), 403: failure(-3), 400: failure(-4), 409: failure(10409)}
    for status, reply in {200: success(), **failures}.items():
        headers = {"content-type": ["application/json"]}
        response = SimpleNamespace(request=request, status_code=200, headers=headers, content=reply.body)
        session.engine.after_call(response)
        assert response.status_code == status


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

"""A request is given what it needs, and what others made is not changed."""

from __future__ import annotations

from typing import Any

import pytest
from toast_compute_api.behaviour import LIFECYCLE

from ..contract import contract
from ..session import Session
from . import placeholders
from .document import example_bodies
from .placeholders import has_placeholder
from .preparation import Parts

SEED_INSTANCE = "125a0000-0000-4000-8000-000000000001"
SEED_KEYPAIR = "demo-key"


def parts_of(step: str, session: Session, instance: str = placeholders.OWN_INSTANCE) -> tuple[str, str, Parts]:
    """Return operation, action and parts of a valid request with placeholders."""
    examples = example_bodies(contract(), session.run.target.credentials, session.fixtures)
    bodies = {action or operation: (operation, action, body) for operation, action, body in examples}
    operation, action, body = bodies.get(step, (step, "", None))
    path: dict[str, Any] = {"instanceId": instance} if "{instanceId}" in contract().path(operation) else {}
    query = {"detachVolume": {"volumeId": placeholders.OWN_VOLUME}, "deleteInstance": {"id": instance}}
    return operation, action, Parts(path, query.get(operation, {}), body)


@pytest.mark.parametrize("step", [name for name in LIFECYCLE.operations if name != "createInstance"])
def test_prepared_request_is_accepted_every_time(step: str, session: Session) -> None:
    for _ in range(3):
        operation, action, parts = parts_of(step, session)
        assert session.preparation.prepare(operation, action, parts)
        assert not has_placeholder([dict(parts.path), dict(parts.query), parts.body])
        exchange = session.run.call(operation, {**parts.path, **parts.query}, parts.body)
        assert exchange.reply.accepted, exchange.reply.body


@pytest.mark.parametrize(("member", "value", "is_possible"), [("name", "short", True), ("image", "other", False)])
def test_create_is_expected_to_be_accepted_if_it_names_what_exists(
    member: str, value: str, is_possible: bool, session: Session
) -> None:
    operation, action, parts = parts_of("createInstance", session)
    parts.body["instance"][member] = value
    assert session.preparation.prepare(operation, action, parts) is is_possible
    assert session.run.call(operation, None, parts.body).reply.accepted is is_possible


@pytest.mark.parametrize("step", ["deleteInstance", "stop", "attachVolume", "addSecurityGroup"])
def test_instance_of_others_is_never_changed(step: str, session: Session) -> None:
    operation, action, parts = parts_of(step, session, SEED_INSTANCE)
    session.preparation.prepare(operation, action, parts)
    place = parts.target()
    assert place is not None
    assert place[0][place[1]] in {known.id for known in session.run.ledger.ours()}


@pytest.mark.parametrize(
    ("operation", "name"), [("deleteKeypair", SEED_KEYPAIR), ("listKeypairs", placeholders.OWN_KEYPAIR)]
)
def test_keypair_is_one_of_the_run(operation: str, name: str, session: Session) -> None:
    parts = Parts({}, {"name": name})
    assert session.preparation.prepare(operation, "", parts)
    assert parts.query["name"] in session.run.ledger.our_keypairs()


def test_instance_of_others_may_be_read(session: Session) -> None:
    parts = Parts({}, {"id": SEED_INSTANCE})
    session.preparation.prepare("listInstances", "", parts)
    assert parts.query["id"] == SEED_INSTANCE


def test_inventory_leaves_nothing_behind(session: Session) -> None:
    session.inventory.spare_keypair()
    session.inventory.empty()
    assert not session.run.ledger.ours()
    assert not session.run.ledger.our_keypairs()

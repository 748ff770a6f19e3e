"""Is a request given what it needs, and is what others made left alone?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from toast_compute_api.behaviour import LIFECYCLE

from ..contract import contract
from . import placeholders
from .document import example_bodies
from .preparation import Parts
from .ready import World

SEED_INSTANCE = "125a0000-0000-4000-8000-000000000001"
SEED_KEYPAIR = "demo-key"


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    assert not world.run.findings


def parts(name: str, world: World, instance: str = placeholders.OWN_INSTANCE) -> tuple[str, str, Parts]:
    """The parts of a good request, with placeholders."""
    bodies = {
        action or operation: (operation, action, body)
        for operation, action, body in example_bodies(contract(), world.run.target.credentials, world.material)
    }
    operation, action, body = bodies.get(name, (name, "", None))
    path: dict[str, Any] = {"instanceId": instance} if "{instanceId}" in contract().path(operation) else {}
    query: dict[str, Any] = {"volumeId": placeholders.OWN_VOLUME} if operation == "detachVolume" else {}
    if operation == "deleteInstance":
        query["id"] = instance
    return operation, action, Parts(path, query, body, instance_names=("instanceId",))


@pytest.mark.parametrize("move", [name for name in LIFECYCLE.operations if name != "createInstance"])
def test_everything_is_accepted_that_was_arranged_and_again(move: str, world: World) -> None:
    for _ in range(3):
        operation, action, given = parts(move, world)
        assert world.arranger.arrange(operation, action, given)
        assert not placeholders.stands_in([dict(given.path), dict(given.query), given.body])
        exchange = world.run.call(operation, {**given.path, **given.query}, given.body)
        assert exchange.reply.accepted, exchange.reply.body


def test_a_create_is_arranged_with_what_the_service_has(world: World) -> None:
    operation, action, given = parts("createInstance", world)
    given.body["instance"]["name"] = "short"
    assert world.arranger.arrange(operation, action, given)
    assert world.run.call(operation, None, given.body).reply.accepted


def test_a_create_that_names_what_is_not_there_is_not_expected_to_be_accepted(world: World) -> None:
    operation, action, given = parts("createInstance", world)
    given.body["instance"]["image"] = "other"
    assert not world.arranger.arrange(operation, action, given)


@pytest.mark.parametrize("move", ["deleteInstance", "stop", "attachVolume", "addSecurityGroup"])
def test_what_others_made_is_never_touched(move: str, world: World) -> None:
    operation, action, given = parts(move, world, SEED_INSTANCE)
    world.arranger.arrange(operation, action, given)
    place = given.target()
    assert place is not None
    assert place[0][place[1]] in {known.id for known in world.run.ledger.ours()}


def test_the_key_pairs_of_others_are_not_deleted(world: World) -> None:
    given = Parts({}, {"name": SEED_KEYPAIR}, None)
    assert world.arranger.arrange("deleteKeypair", "", given)
    assert given.query["name"] in world.run.ledger.our_keypairs()


def test_they_may_be_looked_at(world: World) -> None:
    given = Parts({}, {"id": SEED_INSTANCE}, None)
    world.arranger.arrange("listInstances", "", given)
    assert given.query["id"] == SEED_INSTANCE


def test_a_key_pair_of_the_runs_own_is_put_in_where_one_is_meant(world: World) -> None:
    given = Parts({}, {"name": placeholders.OWN_KEYPAIR}, None)
    assert world.arranger.arrange("listKeypairs", "", given)
    assert given.query["name"] in world.run.ledger.our_keypairs()


def test_nothing_of_the_run_is_left_at_its_end(world: World) -> None:
    world.stock.spare_keypair()
    world.stock.empty()
    assert not world.run.ledger.ours()
    assert not world.run.ledger.our_keypairs()

"""Do the requests that need no chance try what they say, and is the mock right about all of them?"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from ..contract import contract
from ..target import Subnet
from .access_probes import EXPIRED, FOREIGN, MISSING, OTHER_APPKEY, UNKNOWN
from .create_variants import CREATING, change_one_of_two, create_in_every_way, ways
from .forbidden_operations import FORBIDDEN, ForbiddenMoves
from .malformed_requests import ODD, OddRequests
from .mutated_bodies import SPOILT, send_spoilt, spoilt
from .preparation import Parts
from .prose_rules import (
    IN_WORDS,
    Worded,
    addresses_are_in_their_subnets,
    image_needs_its_disk,
    names_on_windows_are_short,
    refused_create_takes_nothing,
    subnet_is_in_its_network,
    upload_is_one_key,
)
from .ready import World


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    assert not world.run.findings


def test_each_spoilt_body_differs_in_one_thing_and_none_twice() -> None:
    body = {"instance": {"name": "n", "count": 1, "networks": [{"id": "x"}]}}
    bodies = [json.dumps(one) for one in spoilt(body)]
    assert json.dumps(body) not in bodies
    for wanted in (
        {"instance": {"name": "n", "count": "1", "networks": [{"id": "x"}]}},
        {"instance": {"name": "n", "count": None, "networks": [{"id": "x"}]}},
        {"instance": {"name": "n", "networks": [{"id": "x"}]}},
        {"instance": {"name": "n", "count": 1, "networks": []}},
        {"instance": {"name": "n", "count": 1, "networks": [{"id": "x", "no-such-member": 1}]}},
        {},
    ):
        assert json.dumps(wanted) in bodies


def test_every_operation_with_a_body_gets_spoilt_ones(world: World) -> None:
    operations = [one for one in contract().operations if contract().body_schema(one) is not None]
    send_spoilt(world.run, world.arranger, world.lookout, world.material, operations)
    assert world.run.tally.phases[SPOILT] > 300
    for name in contract().names:
        if name.partition(".")[0] in operations:
            assert any(known == name and code for known, code in world.run.tally.codes), name


def test_every_operation_gets_odd_requests(world: World) -> None:
    OddRequests(world.run, contract().operations).send_all(world.run.ledger.ours()[0].id)
    assert world.run.tally.phases[ODD] > 200
    assert {name.partition(".")[0] for name, code in world.run.tally.codes if code} >= set(contract().operations) - {
        "listFlavors",
        "listAvailabilityZones",
    }


def test_what_a_state_forbids_is_tried_in_it_at_rest_and_on_the_way(world: World) -> None:
    moves = ForbiddenMoves(world.run, world.stock, world.arranger, world.lookout, world.material)
    moves.try_all()
    states = world.run.tally.states
    for name, status in (
        ("runInstanceAction.start", "ACTIVE"),
        ("runInstanceAction.stop", "STOP"),
        ("runInstanceAction.uploadImage", "ACTIVE"),
        ("runInstanceAction.resize", "RESIZING"),
        ("runInstanceAction.start", "BUILD"),
        ("attachVolume", "REBOOTING"),
        ("deleteInstance", "DELETING"),
    ):
        assert states[name, status, False], (name, status)
        assert not states[name, status, True]


def test_what_is_in_use_is_not_used_twice_and_what_is_freed_is(world: World) -> None:
    moves = ForbiddenMoves(world.run, world.stock, world.arranger, world.lookout, world.material)
    moves.try_two()
    moves.try_used()
    moves.try_freed()
    moves.try_names()
    codes = world.run.tally.codes
    assert world.run.tally.phases[FORBIDDEN] >= 16
    assert codes["deleteKeypair", 13404] >= 3
    assert codes["attachVolume", 40409]
    assert codes["detachVolume", 40404]
    assert codes["runInstanceAction.addFloatingIp", 22409]
    assert codes["runInstanceAction.removeFloatingIp", 22404]


def test_what_is_forbidden_is_tried_while_the_service_migrates_and_after_a_failure(world: World) -> None:
    moves = ForbiddenMoves(world.run, world.stock, world.arranger, world.lookout, world.material)
    moves.try_upset()
    states = world.run.tally.states
    for status in ("MIGRATING", "ERROR"):
        assert states["attachVolume", status, False], status
        assert states["runInstanceAction.resize", status, False], status
    assert states["deleteInstance", "ERROR", True]


def test_what_only_words_say_is_tried(world: World) -> None:
    Worded(world.run, world.stock, world.lookout).try_all()
    codes = world.run.tally.codes
    assert world.run.tally.phases[IN_WORDS] > world.run.target.addresses_in_subnet
    assert codes["createInstance", -4] == 2  # a name that is too long, and a disk that is too small
    assert codes["createInstance", 20001] == 1  # the subnet is full
    assert codes["createKeypair", -4] == 5
    assert codes["runInstanceAction.uploadImage", 0] == 1
    assert codes["deleteInstance", 0] > world.run.target.addresses_in_subnet


def test_names_on_windows_are_judged_by_their_length() -> None:
    assert not list(names_on_windows_are_short(12, 12, accepted=True))
    assert not list(names_on_windows_are_short(13, 12, accepted=False))
    assert list(names_on_windows_are_short(13, 12, accepted=True))
    assert list(names_on_windows_are_short(12, 12, accepted=False))


def test_rules_that_are_in_words_are_judged() -> None:
    assert not list(refused_create_takes_nothing(accepted=True))
    assert list(refused_create_takes_nothing(accepted=False))
    for rule in (subnet_is_in_its_network, upload_is_one_key):
        assert list(rule(accepted=True))
        assert not list(rule(accepted=False))
    asked = [Subnet("a", "n", "192.168.0.0/24"), Subnet("b", "m", "10.0.0.0/24")]
    assert not list(addresses_are_in_their_subnets(["192.168.0.7", "10.0.0.7"], asked))
    assert list(addresses_are_in_their_subnets(["10.0.0.7", "192.168.0.7"], asked))
    assert list(addresses_are_in_their_subnets(["192.168.0.7"], asked))


def test_a_volume_that_is_attached_again_gets_a_place_of_its_own(world: World) -> None:
    moves = ForbiddenMoves(world.run, world.stock, world.arranger, world.lookout, world.material)
    moves.try_two()
    assert world.run.tally.codes["attachVolume", 0] == 3
    assert world.run.tally.codes["detachVolume", 0] == 3


@pytest.mark.parametrize(
    ("asked", "shown", "is_right"),
    [
        (20, None, True),
        (20, 20, False),
        (20, 30, False),
        (None, 30, True),
        (None, 20, False),
        (None, None, False),
        (30, 30, True),
        (30, None, False),
    ],
)
def test_an_image_needs_a_disk_as_large_as_it_was_made_of(asked: int | None, shown: int | None, is_right: bool) -> None:
    assert (not list(image_needs_its_disk(asked, 30, shown))) is is_right


def test_a_floating_ip_leads_to_the_second_address_of_an_instance(world: World) -> None:
    ForbiddenMoves(world.run, world.stock, world.arranger, world.lookout, world.material).try_second_address()
    assert world.run.ledger.ours()[-1].expected["addresses"] == 2
    assert world.run.tally.codes["runInstanceAction.addFloatingIp", 0] == 2
    assert world.run.tally.codes["runInstanceAction.removeFloatingIp", 0] == 2


def test_an_instance_is_created_in_every_way(world: World) -> None:
    create_in_every_way(world.run, world.stock, world.lookout)
    assert world.run.tally.phases[CREATING] == len(list(ways(world.run, world.material, "key")))
    assert not [code for name, code in world.run.tally.codes if name == "createInstance" and code]


def test_of_two_instances_that_were_created_together_one_is_changed(world: World) -> None:
    change_one_of_two(world.run, world.stock, world.lookout)
    one, other = world.run.ledger.ours()[-2:]
    assert len(one.expected["securityGroups"] ^ other.expected["securityGroups"]) == 1
    assert world.run.tally.codes["runInstanceAction.addSecurityGroup", 0] == 1


def test_nearly_the_password_is_tried_and_tokens_of_others_are_looked_up(world: World) -> None:
    world.prober.ask_for_other_tokens()
    assert world.run.tally.codes["issueToken", 50401] >= 6
    assert world.run.tally.codes["getToken", 50404] == 2


def test_every_token_that_opens_nothing_is_tried_once_on_each_name(world: World) -> None:
    before = world.run.tally.probes.copy()
    for _ in range(2):
        world.prober.try_doors("listFlavors", "", Parts({}, {}, None), {})
    tried = world.run.tally.probes - before
    assert dict(tried) == dict.fromkeys((MISSING, UNKNOWN, EXPIRED, FOREIGN, OTHER_APPKEY), 1)
    assert set(world.prober.kinds) == set(tried)


def test_the_things_of_another_user_are_tried_and_stay(world: World) -> None:
    world.prober.let_a_stranger_in(world.material)
    world.prober.touch_the_strange()
    (strange,) = world.run.ledger.strange
    assert strange not in world.run.ledger.instances
    assert world.run.tally.codes["deleteInstance", 10404]


def test_the_quota_is_used_up(world: World) -> None:
    world.prober.use_up_the_quota(world.material, world.stock.keypair())
    assert world.run.tally.codes["createInstance", 10403]

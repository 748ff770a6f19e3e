"""Check that a world goes on from a snapshot as if nothing had happened, and that all else is refused."""

from __future__ import annotations

import copy
import json
import os
import resource
import stat
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from toast_compute_mock.cli.files import load, save
from toast_compute_mock.operations import HANDLERS, OPEN_HANDLERS, Call
from toast_compute_mock.rules import RefusedError
from toast_compute_mock.world.seed import SeedWorld, default_seed_world, start_world
from toast_compute_mock.world.snapshots import VERSION, Snapshot, SnapshotError, read, write
from toast_compute_mock.world.state import World

from ..conftest import BATCH, START, WEB, new_instance

NOW = datetime(2026, 1, 15, 9, tzinfo=UTC)
VOLUME = "b10c0000-0000-4000-8000-000000000001"
FLAVOR = "f1a00000-0000-4000-8000-000000000002"
NOWHERE = "00000000-0000-4000-8000-0000000000ff"
Edit = Callable[[Any], object]


def ask(world: World, operation: str, now: datetime, body: Any = None, **parameters: str) -> bytes:
    """Return what the world answers, as bytes."""
    call = Call(operation, now, parameters, body or {})
    try:
        payload = HANDLERS[operation](world, call) if operation in HANDLERS else OPEN_HANDLERS[operation]([world], call)
    except RefusedError as refused:
        return refused.message.encode()
    return msgspec.json.encode(payload)


def act(world: World, instance: str, action: str, now: datetime, **parameters: str) -> bytes:
    return ask(world, "runInstanceAction", now, {"action": action, "parameters": parameters}, instanceId=instance)


def read_all(world: World, now: datetime) -> list[bytes]:
    operations = ("listAvailabilityZones", "listFlavors", "listInstances", "listInstanceDetails", "listKeypairs")
    return [
        *(ask(world, operation, now) for operation in operations),
        *(ask(world, "listKeypairs", now, name=name) for name in world.keypairs),
        *(ask(world, "getToken", now, id=token) for token in world.tokens),
    ]


def write_all(world: World, now: datetime) -> list[bytes]:
    """Do one of everything that makes an id, a key, an address or a duration."""
    name = f"key-{len(world.keypairs)}"
    return [
        ask(world, "createInstance", now, new_instance(count=3)),
        ask(world, "createKeypair", now, {"keypair": {"name": name}}),
        ask(world, "attachVolume", now, {"attachment": {"volumeId": VOLUME}}, instanceId=WEB),
        ask(world, "issueToken", now, {"auth": {"username": "demo@example.com", "password": "demo-password"}}),
        act(world, BATCH, "uploadImage", now, name="copy"),
        act(world, WEB, "removeSecurityGroup", now, name="default"),
        act(world, WEB, "addSecurityGroup", now, name="default"),
        act(world, WEB, "resize", now, flavor=FLAVOR),
        ask(world, "deleteInstance", now, id=BATCH),
    ]


def new_world(seed_world: SeedWorld | None = None) -> World:
    seed_world = seed_world or default_seed_world()
    return start_world(seed_world, seed_world.accounts[0], 7, NOW)


def used_world() -> World:
    """Return a world in which a lot is under way, and in an order that no sorting gives."""
    world = new_world()
    write_all(world, NOW)
    first = next(reversed(world.instances))
    ask(world, "createInstance", NOW, new_instance(name="another"))
    ask(world, "deleteInstance", NOW, id=first)
    for volume in ("b10c0000-0000-4000-8000-000000000003", VOLUME):
        ask(world, "detachVolume", NOW, instanceId=WEB, volumeId=volume)
        ask(world, "attachVolume", NOW, {"attachment": {"volumeId": volume}}, instanceId=WEB)
    world.instances[WEB].metadata = {"b": "2", "a": "1", "말": "é\u2028😀"}
    world.quotas.keypairs = 12
    return world


def snapshot(*worlds: World) -> Snapshot:
    return Snapshot(7, START, list(worlds) or [used_world()])


def edited(edit: Edit, taken: Snapshot | None = None) -> bytes:
    """Return a snapshot after somebody has changed the file by hand."""
    file = json.loads(write(taken or snapshot()))
    edit(file)
    return json.dumps(file).encode()


def refusal(content: bytes) -> str:
    with pytest.raises(SnapshotError) as caught:
        read(content)
    text = str(caught.value)
    assert "\n" not in text
    return text


def refusal_of(edit: Edit) -> str:
    return refusal(edited(edit))


def names_in(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()]


def test_read_snapshot_equals_the_written_one() -> None:
    written = snapshot()
    again = read(write(written))
    assert again == written
    assert write(again) == write(written)


def test_world_that_was_read_gives_the_same_replies_ids_keys_and_durations() -> None:
    world = used_world()
    again = read(write(snapshot(world))).worlds[0]
    for seconds in (0, 3, 30, 300):
        now = NOW + timedelta(seconds=seconds)
        assert read_all(again, now) == read_all(world, now)
        assert write_all(again, now) == write_all(world, now)
        assert read_all(again, now) == read_all(world, now)
    assert again == world


def test_taking_a_snapshot_changes_nothing() -> None:
    world = used_world()
    before = copy.deepcopy(world)
    write(snapshot(world))
    assert world == before


def test_two_users_of_one_appkey_keep_their_order() -> None:
    mine, theirs = new_world(), new_world()
    theirs.account.username, theirs.account.user_id = "a@example.com", "05e40000-0000-4000-8000-00000000000a"
    again = read(write(snapshot(mine, theirs)))
    assert [world.account.username for world in again.worlds] == ["demo@example.com", "a@example.com"]


def test_cloud_without_worlds_is_a_snapshot_too() -> None:
    empty = Snapshot(0, 0.0, [])
    assert read(write(empty)) == empty


def test_each_resource_stands_on_a_line_of_its_own() -> None:
    world = new_world()
    before = write(snapshot(world)).decode().splitlines()
    act(world, BATCH, "start", NOW)
    after = write(snapshot(world)).decode().splitlines()
    changed = [new for old, new in zip(before, after, strict=True) if old != new]
    assert [line.split('"')[1] for line in changed] == ["mint", "id"]
    assert BATCH in changed[1]


def test_unordered_values_are_written_sorted() -> None:
    world = new_world()
    world.subnets["5b4e0000-0000-4000-8000-000000000001"].taken = {200, 8, 64, 1}
    world.mint.counters = {"move": 1, "instance": 2}
    file = json.loads(write(snapshot(world)))
    assert file["worlds"][0]["subnets"][0]["taken"] == [1, 8, 64, 200]
    assert list(file["worlds"][0]["mint"]["counters"]) == ["instance", "move"]


def test_snapshot_begins_with_what_it_is() -> None:
    first = write(snapshot()).decode().splitlines()[:5]
    assert first == [
        "{",
        '  "format": "toast-compute-mock snapshot",',
        f'  "version": {VERSION},',
        '  "seed": 7,',
        '  "now": 1768467600.0,',
    ]


def test_every_kind_of_resource_of_a_world_is_in_the_file() -> None:
    file = json.loads(write(snapshot()))
    assert list(file["worlds"][0]) == list(World.__struct_encode_fields__)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the snapshot is not JSON: "),
        (b"{", "the snapshot is not JSON: "),
        (b'{"format": "toast-compute-mock snapshot", "version": 1, "worlds": [', "the snapshot is not JSON: "),
        (b'{"format": ' + b"[" * 100_000, "the snapshot is not JSON: "),
        (b'{"x": ' * 100_000, "the snapshot is not JSON: "),
        (b"\xef\xbb\xbf{}", "the snapshot is not JSON: "),
        (b'{"format": "\xff"}', "the snapshot is not UTF-8 text"),
        ('{"format": "x"}'.encode("utf-16"), "the snapshot is not UTF-8 text"),
        (b"[]", "this is not a snapshot: it is not a JSON object"),
        (b'"text"', "this is not a snapshot: it is not a JSON object"),
        (b"{}", "this is not a snapshot: its `format` is not 'toast-compute-mock snapshot'"),
        (b'{"format": 1}', "this is not a snapshot: its `format` is not 'toast-compute-mock snapshot'"),
        (
            msgspec.json.encode(default_seed_world()),
            "this is not a snapshot: its `format` is not 'toast-compute-mock snapshot'; it may be a seed world",
        ),
    ],
)
def test_invalid_snapshot_is_refused_in_one_sentence(content: bytes, says: str) -> None:
    assert refusal(content).startswith(says)


def test_snapshot_of_a_newer_version_is_refused_whatever_else_is_in_it() -> None:
    says = refusal(b'{"format": "toast-compute-mock snapshot", "version": 2, "clusters": {}}')
    assert says == "the snapshot was written by a newer version: 2, this one reads up to 1"


@pytest.mark.parametrize("version", [None, "1", 1.0, 1.5, True, [], 0, -1])
def test_invalid_version_is_refused(version: object) -> None:
    assert refusal_of(lambda file: file.update(version=version)) == "version: must be an integer of at least 1"


def test_missing_version_is_refused() -> None:
    assert refusal_of(lambda file: file.pop("version")) == "version: must be an integer of at least 1"


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda file: file.pop("worlds"), "the snapshot: object missing required field `worlds`"),
        (lambda file: file.update(clock=1), "the snapshot: object contains unknown field `clock`"),
        (lambda file: file.update(seed="0"), "seed: expected `int`, got `str`"),
        (lambda file: file.update(now=None), "now: expected `float`, got `null`"),
        (lambda file: file["worlds"].append({}), "worlds[1]: object missing required field `account`"),
        (
            lambda file: file["worlds"][0]["instances"][1]["root"].update(size="20"),
            "worlds[0].instances[1].root.size: expected `int`, got `str`",
        ),
        (
            lambda file: file["worlds"][0]["images"][0].update(minimumDisk=1),
            "worlds[0].images[0]: object contains unknown field `minimumDisk`",
        ),
        (
            lambda file: file["worlds"][0]["instances"][0].update(createdAt="yesterday"),
            "worlds[0].instances[0].createdAt: invalid RFC3339 encoded datetime",
        ),
    ],
)
def test_wrong_shape_is_refused_with_its_place(edit: Edit, says: str) -> None:
    assert refusal_of(edit) == says


def world_with(edit: Edit) -> Edit:
    return lambda file: edit(file["worlds"][0])


def instance_with(edit: Edit, index: int = 0) -> Edit:
    return lambda file: edit(file["worlds"][0]["instances"][index])


def moving_with(edit: Edit) -> Edit:
    """Edit the transition of the first instance that has one."""
    return lambda file: edit(next(i for i in file["worlds"][0]["instances"] if "transition" in i)["transition"])


def lead_to(world: Any, address: str) -> None:
    """Have the first interface say that it has another floating IP than it has."""
    world["floatingIps"][2].pop("attachedTo")
    world["instances"][0]["interfaces"][0]["floatingIpAddress"] = address


@pytest.mark.parametrize(
    ("edit", "place", "reason"),
    [
        (instance_with(lambda i: i.update(flavor=NOWHERE)), "instances[0].flavor", f"there is no flavor '{NOWHERE}'"),
        (instance_with(lambda i: i.update(image="x\ny")), "instances[0].image", r"there is no image 'x\ny'"),
        (instance_with(lambda i: i.update(zone="mars")), "instances[0].zone", "there is no zone 'mars'"),
        (instance_with(lambda i: i.update(status="LOST")), "instances[0].status", "there is no status 'LOST'"),
        (
            instance_with(lambda i: i["securityGroups"].append("gone")),
            "instances[0].securityGroups[2]",
            "there is no security group 'gone'",
        ),
        (
            instance_with(lambda i: i["interfaces"][0].update(subnetId=NOWHERE)),
            "instances[0].interfaces[0].subnetId",
            f"there is no subnet '{NOWHERE}'",
        ),
        (
            instance_with(lambda i: i["interfaces"][0].update(ipAddress="10.9.9.9")),
            "instances[0].interfaces[0].ipAddress",
            "must be an IPv4 address of the subnet '5b4e0000-0000-4000-8000-000000000001'",
        ),
        (
            instance_with(lambda i: i["interfaces"][0].update(ipAddress="localhost")),
            "instances[0].interfaces[0].ipAddress",
            "must be an IPv4 address of the subnet '5b4e0000-0000-4000-8000-000000000001'",
        ),
        (
            world_with(lambda w: lead_to(w, "203.0.113.99")),
            "instances[0].interfaces[0].floatingIpAddress",
            "there is no floating IP '203.0.113.99'",
        ),
        (
            world_with(lambda w: lead_to(w, "203.0.113.10")),
            "instances[0].interfaces[0].floatingIpAddress",
            "the floating IP '203.0.113.10' is not attached to this instance",
        ),
        (
            instance_with(lambda i: i["attachments"].update({NOWHERE: "/dev/vdz"})),
            "instances[0].attachments",
            f"there is no volume '{NOWHERE}'",
        ),
        (
            instance_with(lambda i: i["attachments"].update({"b10c0000-0000-4000-8000-000000000002": "/dev/vdz"})),
            "instances[0].attachments",
            "the volume 'b10c0000-0000-4000-8000-000000000002' is not attached to this instance",
        ),
        (
            world_with(lambda w: w["volumes"][1].update(attachedTo=NOWHERE)),
            "volumes[1].attachedTo",
            f"there is no instance '{NOWHERE}'",
        ),
        (
            world_with(lambda w: w["volumes"][1].update(attachedTo=WEB)),
            "volumes[1].attachedTo",
            f"the instance '{WEB}' has no such attachment",
        ),
        (world_with(lambda w: w["volumes"][1].update(zone="mars")), "volumes[1].zone", "there is no zone 'mars'"),
        (
            world_with(lambda w: w["floatingIps"][0].update(attachedTo=NOWHERE)),
            "floatingIps[0].attachedTo",
            f"there is no instance '{NOWHERE}'",
        ),
        (
            world_with(lambda w: w["floatingIps"][0].update(attachedTo=WEB)),
            "floatingIps[0].attachedTo",
            f"the instance '{WEB}' has no interface with this address",
        ),
        (
            world_with(lambda w: w["subnets"][0].update(taken=[])),
            "instances[0].interfaces[0].ipAddress",
            "is not among those that its subnet has taken",
        ),
        (
            instance_with(lambda i: i["interfaces"].append(i["interfaces"][0])),
            "instances[0].interfaces[1].ipAddress",
            "is that of an interface before it, too",
        ),
        (
            world_with(lambda w: w["subnets"][0].update(networkId=NOWHERE)),
            "subnets[0].networkId",
            f"there is no network '{NOWHERE}'",
        ),
        (
            world_with(lambda w: w["subnets"][0].update(cidr="192.168.0.7/24")),
            "subnets[0].cidr",
            "must be a range of IPv4 addresses such as 192.168.0.0/24",
        ),
        (world_with(lambda w: w["subnets"][0].update(last=256)), "subnets[0].last", "must be from 0 to 255"),
        (
            world_with(lambda w: w["subnets"][0]["taken"].append(-1)),
            "subnets[0].taken",
            "all must be from 0 to 255",
        ),
        (
            world_with(lambda w: w["keypairs"][0].update(publicKey="ssh-ed25519")),
            "keypairs[0].publicKey",
            "must be an OpenSSH public key",
        ),
        (
            world_with(lambda w: w["keypairs"][0].update(createdAt="2026-01-12T09:00:00")),
            "keypairs[0].createdAt",
            "must be a time in UTC, with Z at its end",
        ),
        (
            world_with(lambda w: w["tokens"][0].update(expires="2026-01-12T09:00:00+09:00")),
            "tokens[0].expires",
            "must be a time in UTC, with Z at its end",
        ),
        (
            instance_with(lambda i: i.update(createdAt="0001-01-01T00:00:00Z")),
            "instances[0].createdAt",
            "must not be before 1970",
        ),
        (
            instance_with(lambda i: i.update(launchedAt="1969-12-31T23:59:59Z")),
            "instances[0].launchedAt",
            "must not be before 1970",
        ),
        (
            world_with(lambda w: w["mint"]["counters"].update(interface=-300)),
            "mint.counters.interface",
            "must not be negative",
        ),
        (moving_with(lambda t: t.update(flavor=NOWHERE)), "transition.flavor", f"there is no flavor '{NOWHERE}'"),
        (moving_with(lambda t: t.update(through=[])), "transition.through", "needs at least one status"),
        (
            moving_with(lambda t: t.update(through=["LOST"])),
            "transition.through[0]",
            "there is no status 'LOST'",
        ),
        (moving_with(lambda t: t.update(to="LOST")), "transition.to", "there is no status 'LOST'"),
        (
            moving_with(lambda t: t.update(due="2020-01-01T00:00:00Z")),
            "transition.due",
            "must not be before `started`",
        ),
    ],
)
def test_inconsistent_world_is_refused_with_its_place(edit: Edit, place: str, reason: str) -> None:
    says = refusal_of(edit)
    assert says.startswith("worlds[0].")
    assert says.endswith(f"{place}: {reason}")


@pytest.mark.parametrize(
    ("section", "identity"),
    [
        ("zones", "name"),
        ("flavors", "id"),
        ("images", "id"),
        ("networks", "id"),
        ("subnets", "id"),
        ("securityGroups", "name"),
        ("keypairs", "name"),
        ("volumes", "id"),
        ("floatingIps", "address"),
        ("instances", "id"),
        ("tokens", "id"),
    ],
)
def test_resource_that_comes_twice_is_refused(section: str, identity: str) -> None:
    def twice(world: Any) -> None:
        world[section].append(world[section][0])

    file = json.loads(write(snapshot()))
    last = len(file["worlds"][0][section])
    says = refusal_of(world_with(twice))
    assert says == f"worlds[0].{section}[{last}].{identity}: is that of an entry before it, too"


def test_two_worlds_of_one_user_are_refused() -> None:
    mine, again = new_world(), new_world()
    again.account.user_id = "05e40000-0000-4000-8000-00000000000a"
    says = refusal(write(snapshot(mine, again)))
    assert says == "worlds[1].account: has the appkey and the username of worlds[0]"


def test_two_worlds_of_one_name_are_refused() -> None:
    mine, theirs = new_world(), new_world()
    theirs.account.appkey = "other-appkey"
    assert refusal(write(snapshot(mine, theirs))) == "worlds[1].account.userId: is that of worlds[0], too"


def test_key_pair_that_an_instance_still_names_may_be_gone() -> None:
    world = new_world()
    ask(world, "deleteKeypair", NOW, name="demo-key")
    assert read(write(snapshot(world))).worlds == [world]


@pytest.mark.parametrize("now", [-1, 253_402_300_800, 1e300, float("nan"), float("inf")])
def test_time_that_no_calendar_has_is_neither_written_nor_read(now: float) -> None:
    says = r"^now: must be seconds since 1970, up to the year 9999$"
    with pytest.raises(SnapshotError, match=says):
        write(Snapshot(0, now, []))
    if now == now and now not in (float("inf"), 1e300):
        with pytest.raises(SnapshotError, match=says):
            read(edited(lambda file: file.update(now=now)))


def test_text_that_no_encoding_has_is_not_written() -> None:
    world = new_world()
    world.images[next(iter(world.images))].name = "\ud800"
    with pytest.raises(SnapshotError, match="cannot be written as JSON"):
        write(snapshot(world))


def test_refusals_hold_no_secret() -> None:
    secrets = ("demo-password", "demo-appkey", "00000000-0000-4000-8000-000000000001")
    edits: list[Edit] = [
        world_with(lambda w: w["tokens"].append(w["tokens"][0])),
        world_with(lambda w: w["account"].update(password=["demo-password"])),
        world_with(lambda w: w["tokens"][0].update(id=1)),
        lambda file: file["worlds"].append(file["worlds"][0]),
    ]
    for edit in edits:
        says = refusal_of(edit)
        assert not any(secret in says for secret in secrets)


def test_saved_snapshot_can_be_loaded(tmp_path: Path) -> None:
    taken = snapshot()
    save(tmp_path / "s.json", taken)
    assert load(tmp_path / "s.json") == taken
    assert load(str(tmp_path / "s.json")) == taken


def test_file_is_for_its_owner_alone_also_when_it_was_not_before(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text("old")
    path.chmod(0o644)
    save(path, snapshot())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert names_in(tmp_path) == ["s.json"]


def test_symbolic_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    target, link = tmp_path / "real" / "s.json", tmp_path / "link.json"
    target.parent.mkdir()
    link.symlink_to(target)
    save(link, snapshot())
    assert link.is_symlink()
    assert not target.is_symlink()
    assert load(target) == load(link)
    assert names_in(target.parent) == ["s.json"]


def test_snapshot_that_cannot_be_written_leaves_only_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    save(path, snapshot())
    old = path.read_bytes()
    world = new_world()
    world.images[next(iter(world.images))].name = "\ud800"
    with pytest.raises(SnapshotError):
        save(path, snapshot(world))
    assert path.read_bytes() == old
    assert names_in(tmp_path) == ["s.json"]


def test_full_disk_leaves_only_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    save(path, Snapshot(0, 0.0, []))
    old = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(SnapshotError) as caught:
            save(path, snapshot())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(caught.value) == f"{path}: cannot be written: File too large"
    assert path.read_bytes() == old
    assert names_in(tmp_path) == ["s.json"]


def test_name_as_long_as_the_file_system_allows_can_be_saved(tmp_path: Path) -> None:
    path = tmp_path / ("가" * 85)
    save(path, snapshot())
    assert names_in(tmp_path) == [path.name]


def test_readers_never_see_half_a_snapshot(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    world = new_world()
    save(path, snapshot(world))
    done = threading.Event()

    def keep_saving() -> None:
        try:
            for _ in range(20):
                ask(world, "createInstance", NOW, new_instance())
                save(path, snapshot(world))
        finally:
            done.set()

    writer = threading.Thread(target=keep_saving)
    writer.start()
    seen = []
    while not done.is_set():
        seen.append(len(load(path).worlds[0].instances))
    writer.join()
    assert seen == sorted(seen)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("no-such-folder/s.json", "No such file or directory"), ("s.json/below", "Not a directory")],
)
def test_place_that_does_not_exist_is_named(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "s.json").write_text("x")
    path = tmp_path / name
    with pytest.raises(SnapshotError) as caught:
        save(path, snapshot())
    assert str(caught.value) == f"{path}: cannot be written: {reason}"
    with pytest.raises(SnapshotError) as caught:
        load(path)
    assert str(caught.value) == f"{path}: cannot be read: {reason}"


def test_folder_and_a_pipe_are_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (tmp_path, pipe):
        with pytest.raises(SnapshotError) as caught:
            save(path, snapshot())
        assert str(caught.value) == f"{path}: cannot be written: it is not a regular file"
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    with pytest.raises(SnapshotError, match=r": cannot be read: Is a directory$"):
        load(tmp_path)


def test_file_that_is_not_a_snapshot_is_named_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "two\nlines.json"
    path.write_text("{}")
    with pytest.raises(SnapshotError) as caught:
        load(path)
    assert str(caught.value).endswith(
        "two lines.json: this is not a snapshot: its `format` is not 'toast-compute-mock snapshot'"
    )

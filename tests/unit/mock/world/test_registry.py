"""Check that worlds are forked, reset and limited, and that none shows another's data."""

from __future__ import annotations

import httpx
import pytest
from toast_compute import ToastCompute
from toast_compute_mock import FrozenClock, MockCloud
from toast_compute_mock.world.registry import WorldError
from toast_compute_mock.world.seed import default_seed_world

from ..conftest import BATCH, SEED_TOKEN, WEB

DEMO = "05e40000-0000-4000-8000-000000000001"
SUBNET = "5b4e0000-0000-4000-8000-000000000001"


@pytest.fixture
def mock() -> MockCloud:
    return MockCloud(clock=FrozenClock())


def client(mock: MockCloud, appkey: str = "demo-appkey", username: str = "demo@example.com") -> ToastCompute:
    password = "demo-password" if username == "demo@example.com" else "forked-password"
    return ToastCompute(appkey, username, password, transport=mock.transport)


def fork(mock: MockCloud, source: str | None = DEMO, *, username: str = "fork@example.com") -> str:
    return mock.worlds.fork(source, appkey="fork-appkey", username=username, password="forked-password")


def create(toast: ToastCompute, name: str) -> str:
    return toast.instances.create(
        name=name,
        image="1a9e0000-0000-4000-8000-000000000001",
        flavor="f1a00000-0000-4000-8000-000000000001",
        availability_zone="kr-pub-a",
        key_name="demo-key",
        networks=[{"subnet_id": SUBNET}],
        security_groups=["default"],
    ).id


def names(toast: ToastCompute) -> list[str]:
    return [instance.name for instance in toast.instances.list()]


def test_fork_begins_as_its_source_is_and_goes_its_own_way(mock: MockCloud) -> None:
    with client(mock) as first:
        create(first, "before")
        fork(mock)
        create(first, "after")
        with client(mock, "fork-appkey", "fork@example.com") as second:
            assert names(second) == ["web-01", "batch-01", "before"]
            create(second, "forked")
            second.instances.delete(WEB)
        assert names(first) == ["web-01", "batch-01", "before", "after"]
        assert first.instances.get(WEB).status == "ACTIVE"


def test_fork_without_a_source_begins_with_the_seed_world(mock: MockCloud) -> None:
    with client(mock) as first:
        create(first, "before")
    fork(mock, None)
    with client(mock, "fork-appkey", "fork@example.com") as second:
        assert names(second) == ["web-01", "batch-01"]


def test_token_opens_neither_the_fork_nor_its_source(mock: MockCloud) -> None:
    mock.worlds.fork(DEMO, appkey="demo-appkey", username="fork@example.com", password="forked-password")
    fork(mock)
    headers = {"X-Auth-Token": SEED_TOKEN}
    with httpx.Client(transport=mock.transport, base_url="http://x/compute/v1.0/appkeys", headers=headers) as raw:
        assert raw.get("fork-appkey/instances").json()["header"]["resultCode"] == -3
        assert raw.get("demo-appkey/instances").json()["header"]["resultCode"] == 0
    with client(mock, "demo-appkey", "fork@example.com") as second:
        create(second, "forked")
    with client(mock) as first:
        assert names(first) == ["web-01", "batch-01"]


def test_resources_of_a_fork_have_other_ids_than_those_of_its_source(mock: MockCloud) -> None:
    fork(mock)
    with client(mock) as first, client(mock, "fork-appkey", "fork@example.com") as second:
        assert create(first, "one") != create(second, "one")


def test_world_that_is_reset_makes_the_same_again(mock: MockCloud) -> None:
    with client(mock) as toast:
        made = create(toast, "one")
        toast.instances.start(BATCH)
        mock.worlds.reset(DEMO)
    with client(mock) as toast:
        assert names(toast) == ["web-01", "batch-01"]
        assert toast.instances.get(BATCH).status == "STOP"
        assert create(toast, "one") == made


def test_fork_that_is_reset_is_again_what_it_began_with(mock: MockCloud) -> None:
    with client(mock) as first:
        create(first, "before")
    world_id = fork(mock)
    with client(mock, "fork-appkey", "fork@example.com") as second:
        create(second, "forked")
        mock.worlds.reset(world_id)
    with client(mock, "fork-appkey", "fork@example.com") as second:
        assert names(second) == ["web-01", "batch-01", "before"]
    with client(mock) as first:
        assert names(first) == ["web-01", "batch-01", "before"]


def test_when_everything_is_reset_forks_are_gone(mock: MockCloud) -> None:
    fork(mock)
    mock.worlds.reset()
    assert [info.id for info in mock.worlds.list()] == [DEMO]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda mock: mock.worlds.get("nobody"),
        lambda mock: mock.worlds.reset("nobody"),
        lambda mock: fork(mock, "nobody"),
        lambda mock: mock.worlds.diff(DEMO, "nobody"),
        lambda mock: mock.worlds.revoke_tokens("nobody"),
        lambda mock: mock.worlds.set_quotas("nobody", instances=1),
    ],
)
def test_world_that_is_not_there_is_named_in_one_sentence(mock: MockCloud, wrong: object) -> None:
    assert callable(wrong)
    with pytest.raises(WorldError, match=r"^world: there is none with the id 'nobody'$"):
        wrong(mock)


def test_user_has_one_world_for_an_appkey(mock: MockCloud) -> None:
    fork(mock)
    with pytest.raises(WorldError, match=r"^username: "):
        fork(mock)


@pytest.mark.parametrize(
    ("member", "given"),
    [("appkey", ""), ("appkey", "a/b"), ("username", ""), ("password", "")],
)
def test_account_that_could_not_ask_for_a_token_is_refused(mock: MockCloud, member: str, given: str) -> None:
    account = {"appkey": "fork-appkey", "username": "fork@example.com", "password": "forked-password", member: given}
    with pytest.raises(WorldError, match=f"^{member}: "):
        mock.worlds.fork(None, **account)


def test_revoked_tokens_open_nothing(mock: MockCloud) -> None:
    assert mock.worlds.revoke_tokens(DEMO) == 1
    with httpx.Client(transport=mock.transport, headers={"X-Auth-Token": SEED_TOKEN}) as raw:
        reply = raw.get("http://x/compute/v1.0/appkeys/demo-appkey/instances").json()
    assert reply["header"]["resultCode"] == -3


def test_returned_world_is_a_copy(mock: MockCloud) -> None:
    mock.worlds.get(DEMO).instances.clear()
    assert list(mock.worlds.get(DEMO).instances) == [WEB, BATCH]


def test_worlds_differ_by_what_was_done_in_them(mock: MockCloud) -> None:
    before = mock.worlds.get(DEMO)
    with client(mock) as toast:
        made = create(toast, "one")
    changes = mock.worlds.diff(before, DEMO)
    assert [(change.kind, change.id) for change in changes if change.resource == "instances"] == [("created", made)]
    assert mock.worlds.diff(DEMO, DEMO) == []


def test_quota_of_instances_refuses_what_is_beyond_it(mock: MockCloud) -> None:
    mock.worlds.set_quotas(DEMO, instances=3)
    with client(mock) as toast:
        create(toast, "third")
        with pytest.raises(Exception, match=r"\(10403\).*the quota of 3 instances is used up|quota of 3 instances"):
            create(toast, "fourth")
        assert len(toast.instances.list()) == 3


def test_quota_counts_all_of_a_create_of_several(mock: MockCloud) -> None:
    mock.worlds.set_quotas(DEMO, instances=4)
    with client(mock) as toast, pytest.raises(Exception, match="quota of 4 instances"):
        toast.instances.create(
            name="many",
            image="1a9e0000-0000-4000-8000-000000000001",
            flavor="f1a00000-0000-4000-8000-000000000001",
            availability_zone="kr-pub-a",
            key_name="demo-key",
            networks=[{"subnet_id": SUBNET}],
            security_groups=["default"],
            count=3,
        )


def test_quota_of_key_pairs_comes_with_the_seed_world() -> None:
    seed_world = default_seed_world()
    seed_world.quotas.keypairs = 2
    with client(MockCloud(clock=FrozenClock(), world=seed_world)) as toast:
        toast.keypairs.create("second")
        with pytest.raises(Exception, match="quota of 2 key pairs"):
            toast.keypairs.create("third")


def test_negative_quota_is_refused(mock: MockCloud) -> None:
    with pytest.raises(ValueError, match=r"^instances: a quota must be a whole number, 0 or more, or None$"):
        mock.worlds.set_quotas(DEMO, instances=-1)

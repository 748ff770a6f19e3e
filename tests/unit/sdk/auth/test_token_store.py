"""Test that clients and processes with one store share a token, and that a failing store stops no call."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import stat
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from toast_compute import ConfigurationError, PermissionDeniedError, ToastCompute
from toast_compute.token_store import (
    FileTokenStore,
    MemoryTokenStore,
    StoredToken,
    TokenStore,
    TokenStoreError,
    TokenStoreWarning,
)
from toast_compute_api.behaviour import SERVER_URL
from toast_compute_mock import MockCloud, RealClock, faults

from ..clients import CREDENTIALS, async_client, run
from ..conftest import APPKEY, USERNAME
from .conftest import sent_tokens, store_key

KEY = "k" * 64
TOKEN = StoredToken("canary-token-9", 3600.0, 3000.0)
PROCESSES, THREADS = 100, 2


@pytest.fixture
def files(tmp_path: Path) -> FileTokenStore:
    return FileTokenStore(tmp_path / "tokens")


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> TokenStore:
    return MemoryTokenStore() if request.param == "memory" else FileTokenStore(tmp_path / "tokens")


def token_file(store: FileTokenStore) -> Path:
    (path,) = store.path.glob("*.json")
    return path


def edit(path: Path, **members: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | members))


# Stores


def test_saved_token_is_loaded_with_its_remaining_time(store: TokenStore) -> None:
    assert store.load(KEY) is None
    store.save(KEY, TOKEN)
    loaded = store.load(KEY)
    assert loaded is not None
    assert (loaded.id, loaded.lifetime) == (TOKEN.id, TOKEN.lifetime)
    assert 2990 < loaded.remaining <= 3000
    assert store.load("other") is None


def test_expired_token_is_not_loaded(store: TokenStore) -> None:
    store.save(KEY, StoredToken("t", 3600.0, 0.01))
    time.sleep(0.02)
    assert store.load(KEY) is None


def test_token_with_another_id_is_not_forgotten(store: TokenStore) -> None:
    store.save(KEY, TOKEN)
    with store.lock(KEY, 0.0):
        store.forget(KEY, "another")
        assert store.load(KEY) is not None
        store.forget(KEY, TOKEN.id)
        store.forget(KEY, TOKEN.id)
    assert store.load(KEY) is None


def test_held_lock_times_out_and_can_be_released_in_another_thread(store: TokenStore) -> None:
    held = store.lock(KEY, 0.0)
    held.__enter__()
    with pytest.raises(TimeoutError), store.lock(KEY, 0.05):
        pass
    with store.lock("other", 0.0):
        pass
    other = threading.Thread(target=held.__exit__, args=(None, None, None))
    other.start()
    other.join()
    with store.lock(KEY, 0.0):
        pass


def test_repr_of_a_stored_token_or_a_store_contains_no_token_id(store: TokenStore) -> None:
    store.save(KEY, TOKEN)
    assert TOKEN.id not in repr(TOKEN) + repr(store) + str(store)


# Clients


def test_clients_with_one_store_share_a_token(
    make_client: Callable[..., ToastCompute], service: Any, store: TokenStore
) -> None:
    for _ in range(3):
        make_client(token_store=store).flavors.list()
    assert sent_tokens(service) == ["canary-token-1"] * 3


def test_token_is_not_shared_between_accounts(service: Any, store: TokenStore) -> None:
    for appkey, user in (("k", "u"), ("k", "v"), ("l", "u")):
        with ToastCompute(appkey, user, "p", base_url=service.base_url, token_store=store) as toast:
            toast.flavors.list()
    assert len(set(sent_tokens(service))) == 3


def test_refused_token_is_replaced_for_all_clients(
    make_client: Callable[..., ToastCompute], service: Any, store: TokenStore
) -> None:
    first, second = make_client(token_store=store), make_client(token_store=store)
    first.flavors.list()
    second.flavors.list()
    service.on("GET flavors", service.no(-3, "Permission denied : token"), service.yes(flavors=[]))
    first.flavors.list()
    make_client(token_store=store).flavors.list()
    # The second holds the refused one still, and takes the new one from the store.
    service.on("GET flavors", service.no(-3, "Permission denied : token"), service.yes(flavors=[]))
    second.flavors.list()
    assert sent_tokens(service) == ["canary-token-1"] * 3 + ["canary-token-2"] * 2 + [
        "canary-token-1",
        "canary-token-2",
    ]
    assert len(service.asked("POST tokens")) == 2


def test_refused_token_leaves_the_store_when_no_new_one_can_be_issued(
    make_client: Callable[..., ToastCompute], service: Any, store: TokenStore
) -> None:
    toast = make_client(token_store=store, max_retries=0)
    toast.flavors.list()
    service.on("POST tokens", service.no(-3, "Permission denied : no more tokens"))
    service.on("GET flavors", service.no(-3, "Permission denied : token"))
    with pytest.raises(PermissionDeniedError):
        toast.flavors.list()
    service.on("POST tokens", service.token("fresh"))
    service.on("GET flavors", service.yes(flavors=[]))
    make_client(token_store=store).flavors.list()
    assert sent_tokens(service) == ["canary-token-1", "canary-token-1", "fresh"]


def test_token_near_its_end_is_renewed_once_for_all_clients(
    make_client: Callable[..., ToastCompute], service: Any, clock: Any
) -> None:
    store = MemoryTokenStore(clock.monotonic)
    clients = [make_client(token_store=store) for _ in range(3)]
    for toast in clients:
        toast.flavors.list()
    clock.now += 3600 - 100
    for toast in clients:
        toast.flavors.list()
    assert sent_tokens(service) == ["canary-token-1"] * 3 + ["canary-token-2"] * 3
    assert len(service.asked("POST tokens")) == 2


def test_stored_token_near_its_end_is_used_when_renewal_fails(
    make_client: Callable[..., ToastCompute], service: Any, clock: Any
) -> None:
    store = MemoryTokenStore(clock.monotonic)
    make_client(token_store=store).flavors.list()
    clock.now += 3600 - 100
    service.on("POST tokens", service.http(503))
    make_client(token_store=store, max_retries=0).flavors.list()
    assert sent_tokens(service) == ["canary-token-1"] * 2


def test_client_with_a_valid_token_does_not_wait_for_the_renewal_of_another(
    make_client: Callable[..., ToastCompute], service: Any, clock: Any
) -> None:
    store = MemoryTokenStore(clock.monotonic)
    toast = make_client(token_store=store)
    toast.flavors.list()
    clock.now += 3600 - 100
    with store.lock(store_key(service.base_url, APPKEY, USERNAME), 0.0):
        began = time.monotonic()
        toast.flavors.list()
        assert time.monotonic() - began < 1
    assert sent_tokens(service) == ["canary-token-1"] * 2
    assert len(service.asked("POST tokens")) == 1


def test_lock_that_is_never_released_only_delays_a_call(
    make_client: Callable[..., ToastCompute], service: Any, tmp_path: Path
) -> None:
    store = _Held(tmp_path)
    make_client(token_store=store, timeout=1.0).flavors.list()
    assert sent_tokens(service) == ["canary-token-1"]


class _Held(FileTokenStore):
    """A store whose lock is never released by its holder."""

    @contextmanager
    def lock(self, _: str, timeout: float, /) -> Iterator[None]:
        time.sleep(timeout)
        raise TimeoutError
        yield


def test_lifetime_of_a_token_is_not_extended_when_it_is_loaded_again(
    make_client: Callable[..., ToastCompute], service: Any, clock: Any, files: FileTokenStore
) -> None:
    # The client's clock moves on and the file's does not.
    toast = make_client(token_store=files)
    toast.flavors.list()
    clock.now += 3600
    toast.flavors.list()
    assert sent_tokens(service) == ["canary-token-1", "canary-token-2"]


# Failing stores


class _Bad:
    """Fails at everything, with a secret in its error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def load(self, _: str, /) -> StoredToken | None:
        raise self.error

    def save(self, _: str, __: StoredToken, /) -> None:
        raise self.error

    def forget(self, _: str, __: str, /) -> None:
        raise self.error

    def lock(self, _: str, __: float, /) -> AbstractContextManager[object]:
        raise self.error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeError("canary-token-1"), "RuntimeError"),
        (OSError(28, "canary-token-1"), "No space left on device"),
        (TokenStoreError("the store is away"), "the store is away"),
        (StopIteration(), "StopIteration"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_failing_store_draws_one_warning_and_calls_succeed(
    make_client: Callable[..., ToastCompute], service: Any, error: Exception, reason: str
) -> None:
    toast = make_client(token_store=_Bad(error))
    with pytest.warns(TokenStoreWarning) as caught:
        toast.flavors.list()
    service.on("GET flavors", service.no(-3, "Permission denied : token"), service.yes(flavors=[]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        toast.flavors.list()
    (warning,) = caught
    assert str(warning.message) == f"The token store failed to load: {reason}. The client goes on without it."
    assert sent_tokens(service) == ["canary-token-1", "canary-token-1", "canary-token-2"]


@pytest.mark.parametrize(
    "stored",
    [
        "text",
        StoredToken("with space", 3600.0, 3600.0),
        StoredToken("line\nbreak", 3600.0, 3600.0),
        StoredToken("t", float("nan"), 3600.0),
        StoredToken("t", 3600.0, float("inf")),
        StoredToken("t", 10**400, 3600.0),
        StoredToken(5, 3600.0, 3600.0),  # type: ignore[arg-type]
    ],
    ids=repr,
)
def test_invalid_token_from_a_store_is_not_used(
    make_client: Callable[..., ToastCompute], service: Any, stored: Any
) -> None:
    class Invalid(MemoryTokenStore):
        def load(self, _: str, /) -> StoredToken | None:
            found: StoredToken | None = stored
            return found

    with pytest.warns(TokenStoreWarning, match="no StoredToken that can be used"):
        make_client(token_store=Invalid()).flavors.list()
    assert sent_tokens(service) == ["canary-token-1"]


def test_calls_succeed_when_a_store_always_returns_a_refused_token(
    make_client: Callable[..., ToastCompute], service: Any
) -> None:
    class Stuck(MemoryTokenStore):
        def load(self, _: str, /) -> StoredToken | None:
            return StoredToken("dead", 3600.0, 3600.0)

    denied = service.no(-3, "Permission denied : token")
    service.on("GET flavors", *[denied, service.yes(flavors=[])] * 2)
    toast = make_client(token_store=Stuck())
    toast.flavors.list()
    toast.flavors.list()  # the second token is refused as well
    assert sent_tokens(service) == ["dead", "canary-token-1", "canary-token-1", "canary-token-2"]


@pytest.mark.parametrize("remaining", [-5.0, 0.0])
def test_stored_token_without_remaining_time_is_not_used(
    make_client: Callable[..., ToastCompute], service: Any, remaining: float
) -> None:
    class Old(MemoryTokenStore):
        def load(self, _: str, /) -> StoredToken | None:
            return StoredToken("old", 3600.0, remaining)

    make_client(token_store=Old()).flavors.list()
    assert sent_tokens(service) == ["canary-token-1"]


@pytest.mark.parametrize("wrong", [object(), MemoryTokenStore, "file"])
def test_object_without_the_methods_of_a_store_is_rejected(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="The token_store cannot be used: it "):
        ToastCompute("k", "u", "p", token_store=wrong)


def test_folder_that_cannot_be_created_draws_a_warning(
    make_client: Callable[..., ToastCompute], service: Any, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.warns(TokenStoreWarning, match=r"tokens cannot be made: .*\. The client goes on without it\."):
        make_client(token_store=FileTokenStore(tmp_path / "file" / "tokens")).flavors.list()
    assert sent_tokens(service) == ["canary-token-1"]


# Files


def test_files_are_readable_by_their_owner_only(
    make_client: Callable[..., ToastCompute], files: FileTokenStore
) -> None:
    old = os.umask(0)
    try:
        make_client(token_store=files).flavors.list()
    finally:
        os.umask(old)
    assert stat.S_IMODE(files.path.stat().st_mode) == 0o700
    written = list(files.path.iterdir())
    assert {path.suffix for path in written} == {".json", ".lock"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o600}


def test_token_is_in_the_file_and_no_secret_in_its_name(
    make_client: Callable[..., ToastCompute], files: FileTokenStore, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        make_client(token_store=files).flavors.list()
    content = token_file(files).read_text()
    assert "canary-token-1" in content
    assert "canary" not in content.replace("canary-token-1", "")
    assert "canary" not in " ".join(path.name for path in files.path.iterdir())
    assert "canary" not in caplog.text


def _link(path: Path) -> None:
    content = path.read_bytes()
    path.unlink()
    elsewhere = path.parent.parent / "elsewhere"
    elsewhere.write_bytes(content)
    elsewhere.chmod(0o600)
    path.symlink_to(elsewhere)


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


INVALID: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "damaged"),
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:-20]), "damaged"),
    "garbage": (lambda path: path.write_bytes(os.urandom(200)), "damaged"),
    "nested": (lambda path: path.write_bytes(b"[" * 100_000), "damaged"),
    "another type": (lambda path: path.write_bytes(b"[1]"), "damaged"),
    "no token": (lambda path: edit(path, token=None), "damaged"),
    "token with a line break": (lambda path: edit(path, token="a\r\nb"), "damaged"),
    "invalid time": (lambda path: edit(path, wall=float("nan")), "damaged"),
    "huge time": (lambda path: edit(path, left=10**400), "damaged"),
    "later format": (lambda path: edit(path, format=2), "another version"),
    "invalid format": (lambda path: edit(path, format="1"), "damaged"),
    "renamed": (lambda path: edit(path, key="another"), "another account's"),
    "readable by others": (lambda path: path.chmod(0o640), "others can use it"),
    "too long": (lambda path: path.write_bytes(b" " * 2_000_000), "too long"),
    "link": (_link, "it is a link"),
    "pipe": (_pipe, "not a regular file"),
}


@pytest.mark.parametrize("kind", INVALID)
def test_invalid_file_draws_one_warning_and_is_replaced(
    make_client: Callable[..., ToastCompute], service: Any, files: FileTokenStore, kind: str
) -> None:
    invalidate, reason = INVALID[kind]
    make_client(token_store=files).flavors.list()
    path = token_file(files)
    invalidate(path)
    with pytest.warns(TokenStoreWarning, match=reason) as caught:
        make_client(token_store=files).flavors.list()
    assert len(caught) == 1
    assert "canary" not in str(caught[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_client(token_store=files).flavors.list()
    assert sent_tokens(service) == ["canary-token-1", "canary-token-2", "canary-token-2"]
    assert path.is_file()
    assert not path.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_target_of_a_link_is_not_written(
    make_client: Callable[..., ToastCompute], files: FileTokenStore, tmp_path: Path
) -> None:
    make_client(token_store=files).flavors.list()
    path = token_file(files)
    _link(path)
    before = (tmp_path / "elsewhere").read_bytes()
    with pytest.warns(TokenStoreWarning):
        make_client(token_store=files).flavors.list()
    assert (tmp_path / "elsewhere").read_bytes() == before


@pytest.mark.parametrize("place", ["json", "lock"])
def test_link_in_place_of_a_file_is_not_followed(
    make_client: Callable[..., ToastCompute], service: Any, files: FileTokenStore, tmp_path: Path, place: str
) -> None:
    make_client(token_store=files).flavors.list()
    (path,) = files.path.glob(f"*.{place}")
    path.unlink()
    token_file(files).unlink() if place == "lock" else None
    precious = tmp_path / "precious"
    precious.write_text("mine")
    path.symlink_to(precious)
    with pytest.warns(TokenStoreWarning):
        make_client(token_store=files).flavors.list()
    assert precious.read_text() == "mine"
    assert sent_tokens(service) == ["canary-token-1", "canary-token-2"]


def _as_link(folder: Path) -> None:
    real = folder.parent / "real"
    real.mkdir(mode=0o700)
    folder.symlink_to(real)


def _for_all(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)


FOLDERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "writable by others": (_for_all, "others can write to it"),
    "link": (_as_link, "it is a link"),
    "file": (lambda folder: folder.write_text(""), "not a folder"),
}


@pytest.mark.parametrize("kind", FOLDERS)
def test_folder_that_cannot_be_trusted_is_not_used(
    make_client: Callable[..., ToastCompute], service: Any, files: FileTokenStore, kind: str
) -> None:
    make, reason = FOLDERS[kind]
    make(files.path)
    for _ in range(2):
        with pytest.warns(TokenStoreWarning, match=reason):
            make_client(token_store=files).flavors.list()
    assert sent_tokens(service) == ["canary-token-1", "canary-token-2"]
    assert not files.path.is_dir() or list(files.path.iterdir()) == []


@pytest.mark.parametrize("place", ["file", "folder"])
def test_file_or_folder_of_another_user_is_not_used(
    make_client: Callable[..., ToastCompute],
    service: Any,
    files: FileTokenStore,
    place: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_client(token_store=files).flavors.list()
    if os.geteuid() == 0:
        os.chown(token_file(files) if place == "file" else files.path, 12345, 12345)
    else:  # only root can give files away, but anybody can take himself for somebody else
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.warns(TokenStoreWarning, match="belongs to somebody else"):
        make_client(token_store=files).flavors.list()
    assert sent_tokens(service) == ["canary-token-1", "canary-token-2"]


def test_calls_succeed_when_a_file_cannot_be_replaced(
    make_client: Callable[..., ToastCompute], service: Any, files: FileTokenStore
) -> None:
    make_client(token_store=files).flavors.list()
    path = token_file(files)
    path.unlink()
    path.mkdir()
    with pytest.warns(TokenStoreWarning) as caught:
        make_client(token_store=files).flavors.list()
    assert [str(warning.message) for warning in caught] == [
        f"The token file {path} is left aside: it is not a regular file.",
        f"The token store failed to save: {path} cannot be written: is a directory. The client goes on without it.",
    ]
    assert sent_tokens(service) == ["canary-token-1", "canary-token-2"]
    # Nothing half written stays behind.
    assert sorted(one.suffix for one in files.path.iterdir()) == [".json", ".lock"]


def test_user_without_a_home_must_name_the_folder() -> None:
    program = (
        "import os, pwd\n"
        "from toast_compute import ConfigurationError, ToastCompute\n"
        "from toast_compute.token_store import FileTokenStore\n"
        # Loaded before: the other user may not be allowed to read the libraries.
        "ToastCompute('k', 'u', 'p').close()\n"
        # Only root can become a user whom the system does not know; for others, the system forgets them.
        "def unknown(user): raise KeyError(user)\n"
        "if os.geteuid() == 0: os.setuid(54321)\n"
        "else: pwd.getpwuid = unknown\n"
        "ToastCompute('k', 'u', 'p').close()\n"
        "try: FileTokenStore()\n"
        "except ConfigurationError as error: print(error)"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60, env=environment
    )
    assert (result.stdout, result.stderr) == (
        "This user has no cache folder: name one with FileTokenStore(path=...).\n",
        "",
    )


def test_default_path_is_in_the_cache_folder_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert FileTokenStore().path == tmp_path / "toast-compute" / "tokens"
    assert repr(FileTokenStore("x")) == f"FileTokenStore({str(Path('x').absolute())!r})"


@pytest.mark.parametrize("key", ["", "../up", "a/b", "nul\0"])
def test_key_that_could_leave_the_folder_is_rejected(files: FileTokenStore, key: str) -> None:
    with pytest.raises(ValueError, match="a key is made of"):
        files.save(key, TOKEN)


# Clocks

HOURS = 3600.0


@pytest.mark.parametrize(
    ("change", "held"),
    [
        # The same start of the same machine: the clock makes no difference.
        (lambda record: {"wall": record["wall"] + 5 * HOURS}, True),
        (lambda record: {"wall": record["wall"] - 5 * HOURS}, True),
        (lambda record: {"ticks": record["ticks"] - 2 * HOURS}, False),
        (lambda record: {"ticks": record["ticks"] - 2 * HOURS, "wall": record["wall"] + 2 * HOURS}, False),
        (lambda record: {"ticks": record["ticks"] + 60}, False),
        # Another one: the clock decides, and a time in the future is invalid.
        (lambda _: {"boot": "another", "ticks": 0.0}, True),
        (lambda record: {"boot": "", "wall": record["wall"] - 2 * HOURS}, False),
        (lambda record: {"boot": "another", "wall": record["wall"] + 60}, False),
    ],
    ids=[
        "clock set back",
        "clock set forward",
        "long ago",
        "long ago and clock set back",
        "from the future",
        "restarted",
        "restarted long ago",
        "restarted and clock set back",
    ],
)
def test_expired_or_uncertain_token_is_not_loaded(
    files: FileTokenStore, change: Callable[[dict[str, Any]], dict[str, Any]], held: bool
) -> None:
    files.save(KEY, StoredToken("t", HOURS, HOURS))
    path = token_file(files)
    edit(path, **change(json.loads(path.read_text())))
    loaded = files.load(KEY)
    assert (loaded is not None) == held
    assert loaded is None or loaded.remaining <= HOURS


# Tasks


@pytest.fixture
def slow() -> MockCloud:
    """A cloud that takes a moment to issue a token."""
    return MockCloud(clock=RealClock(), faults=[faults.delay("issueToken", 0.05, budget=None)])


def test_tasks_of_two_clients_issue_one_token(store: TokenStore, slow: MockCloud) -> None:
    async def main() -> None:
        async with async_client(slow, token_store=store) as first, async_client(slow, token_store=store) as second:
            await asyncio.gather(*(toast.flavors.list() for toast in [first, second] * 50))

    run(main)
    assert slow.journal.count(operation="listFlavors") == 100
    assert slow.journal.count(operation="issueToken") == 1


@pytest.mark.parametrize("after", [0.0, 0.01, 0.03], ids=["at once", "soon", "while it issues"])
def test_cancelled_task_releases_the_lock(store: TokenStore, slow: MockCloud, after: float) -> None:
    async def main() -> None:
        async with async_client(slow, token_store=store) as toast:
            task = asyncio.create_task(toast.flavors.list())
            await asyncio.sleep(after)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            with store.lock(store_key(SERVER_URL, *CREDENTIALS[:2]), 0.0):
                pass
            assert await toast.flavors.list()

    run(main)


def test_task_waiting_for_another_process_can_be_cancelled(store: TokenStore, slow: MockCloud) -> None:
    async def main() -> float:
        async with async_client(slow, token_store=store, timeout=60) as toast:
            task = asyncio.create_task(toast.flavors.list())
            await asyncio.sleep(0.1)
            began = time.monotonic()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return time.monotonic() - began

    with store.lock(store_key(SERVER_URL, *CREDENTIALS[:2]), 0.0):
        assert run(main) < 2
    assert slow.journal.count() == 0


# Processes

# One program loads everything once and then becomes many, each with a client, threads and connections of its own.
CROWD = """
import os, sys, threading
import filelock, httpx
from toast_compute import ToastCompute
from toast_compute.token_store import FileTokenStore

base_url, folder, processes, threads = *sys.argv[1:3], *map(int, sys.argv[3:])
waiting, start = os.pipe()

def live():
    failures = []
    def call():
        try:
            toast.flavors.list()
        except BaseException as error:
            failures.append(error)
    store = FileTokenStore(folder)
    account = ("demo-appkey", "demo@example.com", "demo-password")
    with ToastCompute(*account, base_url=base_url, token_store=store) as toast:
        os.close(start)
        os.read(waiting, 1)  # until the other end is closed everywhere
        crew = [threading.Thread(target=call) for _ in range(threads)]
        for one in crew: one.start()
        for one in crew: one.join()
    for failure in failures: print(repr(failure), file=sys.stderr, flush=True)
    return len(failures)

ToastCompute("k", "u", "p").close()  # loads what the first client loads
children = []
for _ in range(processes):
    child = os.fork()
    if not child:
        os._exit(live())
    children.append(child)
os.close(start)
ends = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
sys.exit(f"{[end for end in ends if end]}" if any(ends) else 0)
"""


def test_hundred_processes_with_threads_issue_one_token(tmp_path: Path) -> None:
    cloud = MockCloud()
    with cloud.serve() as server:
        arguments = [server.base_url, str(tmp_path / "tokens"), str(PROCESSES), str(THREADS)]
        result = subprocess.run(
            [sys.executable, "-W", "error", "-c", CROWD, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert (result.stderr, result.returncode) == ("", 0)
        assert cloud.journal.count(operation="listFlavors") == PROCESSES * THREADS
        assert cloud.journal.count(operation="issueToken") == 1


def test_killed_process_releases_the_lock(tmp_path: Path) -> None:
    program = (
        "import sys, time\nfrom toast_compute.token_store import FileTokenStore\n"
        f"with FileTokenStore(sys.argv[1]).lock({KEY!r}, 5): print('held', flush=True); time.sleep(60)\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "tokens")], stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    store = FileTokenStore(tmp_path / "tokens")
    with pytest.raises(TimeoutError), store.lock(KEY, 0.0):
        pass
    other.kill()
    other.communicate()
    with store.lock(KEY, 5.0):
        pass


def test_libraries_for_files_are_loaded_when_a_file_store_is_used() -> None:
    program = (
        "import sys, toast_compute, toast_compute.token_store\n"
        "toast_compute.ToastCompute('k', 'u', 'p', token_store=toast_compute.token_store.MemoryTokenStore())\n"
        "print('filelock' in sys.modules, 'tomllib' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout == "False False\n"

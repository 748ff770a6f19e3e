"""What is fuzzed: a service behind a URL, or the mock in this process on a clock that the run moves."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import httpx
from toast_compute_mock import FrozenClock, MockCloud, faults
from toast_compute_mock.world.seed import default_seed_world
from toast_compute_mock.world.state import Account, Quotas, Volume

from .exchange import Reply, Request

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
AsgiApp: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]

_TIMEOUT_SECONDS = 30.0
_SECONDS_A_REQUEST = 0.5
_QUOTA = 40
_SUBNET_BITS = 25  # three addresses for each instance, and few more: one that is not released is soon missed
_MIGRATION_SECONDS = 60.0
_CRASHED = b"the service raised an exception"
OTHER_USER = ("other-appkey", "other@example.com", "other-password")


class TargetError(ValueError):
    """The service cannot be used; the text is one sentence."""


@dataclass(frozen=True)
class Credentials:
    appkey: str
    username: str
    password: str

    def __repr__(self) -> str:
        return type(self).__name__


@dataclass(frozen=True)
class Subnet:
    id: str
    network: str
    cidr: str


class Target:
    """A service, as far as it is known: an empty value stands for what is not."""

    is_exact = False
    """Whether its time is known to the second, nobody else uses it, and changes end as the contract states."""
    app: AsgiApp | None = None
    """The service itself where it is in this process."""
    quota: int | None = None
    volumes: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    """Volumes and floating IPs that are free; the service does not list them."""
    windows_image = ""
    addresses_in_subnet = 0
    subnets: tuple[Subnet, ...] = ()
    """In different networks."""
    other_user: Credentials | None = None
    expired_token: str | None = None
    foreign_token: str | None = None

    def __init__(self, base_url: str, credentials: Credentials, client: httpx.Client) -> None:
        self.base_url = base_url
        """What stands before the paths of the contract."""
        self.credentials = credentials
        self._client = client

    def now(self) -> float:
        """Return the seconds on its clock."""
        return time.time()

    def tick(self) -> None:
        """Let the time between two requests pass; without a clock of ours it passes by itself."""

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def send(self, request: Request) -> Reply:
        """Send a request. Raises TargetError when there is no reply."""
        response = self._client.request(
            request.method, self.base_url + request.target, headers=dict(request.headers), content=request.body
        )
        return Reply(response.status_code, response.headers.get("content-type", ""), response.content)

    def migrate(self, _: str, /) -> float:
        """Let the service migrate an instance, and return for how many seconds; 0 where that is not possible."""
        return 0.0

    def fail_next_change(self) -> bool:
        """Let the next change of a status end in ERROR, and return whether that is possible."""
        return False

    def close(self) -> None:
        self._client.close()


class LiveTarget(Target):
    """A service behind a URL."""

    def __init__(self, url: str, credentials: Credentials, expired: str | None = None, foreign: str | None = None):
        try:
            parts = urlsplit(url)
            is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_url = False
        if not is_url:
            raise TargetError("--url: needs a URL that begins with http:// or https://")
        if "@" in parts.netloc:
            raise TargetError("--url: must not hold a user name or a password; there are options for them")
        if "?" in url or "#" in url:
            raise TargetError("--url: must have no query and no fragment")
        super().__init__(url.rstrip("/"), credentials, httpx.Client(timeout=_TIMEOUT_SECONDS))
        self.expired_token, self.foreign_token = expired, foreign

    def send(self, request: Request) -> Reply:
        try:
            return super().send(request)
        except httpx.InvalidURL:
            raise TargetError("--url: is not a URL") from None
        except httpx.HTTPError as error:
            raise TargetError(f"--url: {urlsplit(self.base_url).netloc} gives no reply ({_cause(error)})") from None


class MockTarget(Target):
    """A fresh mock in this process. Its clock moves only when the run moves it, so a seed decides the whole run."""

    is_exact = True
    quota = _QUOTA
    other_user = Credentials(*OTHER_USER)
    addresses_in_subnet = 2 ** (32 - _SUBNET_BITS)

    def __init__(self, seed: int) -> None:
        world = default_seed_world()
        account, subnet, zone = world.accounts[0], world.subnets[0], world.instances[0].zone
        appkey, username, password = OTHER_USER
        world.accounts.append(
            Account(appkey=appkey, username=username, password=password, user_id="other-user", roles=["member"])
        )
        world.quotas = Quotas(instances=_QUOTA)
        world.volumes.append(Volume(id="volume-of-the-fuzzer", name="more", size=10, type="General HDD", zone=zone))
        subnet.cidr = f"{subnet.cidr.partition('/')[0]}/{_SUBNET_BITS}"
        self.subnets = tuple(Subnet(one.id, one.network_id, one.cidr) for one in world.subnets)
        self.windows_image = next(one.id for one in world.images if one.os == "windows")
        taken = {volume for instance in world.instances for volume in instance.attachments}
        self.volumes = tuple(one.id for one in world.volumes if one.zone == zone and one.id not in taken)
        given = {one.floating_ip_address for instance in world.instances for one in instance.interfaces}
        self.addresses = tuple(one.address for one in world.floating_ips if one.address not in given)
        self._user_id = account.user_id
        self._clock = FrozenClock()
        self._cloud = MockCloud(seed=seed, clock=self._clock, world=world)
        self.app = crash_proof(self._cloud.asgi)
        super().__init__(
            f"http://testserver{self._cloud.prefix}",
            Credentials(account.appkey, account.username, account.password),
            httpx.Client(transport=self._cloud.transport),
        )

    def now(self) -> float:
        return self._clock.now()

    def tick(self) -> None:
        self._clock.advance(_SECONDS_A_REQUEST)

    def wait(self, seconds: float) -> None:
        self._clock.advance(seconds)

    def send(self, request: Request) -> Reply:
        """Hand a request to the mock; an exception becomes the reply that a server makes of it."""
        try:
            return super().send(request)
        except httpx.HTTPError as error:
            raise TargetError(f"the mock gave no reply: {type(error).__name__}") from None
        except Exception:
            return Reply(500, "text/plain", _CRASHED)

    def migrate(self, instance_id: str, /) -> float:
        self._cloud.worlds.migrate(self._user_id, instance_id, _MIGRATION_SECONDS)
        return _MIGRATION_SECONDS

    def fail_next_change(self) -> bool:
        self._cloud.faults.add(faults.end_in_error("runInstanceAction"))
        return True


def crash_proof(app: AsgiApp) -> AsgiApp:
    """Return an application that answers 500 where the one inside raises an exception, as every server does."""

    async def serve(scope: Message, receive: Receive, send: Send) -> None:
        begun = False

        async def watch(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await app(scope, receive, watch)
        except Exception:
            if begun or scope["type"] != "http":
                raise
            headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(_CRASHED))]
            await send({"type": "http.response.start", "status": 500, "headers": headers})
            await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else _CRASHED})

    return serve


def _cause(error: BaseException) -> str:
    """Return what went wrong without an address, which may hold the appkey."""
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__ or error
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__

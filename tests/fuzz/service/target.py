"""Where is the service, and how does time pass there? The mock in this process, or any service behind a URL."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias
from urllib.parse import urlsplit

import httpx

from .exchange import Reply, Request

_Message: TypeAlias = MutableMapping[str, Any]
_Receive: TypeAlias = Callable[[], Awaitable[_Message]]
_Send: TypeAlias = Callable[[_Message], Awaitable[None]]
AsgiApp: TypeAlias = Callable[[_Message, _Receive, _Send], Awaitable[None]]

_SECONDS_A_REQUEST = 0.5
_VOLUME_SIZE = 10
_PATIENCE_SECONDS = 30.0
_CRASHED = b"the service raised an exception"
STRANGER = ("stranger-appkey", "stranger@example.com", "stranger-password")


class TargetError(ValueError):
    """The service cannot be used; the text is one sentence."""


@dataclass(frozen=True)
class Credentials:
    """Who the run is."""

    appkey: str
    username: str
    password: str

    def __repr__(self) -> str:
        return type(self).__name__


@dataclass(frozen=True)
class Impostors:
    """Tokens that open nothing here, as far as the run has such."""

    expired: str | None
    foreign: str | None


class Target(Protocol):
    """A service to try."""

    base_url: str
    """What stands before the paths of the contract."""
    app: AsgiApp | None
    """The service itself where it is in this process."""
    credentials: Credentials
    quota: int | None
    """How many instances there can be, where that is known."""
    volumes: tuple[str, ...]
    addresses: tuple[str, ...]
    """Volumes and floating IPs that are known to be free; the service does not tell."""
    is_exact: bool
    """Whether its time is known to the second, nobody else uses it, and what ends is as the contract says."""

    def now(self) -> float:
        """Return the seconds on its clock."""
        ...

    def tick(self) -> None:
        """Let the time pass that lies between two requests."""
        ...

    def rest(self, seconds: float) -> None:
        """Let so many seconds pass there."""
        ...

    def send(self, request: Request) -> Reply:
        """Send a request that the engine did not make. Raises TargetError when there is no reply."""
        ...

    def stranger(self) -> Credentials | None:
        """Return another user of another appkey, where there is one."""
        ...

    def impostors(self) -> Impostors:
        """Return tokens that open nothing."""
        ...

    def close(self) -> None:
        """Let go of the service."""
        ...


class MockTarget:
    """A fresh mock in this process. Its clock stands still but for what the run lets pass: so a seed is a whole run."""

    is_exact = True
    base_url = "http://testserver/compute"
    quota: int | None = 40

    def __init__(self, seed: int) -> None:
        from toast_compute_mock import FrozenClock, MockCloud
        from toast_compute_mock.state import Account, Quotas, Volume
        from toast_compute_mock.worlds import default_seed_world

        world = default_seed_world()
        account = world.accounts[0]
        self.credentials = Credentials(account.appkey, account.username, account.password)
        appkey, username, password = STRANGER
        world.accounts.append(
            Account(appkey=appkey, username=username, password=password, user_id="stranger", roles=["member"])
        )
        world.quotas = Quotas(instances=self.quota)
        zone = world.instances[0].zone
        world.volumes.append(
            Volume(id="volume-of-the-fuzzer", name="more", size=_VOLUME_SIZE, type="General HDD", zone=zone)
        )
        taken = {volume for instance in world.instances for volume in instance.attachments}
        self.volumes = tuple(one.id for one in world.volumes if one.zone == zone and one.id not in taken)
        given = {one.floating_ip_address for instance in world.instances for one in instance.interfaces}
        self.addresses = tuple(one.address for one in world.floating_ips if one.address not in given)
        self._clock = FrozenClock()
        self._cloud = MockCloud(seed=seed, clock=self._clock, world=world)
        self.base_url = f"http://testserver{self._cloud.prefix}"
        self.app: AsgiApp | None = crash_proof(self._cloud.asgi)
        self._client = httpx.Client(transport=self._cloud.transport)
        self._expired: str | None = None

    def now(self) -> float:
        """Return the seconds on the mock's clock."""
        return self._clock.now()

    def tick(self) -> None:
        """Move the mock's clock on by half a second."""
        self._clock.advance(_SECONDS_A_REQUEST)

    def rest(self, seconds: float) -> None:
        """Move the mock's clock on."""
        self._clock.advance(seconds)

    def send(self, request: Request) -> Reply:
        """Hand a request to the mock; an exception is what a server would make of it."""
        try:
            return send_with(self._client, self.base_url, request)
        except httpx.HTTPError as error:
            raise TargetError(f"the mock gave no reply: {type(error).__name__}") from None
        except Exception:
            return Reply(500, "text/plain", _CRASHED)

    def stranger(self) -> Credentials | None:
        """Return the second user of the mock's world."""
        return Credentials(*STRANGER)

    def impostors(self) -> Impostors:
        """Return no token: they are made by the run, which has the time to let one expire."""
        return Impostors(None, None)

    def close(self) -> None:
        """Close the client."""
        self._client.close()


class LiveTarget:
    """A service behind a URL. Time passes there as it does."""

    is_exact = False
    app: AsgiApp | None = None
    quota: int | None = None
    volumes: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()

    def __init__(
        self, url: str, credentials: Credentials, impostors: Impostors, stranger: Credentials | None = None
    ) -> None:
        try:
            parts = urlsplit(url)
            is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_url = False
        if not is_url:
            raise TargetError("--url: needs a URL that begins with http:// or https://")
        self.base_url = url.rstrip("/")
        self.credentials = credentials
        self._impostors = impostors
        self._stranger = stranger
        self._client = httpx.Client(timeout=_PATIENCE_SECONDS)

    def now(self) -> float:
        """Return the seconds of this machine."""
        return time.time()

    def tick(self) -> None:
        """Do nothing: time passes by itself."""

    def rest(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)

    def send(self, request: Request) -> Reply:
        """Send a request over a socket. Raises TargetError."""
        try:
            return send_with(self._client, self.base_url, request)
        except httpx.InvalidURL:
            raise TargetError("--url: is not a URL") from None
        except httpx.HTTPError as error:
            raise TargetError(f"--url: {urlsplit(self.base_url).netloc} gives no reply ({_cause(error)})") from None

    def stranger(self) -> Credentials | None:
        """Return what was given."""
        return self._stranger

    def impostors(self) -> Impostors:
        """Return what was given."""
        return self._impostors

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def send_with(client: httpx.Client, base_url: str, request: Request) -> Reply:
    """Send a request with a client of httpx."""
    response = client.request(
        request.method, base_url + request.target, headers=dict(request.headers), content=request.body
    )
    return Reply(response.status_code, response.headers.get("content-type", ""), response.content)


def crash_proof(app: AsgiApp) -> AsgiApp:
    """Return an application that answers 500 where the one inside raises an exception, as every server does."""

    async def serve(scope: _Message, receive: _Receive, send: _Send) -> None:
        begun = False

        async def watch(message: _Message) -> None:
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
    """What went wrong, without an address: that may hold the appkey."""
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__ or error
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__

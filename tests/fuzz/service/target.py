"""Where is the service, and how does time pass there? What any target has, and a service behind a URL."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias
from urllib.parse import urlsplit

import httpx

from .exchange import Reply, Request

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
AsgiApp: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]

_PATIENCE_SECONDS = 30.0


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


@dataclass(frozen=True)
class Subnet:
    """A subnet of the service."""

    id: str
    network: str
    cidr: str


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
    windows_image: str
    """An image of Windows; empty when none is known."""
    addresses_in_subnet: int
    """How many addresses the subnet has that instances get them from; 0 when that is not known."""
    subnets: tuple[Subnet, ...]
    """In different networks; none where they are not known."""
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

    def migrate(self, instance_id: str, /) -> float:
        """Let the service migrate an instance, and return for how many seconds; 0 where that cannot be asked for."""
        ...

    def fail_next_change(self) -> bool:
        """Let the next change of an instance's status end in ERROR, and return whether that can be asked for."""
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


class LiveTarget:
    """A service behind a URL. Time passes there as it does."""

    is_exact = False
    app: AsgiApp | None = None
    quota: int | None = None
    volumes: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    windows_image = ""
    addresses_in_subnet = 0
    subnets: tuple[Subnet, ...] = ()

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
        if "@" in parts.netloc:
            raise TargetError("--url: must not hold a user name or a password; there are options for them")
        if "?" in url or "#" in url:
            raise TargetError("--url: must have no query and no fragment")
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

    def migrate(self, _: str, /) -> float:
        """Do nothing: no client can ask for it."""
        return 0.0

    def fail_next_change(self) -> bool:
        """Do nothing."""
        return False

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


def _cause(error: BaseException) -> str:
    """What went wrong, without an address: that may hold the appkey."""
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__ or error
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__

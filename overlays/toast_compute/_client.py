"""What does a blocking program hold in its hands?"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, Self

from ._config import resolve
from ._core import Core
from ._driver import BlockingDriver
from ._http import HttpSender
from ._secret import Secret
from .clock import Clock, RealClock
from .errors import ConfigurationError
from .resources.availability_zones import AvailabilityZones
from .resources.flavors import Flavors
from .resources.instances import Instances
from .resources.keypairs import Keypairs
from .resources.tokens import Tokens

if TYPE_CHECKING:
    import httpx


class ToastCompute:
    """A client of TOAST Compute for blocking programs. Threads may share one.

    The first call connects and issues a token; until then nothing is sent. Use it in a `with` statement, or call
    `close`.

    Attributes:
        tokens: issue and look up tokens. Calls look after their own token.
        availability_zones: where instances can be created.
        flavors: the sizes that an instance can have.
        instances: virtual machines, their actions and volumes, and waiting for them.
        keypairs: the SSH key pairs of the user.
    """

    tokens: Tokens
    availability_zones: AvailabilityZones
    flavors: Flavors
    instances: Instances
    keypairs: Keypairs

    # So that a client whose making failed can be shown in a traceback.
    _base_url: str | None = None

    def __init__(
        self,
        appkey: str | None = None,
        username: str | None = None,
        password: str | None = None,
        *,
        base_url: str | None = None,
        timeout: float = 30.0,
        transport: httpx.BaseTransport | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Make a client. Nothing is sent.

        Args:
            appkey: the appkey of the project; without it, the environment's `TOAST_COMPUTE_APPKEY`.
            username: the TOAST account, an e-mail address; without it, `TOAST_COMPUTE_USERNAME`.
            password: the API password that was set in the console; without it, `TOAST_COMPUTE_PASSWORD`.
            base_url: where the service is; without it, `TOAST_COMPUTE_BASE_URL`, then the Korea region. Plain http is
                for loopback addresses only.
            timeout: seconds for one request, over 0 and at most a day.
            transport: an httpx transport to use instead of an own pool of connections. It is closed with the client.
            clock: where waits and the life of tokens take the time from; without it, this machine.

        Raises:
            ConfigurationError: a credential is missing or a setting cannot be used; names it.

        Guide: 사전 준비, API Endpoint URL and 토큰 API.
        """
        # Hidden before anything can fail: a traceback with local variables must not show them.
        given = [Secret(value) if isinstance(value, str) else value for value in (appkey, username, password)]
        del appkey, username, password
        settings = resolve(appkey=given[0], username=given[1], password=given[2], base_url=base_url, timeout=timeout)
        if transport is not None and not callable(getattr(transport, "handle_request", None)):
            raise ConfigurationError("The transport cannot be used: it must be an httpx.BaseTransport (transport=...).")
        self._base_url = settings.base_url
        self._sender = HttpSender(settings.base_url, transport)
        core = Core(settings)
        run = BlockingDriver(self._sender, clock or RealClock()).run
        self.tokens = Tokens(core, run)
        self.availability_zones = AvailabilityZones(core, run)
        self.flavors = Flavors(core, run)
        self.instances = Instances(core, run)
        self.keypairs = Keypairs(core, run)

    def close(self) -> None:
        """Close all connections. Calling it again does nothing; any other call then raises ConfigurationError."""
        self._sender.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"ToastCompute(base_url={self._base_url!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a ToastCompute client holds connections and secrets: make a new one in each process")

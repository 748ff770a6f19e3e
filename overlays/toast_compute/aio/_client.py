"""The async client."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Self

from .._config.settings import resolve
from .._core.capture import Exchange, capturing
from .._core.client_core import Core
from .._core.deadline import deadline_of, within
from .._drivers.asynchronous import AsyncDriver
from .._http.sender import AsyncHttpSender
from .._operations.raw import send_raw
from .._redaction import Secret
from ..clock import Clock, RealClock
from ..errors import ConfigurationError
from .availability_zones import AsyncAvailabilityZones
from .flavors import AsyncFlavors
from .instances import AsyncInstances
from .keypairs import AsyncKeypairs
from .tokens import AsyncTokens

if TYPE_CHECKING:
    import httpx

    from ..token_store import TokenStore


class AsyncToastCompute:
    """A client of TOAST Compute for asyncio programs. Tasks of one event loop may share one.

    The first call connects and issues a token; until then nothing is sent. Use it in an `async with` statement, or call
    `close`.

    Attributes:
        tokens: issue and look up tokens. Calls look after their own token.
        availability_zones: where instances can be created.
        flavors: the sizes that an instance can have.
        instances: virtual machines, their actions and volumes, and waiting for them.
        keypairs: the SSH key pairs of the user.
    """

    tokens: AsyncTokens
    availability_zones: AsyncAvailabilityZones
    flavors: AsyncFlavors
    instances: AsyncInstances
    keypairs: AsyncKeypairs

    # So that a client whose making failed can be shown in a traceback.
    _base_url: str | None = None

    def __init__(
        self,
        appkey: str | None = None,
        username: str | None = None,
        password: str | None = None,
        *,
        profile: str | None = None,
        base_url: str | None = None,
        timeout: float | None = None,
        max_retries: int | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        token_store: TokenStore | None = None,
        clock: Clock | None = None,
        read_only: bool = False,
        allow: Collection[str] | None = None,
    ) -> None:
        """Make a client. Nothing is sent.

        Args:
            appkey: the appkey of the project; without it, the environment's `TOAST_COMPUTE_APPKEY`, then the profile's.
            username: the TOAST account, an e-mail address; without it, `TOAST_COMPUTE_USERNAME`, then the profile's.
            password: the API password that was set in the console; without it, `TOAST_COMPUTE_PASSWORD`, then the
                profile's.
            profile: a profile of the configuration file for what is given neither here nor in the environment; without
                it, `TOAST_COMPUTE_PROFILE`, then the profile `default` if there is one.
            base_url: where the service is; without it, `TOAST_COMPUTE_BASE_URL`, then the profile's, then the Korea
                region. Plain http is for loopback addresses only.
            timeout: seconds for one attempt of a request, over 0 and at most a day; without it, the profile's, then 30,
                and 120 for what must not be sent twice, such as a create.
            max_retries: how often one request is sent again at most, where that is safe; without it, 2.
            transport: an httpx transport to use instead of the built-in pool of connections. Its own timeouts
                hold: those of httpx's blocking transport begin anew with every byte. It is closed with the client.
            token_store: where tokens are kept between programs, such as a `FileTokenStore`; without it, nowhere.
            clock: where waits and the life of tokens take the time from; without it, this machine.
            read_only: whether to refuse every change before it is sent.
            allow: the only changes that are sent, by operation or action, such as `{"start", "stop"}`.

        Raises:
            ConfigurationError: a credential is missing or a setting cannot be used; names it.

        Guide: 사전 준비, API Endpoint URL and 토큰 API.
        """
        # Hidden before anything can fail: a traceback with local variables must not show them.
        given = [Secret(value) if isinstance(value, str) else value for value in (appkey, username, password)]
        place = Secret(base_url) if isinstance(base_url, str) else base_url  # there may be a password in it
        del appkey, username, password, base_url
        settings = resolve(
            appkey=given[0],
            username=given[1],
            password=given[2],
            profile=profile,
            base_url=place,
            timeout=timeout,
            max_retries=max_retries,
            token_store=token_store,
            read_only=read_only,
            allow=allow,
        )
        if transport is not None and not callable(getattr(transport, "handle_async_request", None)):
            raise ConfigurationError(
                "The transport cannot be used: it must be an httpx.AsyncBaseTransport (transport=...)."
            )
        self._base_url = settings.base_url
        self._sender = AsyncHttpSender(settings.base_url, transport)
        self._core = core = Core(settings)
        self._clock = RealClock() if clock is None else clock
        self._run = run = AsyncDriver(self._sender, self._clock).run
        self.tokens = AsyncTokens(core, run)
        self.availability_zones = AsyncAvailabilityZones(core, run)
        self.flavors = AsyncFlavors(core, run)
        self.instances = AsyncInstances(core, run)
        self.keypairs = AsyncKeypairs(core, run)

    def deadline(self, seconds: float) -> AbstractContextManager[None]:
        """Bound everything that this client does in a `with` block: tokens, attempts, pauses and waits together.

        It holds for the present thread or task and the tasks that it starts. Of two, the earlier one holds. What does
        not get done raises APITimeoutError, AmbiguousOutcomeError or WaitTimeoutError, which say where the time went.

        Args:
            seconds: over 0, from now on.

        Raises:
            InvalidRequestError: the seconds cannot be used.
        """
        return within(deadline_of(self._core, seconds, self._clock.monotonic()))

    def capture(self) -> AbstractContextManager[list[Exchange]]:
        """Collect what really comes back in a `with` block: status, headers, body, the whole object, and every attempt.

        It holds for the present thread or task and the tasks that it starts. What is collected may hold secrets.
        """
        return capturing(self._core)

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        retry: Literal["safe", "idempotent", "never"] = "never",
    ) -> Any:
        """Send a request that this package does not know, with the client's token, errors and retries.

        Args:
            method: GET, POST, PUT, PATCH or DELETE.
            path: below the appkey's path, such as `/instances`.
            query: parameters of the query.
            body: what to send as JSON.
            retry: whether it may be sent twice: "safe" changes nothing, "idempotent" changes nothing more, "never".

        Returns:
            The reply as decoded JSON, its `header` included.

        Raises:
            InvalidRequestError: an argument cannot be used; nothing was sent.
            ToastComputeError: any other failure, as of every method.
        """
        return await self._run(send_raw(self._core, method, path, query, body, retry))

    async def close(self) -> None:
        """Close all connections. Calling it again does nothing; any other call then raises ConfigurationError."""
        await self._sender.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __del__(self) -> None:
        # Says so and closes nothing: this runs in any thread, at any time, and maybe after the connections' own end.
        sender: AsyncHttpSender | None = getattr(self, "_sender", None)
        if sender is not None and sender.is_open:
            warnings.warn(
                f"unclosed {self!r}: use it in an `async with` statement, or call `close`", ResourceWarning, 2, self
            )

    def __repr__(self) -> str:
        return f"AsyncToastCompute(base_url={self._base_url!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("an AsyncToastCompute client holds connections and secrets: make a new one in each process")

"""Build a cloud: one engine, one clock, and the ways to reach them."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from .clock.clocks import Clock, RealClock
from .control import Control
from .engine.engine import Engine
from .exchange import Deferred, Reply, Request
from .faults.plan import FaultPlan
from .faults.rules import Fault
from .journal.journal import Journal
from .servers.deferred import wait_for_reply
from .validation import check_cloud, check_wait
from .world.seed import SeedWorld

if TYPE_CHECKING:
    from .admin.api import Admin
    from .servers.asgi import AsgiApp
    from .servers.httpx_transport import AsyncMockTransport, MockTransport
    from .servers.server import ServerThread

ADMIN_PREFIX = "/_mock"
_LONGEST_WAIT = 60.0


class MockCloud(Control):
    """A whole cloud in this process. Safe for threads.

    The same `seed` gives the same ids and durations. `clock` is what its tokens and instances live on: the machine's
    own unless another is given. `world` is what every world begins with. `faults` are rules of what goes wrong, and
    `evolution` names options of a later release; both can be changed at any time. Of replies with more bytes than
    `sample_above` only one in sixteen is checked against the contract. `journal` is one with other limits. With
    `admin_token`, the API under `/_mock/` asks for it.

    Raises ValueError, which names the argument, when one cannot be used.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        clock: Clock | None = None,
        world: SeedWorld | None = None,
        faults: Iterable[Fault] = (),
        evolution: Collection[str] = (),
        sample_above: int | None = None,
        journal: Journal | None = None,
        admin_token: str | None = None,
    ) -> None:
        faults = list(faults) if isinstance(faults, Iterable) and not isinstance(faults, str) else faults
        check_cloud(
            seed=seed,
            clock=clock,
            world=world,
            faults=faults,
            evolution=evolution,
            sample_above=sample_above,
            admin_token=admin_token,
        )
        self._engine = Engine(seed, world, sample_above=sample_above, journal=journal)
        lock = threading.RLock()
        super().__init__(self._engine.registry, self._engine.replies, RealClock() if clock is None else clock, lock)
        self.evolution = evolution
        self._engine.faults.add(*faults)
        self._answered = threading.Condition(lock)
        self._waiters = 0
        self._admin_token = admin_token

    @property
    def faults(self) -> FaultPlan:
        """What goes wrong, and how often yet."""
        return self._engine.faults

    @property
    def journal(self) -> Journal:
        """What has been asked and answered."""
        return self._engine.journal

    @cached_property
    def transport(self) -> MockTransport:
        """A transport for `httpx.Client` and for the SDK."""
        from .servers.httpx_transport import MockTransport  # httpx is loaded only where it is used

        return MockTransport(self.answer, self._clock)

    @cached_property
    def async_transport(self) -> AsyncMockTransport:
        """A transport for `httpx.AsyncClient`."""
        from .servers.httpx_transport import AsyncMockTransport

        return AsyncMockTransport(self.answer, self._clock)

    @cached_property
    def asgi(self) -> AsgiApp:
        """An ASGI application, for the servers and tools that run such."""
        from .servers.asgi import AsgiApp

        return AsgiApp(self.answer, self._clock)

    def serve(self, host: str = "127.0.0.1", port: int = 0) -> ServerThread:
        """Return a context manager that listens on a socket, and whose `base_url` is its URL; port 0 is any free one.

        Raises ValueError for an invalid port. Entering it raises OSError when the address cannot be had.
        """
        from .servers.server import ServerThread  # asyncio is loaded only where it is used

        return ServerThread(self.answer, self._clock, host, port, self.prefix)

    def answer(self, request: Request) -> Reply | Deferred:
        """Return the reply to one request that comes now, or the promise of one."""
        if request.target.startswith(ADMIN_PREFIX) and request.target[len(ADMIN_PREFIX) :][:1] in ("", "/", "?"):
            return self._admin.answer(request)
        # The lock itself, and word only where somebody waits: a condition takes six calls to tell nobody.
        with self._lock:
            reply = self._engine.handle(request, self._clock.now())
            if self._waiters:
                self._answered.notify_all()
            return reply

    def handle(self, request: Request) -> Reply:
        """Return the reply to one request that comes now, once it is there; its delay is the caller's to keep."""
        return wait_for_reply(self.answer(request))

    def wait_for(
        self,
        count: int,
        *,
        timeout: float,
        operation: str | None = None,
        action: str | None = None,
        world: str | None = None,
        result_code: int | None = None,
    ) -> None:
        """Block until there have been `count` exchanges of this kind.

        Raises TimeoutError after `timeout` real seconds, and after a minute in any case, or ValueError.
        """

        check_wait(count, timeout)

        def are_there() -> bool:
            return self.journal.count(operation=operation, action=action, world=world, result_code=result_code) >= count

        with self._lock:
            self._waiters += 1
            try:
                came = self._answered.wait_for(are_there, min(timeout, _LONGEST_WAIT))
            finally:
                self._waiters -= 1
            if not came:
                number = self.journal.count(operation=operation, action=action, world=world, result_code=result_code)
                raise TimeoutError(f"{number} of {count} exchanges came within {timeout:g} s")

    @cached_property
    def _admin(self) -> Admin:
        from .admin.api import Admin

        return Admin(self, self.faults, self.journal, self._admin_token)

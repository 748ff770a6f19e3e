"""Run a client of either variant on a mock or on a transport, and record what it did.

All that the fuzzer knows of the mock's inside is imported here.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from toast_compute import AsyncToastCompute, ToastCompute
from toast_compute_mock import MockCloud
from toast_compute_mock.clock.timeline import START_OF_FROZEN_TIME
from toast_compute_mock.faults import Fault
from toast_compute_mock.journal.journal import Entry
from toast_compute_mock.world.consistency import find_problem as world_problem
from toast_compute_mock.world.seed import default_seed_world
from toast_compute_mock.world.state import TOKEN_LIFETIME, World

from .calls import Call, Make
from .contract import kind_of, operation_of
from .faults import FaultCase

__all__ = ["Entry", "Fault", "World", "default_seed_world", "world_problem"]

VARIANTS = ("sync", "async")
CREDENTIALS = ("demo-appkey", "demo@example.com", "demo-password")
USER = default_seed_world().accounts[0].user_id
LIFETIME = TOKEN_LIFETIME.total_seconds()
GONE = "gone"
PATIENCE = 20.0
"""Real seconds after which calls that wait for each other are taken for endless."""
_LONGEST_CALL = 100_000.0  # seconds; a wait here is at most some minutes, with all that may go wrong in it

Block = Callable[[Any], AbstractContextManager[Any]]
"""Opens a block of a client, such as one with a deadline."""
BeforeSending = Callable[[str], None]
"""Gets the operation of each request before it is sent."""


class EndlessError(Exception):
    """A sleep went beyond the limit of the clock."""


class SteppingClock:
    """Time that goes on when somebody sleeps or it is advanced, and only then. SDK and mock accept it.

    It is for one client at a time: two that sleep at the same time do not wait for each other. So it need not watch
    what threads and tasks are doing, and the same seed gives the same run.
    """

    def __init__(self) -> None:
        self.elapsed = 0.0
        self.limit = math.inf
        """By `monotonic`: who sleeps beyond it gets an EndlessError, so that an endless wait is found."""
        self.per_sleep = 0.0
        """Seconds that each sleep takes longer than asked for, as on a machine that is suspended."""
        self._lock = threading.Lock()

    def now(self) -> float:
        return START_OF_FROZEN_TIME + self.elapsed

    def monotonic(self) -> float:
        return self.elapsed

    def advance(self, seconds: float) -> None:
        with self._lock:
            self.elapsed += max(0.0, seconds)

    def sleep(self, seconds: float, /) -> None:
        self.advance(seconds + self.per_sleep)
        if self.elapsed > self.limit:
            raise EndlessError

    async def sleep_async(self, seconds: float, /) -> None:
        self.sleep(seconds)
        await asyncio.sleep(0)


class Wire(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Passes requests of either variant to a mock, unless `answer` has a reply."""

    before: BeforeSending | None = None
    """Acts before a request arrives, as others do at the same time."""

    def __init__(self, cloud: MockCloud | None = None) -> None:
        self._cloud = cloud or MockCloud()

    def answer(self, request: httpx.Request) -> httpx.Response | None:
        """Answer a request in the mock's place."""
        if self.before is not None:
            self.before(operation_of(request.method, request.url.path))
        return None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        return self.answer(request) or self._cloud.transport.handle_request(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        return self.answer(request) or await self._cloud.async_transport.handle_async_request(request)


def within(make: Make, *blocks: Block) -> Make:
    """Return the same call in these blocks, the outermost first."""

    def call(toast: ToastCompute | AsyncToastCompute) -> Any:
        async def call_async() -> Any:
            with ExitStack() as stack:
                for block in blocks:
                    stack.enter_context(block(toast))
                return await make(toast)

        if isinstance(toast, AsyncToastCompute):
            return call_async()
        with ExitStack() as stack:
            for block in blocks:
                stack.enter_context(block(toast))
            return make(toast)

    return call if blocks else make


def deadline(seconds: float) -> Block:
    """Return a block with a deadline."""
    return lambda toast: toast.deadline(seconds)


def capture(exchanges: list[Any]) -> Block:
    """Return a block with a capture that hands its exchanges over at its end."""

    @contextmanager
    def block(toast: ToastCompute | AsyncToastCompute) -> Generator[None]:
        with toast.capture() as captured:
            try:
                yield
            finally:
                exchanges.extend(captured)

    return block


class Client:
    """A client of either variant, whose calls are made from sync code."""

    def __init__(
        self, variant: str, credentials: Collection[str] = CREDENTIALS, *, runner: asyncio.Runner | None = None,
        **options: Any,
    ) -> None:  # fmt: skip
        self._client: Any = (AsyncToastCompute if variant == "async" else ToastCompute)(*credentials, **options)
        self._runner = (runner or asyncio.Runner()) if variant == "async" else None
        self._is_own = runner is None

    def call(self, make: Make) -> tuple[Any, Exception | None]:
        """Make a call, and return what it returned or raised."""
        try:
            return self._run(make), None
        except Exception as error:  # whatever it is, it is judged
            return None, error

    def call_all(self, makes: Sequence[Make]) -> list[Any]:
        """Make calls at the same time, and return for each its value or error; an EndlessError when it does not end."""
        ends: list[Any] = [EndlessError()] * len(makes)
        if self._runner is not None:

            async def main() -> list[Any]:
                running = asyncio.gather(*(make(self._client) for make in makes), return_exceptions=True)
                return await asyncio.wait_for(running, PATIENCE)

            try:
                return self._runner.run(main())
            except TimeoutError:
                return ends
        barrier = threading.Barrier(len(makes))

        def run(number: int, make: Make) -> None:
            barrier.wait(PATIENCE)
            try:
                ends[number] = make(self._client)
            except Exception as error:  # whatever it is, it is judged
                ends[number] = error

        # Threads that do not end must not keep the process from ending.
        threads = [threading.Thread(target=run, args=one, daemon=True) for one in enumerate(makes)]
        until = time.monotonic() + PATIENCE
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
        return [*ends]

    def close(self) -> None:
        self._run(lambda toast: toast.close())
        if self._runner is not None and self._is_own:
            self._runner.close()

    def _run(self, make: Make) -> Any:
        if self._runner is None:
            return make(self._client)

        async def main() -> Any:
            made = make(self._client)
            # A call that never ends is a finding, not the end of the run.
            return await asyncio.wait_for(made, PATIENCE) if asyncio.iscoroutine(made) else made

        return self._runner.run(main())


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call returned or raised, and what it did on the way."""

    call: Call
    value: Any
    error: Exception | None
    entries: Sequence[Entry]
    """All requests that arrived for it."""
    began: float
    ended: float
    case: FaultCase | None = None
    """The fault that was to strike."""

    @property
    def own(self) -> list[Entry]:
        """The requests of the operation itself, without the polls and tokens around it."""
        about = (self.call.operation, self.call.action)
        return [entry for entry in self.entries if (entry.operation, entry.action) == about]

    @property
    def name(self) -> str:
        return self.call.change

    @property
    def ended_as(self) -> str:
        return "done" if self.error is None else type(self.error).__name__

    @property
    def applied(self) -> int:
        """How often it was carried out."""
        return sum(entry.applied for entry in self.own)

    @property
    def is_faulty(self) -> bool:
        """Whether a fault struck."""
        return any(entry.faults for entry in self.entries)

    @property
    def took(self) -> float:
        return self.ended - self.began


class Bench:
    """A mock with a clock that nobody waits for, and a client of either variant on it."""

    def __init__(
        self, variant: str, *, cloud: MockCloud | None = None, clock: SteppingClock | None = None,
        credentials: Collection[str] = CREDENTIALS, wire: Wire | None = None, has_token: bool = True, **options: Any,
    ) -> None:  # fmt: skip
        self.clock = clock or SteppingClock()
        self.cloud = cloud or MockCloud(clock=self.clock)
        self._wire = wire or Wire(self.cloud)
        usual = {"transport": self._wire, "clock": self.clock, "max_retries": 2}
        self.client = Client(variant, credentials, **{**usual, **options})
        if has_token:
            self.call(lambda toast: toast.availability_zones.list())

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def call(self, make: Make, *, before: BeforeSending | None = None) -> tuple[Any, Exception | None]:
        """Make a call, and return what it returned or raised; `before` acts before each request of it."""
        self._wire.before = before
        self.clock.limit = self.clock.monotonic() + _LONGEST_CALL
        try:
            return self.client.call(make)
        finally:
            self._wire.before = None

    def run(
        self, call: Call, *blocks: Block, case: FaultCase | None = None, faults: Sequence[Fault] = (),
        before: BeforeSending | None = None,
    ) -> Outcome:  # fmt: skip
        """Make a call in these blocks while faults strike, and return its outcome."""
        case_faults = [case.fault(call.operation, call.action or None)] if case is not None else []
        self.cloud.faults.add(*case_faults, *faults)
        last, began = self.cloud.journal.last, self.clock.monotonic()
        value, error = self.call(within(call.make, *blocks), before=before)
        entries = self.cloud.journal.find(after=last)
        return Outcome(call, value, error, entries, began, self.clock.monotonic(), case)

    @property
    def world(self) -> World:
        """The mock's own records."""
        return self.cloud.worlds.get(USER)

    def status(self, id: str) -> str:
        """Return the status of an instance in the mock's own records; "gone" when it is not there."""
        one = self.world.instances.get(id)
        return GONE if one is None else one.status if one.transition is None else one.transition.through[0]


def kind_of_entry(entry: Entry) -> str:
    """Return how a request ended in the mock: "success", or the kind of the refusal."""
    return "success" if entry.result_code == 0 else kind_of(entry.result_code or 0)


def moment_of(entry: Entry) -> float:
    """Return when a request arrived, by the monotonic clock."""
    return entry.at - START_OF_FROZEN_TIME

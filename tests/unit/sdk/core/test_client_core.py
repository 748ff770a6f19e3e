"""Test that the core does no I/O, so that any driver can run it."""

from __future__ import annotations

import asyncio
import json
from typing import Any, TypeVar

import pytest
from toast_compute import PermissionDeniedError, WaitTimeoutError
from toast_compute._config.settings import resolve
from toast_compute._core.client_core import Core
from toast_compute._drivers.sync import BlockingDriver
from toast_compute._effects import Draw, FaultKind, Plan, ReadClock, Reply, Send, Sleep, TransportFault
from toast_compute._operations import instances as _plans
from toast_compute._waiters import waiter as _waiters

T = TypeVar("T")


class AsyncDriver:
    """A driver on an event loop, as small as it gets: time and the network are made up."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.sent: list[str] = []
        self.now = 0.0
        self.gate = asyncio.Lock()

    async def run(self, plan: Plan[T]) -> T:
        try:
            effect = next(plan)
            while True:
                try:
                    answer = await self.perform(effect)
                except TransportFault as fault:
                    effect = plan.throw(fault)
                else:
                    effect = plan.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result

    async def perform(self, effect: Any) -> Any:
        await asyncio.sleep(0)
        if isinstance(effect, ReadClock):
            return self.now
        if isinstance(effect, Sleep):
            self.now += effect.seconds
            return None
        if isinstance(effect, Draw):
            return 0.5
        if isinstance(effect, Send):
            self.sent.append(effect.request.operation.id)
            if effect.request.operation.id == "issueToken":
                access = {
                    "token": {"id": "t", "issued_at": "2026-01-15T09:00:00", "expires": "2026-01-15T10:00:00"},
                    "user": {"id": "u", "roles": []},
                }
                return reply(access=access)
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if isinstance(answer, TransportFault):
                self.now += effect.timeout
                raise answer
            return answer
        async with self.gate:
            return await self.run(effect.plan)


def reply(code: int = 0, **payload: Any) -> Reply:
    header = {"isSuccessful": code == 0, "resultCode": code, "resultMessage": "told"}
    return Reply(200, (), json.dumps({"header": header, **payload}).encode())


@pytest.fixture
def core() -> Core:
    return Core(resolve(appkey="k", username="u", password="p", base_url=None, timeout=5.0, environment={}))


def brief(status: str) -> Reply:
    return reply(instances=[{"id": "i-1", "name": "n", "status": status}])


def test_waiter_runs_on_an_event_loop(core: Core) -> None:
    driver = AsyncDriver(brief("BUILD"), brief("BUILD"), brief("ACTIVE"))
    plan = _waiters.wait_for_status(core, "i-1", "ACTIVE", timeout=60, poll_interval=None)
    assert asyncio.run(driver.run(plan)).status == "ACTIVE"
    assert driver.sent == ["issueToken", "listInstances", "listInstances", "listInstances"]
    assert driver.now == 2.1875  # with jitter: an eighth less than 1 s and 1.5 s


def test_many_tasks_issue_one_token(core: Core) -> None:
    driver = AsyncDriver(reply(flavors=[]))

    async def many() -> list[object]:
        return list(await asyncio.gather(*(driver.run(_plans.all_flavors(core)) for _ in range(50))))

    assert asyncio.run(many()) == [[]] * 50
    assert driver.sent.count("issueToken") == 1


def test_errors_are_the_same_on_an_event_loop(core: Core) -> None:
    driver = AsyncDriver(reply(code=-3))
    with pytest.raises(PermissionDeniedError):
        asyncio.run(driver.run(_plans.all_flavors(core)))
    assert driver.sent == ["issueToken", "listFlavors"] * 2
    # A look that is cut by the deadline is the end of the wait.
    silent = AsyncDriver(TransportFault(FaultKind.TIMEOUT, "slow", never_left=False))
    plan = _waiters.wait_for_status(core, "i-1", "ACTIVE", timeout=3, poll_interval=None)
    with pytest.raises(WaitTimeoutError, match="nothing was seen"):
        asyncio.run(silent.run(plan))


def test_interrupt_passes_through_and_releases_the_lock() -> None:
    core = Core(resolve(appkey="k", username="u", password="p", base_url=None, timeout=5.0, environment={}))

    class Interrupted:
        """A sender that the user interrupts at first."""

        calls = 0

        def send(self, effect: Send, /) -> Reply:
            self.calls += 1
            if self.calls == 1:
                raise KeyboardInterrupt
            if effect.request.operation.id == "issueToken":
                token = {"id": "t", "issued_at": "2026-01-15T09:00:00", "expires": "2026-01-15T10:00:00"}
                return reply(access={"token": token, "user": {"id": "u", "roles": []}})
            return reply(flavors=[])

    class Still:
        def monotonic(self) -> float:
            return 0.0

        def sleep(self, seconds: float, /) -> None:
            raise AssertionError(seconds)

        async def sleep_async(self, seconds: float, /) -> None:
            raise AssertionError(seconds)

    driver = BlockingDriver(Interrupted(), Still())
    with pytest.raises(KeyboardInterrupt):
        driver.run(_plans.all_flavors(core))
    assert driver.run(_plans.all_flavors(core)) == []


def test_interrupt_is_thrown_into_the_operation() -> None:
    tidied: list[str] = []

    def plan() -> Plan[None]:
        try:
            yield Sleep(1.0)
        finally:
            tidied.append("done")

    class Interrupting:
        def monotonic(self) -> float:
            return 0.0

        def sleep(self, seconds: float, /) -> None:
            raise KeyboardInterrupt(seconds)

        async def sleep_async(self, seconds: float, /) -> None:
            raise AssertionError(seconds)

    class Unused:
        def send(self, effect: Send, /) -> Reply:
            raise AssertionError(effect)

    held = plan()
    with pytest.raises(KeyboardInterrupt):
        BlockingDriver(Unused(), Interrupting()).run(held)
    # The plan itself is still held here, so nothing but the driver can have ended it.
    assert tidied == ["done"]

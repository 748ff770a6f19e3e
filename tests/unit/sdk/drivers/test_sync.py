"""Test that the sync driver throws an interrupt into the operation that it runs."""

from __future__ import annotations

import pytest
from toast_compute._drivers.sync import SyncDriver
from toast_compute._effects import Effects, Reply, Send, Sleep


class Unused:
    def send(self, effect: Send, /) -> Reply:
        raise AssertionError(effect)


class Interrupting:
    """A clock on which the user interrupts a sleep."""

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float, /) -> None:
        raise KeyboardInterrupt(seconds)

    async def sleep_async(self, seconds: float, /) -> None:
        raise AssertionError(seconds)


def test_interrupt_is_thrown_into_the_operation() -> None:
    cleaned_up: list[str] = []

    def operation() -> Effects[None]:
        try:
            yield Sleep(1.0)
        finally:
            cleaned_up.append("done")

    running = operation()
    with pytest.raises(KeyboardInterrupt):
        SyncDriver(Unused(), Interrupting()).run(running)
    # The operation is still referenced here, so only the driver can have ended it.
    assert cleaned_up == ["done"]

"""How does a blocking program run a plan?"""

from __future__ import annotations

import threading
from typing import Any, Protocol, TypeVar

from ._effects import Effect, FaultKind, Plan, ReadClock, Reply, Send, Sleep, TransportFault
from .clock import Clock

T = TypeVar("T")


class Sender(Protocol):
    """What performs `Send`."""

    def send(self, effect: Send, /) -> Reply:
        """Send one request once; raise `TransportFault` when no reply comes back."""
        ...


class BlockingDriver:
    """Performs the effects of plans in the calling thread. Any number of threads may run plans at the same time."""

    def __init__(self, sender: Sender, clock: Clock) -> None:
        self._sender = sender
        self._clock = clock
        self._gate = threading.Lock()

    def run(self, plan: Plan[T]) -> T:
        """Run a plan to its end and return what it returns; raise what it raises."""
        try:
            effect = next(plan)
            while True:
                try:
                    answer = self._perform(effect)
                except BaseException as error:
                    # Interrupts too: the plan must be able to tidy up, and decides what a fault means.
                    effect = plan.throw(error)
                else:
                    effect = plan.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result

    def _perform(self, effect: Effect) -> Any:
        if isinstance(effect, Send):
            return self._sender.send(effect)
        if isinstance(effect, ReadClock):
            return self._clock.monotonic()
        if isinstance(effect, Sleep):
            return self._clock.sleep(effect.seconds)
        if not self._gate.acquire(timeout=effect.seconds):
            reason = f"no token could be had within {effect.seconds:g} s: another call still waits for one"
            raise TransportFault(FaultKind.TIMEOUT, reason, never_left=True)
        try:
            return self.run(effect.plan)
        finally:
            self._gate.release()

"""How does a blocking program run a plan?"""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, Protocol, TypeVar

from .._effects import (
    Block,
    Draw,
    Effect,
    Exclusively,
    FaultKind,
    Plan,
    ReadClock,
    Reply,
    Send,
    Sleep,
    Together,
    TransportFault,
)
from .._validation import check_methods
from ..clock import Clock

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
        check_methods("clock", clock, ("monotonic", "sleep"), "toast_compute.Clock")
        self._clock = clock
        self._gates: dict[str, threading.Lock] = {}

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
        match effect:
            case Send():
                return self._sender.send(effect)
            case ReadClock():
                return self._clock.monotonic()
            case Sleep():
                return self._clock.sleep(effect.seconds)
            case Draw():
                return random.random()
            case Block():
                return effect.work()
            case Exclusively():
                return self._alone(effect)
            case Together():
                return self._together(effect.plans, effect.limit)

    def _alone(self, effect: Exclusively) -> Any:
        gate = self._gates.setdefault(effect.gate, threading.Lock())  # of two that come at once, both get the same
        if not gate.acquire(timeout=effect.seconds):
            raise no_turn(effect)
        try:
            return self.run(effect.plan)
        finally:
            gate.release()

    def _together(self, plans: Sequence[Plan[Any]], limit: int) -> list[Any]:
        pool = ThreadPoolExecutor(limit, thread_name_prefix="toast-compute")
        try:
            # Each in a copy of the caller's context: a deadline holds for all of them.
            running = [pool.submit(copy_context().run, self._outcome, plan) for plan in plans]
            return [one.result() for one in running]
        finally:
            # After an interrupt, what has not begun does not begin any more.
            pool.shutdown(cancel_futures=True)

    def _outcome(self, plan: Plan[Any]) -> Any:
        try:
            return self.run(plan)
        except Exception as error:
            return error


def no_turn(effect: Exclusively) -> TransportFault:
    """Return what is thrown into a plan whose turn did not come."""
    reason = f"the {effect.gate} could not be had within {effect.seconds:g} s: another call still waits for it"
    return TransportFault(FaultKind.TIMEOUT, reason, not_sent=True)

"""The driver of sync clients: it performs effects in the calling thread."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, Protocol, TypeVar

from .._effects import (
    Effect,
    Effects,
    FaultKind,
    Gather,
    Random,
    ReadClock,
    Reply,
    RunInThread,
    Send,
    Sleep,
    TransportFault,
    WithLock,
)
from .._validation import check_methods
from ..clock import Clock

T = TypeVar("T")


class Sender(Protocol):
    """What performs `Send`."""

    def send(self, effect: Send, /) -> Reply:
        """Send one request once; raise `TransportFault` when no reply comes back."""
        ...


class SyncDriver:
    """Runs operations in the calling thread. Any number of threads may run operations at the same time."""

    def __init__(self, sender: Sender, clock: Clock) -> None:
        self._sender = sender
        check_methods("clock", clock, ("monotonic", "sleep"), "toast_compute.Clock")
        self._clock = clock
        self._locks: dict[str, threading.Lock] = {}

    def run(self, effects: Effects[T]) -> T:
        """Run an operation to its end and return what it returns; raise what it raises."""
        monotonic = self._clock.monotonic
        try:
            effect = next(effects)
            while True:
                try:
                    answer = self._perform(effect), monotonic()
                except BaseException as error:
                    # Interrupts too: the operation must be able to clean up, and decides what a fault means.
                    effect = effects.throw(error)
                else:
                    effect = effects.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result

    def _perform(self, effect: Effect) -> Any:
        match effect:
            case Send():
                return self._sender.send(effect)
            case ReadClock():
                return None
            case Sleep():
                return self._clock.sleep(effect.seconds)
            case Random():
                return random.random()
            case RunInThread():
                return effect.function()
            case WithLock():
                return self._with_lock(effect)
            case Gather():
                return self._gather(effect.effects, effect.limit)

    def _with_lock(self, effect: WithLock) -> Any:
        lock = self._locks.setdefault(effect.lock, threading.Lock())  # of two threads at once, both get the same one
        if not lock.acquire(timeout=effect.seconds):
            raise lock_timeout(effect)
        try:
            return self.run(effect.effects)
        finally:
            lock.release()

    def _gather(self, several: Sequence[Effects[Any]], limit: int) -> list[Any]:
        pool = ThreadPoolExecutor(limit, thread_name_prefix="toast-compute")
        try:
            # Each in a copy of the caller's context: a deadline holds for all of them.
            running = [pool.submit(copy_context().run, self._outcome, effects) for effects in several]
            return [one.result() for one in running]
        finally:
            # After an interrupt, what has not begun does not begin any more.
            pool.shutdown(cancel_futures=True)

    def _outcome(self, effects: Effects[Any]) -> Any:
        try:
            return self.run(effects)
        except Exception as error:
            return error


def lock_timeout(effect: WithLock) -> TransportFault:
    """Return what is thrown into an operation that did not get a lock in time."""
    reason = f"the {effect.lock} could not be had within {effect.seconds:g} s: another call still waits for it"
    return TransportFault(FaultKind.TIMEOUT, reason, not_sent=True)

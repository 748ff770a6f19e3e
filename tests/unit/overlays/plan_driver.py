"""How does a test run a thousand plans in one thread, on a clock that it can see?"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable, Iterable
from contextvars import Context, copy_context
from typing import Any

from toast_compute._driver import Sender, no_turn
from toast_compute._effects import Draw, Effect, Exclusively, Plan, ReadClock, Send, Sleep
from toast_compute_mock.clock.clocks import FrozenClock

Resume = Callable[[Any, BaseException | None], None]


class PlanDriver:
    """Runs plans side by side. A request takes `latency` seconds; time moves on when all plans wait."""

    def __init__(self, sender: Sender, clock: FrozenClock, *, latency: float = 0.0, seed: int = 0) -> None:
        self.sent: list[tuple[float, str]] = []
        """When which operation was sent, in seconds since this driver was made."""
        self.began = clock.monotonic()
        self._sender = sender
        self._clock = clock
        self._latency = latency
        self._random = random.Random(seed)
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0
        self._gates: dict[str, deque[Callable[[], None]]] = {}

    def run(self, plans: Iterable[Plan[Any]], starts: Iterable[float]) -> list[Any]:
        """Start each plan at its moment, and return what each returned or raised."""
        results: dict[int, Any] = {}
        for index, (plan, start) in enumerate(zip(plans, starts, strict=False)):
            self._later(start, self._starter(plan, index, results))
        while self._due:
            due, _, resume = heapq.heappop(self._due)
            now = self._clock.monotonic()
            if due > now:
                self._clock.advance(due - now)
            resume()
        return [results[index] for index in range(len(results))]

    def _starter(self, plan: Plan[Any], index: int, results: dict[int, Any]) -> Callable[[], None]:
        def end(result: Any, error: BaseException | None) -> None:
            results[index] = result if error is None else error

        return lambda: self._step(plan, copy_context(), end, None, None)

    def _step(self, plan: Plan[Any], context: Context, end: Resume, answer: Any, error: BaseException | None) -> None:
        try:
            effect = context.run(plan.send, answer) if error is None else context.run(plan.throw, error)
        except StopIteration as over:
            end(over.value, None)
            return
        except Exception as failure:
            end(None, failure)
            return
        self._perform(effect, context, lambda value, fault: self._step(plan, context, end, value, fault))

    def _perform(self, effect: Effect, context: Context, resume: Resume) -> None:
        match effect:
            case ReadClock():
                resume(self._clock.monotonic(), None)
            case Draw():
                resume(self._random.random(), None)
            case Sleep():
                self._later(effect.seconds, lambda: resume(None, None))
            case Send():
                self.sent.append((self._clock.monotonic() - self.began, effect.request.operation.id))
                try:
                    reply, fault = self._sender.send(effect), None
                except Exception as error:
                    reply, fault = None, error
                self._later(self._latency, lambda: resume(reply, fault))
            case Exclusively():
                self._queue(effect, context, resume)
            case _:
                raise NotImplementedError(effect)

    def _queue(self, effect: Exclusively, context: Context, resume: Resume) -> None:
        is_over = False

        def leave(value: Any, error: BaseException | None) -> None:
            line.popleft()
            if line:
                self._later(0.0, line[0])
            resume(value, error)

        def enter() -> None:
            nonlocal is_over
            if is_over:
                line.popleft()
                if line:
                    self._later(0.0, line[0])
                return
            is_over = True
            self._step(effect.plan, context, leave, None, None)

        def give_up() -> None:
            nonlocal is_over
            if not is_over:
                is_over = True
                resume(None, no_turn(effect))

        line = self._gates.setdefault(effect.gate, deque())
        line.append(enter)
        self._later(effect.seconds, give_up)
        if len(line) == 1:
            enter()

    def _later(self, seconds: float, resume: Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self._due, (self._clock.monotonic() + seconds, self._number, resume))

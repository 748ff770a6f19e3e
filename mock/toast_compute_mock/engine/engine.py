"""Answer a request at a moment in time: the whole service, without I/O and without a clock."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import msgspec

from ..contract.operations import contract
from ..exchange import Reply, Request
from ..faults.plan import Chosen, FaultPlan
from ..faults.rules import CallContext
from ..journal.journal import Journal
from ..operations import HANDLERS, OPEN_HANDLERS
from ..rules import RefusedError
from ..world.addresses import occupy
from ..world.lifecycle import GONE
from ..world.registry import Registry, copy_of
from ..world.seed import SeedWorld, default_seed_world
from ..world.state import Transition, World
from .recorder import record
from .replies import HTTP_STATUS, Replies
from .routing import ResolvedRequest, Router, resolve

_FAILED = "ERROR"  # guide: "오류 상태"
_NO_REPLY = Reply(HTTP_STATUS, (), b"")


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """How a request ended inside the service."""

    reply: Reply
    result_code: int | None
    """None when the reply has no envelope that can be read."""
    applied: int
    """How often the operation was carried out."""


class _Header(msgspec.Struct, rename="camel"):
    result_code: int


class _Envelope(msgspec.Struct):
    header: _Header


class Engine:
    """The service. The same seed and the same requests at the same times give the same replies, byte for byte.

    Not safe for threads: a server lets one request in at a time. `sample_above` is a number of bytes: of the replies
    that are longer, only one in sixteen is checked against the contract; None checks all.
    """

    def __init__(
        self,
        seed: int = 0,
        seed_world: SeedWorld | None = None,
        *,
        sample_above: int | None = None,
        journal: Journal | None = None,
    ) -> None:
        self._router = Router(contract())
        self.replies = Replies(sample_above)
        self.registry = Registry(seed_world or default_seed_world(), seed)
        self.faults = FaultPlan(seed)
        self.journal = Journal() if journal is None else journal

    def handle(self, request: Request, now: float) -> Reply:
        """Return the reply to a request that comes at `now`, in seconds since 1970.

        Raises BrokenReplyError when the mock itself is wrong; a request never makes it raise anything.
        """
        resolved = resolve(self._router, self.registry.behind, request, datetime.fromtimestamp(now, UTC))
        # Before anything is executed: whether a read can be stale depends on the history as the request found it.
        chosen = self._choose_fault(resolved, now) if self.faults else None
        before = self._copy_before_change(resolved) if self.faults.wants_history else None
        names: tuple[str, ...] = ()
        if chosen is None:
            outcome = self._execute(resolved)
        else:
            outcome, names = self._execute_with_fault(resolved, chosen), chosen.names
        if before is not None and outcome.applied:
            self.registry.history[_history_key(resolved)] = (resolved.now, before)
        reply = outcome.reply
        record(self.journal, self.registry, resolved, now, reply, outcome.result_code, outcome.applied, names)
        return reply

    def _execute(self, resolved: ResolvedRequest) -> Outcome:
        """Do what the request asks for, or refuse it."""
        operation, call = resolved.operation, resolved.call
        failure = operation.failure if operation is not None else None
        try:
            if resolved.refused is not None:
                raise resolved.refused
            assert operation is not None
            assert call is not None
            if operation.needs_token:
                assert resolved.world is not None
                payload = HANDLERS[operation.id](resolved.world, call)
            else:
                payload = OPEN_HANDLERS[operation.id](resolved.worlds, call)
        except RefusedError as refused:
            return Outcome(self.replies.refusal(refused, failure), refused.code, 0)
        return Outcome(self.replies.success(payload, operation.successes[resolved.action]), 0, 1)

    def _execute_with_fault(self, resolved: ResolvedRequest, chosen: Chosen) -> Outcome:
        """Execute it as often as the effect demands, and apply the effect to the reply."""
        effect = chosen.effect
        if effect is None:
            outcome = self._execute(resolved)
        elif not effect.commits:
            reply = effect.apply(_NO_REPLY)
            outcome = Outcome(reply, _result_code(reply), 0)
        elif effect.stale and resolved.world is not None:
            _, before = self.registry.history[_history_key(resolved)]
            resolved.worlds = [before if world is resolved.world else world for world in resolved.worlds]
            resolved.world = before
            outcome = self._execute(resolved)
        else:
            pending = _pending_transitions(resolved.world) if effect.fails and resolved.world is not None else None
            outcome = self._execute(resolved)
            if pending is not None and resolved.world is not None:
                _end_in_error(resolved.world, pending)
            applied = outcome.applied + sum(self._execute(resolved).applied for _ in range(effect.times - 1))
            reply = effect.apply(outcome.reply)
            outcome = Outcome(reply, _result_code(reply), applied)
        if not chosen.delay:
            return outcome
        return Outcome(replace(outcome.reply, delay=chosen.delay), outcome.result_code, outcome.applied)

    def _choose_fault(self, resolved: ResolvedRequest, now: float) -> Chosen | None:
        """Let the plan choose the faults."""
        operation = resolved.operation
        before = (
            self.registry.history.get(_history_key(resolved)) if operation is not None and operation.reads else None
        )
        return self.faults.choose(
            CallContext(
                operation="" if operation is None else operation.id,
                action=resolved.action,
                world=_world_id(resolved),
                token_age=resolved.token_age,
                now=now,
                changed_ago=None if before is None else (resolved.now - before[0]).total_seconds(),
            )
        )

    def _copy_before_change(self, resolved: ResolvedRequest) -> World | None:
        """Return the world as it is before a change, for stale reads."""
        if resolved.world is None or resolved.operation is None or resolved.operation.reads:
            return None
        return copy_of(resolved.world)


def _history_key(resolved: ResolvedRequest) -> tuple[str, bool]:
    return _world_id(resolved), resolved.operation is not None and resolved.operation.needs_token


def _world_id(resolved: ResolvedRequest) -> str:
    return "" if resolved.world is None else resolved.world.account.user_id


def _result_code(reply: Reply) -> int | None:
    """Return the result code in a reply that is no longer what the service made."""
    with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
        return msgspec.json.decode(reply.body, type=_Envelope).header.result_code
    return None


def _pending_transitions(world: World) -> dict[str, Transition | None]:
    """Return the changes of status that are under way, by the instance's id; for `_end_in_error`."""
    return {instance.id: instance.transition for instance in world.instances.values()}


def _end_in_error(world: World, before: Mapping[str, Transition | None]) -> None:
    """Let the changes of status that began since `before` end in ERROR; who is not deleted keeps its addresses."""
    for instance in world.instances.values():
        change = instance.transition
        if change is not None and change is not before.get(instance.id):
            if change.to == GONE:
                for interface in instance.interfaces:
                    occupy(world.subnets[interface.subnet_id], interface.ip_address)
            change.to = _FAILED
            change.flavor = None

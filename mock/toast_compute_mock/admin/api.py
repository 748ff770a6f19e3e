"""Answer the admin API: one method for each operationId, and the HTTP around it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property, partial
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, TypeAlias

import msgspec

from ..clock.clocks import SettableClock
from ..contract.operations import contract
from ..control import Control
from ..engine.schema_evolution import OPTIONS
from ..exchange import Deferred, JsonObject, Reply, Request
from ..faults.base import FaultError
from ..faults.json import read_faults
from ..faults.plan import FaultPlan
from ..faults.presets import EXPLANATIONS, PRESETS
from ..faults.rules import FaultState, describe
from ..journal.journal import Journal, check_filters
from ..rules import OTHER_BEHAVIOURS, Behaviour, Rule
from ..world.registry import WorldError
from ..world.snapshots import SnapshotError
from .access import Access
from .assets import PREFIX, load_document, load_page
from .routes import AdminError, Call, Operation, Routes, malformed, read_call
from .serializers import serialize_entry, serialize_timeline, serialize_world
from .waiting import PendingAnswer, kind_of, poll_until, sleep

Answer: TypeAlias = "JsonObject | bytes | Reply | PendingAnswer"
"""A payload, a payload that is JSON already, a whole reply, or the promise of a payload."""

_PAGE = "/"
_encode = msgspec.json.Encoder().encode
# A reply holds for the moment alone, and is never to be taken for anything but JSON.
_HEADERS = (("content-type", "application/json"), ("cache-control", "no-store"), ("x-content-type-options", "nosniff"))
_TO_THE_PAGE = Reply(HTTPStatus.PERMANENT_REDIRECT.value, (("location", f"{PREFIX}{_PAGE}"),), b"")
_DISTRIBUTION = "toast-compute"
_COUNTED = {"operation": "operation", "action": "action", "world": "world", "resultCode": "result_code"}
_FILTERS = {**_COUNTED, "fault": "fault"}


class Admin:
    """The admin API of one cloud. Without `token` it answers this machine alone; with one, whoever gives it."""

    def __init__(self, control: Control, faults: FaultPlan, journal: Journal, token: str | None = None) -> None:
        document = load_document()
        self._access = Access(token)
        self._routes = Routes(document)
        self._views = Views(control, faults, journal, document)

    def answer(self, request: Request) -> Reply | Deferred:
        """Return the reply to a request whose path is `/_mock` or begins with `/_mock/`, or the promise of one."""
        try:
            return self._answer(request)
        except AdminError as refused:
            return _reply(refused.status.value, {"message": refused.message}, *refused.headers)

    def _answer(self, request: Request) -> Reply | Deferred:
        path, _, query = request.target.removeprefix(PREFIX).partition("?")
        self._access.authorize(request, is_page=path in ("", _PAGE))
        if not path:
            return _TO_THE_PAGE
        operation, in_path = self._routes.find(request.method, path)
        call = read_call(operation, in_path, query, request)
        answer: Answer = getattr(self._views, method_name(operation.id))(call)
        return _finish(operation, answer)


class Views:
    """The operations, each named like its operationId in Python's way. They raise AdminError."""

    def __init__(self, control: Control, faults: FaultPlan, journal: Journal, document: JsonObject) -> None:
        self._control = control
        self._faults = faults
        self._journal = journal
        self._document = document

    # The mock as a whole

    def get_page(self, _: Call) -> Answer:
        return self._page

    def get_health(self, _: Call) -> Answer:
        return {"status": "ok", "version": version(_DISTRIBUTION), "basePath": self._control.prefix}

    def get_document(self, _: Call) -> Answer:
        return self._document

    def list_operations(self, _: Call) -> Answer:
        return {"operations": [{"id": each.id, "actions": list(each.actions)} for each in contract().operations]}

    def list_behaviours(self, _: Call) -> Answer:
        return {
            "behaviours": [_serialize_behaviour(one) for one in (*(rule.value for rule in Rule), *OTHER_BEHAVIOURS)]
        }

    def reset_all(self, _: Call) -> Answer:
        self._control.worlds.reset()
        self._faults.clear()
        self._journal.clear()
        return self._worlds()

    def get_snapshot(self, _: Call) -> Answer:
        return self._control.snapshot()

    def put_snapshot(self, call: Call) -> Answer:
        try:
            self._control.restore(call.content)
        except SnapshotError as error:
            raise malformed("body", str(error)) from None
        return self._worlds()

    def get_evolution(self, _: Call) -> Answer:
        return {"habits": list(self._control.evolution), "known": list(OPTIONS)}

    def set_evolution(self, call: Call) -> Answer:
        try:
            self._control.evolution = call.body["habits"]
        except ValueError as error:
            raise malformed("habits", str(error)) from None
        return self.get_evolution(call)

    # The clock

    def get_clock(self, _: Call) -> Answer:
        clock = self._control.clock
        now = clock.now()
        return {
            "kind": kind_of(clock),
            "now": datetime.fromtimestamp(now, UTC),
            "seconds": now,
            "settable": isinstance(clock, SettableClock),
        }

    def advance_clock(self, call: Call) -> Answer:
        clock = self._settable_clock()
        with _clock_errors_are_400("seconds"):
            clock.advance(call.body["seconds"])
        return self.get_clock(call)

    def set_clock(self, call: Call) -> Answer:
        clock = self._settable_clock()
        try:
            moment = datetime.fromisoformat(call.body["to"])
        except ValueError:  # a leap second is a date-time, and Python has none
            raise malformed("to", "is not a moment that this clock knows") from None
        with _clock_errors_are_400("to"):
            clock.set(moment.timestamp())
        return self.get_clock(call)

    def sleep_on_clock(self, call: Call) -> Answer:
        return sleep(self._control.clock, call.body["seconds"], call.body["timeout"])

    # Worlds

    def list_worlds(self, _: Call) -> Answer:
        return self._worlds()

    def create_world(self, call: Call) -> Answer:
        wanted = call.body
        source = wanted.get("from")
        if source is not None and all(world.id != source for world in self._control.worlds.list()):
            raise malformed("from", "there is no such world")
        try:
            made = self._control.worlds.fork(
                source, appkey=wanted["appkey"], username=wanted["username"], password=wanted["password"]
            )
        except WorldError as error:
            raise AdminError(HTTPStatus.CONFLICT, str(error)) from None
        return self._summary(made)

    def get_world(self, call: Call) -> Answer:
        # Read before the world is copied: its state is that of this moment or a little later, never before it.
        now = self._now()
        with _world_errors_are_404():
            return serialize_world(self._control.worlds.get(call.parameters["world"]), now)

    def get_timeline(self, call: Call) -> Answer:
        now = self._now()
        with _world_errors_are_404():
            return serialize_timeline(self._control.worlds.get(call.parameters["world"]), now, call.parameters["limit"])

    def reset_world(self, call: Call) -> Answer:
        world = call.parameters["world"]
        with _world_errors_are_404():
            self._control.worlds.reset(world)
        return self._summary(world)

    def set_quotas(self, call: Call) -> Answer:
        world, body = call.parameters["world"], call.body
        limits = {name: body.get(name) for name in ("instances", "keypairs")}
        with _world_errors_are_404():
            self._control.worlds.set_quotas(world, **limits)
        return limits

    def diff_worlds(self, call: Call) -> Answer:
        with _world_errors_are_404():
            return {"changes": self._control.worlds.diff(call.parameters["world"], call.parameters["other"])}

    def revoke_tokens(self, call: Call) -> Answer:
        worlds = [call.body["world"]] if "world" in call.body else [world.id for world in self._control.worlds.list()]
        with _world_errors_are_404():
            return {"revoked": sum(self._control.worlds.revoke_tokens(world) for world in worlds)}

    # Faults

    def list_faults(self, _: Call) -> Answer:
        return {"faults": [_serialize_fault(state) for state in self._faults.list()]}

    def add_faults(self, call: Call) -> Answer:
        try:
            self._faults.add(*read_faults(call.content))
        except FaultError as error:
            raise AdminError(HTTPStatus.BAD_REQUEST, str(error)) from None
        return self.list_faults(call)

    def remove_faults(self, call: Call) -> Answer:
        self._faults.clear()
        return self.list_faults(call)

    def remove_fault(self, call: Call) -> Answer:
        try:
            self._faults.remove(call.parameters["name"])
        except FaultError as error:
            raise AdminError(HTTPStatus.NOT_FOUND, str(error)) from None
        return self.list_faults(call)

    def list_unused_faults(self, _: Call) -> Answer:
        return {"names": self._faults.unused()}

    def list_fault_presets(self, _: Call) -> Answer:
        return {"presets": [{"name": name, "says": EXPLANATIONS[name], "faults": PRESETS[name]} for name in PRESETS]}

    # The journal

    def find_entries(self, call: Call) -> Answer:
        journal, given = self._journal, call.parameters
        filters = {name: given[parameter] for parameter, name in _FILTERS.items()}
        limit, newest = given["limit"], given["newest"]
        _check_filters(given)
        searched = -1  # up to which number nothing was found

        def poll(is_last: bool) -> JsonObject | None:
            nonlocal searched
            last = journal.last
            if last == searched and not is_last:
                return None
            searched = last
            found = journal.find(**filters, after=given["after"], limit=None if newest else limit)
            return (
                {"entries": [serialize_entry(entry) for entry in found[-limit:]], "last": last}
                if found or is_last
                else None
            )

        return poll_until(poll, given["wait"])

    def count_entries(self, call: Call) -> Answer:
        _check_filters(call.parameters)
        return {"count": self._journal.count(**{n: call.parameters[p] for p, n in _COUNTED.items()})}

    def clear_journal(self, _: Call) -> Answer:
        self._journal.clear()
        return {"count": 0}

    def _worlds(self) -> JsonObject:
        return {"worlds": self._control.worlds.list()}

    def _summary(self, world_id: str) -> JsonObject:
        (one,) = [world for world in self._control.worlds.list() if world.id == world_id]
        return msgspec.structs.asdict(one)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._control.clock.now(), UTC)

    def _settable_clock(self) -> SettableClock:
        clock = self._control.clock
        if isinstance(clock, SettableClock):
            return clock
        kind = kind_of(clock)
        reason = f"a {kind} clock cannot be moved; start the mock with another `--clock`"
        raise AdminError(HTTPStatus.CONFLICT, reason)

    @cached_property
    def _page(self) -> Reply:
        return load_page()


def _check_filters(given: Mapping[str, Any]) -> None:
    """Refuse an operation or action that no entry can have."""
    try:
        check_filters(given["operation"], given["action"])
    except ValueError as error:
        raise AdminError(HTTPStatus.BAD_REQUEST, str(error)) from None


@contextmanager
def _world_errors_are_404() -> Iterator[None]:
    """Refuse a world that is not there."""
    try:
        yield
    except WorldError as error:
        raise AdminError(HTTPStatus.NOT_FOUND, str(error)) from None


@contextmanager
def _clock_errors_are_400(place: str) -> Iterator[None]:
    """Refuse a moment at which the clock cannot be, with the clock's reason behind the place in the request."""
    try:
        yield
    except ValueError as error:
        raise malformed(place, str(error).partition(": ")[2] or str(error)) from None


def _serialize_behaviour(behaviour: Behaviour) -> JsonObject:
    shown: JsonObject = {"basis": behaviour.basis, "says": behaviour.text}
    return shown | {"resultCode": behaviour.code} if behaviour.code else shown


def _serialize_fault(state: FaultState) -> JsonObject:
    return {**msgspec.structs.asdict(state), "says": describe(state.fault)}


def method_name(operation_id: str) -> str:
    """Return the name of the method of Views: `find_entries` for `findEntries`."""
    return re.sub("[A-Z]", lambda letter: "_" + letter[0].lower(), operation_id)


def _finish(operation: Operation, answer: Answer) -> Reply | Deferred:
    if not isinstance(answer, PendingAnswer):
        return _reply(operation.status, answer)
    return _poll(operation, answer) or Deferred(partial(_poll, operation, answer))


def _poll(operation: Operation, later: PendingAnswer) -> Reply | None:
    payload = later.poll()
    return None if payload is None else _reply(operation.status, payload)


def _reply(status: int, answer: object, *headers: tuple[str, str]) -> Reply:
    if isinstance(answer, Reply):
        return answer
    return Reply(status, (*_HEADERS, *headers), answer if isinstance(answer, bytes) else _encode(answer))

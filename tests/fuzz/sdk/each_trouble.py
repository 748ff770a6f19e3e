"""Is everything that can go wrong dealt with as it should be, in every kind of call?

Also where it lasts, and where the machine is put to sleep between two tries, so that the deadline or the token has come
to its end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import msgspec
from toast_compute import APIError
from toast_compute_mock import MockCloud, faults
from toast_compute_mock.worlds import default_seed_world

from .clocks import SteppingClock
from .driver import Call, Driver, within_deadlines
from .many_calls import new_instance
from .story import COLOURS
from .told import TOKEN, Outcome, problems_of_outcome, problems_of_retryable, problems_of_tries
from .troubles import TROUBLES, Trouble

_WORLD = default_seed_world()
_RUNNING, _STOPPED = _WORLD.instances[0], _WORLD.instances[1]
_KEYPAIR = _WORLD.keypairs[0].name
_FLAVOR = next(one.id for one in _WORLD.flavors if one.id != _STOPPED.flavor)
_VOLUME = next(one.id for one in _WORLD.volumes if one.zone == _RUNNING.zone and one.id not in _RUNNING.attachments)
_TAKEN = _RUNNING.interfaces[0].floating_ip_address or ""
_ADDRESS = next(one.address for one in _WORLD.floating_ips if one.address != _TAKEN)
_GROUP = next(one.name for one in _WORLD.security_groups if one.name not in _STOPPED.security_groups)


class _Kind(NamedTuple):
    operation: str
    action: str = ""


_CALLS: Mapping[_Kind, Call] = {
    _Kind("listFlavors"): lambda toast: toast.flavors.list(),
    _Kind("deleteKeypair"): lambda toast: toast.keypairs.delete(_KEYPAIR),
    _Kind("createKeypair"): lambda toast: toast.keypairs.create("another-key"),
}
"""One of each kind of `x-retry`."""
_ACTION = "runInstanceAction"
_CHANGES: Mapping[_Kind, Call] = {
    _Kind("createInstance"): lambda toast: toast.instances.create(**new_instance()),
    _Kind("deleteInstance"): lambda toast: toast.instances.delete(_RUNNING.id),
    _Kind("attachVolume"): lambda toast: toast.instances.attach_volume(_RUNNING.id, _VOLUME),
    _Kind("detachVolume"): lambda toast: toast.instances.detach_volume(_RUNNING.id, next(iter(_RUNNING.attachments))),
    _Kind(_ACTION, "start"): lambda toast: toast.instances.start(_STOPPED.id),
    _Kind(_ACTION, "stop"): lambda toast: toast.instances.stop(_RUNNING.id),
    _Kind(_ACTION, "reboot"): lambda toast: toast.instances.reboot(_RUNNING.id),
    _Kind(_ACTION, "resize"): lambda toast: toast.instances.resize(_STOPPED.id, _FLAVOR),
    _Kind(_ACTION, "uploadImage"): lambda toast: toast.instances.upload_image(_STOPPED.id, "an image"),
    _Kind(_ACTION, "addFloatingIp"): lambda toast: toast.instances.add_floating_ip(
        _STOPPED.id, _ADDRESS, _STOPPED.interfaces[0].ip_address
    ),
    _Kind(_ACTION, "removeFloatingIp"): lambda toast: toast.instances.remove_floating_ip(_RUNNING.id, _TAKEN),
    _Kind(_ACTION, "addSecurityGroup"): lambda toast: toast.instances.add_security_group(_STOPPED.id, _GROUP),
    _Kind(_ACTION, "removeSecurityGroup"): lambda toast: toast.instances.remove_security_group(
        _RUNNING.id, _RUNNING.security_groups[0]
    ),
}
"""Every change of an instance; each is accepted in the mock's own world."""
_LOST = ("reply lost", "reset before", "HTTP 502, carried out", "result code -2")
"""The troubles in which every change is tried: it may have been carried out, or not."""
_DEADLINE = 60.0
_HOUR = 3600.0
_WRONG_PASSWORD = 50401


class _Suspended(SteppingClock):
    """Passes an hour with each sleep, once it is told to."""

    is_suspended = False

    def _pass(self, seconds: float) -> None:
        super()._pass(seconds + _HOUR if self.is_suspended else seconds)


class _Case(NamedTuple):
    trouble: Trouble
    lasts: bool = False
    """Whether it goes wrong each time, and not once."""
    is_suspended: bool = False
    """Whether the machine is put to sleep whenever the SDK pauses."""
    has_deadline: bool = False
    lets_in: bool = True
    """Whether a new token can be had."""


def _outcomes(calls: Mapping[_Kind, Call], case: _Case) -> Iterator[tuple[str, Outcome]]:
    """Make each of some calls in each colour."""
    for colour in COLOURS:
        for (operation, action), make in calls.items():
            clock = _Suspended()
            cloud = MockCloud(clock=clock)
            driver = Driver(cloud, clock, colour)
            try:
                driver.call(lambda toast: toast.availability_zones.list())  # so that a token is there
                fault = case.trouble.make(operation, action or None)
                cloud.faults.add(msgspec.structs.replace(fault, budget=None) if case.lasts else fault)
                if not case.lets_in:
                    cloud.faults.add(faults.result_code(TOKEN, _WRONG_PASSWORD, budget=None))
                clock.is_suspended = case.is_suspended
                last, began = cloud.journal.last, clock.monotonic()
                value, error = driver.call(within_deadlines(make, _DEADLINE) if case.has_deadline else make)
                entries = cloud.journal.find(after=last)
            finally:
                driver.close()
            yield colour, Outcome(operation, action, value, error, entries, began, clock.monotonic(), case.trouble)


def _once(trouble: Trouble) -> Iterator[str]:
    calls = {**_CALLS, **_CHANGES} if trouble.name in _LOST else _CALLS
    for colour, outcome in _outcomes(calls, _Case(trouble)):
        if not outcome.is_troubled:
            yield f"{colour}: {outcome.operation} met nothing"
        if isinstance(outcome.error, APIError) and outcome.retry in trouble.survived:
            yield f"{colour}: {outcome.action or outcome.operation} was refused in the end ({outcome.error})"
        yield from (f"{colour}: {problem}" for problem in problems_of_outcome(outcome))


def _always(trouble: Trouble) -> Iterator[str]:
    for colour, outcome in _outcomes(_CALLS, _Case(trouble, lasts=True)):
        for problem in (*problems_of_tries(outcome), *problems_of_retryable(outcome)):
            yield f"{colour}: {problem}"


def _after_sleep(trouble: Trouble) -> Iterator[str]:
    for case in (
        _Case(trouble, is_suspended=True, has_deadline=True),
        _Case(trouble, is_suspended=True, lets_in=False),
    ):
        for colour, outcome in _outcomes(_CALLS, case):
            yield from (f"{colour}: {problem}" for problem in problems_of_tries(outcome))


CHECKS: Mapping[str, Callable[[], str]] = {
    f"{name}, {how}": lambda trouble=trouble, find=find: next(find(trouble), "")  # type: ignore[misc]
    for name, trouble in TROUBLES.items()
    for how, find in {"once": _once, "always": _always, "and then a sleep": _after_sleep}.items()
}
"""By name: returns what is wrong, empty for nothing."""

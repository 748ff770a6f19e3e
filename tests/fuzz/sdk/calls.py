"""Which public methods has the SDK, what does each ask for, and which part of the reply does it return?"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from toast_compute import AsyncToastCompute, NotFoundError, ToastCompute

from .arguments import ARGUMENTS, ID, NAME, OTHER_ID
from .facts import actions

_WHOLE = ARGUMENTS["instances.create"]
# With nothing that may be left out, and in the shorter words that the SDK takes.
_NEW: Mapping[str, Any] = {
    **{name: value for name, value in _WHOLE.items() if name not in ("count", "volume")},
    "networks": _WHOLE["networks"][0],
    "security_groups": _WHOLE["security_groups"][0]["name"],
}
# Neither sends anything: they are used around every call here.
_AROUND = frozenset({"capture", "deadline", "close"})

Returns = Callable[[dict[str, Any]], Any]
"""Takes a success as JSON, and returns what the method has to return as JSON; NotFoundError where it has to raise."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of one public method."""

    method: str
    """Such as `instances.start`."""
    operation: str
    """The operation whose reply is fuzzed."""
    make: Callable[[Any], Any]
    """Calls the method of a client; what it returns has to be awaited when the client is asynchronous."""
    returns: Returns | None
    """None for a method that does not return what one reply says, such as a wait."""
    action: str = ""
    variant: str = ""
    """What tells this call from others of the same method."""
    wanted: tuple[str, str, str] | None = None
    """For a method that looks for one thing: the member of the reply with all, the key and the value of the one."""

    @property
    def name(self) -> str:
        """What the call is called in reports."""
        return f"{self.method} ({self.variant})" if self.variant else self.method


def calls() -> list[Call]:
    """Return at least one call of every public method, and of `run_action` one for each action."""
    return [*_reads(), *_changes(), *_powers(), *_several()]


def public_methods() -> set[str]:
    """Return the public methods of both clients that send something, such as `instances.start`."""
    found: set[str] = set()
    for client in (ToastCompute, AsyncToastCompute):
        found |= {name for name in _functions(client) if name not in _AROUND}
        for resource, annotation in inspect.get_annotations(client, eval_str=True).items():
            if not resource.startswith("_"):
                found |= {f"{resource}.{name}" for name in _functions(annotation)}
    return found


def _functions(cls: type) -> Iterator[str]:
    for name, _ in inspect.getmembers(cls, inspect.isfunction):
        if not name.startswith("_"):
            yield name


def _member(name: str) -> Returns:
    return lambda reply: reply[name]


def _nothing(_: dict[str, Any]) -> None:
    return None


def _look_up(method: str, operation: str, make: Callable[[Any], Any], wanted: tuple[str, str, str]) -> Call:
    member, key, value = wanted

    def found(reply: dict[str, Any]) -> Any:
        # It must not be taken on trust that the service has looked at the filter.
        return next((one for one in reply[member] if one[key] == value), NotFoundError)

    return Call(method, operation, make, found, wanted=wanted)


def _reads() -> Iterator[Call]:
    yield Call("tokens.issue", "issueToken", lambda toast: toast.tokens.issue(), _member("access"))
    yield Call("tokens.get", "getToken", _usual("tokens.get"), _member("access"))
    yield Call("flavors.list", "listFlavors", lambda toast: toast.flavors.list(), _member("flavors"))
    yield Call(
        "availability_zones.list",
        "listAvailabilityZones",
        lambda toast: toast.availability_zones.list(),
        _member("zones"),
    )
    yield Call("instances.list", "listInstances", lambda toast: toast.instances.list(), _member("instances"))
    yield Call(
        "instances.list_details",
        "listInstanceDetails",
        lambda toast: toast.instances.list_details(),
        _member("instances"),
    )
    one = ("instances", "id", ID)
    yield _look_up("instances.get", "listInstances", _usual("instances.get"), one)
    yield _look_up("instances.get_details", "listInstanceDetails", _usual("instances.get_details"), one)
    yield Call("keypairs.list", "listKeypairs", lambda toast: toast.keypairs.list(), _member("keypairs"))
    named = ("keypairs", "name", NAME)
    yield _look_up("keypairs.get", "listKeypairs", _usual("keypairs.get"), named)
    yield Call("request", "request", lambda toast: toast.request("GET", "/quotas", retry="safe"), lambda reply: reply)
    # What a call does whose own reply is fine, and that of the token is not.
    yield Call(
        "flavors.list", "issueToken", lambda toast: toast.flavors.list(), lambda _: [], variant="with this token"
    )


def _changes() -> Iterator[Call]:
    yield Call("instances.create", "createInstance", lambda toast: toast.instances.create(**_NEW), _member("instance"))
    yield Call(
        "instances.create",
        "createInstance",
        lambda toast: toast.instances.create(**_NEW, count=2, on_ambiguous="reconcile"),
        _member("instance"),
        variant="reconciled",
    )
    yield Call("instances.delete", "deleteInstance", _usual("instances.delete"), _nothing)
    attachment = _member("attachment")
    yield Call("instances.attach_volume", "attachVolume", _usual("instances.attach_volume"), attachment)
    yield Call("instances.detach_volume", "detachVolume", _usual("instances.detach_volume"), _nothing)
    keypair = _member("keypair")
    yield Call("keypairs.create", "createKeypair", _usual("keypairs.create"), keypair)
    yield Call("keypairs.upload", "createKeypair", _usual("keypairs.upload"), keypair)
    yield Call("keypairs.delete", "deleteKeypair", _usual("keypairs.delete"), _nothing)


def _powers() -> Iterator[Call]:
    for action in actions():
        method = f"instances.{re.sub('[A-Z]', lambda letter: '_' + letter[0].lower(), action)}"
        parameters = {_on_the_wire(name): value for name, value in ARGUMENTS[method].items() if name != "id"}
        data = {"action": action, **({"parameters": parameters} if parameters else {})}
        returns = _member("createdImage") if action == "uploadImage" else _nothing
        yield Call(method, "runInstanceAction", _usual(method), returns, action)
        yield Call("instances.run_action", "runInstanceAction", _as_data(data), returns, action, variant=action)


def _on_the_wire(name: str) -> str:
    return re.sub("_(.)", lambda letter: letter[1].upper(), name)


def _usual(method: str) -> Callable[[Any], Any]:
    return lambda toast: attrgetter(method)(toast)(**ARGUMENTS[method])


def _as_data(data: Mapping[str, Any]) -> Callable[[Any], Any]:
    return lambda toast: toast.instances.run_action(ID, data)


def _several() -> Iterator[Call]:
    yield Call(
        "instances.map",
        "runInstanceAction",
        lambda toast: toast.instances.map("stop", [ID, OTHER_ID], limit=1),
        None,
        "stop",
    )
    yield Call(
        "instances.wait_for_status",
        "listInstances",
        lambda toast: toast.instances.wait_for_status(ID, "ACTIVE", timeout=5),
        None,
    )
    yield Call(
        "instances.wait_until_deleted",
        "listInstances",
        lambda toast: toast.instances.wait_until_deleted(ID, timeout=5),
        None,
    )
    yield Call(
        "instances.wait_for_all",
        "listInstances",
        lambda toast: toast.instances.wait_for_all([ID, OTHER_ID], "STOP", timeout=5),
        None,
    )

"""Which public methods has the SDK, what does each ask for, and which part of the reply does it return?"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from toast_compute import AsyncToastCompute, NotFoundError, ToastCompute

from .facts import actions

ID = "125a0000-0000-4000-8000-000000000001"
OTHER_ID = "125a0000-0000-4000-8000-000000000002"
NAME = "demo-key"
ASKED_TOKEN = "planted-Asked-Token-5d1c"
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEtd4D7Z9Yrs9pE7+c3aoulWW/MefmWo2cLoMZH60ULx"
VOLUME = "b10c0000-0000-4000-8000-000000000001"
FLAVOR = "f1a00000-0000-4000-8000-000000000001"
_NEW: Mapping[str, Any] = {
    "name": "web-02",
    "image": "1a9e0000-0000-4000-8000-000000000001",
    "flavor": FLAVOR,
    "availability_zone": "kr-pub-a",
    "key_name": NAME,
    "networks": {"subnet_id": "5b4e0000-0000-4000-8000-000000000001"},
    "security_groups": "default",
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
    yield Call("tokens.get", "getToken", lambda toast: toast.tokens.get(ASKED_TOKEN), _member("access"))
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
    yield _look_up("instances.get", "listInstances", lambda toast: toast.instances.get(ID), one)
    yield _look_up("instances.get_details", "listInstanceDetails", lambda toast: toast.instances.get_details(ID), one)
    yield Call("keypairs.list", "listKeypairs", lambda toast: toast.keypairs.list(), _member("keypairs"))
    named = ("keypairs", "name", NAME)
    yield _look_up("keypairs.get", "listKeypairs", lambda toast: toast.keypairs.get(NAME), named)
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
    yield Call("instances.delete", "deleteInstance", lambda toast: toast.instances.delete(ID), _nothing)
    attachment = _member("attachment")
    yield Call(
        "instances.attach_volume", "attachVolume", lambda toast: toast.instances.attach_volume(ID, VOLUME), attachment
    )
    yield Call(
        "instances.detach_volume", "detachVolume", lambda toast: toast.instances.detach_volume(ID, VOLUME), _nothing
    )
    keypair = _member("keypair")
    yield Call("keypairs.create", "createKeypair", lambda toast: toast.keypairs.create(NAME), keypair)
    yield Call("keypairs.upload", "createKeypair", lambda toast: toast.keypairs.upload(NAME, PUBLIC_KEY), keypair)
    yield Call("keypairs.delete", "deleteKeypair", lambda toast: toast.keypairs.delete(NAME), _nothing)


def _powers() -> Iterator[Call]:
    arguments: Mapping[str, tuple[str, Mapping[str, str]]] = {
        "start": ("start", {}),
        "stop": ("stop", {}),
        "reboot": ("reboot", {"type": "HARD"}),
        "resize": ("resize", {"flavor": FLAVOR}),
        "uploadImage": ("upload_image", {"name": "my-image"}),
        "addFloatingIp": ("add_floating_ip", {"address": "203.0.113.10", "ipAddress": "192.168.0.10"}),
        "removeFloatingIp": ("remove_floating_ip", {"address": "203.0.113.10"}),
        "addSecurityGroup": ("add_security_group", {"name": "web"}),
        "removeSecurityGroup": ("remove_security_group", {"name": "web"}),
    }
    for action in actions():
        method, parameters = arguments[action]
        returns = _member("createdImage") if action == "uploadImage" else _nothing
        data = {"action": action, **({"parameters": dict(parameters)} if parameters else {})}
        yield Call(
            f"instances.{method}", "runInstanceAction", _direct(method, tuple(parameters.values())), returns, action
        )
        yield Call("instances.run_action", "runInstanceAction", _as_data(data), returns, action, variant=action)


def _direct(method: str, arguments: tuple[str, ...]) -> Callable[[Any], Any]:
    return lambda toast: getattr(toast.instances, method)(ID, *arguments)


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

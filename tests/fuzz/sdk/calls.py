"""List the public methods of the SDK, with a call of each: its arguments, what it sends and what it returns."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from operator import attrgetter, itemgetter
from typing import Any

from toast_compute import AsyncToastCompute, NotFoundError, ToastCompute
from toast_compute_api.behaviour import LIFECYCLE

from .contract import ACTION, CREATE, DETAILS, LIST, NEVER, TOKEN, actions, operations

RUNNING = "125a0000-0000-4000-8000-000000000001"
STOPPED = "125a0000-0000-4000-8000-000000000002"
KEYPAIR = "demo-key"
ASKED_TOKEN = "planted-Asked-Token-5d1c"
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEtd4D7Z9Yrs9pE7+c3aoulWW/MefmWo2cLoMZH60ULx"
FLAVOR = "f1a00000-0000-4000-8000-000000000001"
_VOLUME = "b10c0000-0000-4000-8000-000000000001"
_ATTACHED = "b10c0000-0000-4000-8000-000000000003"

Make = Callable[[Any], Any]
"""Calls a method of a client; what it returns has to be awaited when the client is asynchronous."""

ARGUMENTS: Mapping[str, Mapping[str, Any]] = {
    "instances.create": {
        "name": "web-02",
        "image": "1a9e0000-0000-4000-8000-000000000001",
        "flavor": FLAVOR,
        "availability_zone": "kr-pub-a",
        "key_name": KEYPAIR,
        "networks": [
            {"id": "4e700000-0000-4000-8000-000000000001", "subnet_id": "5b4e0000-0000-4000-8000-000000000001"}
        ],
        "security_groups": [{"name": "default"}],
        "volume": {"size": 730, "type": "General SSD"},
        "count": 3,
    },
    "instances.delete": {"id": RUNNING},
    "instances.attach_volume": {"id": RUNNING, "volume_id": _VOLUME},
    "instances.detach_volume": {"id": RUNNING, "volume_id": _ATTACHED},
    "instances.start": {"id": STOPPED},
    "instances.stop": {"id": RUNNING},
    "instances.reboot": {"id": RUNNING, "type": "HARD"},
    "instances.resize": {"id": STOPPED, "flavor": FLAVOR},
    "instances.upload_image": {"id": STOPPED, "name": "my-image"},
    "instances.add_floating_ip": {"id": STOPPED, "address": "203.0.113.10", "ip_address": "192.168.0.11"},
    "instances.remove_floating_ip": {"id": RUNNING, "address": "203.0.113.12"},
    "instances.add_security_group": {"id": STOPPED, "name": "web"},
    "instances.remove_security_group": {"id": RUNNING, "name": "web"},
    "instances.run_action": {"id": STOPPED, "action": {"action": "resize", "parameters": {"flavor": FLAVOR}}},
    "instances.get": {"id": RUNNING},
    "instances.get_details": {"id": RUNNING},
    "keypairs.get": {"name": KEYPAIR},
    "keypairs.create": {"name": "new-key"},
    "keypairs.upload": {"name": "new-key", "public_key": PUBLIC_KEY},
    "keypairs.delete": {"name": KEYPAIR},
    "tokens.get": {"token_id": ASKED_TOKEN},
}
"""By method, for each that sends what it is given; the mock's own world accepts them.

The values of one call differ, so that each can be found again in the request.
"""
NEW: Mapping[str, Any] = {
    **{name: value for name, value in ARGUMENTS["instances.create"].items() if name not in ("count", "volume")},
    "networks": ARGUMENTS["instances.create"]["networks"][0],
    "security_groups": "default",
}
"""An instance in as few words as the SDK takes."""
_AROUND = frozenset({"capture", "deadline", "close"})  # send nothing, and stand around every call here

Returns = Callable[[dict[str, Any]], Any]
"""Takes a success as JSON, and returns what the method has to return as JSON; NotFoundError where it has to raise."""


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One call of one public method."""

    method: str
    """Such as `instances.start`."""
    operation: str
    make: Make
    returns: Returns | None = None
    """None for a method that does not return what one reply holds, such as a wait."""
    action: str = ""
    label: str = ""
    """Distinguishes this call from others of the same method."""
    wanted: tuple[str, str, str] | None = None
    """For a look-up of one: the member of the reply with all, the key and the value of the one."""

    def __str__(self) -> str:
        return f"{self.method} ({self.label})" if self.label else self.method

    @property
    def change(self) -> str:
        """The name of the operation or action, as in `allow` and in the lifecycle."""
        return self.action or self.operation

    @property
    def retry(self) -> str:
        """Whether the request is safe to retry, in the contract's words."""
        return "safe" if self.operation == "request" else operations()[self.operation].retry(self.action)

    @property
    def success(self) -> str:
        """The name of the schema of a success."""
        return "EmptySuccess" if self.operation == "request" else operations()[self.operation].success(self.action)


def public_methods() -> set[str]:
    """Return the public methods of both clients that send something, such as `instances.start`."""
    found: set[str] = set()
    for client in (ToastCompute, AsyncToastCompute):
        found |= _functions(client) - _AROUND
        for resource, annotation in inspect.get_annotations(client, eval_str=True).items():
            if not resource.startswith("_"):
                found |= {f"{resource}.{name}" for name in _functions(annotation)}
    return found


def _functions(cls: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(cls, inspect.isfunction) if not name.startswith("_")}


def usual(method: str, /, **arguments: Any) -> Make:
    """Return a call of a method with these arguments or, without any, with the usual ones."""
    return lambda toast: attrgetter(method)(toast)(**(arguments or ARGUMENTS.get(method, {})))


def _nothing(_: dict[str, Any]) -> None:
    return None


def _found(wanted: tuple[str, str, str], reply: dict[str, Any]) -> Any:
    # That the service has applied the filter must not be taken on trust.
    member, key, value = wanted
    return next((one for one in reply[member] if one[key] == value), NotFoundError)


def _calls() -> Iterator[Call]:
    member = itemgetter
    for method, operation, returns in (
        ("tokens.issue", TOKEN, member("access")),
        ("tokens.get", "getToken", member("access")),
        ("flavors.list", "listFlavors", member("flavors")),
        ("availability_zones.list", "listAvailabilityZones", member("zones")),
        ("instances.list", LIST, member("instances")),
        ("instances.list_details", DETAILS, member("instances")),
        ("keypairs.list", "listKeypairs", member("keypairs")),
        ("keypairs.create", "createKeypair", member("keypair")),
        ("keypairs.upload", "createKeypair", member("keypair")),
        ("keypairs.delete", "deleteKeypair", _nothing),
        ("instances.delete", "deleteInstance", _nothing),
        ("instances.attach_volume", "attachVolume", member("attachment")),
        ("instances.detach_volume", "detachVolume", _nothing),
    ):
        yield Call(method, operation, usual(method), returns)
    for method, operation, wanted in (
        ("instances.get", LIST, ("instances", "id", RUNNING)),
        ("instances.get_details", DETAILS, ("instances", "id", RUNNING)),
        ("keypairs.get", "listKeypairs", ("keypairs", "name", KEYPAIR)),
    ):
        yield Call(method, operation, usual(method), partial(_found, wanted), wanted=wanted)
    create = "instances.create"
    yield Call(create, CREATE, usual(create, **NEW), member("instance"))
    several = usual(create, **NEW, count=2, on_ambiguous="reconcile")
    yield Call(create, CREATE, several, member("instance"), label="reconciled")
    for action in actions():
        method = f"instances.{re.sub('[A-Z]', lambda letter: '_' + letter[0].lower(), action)}"
        id, given = ARGUMENTS[method]["id"], {_alias(name): value for name, value in ARGUMENTS[method].items()}
        del given["id"]
        data = {"action": action, **({"parameters": given} if given else {})}
        result = member("createdImage") if action == "uploadImage" else _nothing
        yield Call(method, ACTION, usual(method), result, action)
        run = usual("instances.run_action", id=id, action=data)
        yield Call("instances.run_action", ACTION, run, result, action, label=action)
    stop = usual("instances.map", method="stop", ids=[RUNNING, STOPPED], limit=1)
    yield Call("instances.map", ACTION, stop, action="stop")
    wait = "instances.wait_for_status"
    yield Call(wait, LIST, usual(wait, id=RUNNING, status="ACTIVE", timeout=5))
    yield Call("instances.wait_until_deleted", LIST, usual("instances.wait_until_deleted", id=RUNNING, timeout=5))
    both = usual("instances.wait_for_all", ids=[RUNNING, STOPPED], status="STOP", timeout=5)
    yield Call("instances.wait_for_all", LIST, both)
    unknown = usual("request", method="GET", path="/quotas", retry="safe")
    yield Call("request", "request", unknown, lambda reply: reply)
    # A call whose own reply is fine, and that of the token is not.
    yield Call("flavors.list", TOKEN, usual("flavors.list"), lambda _: [], label="with this token")


def _alias(name: str) -> str:
    return re.sub("_(.)", lambda letter: letter[1].upper(), name)


CALLS: Mapping[str, Call] = {str(call): call for call in _calls()}
"""At least one call of every public method, and of `run_action` one for each action."""
ONE_OF_EACH = [CALLS[name] for name in ("flavors.list", "keypairs.delete", "keypairs.create")]
"""One call that is safe to retry, one that is idempotent, and one that is neither."""
CHANGES = [call for call in CALLS.values() if call.change in LIFECYCLE.operations and call.returns and not call.label]
"""Every change of an instance."""
MOVES = [call for call in CHANGES if LIFECYCLE.operations[call.change].through and call.operation != CREATE]
"""The changes of an existing instance's status."""
REPEATABLE = [call for call in CHANGES if call.retry != NEVER]

"""Placeholders: what generated requests name in place of things of the run's own, and where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

Path: TypeAlias = tuple[str, ...]
"""The way to a value: `query` or `body`, then the names of members."""

OWN_INSTANCE = "own-instance"
OWN_VOLUME = "own-volume"
OWN_TOKEN = "own-token"
OWN_KEYPAIR = "own-keypair"
NEW_KEYPAIR = "new-keypair"
OTHER_FLAVOR = "other-flavor"
OTHER_GROUP = "other-group"
OWN_GROUP = "own-group"
# An address has to be valid: these are of a network that RFC 5737 reserves for documentation.
OWN_ADDRESS = "192.0.2.1"
OWN_PORT = "192.0.2.2"

_ID, _NAME = ("query", "id"), ("query", "name")
_PARAMETERS = ("body", "parameters")
PLACES: Mapping[str, Mapping[Path, str]] = {
    "getToken": {_ID: OWN_TOKEN},
    "listInstances": {_ID: OWN_INSTANCE},
    "listInstanceDetails": {_ID: OWN_INSTANCE},
    "deleteInstance": {_ID: OWN_INSTANCE},
    "attachVolume": {("body", "attachment", "volumeId"): OWN_VOLUME},
    "detachVolume": {("query", "volumeId"): OWN_VOLUME},
    "listKeypairs": {_NAME: OWN_KEYPAIR},
    "createKeypair": {("body", "keypair", "name"): NEW_KEYPAIR},
    "deleteKeypair": {_NAME: OWN_KEYPAIR},
    "resize": {(*_PARAMETERS, "flavor"): OTHER_FLAVOR},
    "addFloatingIp": {(*_PARAMETERS, "address"): OWN_ADDRESS, (*_PARAMETERS, "ipAddress"): OWN_PORT},
    "removeFloatingIp": {(*_PARAMETERS, "address"): OWN_ADDRESS},
    "addSecurityGroup": {(*_PARAMETERS, "name"): OTHER_GROUP},
    "removeSecurityGroup": {(*_PARAMETERS, "name"): OWN_GROUP},
}
"""Where the examples of an operation or action have a placeholder, and which."""
_ALL = frozenset({OWN_INSTANCE, *(one for places in PLACES.values() for one in places.values())})


def has_placeholder(value: Any) -> bool:
    """Return whether a placeholder is anywhere in a value."""
    if isinstance(value, Mapping):
        return any(map(has_placeholder, value.values()))
    if isinstance(value, list):
        return any(map(has_placeholder, value))
    return isinstance(value, str) and value in _ALL


def filled(value: Any, values: Mapping[str, str]) -> Any:
    """Return a value with every placeholder in it replaced by what is given for it."""
    if isinstance(value, dict):
        return {name: filled(one, values) for name, one in value.items()}
    if isinstance(value, list):
        return [filled(one, values) for one in value]
    return values.get(value, value) if isinstance(value, str) else value

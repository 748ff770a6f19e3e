"""What stands in the rewritten document wherever something of the run's own is meant? It is replaced before sending."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

OWN_INSTANCE = "own-instance"
OWN_VOLUME = "own-volume"
OWN_TOKEN = "own-token"
OWN_KEYPAIR = "own-keypair"
NEW_KEYPAIR = "new-keypair"
OTHER_FLAVOR = "other-flavor"
OTHER_GROUP = "other-group"
OWN_GROUP = "own-group"
# An address has to be one: these are of a network that is reserved for documentation.
OWN_ADDRESS = "192.0.2.1"
OWN_PORT = "192.0.2.2"
ALL = frozenset(
    {
        OWN_INSTANCE,
        OWN_VOLUME,
        OWN_TOKEN,
        OWN_KEYPAIR,
        NEW_KEYPAIR,
        OTHER_FLAVOR,
        OTHER_GROUP,
        OWN_GROUP,
        OWN_ADDRESS,
        OWN_PORT,
    }
)


def stands_in(value: Any) -> bool:
    """Say whether a placeholder stands anywhere in a value."""
    if isinstance(value, Mapping):
        return any(stands_in(one) for one in value.values())
    if isinstance(value, list):
        return any(stands_in(one) for one in value)
    return isinstance(value, str) and value in ALL


def filled(value: Any, values: Mapping[str, str]) -> Any:
    """Return a value with every placeholder in it replaced by what is given for it."""
    if isinstance(value, dict):
        return {name: filled(one, values) for name, one in value.items()}
    if isinstance(value, list):
        return [filled(one, values) for one in value]
    return values.get(value, value) if isinstance(value, str) else value

"""What stands in the rewritten document wherever something of the run's own is meant? It is replaced before sending."""

from __future__ import annotations

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

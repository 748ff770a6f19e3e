"""Map each operation to the function that answers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from ..world.state import World
from . import actions, attachments, catalogue, creation, instances, keypairs, tokens
from .call import Call, Payload

OpenHandler: TypeAlias = Callable[[list[World], Call], Payload]
"""Answers without a token; gets all worlds of the appkey."""

Handler: TypeAlias = Callable[[World, Call], Payload]
"""Answers with a token; gets the world that the token opens."""

OPEN_HANDLERS: Mapping[str, OpenHandler] = {
    "issueToken": tokens.issue,
    "getToken": tokens.look_up,
}

HANDLERS: Mapping[str, Handler] = {
    "listAvailabilityZones": catalogue.list_availability_zones,
    "listFlavors": catalogue.list_flavors,
    "listInstances": instances.list_in_brief,
    "listInstanceDetails": instances.list_in_detail,
    "createInstance": creation.create,
    "deleteInstance": instances.delete,
    "attachVolume": attachments.attach,
    "detachVolume": attachments.detach,
    "runInstanceAction": actions.run,
    "listKeypairs": keypairs.list_keypairs,
    "createKeypair": keypairs.create,
    "deleteKeypair": keypairs.delete,
}

__all__ = ["HANDLERS", "OPEN_HANDLERS", "Call", "Handler", "OpenHandler", "Payload"]

"""What does the admin API offer? Its OpenAPI document.

`openapi.json` is written by hand. The schemas of the mock's own records are not repeated there: they come from the
records, and the document that is served holds both.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import msgspec

from ..control import WorldInfo
from ..faults import FaultState
from ..world.diff import Change
from ..world.state import (
    Flavor,
    FloatingIp,
    Image,
    Instance,
    Keypair,
    Network,
    Quotas,
    SecurityGroup,
    Subnet,
    Volume,
    Zone,
)

PREFIX = "/_mock"
_RECORDS = (
    Change,
    FaultState,
    Flavor,
    FloatingIp,
    Image,
    Instance,
    Keypair,
    Network,
    Quotas,
    SecurityGroup,
    Subnet,
    Volume,
    WorldInfo,
    Zone,
)


def load_document() -> dict[str, Any]:
    """Return the whole document."""
    document: dict[str, Any] = json.loads((files(__package__) / "openapi.json").read_bytes())
    written = document["components"]["schemas"]
    _, derived = msgspec.json.schema_components(_RECORDS, ref_template="#/components/schemas/{name}")
    twice = written.keys() & derived.keys()
    if twice:
        raise RuntimeError(f"schemas that are written and derived: {', '.join(sorted(twice))}")
    written.update(derived)
    return document

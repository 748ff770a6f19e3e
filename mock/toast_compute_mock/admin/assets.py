"""Load the files that the admin API serves: its OpenAPI document and its page.

`openapi.json` is written by hand. The schemas of the mock's own records are not repeated there: they come from the
records, and the document that is served holds both.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from importlib.resources import files
from typing import Any

import msgspec

from ..exchange import Reply
from ..faults.rules import FaultState
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
    WorldInfo,
    Zone,
)

PREFIX = "/_mock"
_CODE = re.compile(rb"<(style|script)>(.*?)</\1>", re.DOTALL)
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


def load_page() -> Reply:
    """Return the page. Only the code in its own file runs: the policy names it by hash."""
    content = (files(__package__) / "page.html").read_bytes()
    hashes = {"style": "", "script": ""}
    for kind, code in _CODE.findall(content):
        hashes[kind.decode()] += f" 'sha256-{base64.b64encode(hashlib.sha256(code).digest()).decode()}'"
    policy = "; ".join(
        (
            "default-src 'none'",
            f"style-src{hashes['style']}",
            f"script-src{hashes['script']}",
            "connect-src 'self'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )
    headers = (
        ("content-type", "text/html;charset=UTF-8"),
        ("content-security-policy", policy),
        ("referrer-policy", "no-referrer"),
    )
    return Reply(200, headers, content)

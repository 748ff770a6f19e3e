"""How does the page reach a browser? As it stands in its file, with a policy under which it can load nothing else."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib.resources import files

from ..exchange import Reply

_CODE = re.compile(rb"<(style|script)>(.*?)</\1>", re.DOTALL)


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

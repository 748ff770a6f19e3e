"""Can this be the address of the service?"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

_HOST = re.compile(r"[0-9A-Za-z._-]+|[0-9A-Fa-f:.]+")
_PATH = re.compile(r"[!-~]*")


def url_problem(value: str) -> str | None:
    """Return why a text cannot be used as a base URL, or None."""
    try:
        parts = urlsplit(value)
        port_is_legal = parts.port != 0
    except ValueError:
        return "it is no valid URL"
    if parts.scheme not in ("http", "https"):
        return "it must begin with https:// or http://"
    if "@" in parts.netloc:
        return "it must not hold a user name or a password"
    if "?" in value or "#" in value:
        return "it must have no query and no fragment"
    if not parts.hostname or not port_is_legal or not _HOST.fullmatch(parts.hostname):
        return "it must name a host"
    # urlsplit drops tabs and line breaks silently: hold the whole text against the pattern.
    if not _PATH.fullmatch(value) or "\\" in value:
        return "it must hold no spaces, control characters, backslashes or letters outside ASCII"
    if parts.scheme == "http" and not _is_loopback(parts):
        return "plain http is for loopback addresses only, use https"
    return None


def _is_loopback(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

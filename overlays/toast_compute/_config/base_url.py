"""Can this be the address of the service?"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

# A name in labels of up to 63 characters, which may end in a dot, or an IPv6 address.
_HOST = re.compile(r"[0-9A-Za-z_-]{1,63}(\.[0-9A-Za-z_-]{1,63})*\.?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
_LONGEST_HOST = 253
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
    if not port_is_legal or not _is_host(parts.hostname or ""):
        return "it must name a host"
    # urlsplit drops tabs and line breaks silently: hold the whole text against the pattern.
    if not _PATH.fullmatch(value) or "\\" in value:
        return "it must hold no spaces, control characters, backslashes or letters outside ASCII"
    if parts.scheme == "http" and not _is_loopback(parts):
        return "plain http is for loopback addresses only, use https"
    return None


def _is_host(name: str) -> bool:
    """Return whether a text can be the name or the address of a host: systems fail to look up what cannot."""
    return len(name.removesuffix(".")) <= _LONGEST_HOST and _HOST.fullmatch(name) is not None


def _is_loopback(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

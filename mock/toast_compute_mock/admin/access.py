"""Decide who may use the admin API: this process, this machine, and whoever has the admin token."""

from __future__ import annotations

import hmac
import ipaddress
from http import HTTPStatus
from urllib.parse import urlsplit

from ..exchange import Request
from .routes import AdminError

_CHALLENGE = ("www-authenticate", "Bearer")
_OWN_SITES = ("same-origin", "none")  # `none`: typed into the address bar


class Access:
    """The rules. Without a `token`, only this machine is let in; with one, whoever knows it."""

    def __init__(self, token: str | None = None) -> None:
        if token == "":
            raise ValueError("token: an empty admin token would let everybody in")
        self._token = None if token is None else token.encode()

    def authorize(self, request: Request, *, is_page: bool) -> None:
        """Raise AdminError unless the request may be made; `is_page` when it asks for the page, which holds no data."""
        if not request.peer:  # whoever is in this process has the cloud itself
            return
        host = request.headers.get("host", "")
        if self._token is None:
            if not _is_loopback(request.peer):
                raise _forbidden("the admin API answers this machine alone, unless the mock has an admin token")
            # A name that an attacker's server resolves to this machine would make its page a page of this origin.
            if not _is_loopback(_name_of(host)):
                raise _forbidden("host: must be localhost or a loopback address, unless the mock has an admin token")
        if is_page:  # links to it are welcome from everywhere
            return
        origin = request.headers.get("origin")
        if origin is not None and origin.lower() not in (f"http://{host.lower()}", f"https://{host.lower()}"):
            raise _forbidden("origin: the admin API answers no pages of other origins")
        if request.headers.get("sec-fetch-site", "none") not in _OWN_SITES:
            raise _forbidden("sec-fetch-site: the admin API answers no pages of other origins")
        if self._token is not None:
            scheme, _, given = request.headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not hmac.compare_digest(_as_sent(given), self._token):
                message = "authorization: must be `Bearer` and the admin token"
                raise AdminError(HTTPStatus.UNAUTHORIZED, message, _CHALLENGE)


def _is_loopback(address: str) -> bool:
    if address.lower() == "localhost":
        return True
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return (mapped or parsed).is_loopback


def _name_of(host: str) -> str:
    """Return the name or address in a Host header, without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _as_sent(text: str) -> bytes:
    """Return the bytes of a header's value: headers are decoded as Latin-1."""
    return text.strip().encode("latin-1", "replace")


def _forbidden(message: str) -> AdminError:
    return AdminError(HTTPStatus.FORBIDDEN, message)

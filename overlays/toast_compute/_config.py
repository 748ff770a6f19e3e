"""Which credentials and settings does a client have, and where do they come from?"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeGuard
from urllib.parse import SplitResult, urlsplit

from toast_compute_api.behaviour import SERVER_URL

from ._input import is_unicode
from ._secret import Secret
from .errors import ConfigurationError

DEFAULT_TIMEOUT = 30.0
# A day. Sockets take no more than about 24 days, and nobody waits that long for a reply.
MAX_TIMEOUT = 86_400.0
# Thirty million years: a float still tells a millisecond apart, and infinity and integers beyond floats are out.
_MAX_SECONDS = 1e15

ENVIRONMENT = {
    "appkey": "TOAST_COMPUTE_APPKEY",
    "username": "TOAST_COMPUTE_USERNAME",
    "password": "TOAST_COMPUTE_PASSWORD",
    "base_url": "TOAST_COMPUTE_BASE_URL",
}
_HOST = re.compile(r"[0-9A-Za-z._-]+|[0-9A-Fa-f:.]+")
_PATH = re.compile(r"[!-~]*")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a client needs to know before its first call."""

    appkey: Secret
    username: Secret
    password: Secret
    base_url: str
    timeout: float


def resolve(
    *,
    appkey: object,
    username: object,
    password: object,
    base_url: str | None,
    timeout: float,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Return the settings from arguments and environment; the first hit wins, argument before environment.

    A credential is a string, or a `Secret` already.

    Raises:
        ConfigurationError: one is missing or unusable; names the argument and the variable, never the value.
    """
    variables = _Variables(os.environ if environment is None else environment)
    del environment
    return Settings(
        appkey=_credential("appkey", appkey, variables),
        username=_credential("username", username, variables),
        password=_credential("password", password, variables),
        base_url=_base_url(base_url, variables),
        timeout=_timeout(timeout),
    )


class _Variables:
    """The environment, hidden: a traceback with local variables would print every secret that is in it."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def get(self, name: str) -> Secret | None:
        """Return the value of a variable, or None when it is not set."""
        value = self._values.get(name)
        return None if value is None else Secret(value)


def unusable(name: str, reason: str) -> ConfigurationError:
    """Return the error that says why a credential cannot be used, without showing it."""
    reason = reason[:1].lower() + reason[1:]
    return ConfigurationError(f"The {name} cannot be used: {reason} ({name}=... or {ENVIRONMENT[name]}).")


def _credential(name: str, argument: object, variables: _Variables) -> Secret:
    variable = ENVIRONMENT[name]
    value = variables.get(variable) if argument is None else argument
    if isinstance(value, str):
        value = Secret(value)
    if value is None:
        raise ConfigurationError(f"No {name}: pass {name}=... or set {variable}.")
    if not isinstance(value, Secret):
        raise unusable(name, "it must be a string")
    if not value.reveal():
        raise unusable(name, "it is empty")
    if not is_unicode(value.reveal()):
        raise unusable(name, "it is no valid Unicode text")
    return value


def _base_url(argument: object, variables: _Variables) -> str:
    given = variables.get(ENVIRONMENT["base_url"])
    value = (given.reveal() if given is not None else "") or SERVER_URL if argument is None else argument
    if not isinstance(value, str):
        raise unusable("base_url", "it must be a string")
    problem = _url_problem(value)
    if problem is not None:
        raise unusable("base_url", problem)
    return value.rstrip("/")


def _url_problem(value: str) -> str | None:
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


def _timeout(value: object) -> float:
    if is_seconds(value) and 0 < value <= MAX_TIMEOUT:
        return float(value)
    raise ConfigurationError(f"The timeout must be a number of seconds over 0 and at most {MAX_TIMEOUT:.0f}.")


def is_seconds(value: object) -> TypeGuard[int | float]:
    """Return whether a value is a finite number that clocks can add; True and False are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _MAX_SECONDS

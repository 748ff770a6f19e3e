"""The settings of a client: a row of the table `SETTINGS` and a field of `Settings` each.

For each setting the first hit wins: argument, environment, profile (`profiles.py`), default.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import SplitResult, urlsplit

from toast_compute_api.behaviour import SERVER_URL

from .._auth.stored_token import TokenStore
from .._redaction import Secret
from .._validation import check_methods, is_seconds, is_unicode
from ..errors import ConfigurationError
from .permissions import allowed_changes
from .profiles import PROFILE_VARIABLE, Kind, Profile, config_path, read_profile

DEFAULT_TIMEOUT = 30.0
DEFAULT_MAX_RETRIES = 2
# For what must not be sent twice: to give up early on a create is not to know whether there is a bill.
LONG_TIMEOUT = 120.0
# A day. Sockets take no more than about 24 days, and nobody waits that long for a reply.
MAX_TIMEOUT = 86_400.0
# With their pauses, these take minutes already.
MAX_MAX_RETRIES = 20

ARGUMENT = "argument"
DEFAULT = "default"
_STORE_METHODS = ("load", "save", "forget", "lock")
# A name in labels of up to 63 characters, which may end in a dot, or an IPv6 address.
_HOST = re.compile(r"[0-9A-Za-z_-]{1,63}(\.[0-9A-Za-z_-]{1,63})*\.?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
_LONGEST_HOST = 253
_PATH = re.compile(r"[!-~]*")


@dataclass(frozen=True, slots=True)
class Setting:
    """Where one setting may come from, and what it may be."""

    check: Callable[[Any], Any]
    """Returns the value to use, or `_Invalid`: an exception would keep a frame that shows the value."""
    kind: Kind | None = None
    """How it is written in a variable or a profile; None when it can only be an argument."""
    variable: str = ""
    required: bool = False
    default: object = None
    omitted: object = None
    """The argument that means that it is not given."""


@dataclass(frozen=True, slots=True)
class _Invalid:
    reason: str


def _credential(value: object) -> Secret | _Invalid:
    text = value.reveal() if isinstance(value, Secret) else value
    if not isinstance(text, str):
        return _Invalid("cannot be used: it must be a string")
    if not text:
        return _Invalid("cannot be used: it is empty")
    if not is_unicode(text):
        return _Invalid("cannot be used: it is no valid Unicode text")
    return Secret(text)


def _base_url(value: object) -> str | _Invalid:
    text = value.reveal() if isinstance(value, Secret) else value
    if not isinstance(text, str):
        return _Invalid("cannot be used: it must be a string")
    problem = url_problem(text)
    return text.rstrip("/") if problem is None else _Invalid(f"cannot be used: {problem}")


def _timeout(value: object) -> float | _Invalid:
    if is_seconds(value) and 0 < value <= MAX_TIMEOUT:
        return float(value)
    return _Invalid(f"must be a number of seconds over 0 and at most {MAX_TIMEOUT:.0f}")


def _max_retries(value: object) -> int | _Invalid:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_MAX_RETRIES:
        return value
    return _Invalid(f"must be an integer from 0 to {MAX_MAX_RETRIES}")


def _read_only(value: object) -> bool | _Invalid:
    return value if isinstance(value, bool) else _Invalid("must be True or False")


def _token_store(value: Any) -> Any:
    if value is not None:
        check_methods("token_store", value, _STORE_METHODS, "toast_compute.token_store.TokenStore")
    return value


SETTINGS: Mapping[str, Setting] = {
    "appkey": Setting(_credential, "secret", "TOAST_COMPUTE_APPKEY", required=True),
    "username": Setting(_credential, "text", "TOAST_COMPUTE_USERNAME", required=True),
    "password": Setting(_credential, "secret", "TOAST_COMPUTE_PASSWORD", required=True),
    "base_url": Setting(_base_url, "text", "TOAST_COMPUTE_BASE_URL", default=SERVER_URL),
    "timeout": Setting(_timeout, "number", default=DEFAULT_TIMEOUT),
    "max_retries": Setting(_max_retries, default=DEFAULT_MAX_RETRIES),
    "read_only": Setting(_read_only, default=False, omitted=False),
    "allow": Setting(allowed_changes),
    "token_store": Setting(_token_store),
}
ENVIRONMENT = {name: setting.variable for name, setting in SETTINGS.items() if setting.variable}


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one client, checked."""

    appkey: Secret
    username: Secret
    password: Secret
    base_url: str
    timeout: float
    long_timeout: float = LONG_TIMEOUT
    """Seconds for one attempt of what must not be sent twice; `timeout` is for the rest."""
    max_retries: int = DEFAULT_MAX_RETRIES
    read_only: bool = False
    allow: frozenset[str] | None = None
    token_store: TokenStore | None = field(default=None, repr=False)
    sources: Mapping[str, str] = field(default_factory=dict[str, str])
    """Where each setting comes from: `argument`, a variable's name, `profile dev in FILE`, or `default`."""
    shadowed: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Where else a setting was found, for those that were found more than once."""


@dataclass(frozen=True, slots=True)
class Found:
    """A setting in one of its places. Its repr does not show the value."""

    source: str
    value: object = field(repr=False)


Survey: TypeAlias = Mapping[str, tuple[Found, ...]]


def resolve(*, profile: object = None, environment: Mapping[str, str] | None = None, **arguments: object) -> Settings:
    """Return the settings of a client; for each, the first hit wins.

    Args:
        profile: the name of a profile, or None.
        environment: the variables, if they are not those of this process.
        arguments: the other settings by their names; a text may be a `Secret` already.

    Raises:
        ConfigurationError: one is missing or unusable; names the argument and the variable, never the value.
    """
    found = survey(arguments, profile=profile, environment=environment)
    del environment
    values: dict[str, Any] = {name: _checked(name, found) for name in SETTINGS}
    is_default = found["timeout"][0].source == DEFAULT
    return Settings(
        **values,
        long_timeout=LONG_TIMEOUT if is_default else values["timeout"],
        sources={name: places[0].source for name, places in found.items() if places},
        shadowed={name: rest for name, places in found.items() if (rest := shadowed(places))},
    )


def survey(
    arguments: Mapping[str, object], *, profile: object = None, environment: Mapping[str, str] | None = None
) -> Survey:
    """Return every place in which a setting is found, the one that wins first; `profile` is one of the settings.

    Raises:
        ConfigurationError: the profile or the file with profiles cannot be used.
    """
    variables = _Variables(os.environ if environment is None else environment)
    del environment
    assert arguments.keys() <= SETTINGS.keys()
    name, name_source = _profile_name(profile, variables)
    chosen = read_profile(name, {name: setting.kind for name, setting in SETTINGS.items() if setting.kind})
    places: dict[str, tuple[Found, ...]] = {}
    places["profile"] = () if chosen is None else (Found(name_source, chosen),)
    for name, setting in SETTINGS.items():
        places[name] = tuple(_places(name, setting, arguments, variables, chosen))
    return places


def shadowed(places: tuple[Found, ...]) -> tuple[str, ...]:
    """Return where a setting was found and not used. A default is always there, and is left out."""
    return tuple(found.source for found in places[1:] if found.source != DEFAULT)


class _Variables:
    """The environment, redacted: a traceback with local variables would print every secret that is in it."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def get(self, name: str) -> Secret | None:
        """Return the value of a variable, or None when it is not set."""
        value = self._values.get(name)
        return None if value is None else Secret(value)


def _places(
    name: str, setting: Setting, arguments: Mapping[str, object], variables: _Variables, profile: Profile | None
) -> Iterator[Found]:
    if arguments.get(name, setting.omitted) is not setting.omitted:
        yield Found(ARGUMENT, arguments[name])
    variable = variables.get(setting.variable) if setting.variable else None
    # An empty variable counts only for a required setting, so that the error names the variable.
    if variable is not None and (variable.reveal() or setting.required):
        yield Found(setting.variable, variable)
    if profile is not None and name in profile.values:
        yield Found(str(profile), profile.values[name])
    if not setting.required:
        yield Found(DEFAULT, setting.default)


def _profile_name(argument: object, variables: _Variables) -> tuple[str | None, str]:
    if argument is not None:
        if not isinstance(argument, str) or not argument:
            raise ConfigurationError(
                f"The profile cannot be used: it must be the name of one (profile=... or {PROFILE_VARIABLE})."
            )
        return argument, ARGUMENT
    value = variables.get(PROFILE_VARIABLE)
    if value is not None and value.reveal():
        return value.reveal(), PROFILE_VARIABLE
    return None, DEFAULT


def unusable(name: str, reason: str) -> ConfigurationError:
    """Return the error of a credential that the contract refuses, without the credential."""
    return _refusal(name, f"cannot be used: {reason[:1].lower()}{reason[1:]}", ARGUMENT)


def _refusal(name: str, reason: str, source: str) -> ConfigurationError:
    variable = SETTINGS[name].variable
    inside = f"{name}=... or {variable}" if variable else ""
    where = source if source.startswith("profile ") else inside
    return ConfigurationError(f"The {name} {reason}{f' ({where})' if where else ''}.")


def _checked(name: str, found: Survey) -> Any:
    setting, places = SETTINGS[name], found[name]
    if not places:
        raise ConfigurationError(
            f"No {name}: pass {name}=... or set {setting.variable}, or write it into {_profile_to_edit(found)}."
        )
    value = setting.check(places[0].value)
    if isinstance(value, _Invalid):
        raise _refusal(name, value.reason, places[0].source)
    return value


def _profile_to_edit(found: Survey) -> str:
    if found["profile"]:
        return str(found["profile"][0].value)
    path = config_path()
    return "a profile" if path is None else f"profile default in {path}"


def url_problem(value: str) -> str | None:
    """Return why a text cannot be used as a base URL, or None."""
    try:
        parts = urlsplit(value)
        port_is_valid = parts.port != 0
    except ValueError:
        return "it is no valid URL"
    if parts.scheme not in ("http", "https"):
        return "it must begin with https:// or http://"
    if "@" in parts.netloc:
        return "it must not hold a user name or a password"
    if "?" in value or "#" in value:
        return "it must have no query and no fragment"
    if not port_is_valid or not _is_host(parts.hostname or ""):
        return "it must name a host"
    # urlsplit drops tabs and line breaks silently, so the pattern is applied to the whole text.
    if not _PATH.fullmatch(value) or "\\" in value:
        return "it must hold no spaces, control characters, backslashes or letters outside ASCII"
    if parts.scheme == "http" and not _is_loopback(parts):
        return "plain http is for loopback addresses only, use https"
    return None


def _is_host(name: str) -> bool:
    """Return whether a text can be the name or the address of a host: some systems fail badly on other texts."""
    return len(name.removesuffix(".")) <= _LONGEST_HOST and _HOST.fullmatch(name) is not None


def _is_loopback(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

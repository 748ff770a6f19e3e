"""Which credentials and settings does a client have, and where do they come from?

For each setting the first hit wins: argument, environment, profile (`_profiles.py`), default.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

from toast_compute_api.behaviour import SERVER_URL
from toast_compute_runtime.operation import Retry

from ._base_url import url_problem
from ._guard import check_names
from ._input import is_unicode
from ._profiles import PROFILE_VARIABLE, Profile, config_path, read_profile
from ._retries import DEFAULT_MAX_RETRIES
from ._secret import Secret
from .errors import ConfigurationError

if TYPE_CHECKING:
    from .token_store import TokenStore

DEFAULT_TIMEOUT = 30.0
# For what must not be sent twice: to give up early on a create is not to know whether there is a bill.
LONG_TIMEOUT = 120.0
# A day. Sockets take no more than about 24 days, and nobody waits that long for a reply.
MAX_TIMEOUT = 86_400.0
# With their pauses, these take minutes already.
MAX_MAX_RETRIES = 20
# Thirty million years: a float still tells a millisecond apart, and infinity and integers beyond floats are out.
_MAX_SECONDS = 1e15

ENVIRONMENT = {
    "appkey": "TOAST_COMPUTE_APPKEY",
    "username": "TOAST_COMPUTE_USERNAME",
    "password": "TOAST_COMPUTE_PASSWORD",
    "base_url": "TOAST_COMPUTE_BASE_URL",
}
ARGUMENT = "argument"
DEFAULT = "default"
_STORE_METHODS = ("load", "save", "forget", "lock")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a client needs to know before its first call."""

    appkey: Secret
    username: Secret
    password: Secret
    base_url: str
    timeout: float
    long_timeout: float = LONG_TIMEOUT
    """Seconds for one try of what must not be sent twice; `timeout` is for the rest."""
    max_retries: int = DEFAULT_MAX_RETRIES
    read_only: bool = False
    allow: frozenset[str] | None = None
    token_store: TokenStore | None = field(default=None, repr=False)
    sources: Mapping[str, str] = field(default_factory=dict[str, str])
    """Where each setting comes from: `argument`, a variable's name, `profile dev in FILE`, or `default`."""
    shadowed: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Where else a setting was found, for those that were found more than once."""

    def seconds_for(self, retry: Retry) -> float:
        """Return the seconds for one try of an operation of this kind."""
        return self.long_timeout if retry == "never" else self.timeout


@dataclass(frozen=True, slots=True)
class Found:
    """A setting in one of the places where it was looked for. Texts from outside are hidden."""

    source: str
    value: object = field(repr=False)


Survey: TypeAlias = Mapping[str, tuple[Found, ...]]


def resolve(
    *,
    appkey: object,
    username: object,
    password: object,
    base_url: object = None,
    timeout: object = None,
    profile: object = None,
    max_retries: object = None,
    read_only: object = False,
    allow: object = None,
    token_store: object = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Return the settings of a client; for each, the first hit wins.

    A credential is a string, or a `Secret` already. None is what is not given.

    Raises:
        ConfigurationError: one is missing or unusable; names the argument and the variable, never the value.
    """
    found = survey(
        {"appkey": appkey, "username": username, "password": password, "base_url": base_url, "timeout": timeout},
        profile=profile,
        environment=environment,
    )
    del environment
    others = {"max_retries": max_retries, "read_only": read_only, "allow": allow, "token_store": token_store}
    return Settings(
        appkey=_credential("appkey", found),
        username=_credential("username", found),
        password=_credential("password", found),
        base_url=_base_url(found),
        timeout=_timeout(found),
        long_timeout=LONG_TIMEOUT if found["timeout"][0].source == DEFAULT else _timeout(found),
        max_retries=_max_retries(max_retries),
        read_only=_read_only(read_only),
        allow=_allow(allow),
        token_store=_token_store(token_store),
        sources={name: places[0].source for name, places in found.items() if places}
        | {name: DEFAULT if value is None or value is False else ARGUMENT for name, value in others.items()},
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
    name, name_source = _profile_name(profile, variables)
    chosen = read_profile(name)
    places: dict[str, tuple[Found, ...]] = {}
    places["profile"] = () if chosen is None else (Found(name_source, chosen),)
    for setting in (*ENVIRONMENT, "timeout"):
        places[setting] = tuple(_places(setting, arguments.get(setting), variables, chosen))
    return places


def shadowed(places: tuple[Found, ...]) -> tuple[str, ...]:
    """Return where a setting was found and not used. A default is always there, and is not told."""
    return tuple(found.source for found in places[1:] if found.source != DEFAULT)


class _Variables:
    """The environment, hidden: a traceback with local variables would print every secret that is in it."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def get(self, name: str) -> Secret | None:
        """Return the value of a variable, or None when it is not set."""
        value = self._values.get(name)
        return None if value is None else Secret(value)


def _places(setting: str, argument: object, variables: _Variables, profile: Profile | None) -> Iterable[Found]:
    if argument is not None:
        yield Found(ARGUMENT, argument)
    variable = ENVIRONMENT.get(setting)
    value = None if variable is None else variables.get(variable)
    # An empty credential is told as such, so that nobody wonders; without a URL there is a default.
    if value is not None and variable is not None and (value.reveal() or setting != "base_url"):
        yield Found(variable, value)
    if profile is not None and setting in profile.values:
        yield Found(str(profile), profile.values[setting])
    if setting == "base_url":
        yield Found(DEFAULT, SERVER_URL)
    if setting == "timeout":
        yield Found(DEFAULT, DEFAULT_TIMEOUT)


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


def unusable(name: str, reason: str, source: str = ARGUMENT) -> ConfigurationError:
    """Return the error that says why a credential cannot be used, without showing it."""
    reason = reason[:1].lower() + reason[1:]
    where = source if source.startswith("profile ") else f"{name}=... or {ENVIRONMENT[name]}"
    return ConfigurationError(f"The {name} cannot be used: {reason} ({where}).")


def _credential(name: str, found: Survey) -> Secret:
    if not found[name]:
        raise ConfigurationError(
            f"No {name}: pass {name}=... or set {ENVIRONMENT[name]}, or write it into {_profile_to_edit(found)}."
        )
    source, value = found[name][0].source, found[name][0].value
    if isinstance(value, str):
        value = Secret(value)
    if not isinstance(value, Secret):
        raise unusable(name, "it must be a string", source)
    if not value.reveal():
        raise unusable(name, "it is empty", source)
    if not is_unicode(value.reveal()):
        raise unusable(name, "it is no valid Unicode text", source)
    return value


def _profile_to_edit(found: Survey) -> str:
    if found["profile"]:
        return str(found["profile"][0].value)
    path = config_path()
    return "a profile" if path is None else f"profile default in {path}"


def _base_url(found: Survey) -> str:
    source, value = found["base_url"][0].source, found["base_url"][0].value
    text = value.reveal() if isinstance(value, Secret) else value
    if not isinstance(text, str):
        raise unusable("base_url", "it must be a string", source)
    problem = url_problem(text)
    if problem is None:
        return text.rstrip("/")
    # A traceback with local variables must not show it: there may be a password in it.
    del text, value
    raise unusable("base_url", problem, source)


def _timeout(found: Survey) -> float:
    source, value = found["timeout"][0].source, found["timeout"][0].value
    if is_seconds(value) and 0 < value <= MAX_TIMEOUT:
        return float(value)
    where = f" ({source})" if source.startswith("profile ") else ""
    raise ConfigurationError(f"The timeout must be a number of seconds over 0 and at most {MAX_TIMEOUT:.0f}{where}.")


def is_seconds(value: object) -> TypeGuard[int | float]:
    """Return whether a value is a finite number that clocks can add; True and False are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _MAX_SECONDS


def _max_retries(value: object) -> int:
    if value is None:
        return DEFAULT_MAX_RETRIES
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_MAX_RETRIES:
        return value
    raise ConfigurationError(f"The max_retries must be an integer from 0 to {MAX_MAX_RETRIES}.")


def _read_only(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise ConfigurationError("The read_only must be True or False.")


def _allow(value: Any) -> frozenset[str] | None:
    check_names(value)
    return None if value is None else frozenset(value)


def _token_store(value: Any) -> TokenStore | None:
    if value is None:
        return None
    check_methods("token_store", value, _STORE_METHODS, "toast_compute.token_store.TokenStore")
    store: TokenStore = value
    return store


def check_methods(name: str, value: object, methods: Iterable[str], protocol: str) -> None:
    """Raise ConfigurationError when an object of the user's lacks a method of its protocol."""
    missing = [method for method in methods if not callable(getattr(value, method, None))]
    if isinstance(value, type) or missing:
        lacks = "it is a class, not an object" if isinstance(value, type) else f"it has no {missing[0]}"
        raise ConfigurationError(f"The {name} cannot be used: {lacks} (see {protocol}).")

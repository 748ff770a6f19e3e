"""The report of settings that `toast-compute config` prints, and the checks of `doctor`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Protocol, Self
from urllib.parse import urlsplit

from .._config.profiles import Profile, config_path, shown
from .._config.settings import ARGUMENT, DEFAULT, SETTINGS, Found, Settings, resolve, survey, url_problem
from .._redaction import MASK, Secret
from ..errors import ConfigurationError, ToastComputeError

if TYPE_CHECKING:
    from .._core.capture import Exchange

_OPTIONS = {"profile": "--profile", "base_url": "--base-url"}


class Client(Protocol):
    """What the doctor needs of a client."""

    availability_zones: Any

    def capture(self) -> AbstractContextManager[list[Exchange]]:
        """Collect what really comes back."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor's report; `ok` is None for a line that passes no judgement."""

    name: str
    ok: bool | None
    text: str

    def __str__(self) -> str:
        mark = {True: "ok", False: "problem", None: "-"}[self.ok]
        return f"{self.name:<9} {mark:<8} {self.text}"


def show_settings(profile: str | None, base_url: str | None) -> Iterator[str]:
    """Yield the lines of a table: setting, value with secrets masked, source, and below it the places that it shadows.

    Raises:
        ConfigurationError: the profile or the file with profiles cannot be used.
    """
    rows = [("file", _file(), "")]
    for setting, places in survey({"base_url": base_url}, profile=profile).items():
        if setting != "profile" and SETTINGS[setting].kind is None:
            continue
        listed = [found for number, found in enumerate(places) if number == 0 or found.source != DEFAULT]
        for number, found in enumerate(listed):
            source = _source(setting, found.source)
            rows.append(
                ("" if number else setting, _value(setting, found), f"not used: {source}" if number else source)
            )
        if not listed:
            rows.append((setting, "none" if setting == "profile" else "not set", ""))
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for setting, value, source in rows:
        yield f"{setting:<{widths[0]}}  {value:<{widths[1]}}  {source}".rstrip()


def settings_problem(profile: str | None, base_url: str | None) -> str | None:
    """Return why no client could be made with these settings, or None."""
    checked = _settings(profile, base_url)
    return checked if isinstance(checked, str) else None


def diagnose(profile: str | None, base_url: str | None, connect: Callable[[], Client]) -> Iterator[Check]:
    """Check the settings and the way to the service, issue one token and make one read; yield each result at once.

    `connect` makes a client with these settings.
    """
    settings = _settings(profile, base_url)
    if isinstance(settings, str):
        yield Check("settings", False, settings)
        return
    source = _source("username", settings.sources["username"])
    yield Check("settings", True, f"{_plain(settings.username.reveal())} ({source}) at {settings.base_url}")
    yield Check("proxy", None, _proxy(settings.base_url))
    yield Check("tls", *_trust(settings.base_url))
    yield from _try_service(connect)


def _try_service(connect: Callable[[], Client]) -> Iterator[Check]:
    failure: ToastComputeError | None = None
    zones: list[str] = []
    with connect() as toast, toast.capture() as exchanges:
        began = time.perf_counter()
        try:
            zones = [str(zone.zone_name) for zone in toast.availability_zones.list()]
        except ToastComputeError as error:
            failure = error
        took = time.perf_counter() - began
    issued = next((one for one in exchanges if one.operation == "issueToken" and one.parsed is not None), None)
    if issued is None:
        yield Check("token", False, str(failure))
        yield Check("read", None, "not tried without a token")
    else:
        token = issued.parsed.access.token
        life = (token.expires - token.issued_at).total_seconds()
        yield Check("token", life > 0, f"issued, valid for {_duration(life)}" if life > 0 else "ended before it began")
        seen = f"{len(zones)} availability zones ({', '.join(map(_plain, zones)) or 'none'})"
        yield Check(
            "read", failure is None, f"{seen}, token and read took {took:.2f} s" if failure is None else str(failure)
        )
    yield Check("clock", None, _skew(exchanges))


def _settings(profile: str | None, base_url: str | None) -> Settings | str:
    from .._core.client_core import Core  # loads the generated models, which `--help` does not need

    try:
        settings = resolve(profile=profile, base_url=base_url)
        Core(settings)  # checks the credentials against the contract
    except ConfigurationError as error:
        return str(error)
    return settings


def _file() -> str:
    path = config_path()
    if path is None:
        return "none: this user has no config folder"
    return f"{path}" if path.exists() else f"{path} (does not exist)"


def _source(setting: str, source: str) -> str:
    # The path of the file is shown once, in the first line.
    return _OPTIONS.get(setting, ARGUMENT) if source == ARGUMENT else source.removesuffix(f" in {config_path()}")


def _value(setting: str, found: Found) -> str:
    value = found.value
    if isinstance(value, Profile):
        return shown(value.name)
    if setting == "timeout":
        return f"{value:g} s"
    text = value.reveal() if isinstance(value, Secret) else str(value)
    if not text:
        return "(empty)"
    # Text that is not a valid URL may be anything, such as a URL with a password.
    if SETTINGS[setting].kind == "secret" or (setting == "base_url" and url_problem(text) is not None):
        return MASK
    return _plain(text)


def _plain(text: str) -> str:
    # Variables and replies may hold line breaks and terminal control sequences.
    return text if text.isprintable() else ascii(text)


def _proxy(base_url: str) -> str:
    from .._http.pool import environment_proxy  # loads httpx, which `--help` and `config` do not need

    try:
        proxy = environment_proxy(base_url)
        parts = urlsplit(proxy) if proxy is not None else None
        if parts is None:
            return "none, directly"
        user = f"{MASK}@" if "@" in parts.netloc else ""
        port = "" if parts.port is None else f":{parts.port}"
        return f"{_plain(parts.scheme)}://{user}{_plain(parts.hostname or '?')}{port}"
    except ValueError:
        return "a URL in the environment that cannot be used"


def _trust(base_url: str) -> tuple[bool | None, str]:
    if base_url.startswith("http:"):
        return None, "none: plain http to this machine"
    # In the order in which httpx reads them.
    for variable, exists in (("SSL_CERT_FILE", os.path.isfile), ("SSL_CERT_DIR", os.path.isdir)):
        path = os.environ.get(variable)
        if path:
            good = exists(path)
            return good, f"CA certificates of {variable}, {path}" + ("" if good else ", which is not there")
    return True, "CA certificates of the package certifi"


def _skew(exchanges: list[Exchange]) -> str:
    now = datetime.now(UTC)
    for exchange in reversed(exchanges):
        for name, value in exchange.headers:
            if name.lower() == "date":
                try:
                    moment = parsedate_to_datetime(value)
                except ValueError:
                    continue
                seconds = (now - (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))).total_seconds()
                # The header has whole seconds, and the reply took its time.
                if abs(seconds) < 2:
                    return "as the service's"
                side = "ahead of" if seconds > 0 else "behind"
                return f"{_duration(abs(seconds))} {side} the service's; calls work all the same"
    return "unknown: the service does not tell its time"


def _duration(seconds: float) -> str:
    for unit, size in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}".replace(".0 ", " ")
    return f"{seconds:.0f} seconds"

"""Profiles: settings that the user has written into a file, under a name.

`config.toml` in `toast-compute` in the user's config folder (`~/.config` or `$XDG_CONFIG_HOME`; `~/Library/Application
Support` on macOS, `%APPDATA%` on Windows) holds a table for each profile:

    [profiles.dev]
    appkey = "..."
    username = "somebody@example.com"
    password = "..."
    base_url = "https://..."
    timeout = 10

The table `default` is used when no profile is named. What is missing comes from the environment or an argument, so a
password need not be in the file.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from .._files import config_folder, open_to_others, reason
from .._redaction import MASK, Secret
from .._validation import is_mapping, suggestion
from ..errors import ConfigurationError

DEFAULT_PROFILE = "default"
PROFILE_VARIABLE = "TOAST_COMPUTE_PROFILE"
_TABLE = "profiles"
_LINE = re.compile(r"\bat line (\d+)")
_PLAIN_NAME = re.compile(r"[\w.@-]+")

Kind: TypeAlias = Literal["secret", "text", "number"]
Keys: TypeAlias = Mapping[str, Kind]
"""The keys that a profile may have."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One table of the file. Its repr shows no value."""

    name: str
    path: Path
    values: Mapping[str, Secret | float] = field(repr=False)

    def __str__(self) -> str:
        return f"profile {shown(self.name)} in {self.path}"


def config_path() -> Path | None:
    """Return the path of the user's file, which need not exist, or None for a user without a home."""
    folder = config_folder()
    return None if folder is None else folder / "config.toml"


def read_profile(name: str | None, keys: Keys) -> Profile | None:
    """Read the profile of a name, or without a name the default one, if it exists.

    Raises:
        ConfigurationError: it does not exist, or the file cannot be used; names the file and the place, never a value.
    """
    path = config_path()
    tables = None if path is None else _tables(path, keys)
    if path is None or tables is None:
        if name is None:
            return None
        where = "this user has no config folder" if path is None else f"{path} does not exist"
        raise ConfigurationError(f"There is no profile {shown(name)}: {where}.")
    wanted = DEFAULT_PROFILE if name is None else name
    table = tables.get(wanted)
    if table is None:
        if name is None:
            return None
        raise ConfigurationError(f"There is no profile {shown(name)} in {path}{suggestion(name, map(shown, tables))}")
    return Profile(wanted, path, _checked(table, keys, f"profile {shown(wanted)} in {path}"))


def shown(name: str) -> str:
    """Return a name for a message: quoted and on one line where it is not a plain word."""
    return name if _PLAIN_NAME.fullmatch(name) else ascii(name)


class _Redacted:
    """A value of the file, redacted: a traceback with local variables would print it."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value

    def __repr__(self) -> str:
        return MASK


@dataclass(frozen=True, slots=True)
class _File:
    members: Mapping[str, _Redacted]
    mode: int


def _tables(path: Path, keys: Keys) -> dict[str, _Redacted] | None:
    """Read the tables of all profiles. Return None when the file is missing."""
    file = _load(path)
    if file is None:
        return None
    if isinstance(file, str):
        raise ConfigurationError(f"{path} {file}.")
    for key in file.members:
        if key != _TABLE:
            raise ConfigurationError(f"{path} has an unknown key {shown(key)}{suggestion(key, [_TABLE])}")
    members = _members(file.members.get(_TABLE, _Redacted({})))
    if members is None:
        raise ConfigurationError(f"{path} must hold tables such as [{_TABLE}.dev].")
    for name, table in members.items():
        if _members(table) is None:
            raise ConfigurationError(f"{path} must hold tables such as [{_TABLE}.dev]: {shown(name)} is none.")
    if open_to_others(file.mode) and any(_has_secret(table, keys) for table in members.values()):
        # Reported at the line that makes the client: above this are read_profile, survey, resolve and the constructor.
        warnings.warn(
            f"{path} holds secrets and can be read by others: run chmod 600 {path}", UserWarning, stacklevel=6
        )
    return members


def _load(path: Path) -> _File | str | None:
    """Read the file. Return its content, why it cannot be used, or None when this user can see none."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        # A service whose home is somebody else's cannot enter that folder, and has no file there.
        return None
    except OSError as error:
        return f"cannot be read: {reason(error)}"
    try:
        with path.open("rb") as file:
            mode, content = os.fstat(file.fileno()).st_mode, file.read()
    except OSError as error:
        return f"cannot be read: {reason(error)}"
    members = _parse(content)
    return members if isinstance(members, str) else _File(members, mode)


def _parse(content: bytes) -> dict[str, _Redacted] | str:
    import tomllib  # not loaded for users without a file

    try:
        # Some editors begin a file with a byte-order mark.
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "cannot be read: it is no UTF-8 text"
    try:
        return {key: _Redacted(value) for key, value in tomllib.loads(text).items()}
    except (ValueError, RecursionError) as error:
        # The text of the parser's error may quote a value, so only the line is used.
        line = _LINE.search(str(error))
    return "is no valid TOML" + (f": see line {line[1]}" if line else " at its end")


def _checked(table: _Redacted, keys: Keys, where: str) -> dict[str, Secret | float]:
    values: dict[str, Secret | float] = {}
    for key, hidden in (_members(table) or {}).items():
        if key not in keys:
            raise ConfigurationError(f"There is an unknown key {shown(key)} in {where}{suggestion(key, keys)}")
        if keys[key] != "number":
            if not isinstance(hidden.value, str):
                raise ConfigurationError(f"The {key} must be a string, in {where}.")
            values[key] = Secret(hidden.value)
        else:
            if isinstance(hidden.value, bool) or not isinstance(hidden.value, int | float):
                raise ConfigurationError(f"The {key} must be a number, in {where}.")
            values[key] = hidden.value
    return values


def _members(hidden: _Redacted) -> dict[str, _Redacted] | None:
    members = hidden.value
    return {key: _Redacted(value) for key, value in members.items()} if is_mapping(members) else None


def _has_secret(table: _Redacted, keys: Keys) -> bool:
    return any(keys.get(key) == "secret" for key in _members(table) or {})

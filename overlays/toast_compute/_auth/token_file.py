"""The format of a token file, and the remaining life of the token in it.

The life of a token is counted by the time since the system started, which nobody can set, as long as the same start is
meant; else by the clock.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._files import Content
from .._redaction import Secret
from .._validation import is_mapping
from .stored_token import StoredToken, is_token

FORMAT = 1
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Record:
    """A token as it was written, and the times of that moment."""

    token: Secret
    lifetime: float
    left: float
    """The seconds that were left when it was written."""
    wall: float
    """Seconds since 1970 by the clock of that machine, then."""
    ticks: float
    """Seconds since that machine started, then."""
    boot: str
    """The id of that start of that machine; empty where the system has none."""

    def remaining(self) -> float | None:
        """Return the seconds that are left now, or None when they cannot be known."""
        boot = _boot()
        age = _ticks() - self.ticks if boot and boot == self.boot else time.time() - self.wall
        # A record from the future: the clock was set back, nobody knows by how much.
        return None if age < 0 else self.left - age


def write_record(token: StoredToken, key: str) -> Content:
    """Return the content of a file for a token, written now."""
    members = {"format": FORMAT, "key": key, "token": token.id, "lifetime": token.lifetime, "left": token.remaining}
    return Content(json.dumps(members | {"wall": time.time(), "ticks": _ticks(), "boot": _boot()}).encode())


def read_record(content: Content, key: str) -> Record | str:
    """Return the record in a file, or why it cannot be used."""
    try:
        members: Any = json.loads(content.text)
    except (ValueError, RecursionError):
        return "it is damaged"
    if not is_mapping(members) or type(members.get("format")) is not int:
        return "it is damaged"
    if members["format"] != FORMAT:
        return "it was written by another version of this package"
    # A renamed file would make a user act as another.
    if members.get("key") != key:
        return "it is another account's"
    token, boot = members.get("token"), members.get("boot")
    numbers = [_number(members.get(name)) for name in ("lifetime", "left", "wall", "ticks")]
    lifetime, left, wall, ticks = (math.nan if number is None else number for number in numbers)
    if not is_token(token) or not isinstance(boot, str) or None in numbers:
        return "it is damaged"
    return Record(Secret(token), lifetime, left, wall, ticks, boot)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _ticks() -> float:
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


def _boot() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""

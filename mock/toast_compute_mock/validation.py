"""Check the arguments of a cloud."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from typing import TypeGuard

from .faults.rules import Fault
from .world.seed import SeedWorld

_LAST_PORT = 65535
_LARGEST_SEED = 2**63 - 1  # what a snapshot can hold
_CLOCK_METHODS = ("now", "monotonic", "sleep", "sleep_async")


def check_cloud(
    *,
    seed: object,
    clock: object,
    world: object,
    faults: object,
    evolution: object,
    sample_above: object,
    admin_token: object,
) -> None:
    """Raise ValueError, in one sentence that names the argument, when no cloud can be made of these."""
    if not is_whole(seed) or not -_LARGEST_SEED <= seed <= _LARGEST_SEED:
        raise ValueError("seed: must be an integer of at most 63 bits")
    if clock is not None:
        missing = [name for name in _CLOCK_METHODS if not callable(getattr(clock, name, None))]
        if isinstance(clock, type) or missing:
            raise ValueError("clock: must be a clock such as FrozenClock()")
    if world is not None and not isinstance(world, SeedWorld):
        raise ValueError("world: must be a SeedWorld; read_seed_world makes one of a file's content")
    if isinstance(faults, str) or not isinstance(faults, Iterable) or not all(isinstance(one, Fault) for one in faults):
        raise ValueError("faults: must be a list of faults; cloud.faults.use takes the name of a preset")
    if isinstance(evolution, str) or not isinstance(evolution, Collection):
        raise ValueError("evolution: must be a list of options")
    if sample_above is not None and (not is_whole(sample_above) or sample_above < 0):
        raise ValueError("sample_above: must be a number of bytes, or None")
    if admin_token is not None and (not isinstance(admin_token, str) or not admin_token):
        raise ValueError("admin_token: must be a text that is not empty, or None")


def check_port(port: object) -> None:
    """Raise ValueError when this is not a port to listen on."""
    if not is_whole(port) or not 0 <= port <= _LAST_PORT:
        raise ValueError(f"port: must be an integer from 0 to {_LAST_PORT}")


def check_wait(count: object, timeout: object) -> None:
    """Raise ValueError when one cannot wait for so many, or for so long."""
    if not is_whole(count) or count < 0:
        raise ValueError("count: must be a whole number, 0 or more")
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not math.isfinite(timeout) or timeout < 0:
        raise ValueError("timeout: must be a finite number of seconds, 0 or more")


def check_quota(name: str, limit: object) -> None:
    """Raise ValueError when this is neither a quota nor None."""
    if limit is not None and (not is_whole(limit) or limit < 0):
        raise ValueError(f"{name}: a quota must be a whole number, 0 or more, or None")


def is_whole(value: object) -> TypeGuard[int]:
    """Return whether a value is an integer; True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool)

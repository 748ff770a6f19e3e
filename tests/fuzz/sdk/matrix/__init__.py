"""Hold every method, change and setting of a client against every fault and value."""

from __future__ import annotations

from . import arguments, faults, load, settings, tokens, waits
from .table import CHECKS

__all__ = ["CHECKS", "arguments", "faults", "load", "settings", "tokens", "waits"]

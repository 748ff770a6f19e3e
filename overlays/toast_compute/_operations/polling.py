"""How often is looked for the traces of a lost request, when what is shown may lag behind?"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from .._effects import Effects

Pause: TypeAlias = Callable[[float], Effects[bool]]
"""Waits for some seconds; returns whether there was the time for it."""

# The seconds before each look.
_PAUSES = (0.0, 1.0, 3.0)


def poll_until(pause: Pause, look: Callable[[], Effects[bool]]) -> Effects[bool]:
    """Look, up to three times and as long as there is time, until `look` says that nothing is left to see."""
    for seconds in _PAUSES:
        if seconds and not (yield from pause(seconds)):
            return False
        if (yield from look()):
            return True
    return False

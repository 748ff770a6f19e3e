"""How does a front wait for a reply that is not there yet?"""

from __future__ import annotations

import time

from ..exchange import Deferred, Reply

POLL_SECONDS = 0.02  # real ones: short for who waits, and cheap for the mock


class TooLongError(Exception):
    """The reply was not there when the patience of who waits had ended."""


def settle(reply: Reply | Deferred, patience: float | None = None) -> Reply:
    """Return the reply when it is there. Raises TooLongError when `patience`, in real seconds, ends before that."""
    if isinstance(reply, Reply):
        return reply
    deadline = None if patience is None else time.monotonic() + patience
    while (due := reply.poll()) is None:
        if deadline is not None and time.monotonic() >= deadline:
            raise TooLongError
        time.sleep(POLL_SECONDS)
    return due


async def settle_async(reply: Reply | Deferred, patience: float | None = None) -> Reply:
    """Do what `settle` does, and let other tasks run."""
    if isinstance(reply, Reply):
        return reply
    import asyncio  # a blocking client never loads it

    deadline = None if patience is None else time.monotonic() + patience
    while (due := reply.poll()) is None:
        if deadline is not None and time.monotonic() >= deadline:
            raise TooLongError
        await asyncio.sleep(POLL_SECONDS)
    return due

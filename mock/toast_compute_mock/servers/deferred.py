"""Wait for a reply that is not there yet."""

from __future__ import annotations

import time

from ..exchange import Deferred, Reply

POLL_SECONDS = 0.02  # real ones: short for who waits, and cheap for the mock


class ReplyTimeoutError(Exception):
    """The reply was not there in time."""


def wait_for_reply(reply: Reply | Deferred, timeout: float | None = None) -> Reply:
    """Return the reply when it is there. Raises TooLongError when `timeout`, in real seconds, ends before that."""
    if isinstance(reply, Reply):
        return reply
    deadline = None if timeout is None else time.monotonic() + timeout
    while (due := reply.poll()) is None:
        if deadline is not None and time.monotonic() >= deadline:
            raise ReplyTimeoutError
        time.sleep(POLL_SECONDS)
    return due


async def wait_for_reply_async(reply: Reply | Deferred, timeout: float | None = None) -> Reply:
    """Do what `wait_for_reply` does, and let other tasks run."""
    if isinstance(reply, Reply):
        return reply
    import asyncio  # a blocking client never loads it

    deadline = None if timeout is None else time.monotonic() + timeout
    while (due := reply.poll()) is None:
        if deadline is not None and time.monotonic() >= deadline:
            raise ReplyTimeoutError
        await asyncio.sleep(POLL_SECONDS)
    return due

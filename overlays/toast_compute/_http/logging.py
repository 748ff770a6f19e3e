"""What of an exchange must stay out of the log of httpcore, which httpx stands on?"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

# Set while a thread or task of ours waits for the head of a reply.
_ours = ContextVar("_ours", default=False)


class _NoReplyHeaders(logging.Filter):
    """Keeps the head of our replies out of httpcore's log: a redirect or a bad server may repeat secrets there."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let everything pass but the head of a reply to us."""
        return not (_ours.get() and str(record.msg).startswith("receive_response_headers."))


_NO_REPLY_HEADERS = _NoReplyHeaders()


def install() -> None:
    """Set the filter. Doing so again changes nothing."""
    for name in ("httpcore.http11", "httpcore.http2"):
        logging.getLogger(name).addFilter(_NO_REPLY_HEADERS)


@contextmanager
def reply_headers_unlogged() -> Generator[None, None, None]:
    """Keep the heads of replies that come in the block out of the log."""
    before = _ours.set(True)
    try:
        yield
    finally:
        _ours.reset(before)

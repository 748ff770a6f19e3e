"""Does a refusal tell a secret? Neither one of its own request nor any other that the run knows."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ..exchange import Exchange

_SHORTEST = 6  # of a shorter one, a word of the message may be the same by chance


def refusal_tells_no_secret(secrets: Collection[str], exchange: Exchange) -> Iterator[str]:
    """No refusal holds a password, a token or an appkey."""
    if exchange.reply.code == 0:
        return
    if any(len(secret) >= _SHORTEST and secret.encode() in exchange.reply.body for secret in secrets):
        yield "is refused with a message that tells a secret"

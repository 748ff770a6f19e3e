"""The token of one call: taken from the client, and renewed once when the service refuses it."""

from __future__ import annotations

from typing import Protocol

from .._effects import Effects
from .._redaction import Secret

# For so long after a fresh token was refused as well, the same operation does not have it renewed: what is missing is a
# permission, and each call would issue a token.
BACKOFF_SECONDS = 60.0


class TokenSource(Protocol):
    """The tokens of a client: what a call needs of its token manager."""

    @property
    def known(self) -> tuple[Secret, ...]:
        """The tokens that the service may still quote."""
        ...

    def held(self, now: float, refused: Secret | None) -> Secret | None:
        """Return the token in use if it can be used as it is."""
        ...

    def current(self, seconds: float, refused: Secret | None) -> Effects[Secret]:
        """Return a token that can be used, issuing one if need be."""
        ...

    def is_fresh(self, token: Secret, now: float) -> bool:
        """Return whether a token was issued a moment ago."""
        ...


class RenewalBackoff:
    """Remembers which fresh tokens were refused, and for what. Threads share it: one token more does not matter."""

    def __init__(self) -> None:
        self._refused: dict[str, tuple[Secret, float]] = {}

    def start(self, operation: str, token: Secret, now: float) -> None:
        """Note that a token was refused that was issued a moment ago."""
        self._refused[operation] = (token, now + BACKOFF_SECONDS)

    def holds(self, operation: str, token: Secret, now: float) -> bool:
        """Return whether that token was refused again. Any other token may have ended."""
        refused, until = self._refused.get(operation, (None, now))
        return token == refused and now < until


class CallToken:
    """The token of one call."""

    def __init__(self, source: TokenSource, backoff: RenewalBackoff, operation: str) -> None:
        self._source = source
        self._backoff = backoff
        self._operation = operation
        self._refused: Secret | None = None

    def held(self, now: float) -> Secret | None:
        """Return the client's token if it can be used as it is."""
        return self._source.held(now, self._refused)

    def current(self, seconds: float) -> Effects[Secret]:
        """Return a token that can be used, issuing one within so many seconds if need be."""
        return self._source.current(seconds, self._refused)

    def refuse(self, token: Secret) -> None:
        """Have the next attempt use another token than this one, which the service refused."""
        self._refused = token

    def why_no_renewal(self, token: Secret | None, now: float) -> str:
        """Return why another token would be refused as well, or an empty text when one may help."""
        if token is None:
            return "the credentials were refused"
        if self._refused is not None:
            return "a fresh token was refused, too"
        if self._backoff.holds(self._operation, token, now):
            return "this token was fresh when it was refused for the same a moment ago"
        return ""

    def note_final_refusal(self, token: Secret, now: float) -> None:
        """Start the back-off when the call ends with the refusal of a fresh token."""
        if self._source.is_fresh(token, now) and not self._backoff.holds(self._operation, token, now):
            self._backoff.start(self._operation, token, now)

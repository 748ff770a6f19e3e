"""Which token does a call carry, and when is a new one issued?"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from toast_compute_api.models import Access

from .._effects import Exclusively, FaultKind, Plan, ReadClock, TransportFault
from .._redaction import Secret
from ..errors import APIConnectionError, MalformedResponseError, ServerError, ToastComputeError
from .shared_token import SharedToken, Turn

if TYPE_CHECKING:
    from .stored_token import TokenStore

Issue: TypeAlias = Callable[[float], Plan[Access]]

# From here on a token is replaced when that is possible, and used on when it is not.
SOFT_SECONDS = 120.0
SOFT_SHARE = 0.2
# From here on it is not used: it must still hold when it arrives.
HARD_SECONDS = 30.0
HARD_SHARE = 0.05
# After a renewal that failed while the token still holds.
PAUSE_SECONDS = 5.0
# What a call gives at most for the renewal of a token that still holds; never more than half of what it has.
PATIENCE_SECONDS = 10.0
# Whoever refuses a token so soon after it was issued does not mean that it came to its end.
FRESH_SECONDS = 30.0
# A longer life is not believed. To issue a token once a day costs nothing.
LONGEST_LIFE = 86_400.0
# How long one look at a lock takes; between two of them, what another process may have stored is read.
_LOCK_SECONDS = 0.25
# How many refused tokens are remembered, so that none of them is taken from a store again.
_DROPPED = 8


def token_key(base_url: str, appkey: Secret, username: Secret) -> str:
    """Return under which name a store keeps the token of a user: a hash, which shows none of the three."""
    account = json.dumps([base_url, appkey.reveal(), username.reveal()])
    return hashlib.sha256(account.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Held:
    secret: Secret
    lifetime: float
    # By the monotonic clock.
    soft_until: float
    hard_until: float
    ends: float


class TokenKeeper:
    """Keeps one token for all calls of a client. However many ask at the same time, one is issued."""

    def __init__(
        self, issue: Issue, *, issue_once: Issue | None = None, store: TokenStore | None = None, key: str = ""
    ) -> None:
        """Make a keeper that holds no token yet.

        Args:
            issue: issues a token, within so many seconds.
            issue_once: the same without trying again, for a token that still holds; `issue` when there is none.
            store: where tokens are shared with others, if they are.
            key: under which name they are.
        """
        self._issue = issue
        self._issue_once = issue_once or issue
        self._shared = None if store is None else SharedToken(store, key)
        self._held: _Held | None = None
        self._dropped: tuple[Secret, ...] = ()
        self._known: tuple[Secret, ...] = ()
        self._renewing = False
        self._not_before = -math.inf
        self._issued: tuple[Secret | None, float] = (None, -math.inf)

    def current(self, seconds: float, refused: Secret | None = None) -> Plan[Secret]:
        """Return a token that still holds, issuing one if need be.

        Args:
            seconds: how long to wait for another call that is issuing one, and how long issuing one may take.
            refused: the token that the service has just refused. It is dropped if it is still the one in use; somebody
                else may have replaced it meanwhile.
        """
        held = self._held
        spare = None
        if held is not None and held.secret != refused:
            now: float = yield ReadClock()
            if now < held.soft_until or (now < held.hard_until and (self._renewing or now < self._not_before)):
                return held.secret
            spare = held if now < held.hard_until else None
        try:
            renewed: Secret = yield Exclusively(
                self._renew(seconds, refused), seconds if spare is None else _patience(seconds)
            )
            return renewed
        except TransportFault:
            # Its turn did not come.
            if spare is None:
                raise
        return spare.secret

    def is_fresh(self, token: Secret, now: float) -> bool:
        """Return whether this keeper issued a token, and that a moment ago."""
        issued, asked = self._issued
        return token == issued and now - asked <= FRESH_SECONDS

    @property
    def known(self) -> tuple[Secret, ...]:
        """The token in use and the one before it: the service may still quote it."""
        return self._known

    def _renew(self, seconds: float, refused: Secret | None) -> Plan[Secret]:
        if refused is not None and self._held is not None and self._held.secret == refused:
            # Not the last one only: a store may go on giving back another.
            self._held, self._dropped = None, (refused, *self._dropped[: _DROPPED - 1])
        # Whoever held the gate before may have done the work already, or another process.
        now: float = yield ReadClock()
        if not self._will_do(now) and self._shared is not None:
            yield from self._look(self._shared)
            now = yield ReadClock()
        held = self._held
        if held is not None and self._will_do(now):
            return held.secret
        spare = held if held is not None and now < held.hard_until else None
        self._renewing = True
        try:
            if spare is None:
                yield from self._replace(self._issue, seconds, needed=True)
            else:
                yield from self._replace(self._issue_once, _patience(seconds), needed=False)
        except Exception as error:
            now = yield ReadClock()
            if spare is None or not _passes(error) or now >= spare.hard_until:
                raise
            self._not_before = now + PAUSE_SECONDS
            return spare.secret
        finally:
            self._renewing = False
        assert self._held is not None
        return self._held.secret

    def _will_do(self, now: float) -> bool:
        held = self._held
        if held is None:
            return False
        return now < held.soft_until or now < min(held.hard_until, self._not_before)

    def _replace(self, issue: Issue, seconds: float, *, needed: bool) -> Plan[None]:
        shared = self._shared
        if shared is None:
            yield from self._take_new(issue, seconds)
            return
        tries = math.ceil(seconds / 2 / _LOCK_SECONDS) if needed else 1
        turn: Turn | None = None
        for _ in range(tries):
            turn = yield from shared.turn(_LOCK_SECONDS if needed else 0.0)
            if turn is None or turn.has_come:
                break
            if (yield from self._look(shared)):
                return
        if turn is not None and not turn.has_come:
            if not needed:
                raise TransportFault(FaultKind.TIMEOUT, "another process is issuing a token", not_sent=True)
            # Whoever holds the lock takes too long. A second token does no harm.
            turn = None
        try:
            yield from self._replace_alone(shared, issue, seconds, locked=turn is not None)
        except Exception:
            yield from shared.leave(turn)
            raise
        except BaseException:
            # Closed or cancelled: nothing can be asked of the driver any more.
            if turn is not None:
                turn.leave()
            raise
        yield from shared.leave(turn)

    def _replace_alone(self, shared: SharedToken, issue: Issue, seconds: float, *, locked: bool) -> Plan[None]:
        if locked and (yield from self._look(shared)):
            return
        if locked and self._dropped:
            yield from shared.forget(self._dropped[0])
        yield from self._take_new(issue, seconds)
        held = self._held
        now: float = yield ReadClock()
        if held is not None and now < held.hard_until:
            yield from shared.save(held.secret, held.lifetime, held.ends - now)

    def _take_new(self, issue: Issue, seconds: float) -> Plan[None]:
        # The life is counted from before the question, and by the service's own two times: so neither a slow reply nor
        # a wrong clock here makes it longer.
        asked: float = yield ReadClock()
        access = yield from issue(seconds)
        life = (access.token.expires - access.token.issued_at).total_seconds()
        held = _held(Secret(access.token.id), asked, life, life)
        self._issued = (held.secret, asked)
        self._hold(held)
        self._not_before = -math.inf

    def _look(self, shared: SharedToken) -> Plan[bool]:
        """Take the token of the store if it is better than that in use. Return whether it need not be replaced yet."""
        before: float = yield ReadClock()
        stored = yield from shared.load()
        if stored is None:
            return False
        found = _held(Secret(stored.id), before, stored.lifetime, stored.remaining)
        held = self._held
        if found.secret in self._dropped or before >= found.hard_until:
            return False
        # The same token does not live longer for being read again.
        if held is not None and (found.secret == held.secret or found.ends <= held.ends):
            return False
        self._hold(found)
        return before < found.soft_until

    def _hold(self, new: _Held) -> None:
        if new.secret not in self._known:
            self._known = (new.secret, *self._known[:1])
        self._held = new


def _held(secret: Secret, since: float, lifetime: float, remaining: float) -> _Held:
    lifetime = max(0.0, min(lifetime, LONGEST_LIFE))
    ends = since + max(0.0, min(remaining, lifetime))
    return _Held(
        secret,
        lifetime,
        soft_until=ends - min(SOFT_SECONDS, lifetime * SOFT_SHARE),
        hard_until=ends - min(HARD_SECONDS, lifetime * HARD_SHARE),
        ends=ends,
    )


def _patience(seconds: float) -> float:
    return min(seconds / 2, PATIENCE_SECONDS)


def _passes(error: Exception) -> bool:
    """Whether a renewal may succeed later as it stands; a refusal of the credentials may not."""
    if isinstance(error, TransportFault | APIConnectionError | MalformedResponseError | ServerError):
        return True
    return isinstance(error, ToastComputeError) and error.retryable

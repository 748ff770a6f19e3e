"""One token for all calls of a client: when it is issued, renewed, and taken from a store."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from toast_compute_api.models import Access

from .._effects import Effects, FaultKind, ReadClock, TransportFault, WithLock
from .._redaction import Secret
from .shared_token import SharedToken, StoreLock
from .stored_token import TokenStore

Issue: TypeAlias = Callable[[float], Effects[Access]]

# So long before its end, a token is renewed when that is possible, and still used when it is not.
SOFT_SECONDS = 120.0
SOFT_SHARE = 0.2
# So long before its end, it is not used any more: it must still hold when it arrives.
HARD_SECONDS = 30.0
HARD_SHARE = 0.05
# After a renewal that failed while the token still holds.
PAUSE_SECONDS = 5.0
# What a call spends at most on the renewal of a token that still holds; never more than half of its time.
SOFT_WAIT_SECONDS = 10.0
# A token that is refused so soon after it was issued has not expired: the refusal has another reason.
FRESH_SECONDS = 30.0
# A longer life is cut to a day: to issue one token a day costs nothing.
LONGEST_LIFE = 86_400.0
# How long one attempt at the lock lasts. Between two attempts, the token that another process may have stored is read.
_LOCK_SECONDS = 0.25
# How many refused tokens are remembered, so that they are not taken from a store again.
_MAX_REFUSED = 8


def token_key(base_url: str, appkey: Secret, username: Secret) -> str:
    """Return the key under which a store keeps a user's token: a hash, which shows none of the three."""
    account = json.dumps([base_url, appkey.reveal(), username.reveal()])
    return hashlib.sha256(account.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _HeldToken:
    secret: Secret
    lifetime: float
    # By the monotonic clock.
    soft_until: float
    hard_until: float
    ends: float


class TokenManager:
    """Keeps one token for all calls of a client. Calls that ask at the same time share one issue."""

    def __init__(
        self,
        issue: Issue,
        *,
        is_transient: Callable[[Exception], bool],
        issue_once: Issue | None = None,
        store: TokenStore | None = None,
        key: str = "",
    ) -> None:
        """Make a manager that holds no token yet.

        Args:
            issue: issues a token, within so many seconds.
            is_transient: returns for which failures of a renewal a token that still holds is used further.
            issue_once: the same without retries, for a token that still holds; without it, `issue`.
            store: where the token is shared with other clients and processes, if it is.
            key: the key of the token there.
        """
        self._issue = issue
        self._is_transient = is_transient
        self._issue_once = issue_once or issue
        self._shared = None if store is None else SharedToken(store, key)
        self._held: _HeldToken | None = None
        self._refused: tuple[Secret, ...] = ()  # newest first
        self._known: tuple[Secret, ...] = ()
        self._renewing = False
        self._not_before = -math.inf
        self._issued: tuple[Secret | None, float] = (None, -math.inf)

    def held(self, now: float, refused: Secret | None = None) -> Secret | None:
        """Return the token in use if it can be used as it is: it holds long enough, and is not the refused one."""
        held = self._held
        if held is None or (refused is not None and held.secret == refused):
            return None
        if now < held.soft_until or (now < held.hard_until and (self._renewing or now < self._not_before)):
            return held.secret
        return None

    def current(self, seconds: float, refused: Secret | None = None) -> Effects[Secret]:
        """Return a token that still holds, issuing one if need be.

        Args:
            seconds: how long to wait for another call that is issuing one, and how long issuing one may take.
            refused: the token that the service has just refused. It is dropped if it is still the one in use; somebody
                else may have replaced it meanwhile.
        """
        held = self._held
        spare = None
        if held is not None and held.secret != refused:
            _, now = yield ReadClock()
            if (ready := self.held(now, refused)) is not None:
                return ready
            spare = held if now < held.hard_until else None
        try:
            renewed: Secret
            renewed, _ = yield WithLock(
                self._renew(seconds, refused), seconds if spare is None else _soft_wait(seconds)
            )
            return renewed
        except TransportFault:
            # Another call did not finish its renewal in time.
            if spare is None:
                raise
        return spare.secret

    def is_fresh(self, token: Secret, now: float) -> bool:
        """Return whether this manager issued a token, and did so a moment ago."""
        issued, requested = self._issued
        return token == issued and now - requested <= FRESH_SECONDS

    @property
    def known(self) -> tuple[Secret, ...]:
        """The token in use and the one before it: the service may still quote it."""
        return self._known

    def _renew(self, seconds: float, refused: Secret | None) -> Effects[Secret]:
        if refused is not None and self._held is not None and self._held.secret == refused:
            # Several are remembered: a store may return an older one after the last.
            self._held, self._refused = None, (refused, *self._refused[: _MAX_REFUSED - 1])
        # Checked again behind the lock: the call that held it before, or another process, may have renewed the token.
        _, now = yield ReadClock()
        if not self._is_usable(now) and self._shared is not None:
            yield from self._load_shared(self._shared)
            _, now = yield ReadClock()
        held = self._held
        if held is not None and self._is_usable(now):
            return held.secret
        spare = held if held is not None and now < held.hard_until else None
        self._renewing = True
        try:
            if spare is None:
                yield from self._replace(self._issue, seconds, needed=True)
            else:
                yield from self._replace(self._issue_once, _soft_wait(seconds), needed=False)
        except Exception as error:
            _, now = yield ReadClock()
            if spare is None or not self._is_transient(error) or now >= spare.hard_until:
                raise
            self._not_before = now + PAUSE_SECONDS
            return spare.secret
        finally:
            self._renewing = False
        assert self._held is not None
        return self._held.secret

    def _is_usable(self, now: float) -> bool:
        held = self._held
        if held is None:
            return False
        return now < held.soft_until or now < min(held.hard_until, self._not_before)

    def _replace(self, issue: Issue, seconds: float, *, needed: bool) -> Effects[None]:
        shared = self._shared
        if shared is None:
            yield from self._issue_new(issue, seconds)
            return
        attempts = math.ceil(seconds / 2 / _LOCK_SECONDS) if needed else 1
        lock: StoreLock | None = None
        for _ in range(attempts):
            lock = yield from shared.lock(_LOCK_SECONDS if needed else 0.0)
            if lock is None or lock.is_held:
                break
            if (yield from self._load_shared(shared)):
                return
        if lock is not None and not lock.is_held:
            if not needed:
                raise TransportFault(FaultKind.TIMEOUT, "another process is issuing a token", not_sent=True)
            # The process that holds the lock takes too long. A second token does no harm.
            lock = None
        try:
            yield from self._issue_and_share(shared, issue, seconds, locked=lock is not None)
        except Exception:
            yield from shared.unlock(lock)
            raise
        except BaseException:
            # Closed or cancelled: a generator that yields now breaks the driver, so the lock is released directly.
            if lock is not None:
                lock.release()
            raise
        yield from shared.unlock(lock)

    def _issue_and_share(self, shared: SharedToken, issue: Issue, seconds: float, *, locked: bool) -> Effects[None]:
        if locked and (yield from self._load_shared(shared)):
            return
        if locked and self._refused:
            yield from shared.forget(self._refused[0])
        yield from self._issue_new(issue, seconds)
        held = self._held
        _, now = yield ReadClock()
        if held is not None and now < held.hard_until:
            yield from shared.save(held.secret, held.lifetime, held.ends - now)

    def _issue_new(self, issue: Issue, seconds: float) -> Effects[None]:
        # The life is counted from before the request, and by the two times of the service: neither a slow reply nor a
        # wrong clock on this machine makes it longer.
        _, requested = yield ReadClock()
        access = yield from issue(seconds)
        life = (access.token.expires - access.token.issued_at).total_seconds()
        held = _held_token(Secret(access.token.id), requested, life, life)
        self._issued = (held.secret, requested)
        self._hold(held)
        self._not_before = -math.inf

    def _load_shared(self, shared: SharedToken) -> Effects[bool]:
        """Use the token of the store if it lasts longer than that in use. Return whether it needs no renewal yet."""
        before: float
        _, before = yield ReadClock()
        stored = yield from shared.load()
        if stored is None:
            return False
        found = _held_token(Secret(stored.id), before, stored.lifetime, stored.remaining)
        held = self._held
        if found.secret in self._refused or before >= found.hard_until:
            return False
        # The same token does not live longer because it was read again.
        if held is not None and (found.secret == held.secret or found.ends <= held.ends):
            return False
        self._hold(found)
        return before < found.soft_until

    def _hold(self, new: _HeldToken) -> None:
        if new.secret not in self._known:
            self._known = (new.secret, *self._known[:1])
        self._held = new


def _held_token(secret: Secret, since: float, lifetime: float, remaining: float) -> _HeldToken:
    lifetime = max(0.0, min(lifetime, LONGEST_LIFE))
    ends = since + max(0.0, min(remaining, lifetime))
    return _HeldToken(
        secret,
        lifetime,
        soft_until=ends - min(SOFT_SECONDS, lifetime * SOFT_SHARE),
        hard_until=ends - min(HARD_SECONDS, lifetime * HARD_SHARE),
        ends=ends,
    )


def _soft_wait(seconds: float) -> float:
    return min(seconds / 2, SOFT_WAIT_SECONDS)

"""Which token does a call carry, and when is a new one issued?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from toast_compute_api.models import Access

from ._effects import Exclusively, Plan, ReadClock
from ._secret import Secret

Issue: TypeAlias = Callable[[float], Plan[Access]]

# A token is not used in its last minute, or in the last tenth of a short life: it must still hold when it arrives.
MARGIN_SECONDS = 60.0
MARGIN_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class _Held:
    secret: Secret
    # By the monotonic clock.
    good_until: float


class TokenKeeper:
    """Keeps one token for all calls of a client. However many ask at the same time, one is issued."""

    def __init__(self, issue: Issue) -> None:
        self._issue = issue
        self._held: _Held | None = None
        self._last: Secret | None = None

    def current(self, seconds: float, refused: Secret | None = None) -> Plan[Secret]:
        """Return a token that still holds, issuing one if need be.

        Args:
            seconds: how long to wait for another call that is issuing one, and how long issuing one may take.
            refused: the token that the service has just refused. It is dropped if it is still the one in use; somebody
                else may have replaced it meanwhile.
        """
        usable = yield from self._usable(refused)
        if usable is not None:
            return usable
        renewed: Secret = yield Exclusively(self._renew(seconds, refused), seconds)
        return renewed

    @property
    def known(self) -> tuple[Secret, ...]:
        """The token in use, or the one that was dropped last: the service may still quote it."""
        last = self._last
        return () if last is None else (last,)

    def _usable(self, refused: Secret | None) -> Plan[Secret | None]:
        held = self._held
        if held is None or held.secret == refused:
            return None
        now: float = yield ReadClock()
        return held.secret if now < held.good_until else None

    def _renew(self, seconds: float, refused: Secret | None) -> Plan[Secret]:
        # Whoever held the gate before may have done the work already.
        usable = yield from self._usable(refused)
        if usable is not None:
            return usable
        self._held = None
        access = yield from self._issue(seconds)
        received: float = yield ReadClock()
        # The service's own two times, so that a wrong clock here does not matter.
        lifetime = (access.token.expires - access.token.issued_at).total_seconds()
        margin = min(MARGIN_SECONDS, lifetime * MARGIN_SHARE)
        self._last = Secret(access.token.id)
        self._held = _Held(self._last, received + lifetime - margin)
        return self._held.secret

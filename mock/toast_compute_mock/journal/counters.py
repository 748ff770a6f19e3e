"""Count leaks by place and repeated creates, over all exchanges, also those no longer kept."""

from __future__ import annotations

from collections import deque

import msgspec

COUNTED_BODY = "createInstance"
"""The operation of which it is counted how often the same body was carried out."""

_MAX_EXAMPLES = 10
_MAX_REPETITIONS = 100
_MAX_BODIES = 100_000  # some ten MiB


class Leak(msgspec.Struct, frozen=True):
    """A place in requests where secrets have stood that do not belong there."""

    place: str
    """`method`, `path`, `query`, `headers` or `body`."""
    count: int
    """In how many requests."""
    examples: tuple[str, ...]
    """Method and target of the first of them that differ, without the secrets."""


class Repetition(msgspec.Struct, frozen=True):
    """A body of createInstance that was carried out more than once in a world."""

    world: str
    times: int
    body: str
    """Without secrets, and cut like those of entries."""


class Counters:
    """Counts what tests are failed for. Its size has a limit. Not safe for threads: the journal has the lock."""

    def __init__(self) -> None:
        self._leaks: dict[str, int] = {}
        self._examples: dict[str, dict[str, None]] = {}
        self._times: dict[int, int] = {}
        self._order: deque[int] = deque()
        self._repeated: dict[int, tuple[str, bytes]] = {}

    def count_leaks(self, places: tuple[str, ...], method: str, target: str) -> None:
        """Count an exchange with secrets in these places."""
        for place in places:
            self._leaks[place] = self._leaks.get(place, 0) + 1
            examples = self._examples.setdefault(place, {})
            if len(examples) < _MAX_EXAMPLES:
                examples[f"{method} {target}"] = None

    def count_create(self, world: str, identity: int, applied: int, body: bytes) -> None:
        """Count that a create was carried out so many times; the oldest of very many are forgotten."""
        key = hash((world, identity))  # of 64 bits, so two bodies are not taken for one
        times = self._times.get(key)
        if times is None:
            self._times[key] = times = applied
            self._order.append(key)
            if len(self._order) > _MAX_BODIES:
                oldest = self._order.popleft()
                if oldest not in self._repeated:
                    del self._times[oldest]
        else:
            self._times[key] = times = times + applied
        if times > 1 and key not in self._repeated and len(self._repeated) < _MAX_REPETITIONS:
            self._repeated[key] = (world, body)

    def leaks(self) -> list[Leak]:
        """Return the places with leaks."""
        return [Leak(place, count, tuple(self._examples[place])) for place, count in self._leaks.items()]

    def repetitions(self) -> list[tuple[str, int, bytes]]:
        """Return world, times and body of the creates that were carried out more than once; no more than a hundred."""
        return [(world, self._times[key], body) for key, (world, body) in self._repeated.items()]

"""Keep the last exchanges, without secrets, and counts of all of them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice

import msgspec

from .counters import COUNTED_BODY, Counters, Leak, Repetition

__all__ = ["COUNTED_BODY", "Entry", "Journal", "Kind", "Leak", "Repetition", "check_filters"]

_ECHO_LIMIT = 40
COUNT_LIMIT = 10_000
BYTES_LIMIT = 8 * 1024 * 1024
BODY_LIMIT = 16 * 1024  # what is kept of one body
_OVERHEAD = 500  # bytes that an entry takes in addition to its texts, roughly
_CUT = " (cut)"


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One exchange. There is no secret in it."""

    seq: int
    """From 1 on, in the order of answering."""
    at: float
    """When it was answered, in seconds since 1970 on the mock's clock."""
    world: str
    """The id of the world that it concerned; empty when it got into none."""
    operation: str
    """The operationId; empty when the path or method belongs to none."""
    action: str
    """The action, for the operation whose body is one."""
    method: str
    target: str
    status: int
    result_code: int | None
    """None when the reply has no envelope that can be read."""
    applied: int
    """How often the operation was carried out: 0, 1 or 2."""
    faults: tuple[str, ...]
    """The names of the faults that fired."""
    leaks: tuple[str, ...]
    """Where a secret stood that does not belong there: `method`, `path`, `query`, `headers` or `body`."""
    request_body: bytes
    reply_body: bytes

    @property
    def request(self) -> str:
        """The body of the request as text; what is longer than 16 KiB is cut."""
        return _text(self.request_body)

    @property
    def reply(self) -> str:
        """The body of the reply as text, cut likewise."""
        return _text(self.reply_body)


class Kind(msgspec.Struct, frozen=True, gc=False):
    """What entries are counted by."""

    operation: str
    action: str
    world: str
    result_code: int | None


class Journal:
    """Keeps the last entries, by number and by size. Its counts know of all. Safe for threads."""

    def __init__(self, count_limit: int = COUNT_LIMIT, bytes_limit: int = BYTES_LIMIT) -> None:
        self._count_limit = count_limit
        self._bytes_limit = bytes_limit
        self._entries: deque[Entry] = deque()
        self._bytes = 0
        self._counts: dict[Kind, int] = {}
        self._counters = Counters()
        self._lock = threading.Lock()
        self._last = 0

    @property
    def last(self) -> int:
        """The number of the newest entry; 0 when there has been none."""
        return self._last

    def note(
        self,
        at: float,
        kind: Kind,
        method: str,
        target: str,
        status: int,
        applied: int,
        faults: tuple[str, ...],
        leaks: tuple[str, ...],
        request: bytes,
        reply: bytes,
        identity: int | None = None,
    ) -> None:
        """Add an entry, and drop the oldest ones that no longer fit.

        `identity` tells the body of a create that was carried out from others, as they came.
        """
        if len(request) > BODY_LIMIT:
            request = request[: BODY_LIMIT + 1]
        if len(reply) > BODY_LIMIT:
            reply = reply[: BODY_LIMIT + 1]
        with self._lock:
            self._last = seq = self._last + 1
            entries, counts = self._entries, self._counts
            entries.append(
                Entry(
                    seq,
                    at,
                    kind.world,
                    kind.operation,
                    kind.action,
                    method,
                    target,
                    status,
                    kind.result_code,
                    applied,
                    faults,
                    leaks,
                    request,
                    reply,
                )
            )
            counts[kind] = counts.get(kind, 0) + 1
            if leaks:
                self._counters.count_leaks(leaks, method, target)
            if identity is not None:
                self._counters.count_create(kind.world, identity, applied, request)
            size = self._bytes + _OVERHEAD + len(target) + len(request) + len(reply)
            while len(entries) > self._count_limit or size > self._bytes_limit:
                oldest = entries.popleft()
                size -= _OVERHEAD + len(oldest.target) + len(oldest.request_body) + len(oldest.reply_body)
            self._bytes = size

    def find(
        self,
        *,
        operation: str | None = None,
        action: str | None = None,
        world: str | None = None,
        result_code: int | None = None,
        fault: str | None = None,
        after: int = 0,
        limit: int | None = None,
    ) -> list[Entry]:
        """Return the kept entries that fit, oldest first; `after` is the number of the last one already seen.

        Raises ValueError for an operation or action that the contract does not have, and for a negative number.
        """
        check_filters(operation, action)
        check_from_zero("after", after)
        check_from_zero("limit", limit)
        with self._lock:
            entries = list(self._entries)
        skip = max(0, after + 1 - entries[0].seq) if entries else 0
        fitting: Iterator[Entry] = (
            entry
            for entry in islice(entries, skip, None)
            if _fits(entry, operation, action, world, result_code) and (fault is None or fault in entry.faults)
        )
        return list(islice(fitting, limit))

    def count(
        self,
        *,
        operation: str | None = None,
        action: str | None = None,
        world: str | None = None,
        result_code: int | None = None,
    ) -> int:
        """Return how many exchanges of this kind there have been, those included that are no longer kept.

        Raises ValueError for an operation or action that the contract does not have.
        """
        check_filters(operation, action)
        with self._lock:
            counts = list(self._counts.items())
        return sum(number for kind, number in counts if _fits(kind, operation, action, world, result_code))

    def leaks(self) -> list[Leak]:
        """Return where secrets have stood that do not belong there, with the first examples of each place."""
        with self._lock:
            return self._counters.leaks()

    def repeated_creates(self) -> list[Repetition]:
        """Return which bodies of createInstance have been carried out more than once in a world."""
        with self._lock:
            found = self._counters.repetitions()
        return [Repetition(world, times, _text(body)) for world, times, body in found]

    def clear(self) -> None:
        """Forget all entries, counts. The numbers go on, so that `after` keeps its meaning."""
        with self._lock:
            self._entries.clear()
            self._counts.clear()
            self._counters = Counters()
            self._bytes = 0


def _fits(
    what: Entry | Kind, operation: str | None, action: str | None, world: str | None, result_code: int | None
) -> bool:
    return (
        (operation is None or what.operation == operation)
        and (action is None or what.action == action)
        and (world is None or what.world == world)
        and (result_code is None or what.result_code == result_code)
    )


def _text(body: bytes) -> str:
    text = body[:BODY_LIMIT].decode("utf-8", "replace")
    return text + _CUT if len(body) > BODY_LIMIT else text


def check_filters(operation: str | None, action: str | None) -> None:
    """Raise ValueError for an operation or action that the contract does not have; "" stands for none."""
    if operation:
        _check("operation", operation, _actions())
    if action:
        actions = _actions()
        if operation and not actions[operation]:
            raise ValueError(f"action: {operation} has no actions")
        known = actions[operation] if operation else [name for names in actions.values() for name in names]
        _check("action", action, known)


def check_from_zero(name: str, number: int | None) -> None:
    """Raise ValueError for a negative number."""
    if number is not None and number < 0:
        raise ValueError(f"{name}: must not be negative")


def _check(field: str, value: str, known: Iterable[str]) -> None:
    names = list(known)
    if value in names:
        return
    from difflib import get_close_matches  # only a refusal needs it

    nearest = get_close_matches(value, names, n=1)
    hint = f"did you mean {nearest[0]}?" if nearest else f"known are {', '.join(names)}"
    echo = value if len(value) <= _ECHO_LIMIT else value[:_ECHO_LIMIT] + "…"
    raise ValueError(f"{field}: there is no {echo!r}; {hint}")


def _actions() -> dict[str, tuple[str, ...]]:
    from ..contract.operations import contract  # slow to load, and only a filter needs it

    return contract().actions

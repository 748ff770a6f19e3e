"""Find what a test fails for although it passed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, TypeAlias

from toast_compute_api.behaviour import LIFECYCLE

if TYPE_CHECKING:
    from toast_compute_mock import MockCloud

_ALL = "all"


class Watch(logging.Handler):
    """Watches a test while it runs: which instances were there before it, and what is logged."""

    def __init__(self, cloud: MockCloud) -> None:
        super().__init__()
        self.cloud = cloud
        self.messages: list[tuple[str, str]] = []
        """The logger and the text of each record."""
        self._before = _instances(cloud)

    def __enter__(self) -> Watch:
        """Begin to read the log."""
        logging.getLogger().addHandler(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Read it no more."""
        logging.getLogger().removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record's text, that of its exception included."""
        text = self.format(record)
        self.messages.append((record.name, text))

    def left_behind(self) -> dict[str, str]:
        """Return the instances that were not there before and are not being deleted: their names by id."""
        return {id_: name for id_, name in _instances(self.cloud).items() if id_ not in self._before}


Check: TypeAlias = Callable[[Watch], Iterator[str]]


def leaked_instances(watch: Watch) -> Iterator[str]:
    """Find instances that the test created and did not delete."""
    for id_, name in watch.left_behind().items():
        yield f"leaked-instances: {name} ({id_}) was created and not deleted"


def unused_faults(watch: Watch) -> Iterator[str]:
    """Find faults that never fired."""
    for name in watch.cloud.faults.unused():
        yield f"unused-faults: {name} never fired"


def duplicate_creates(watch: Watch) -> Iterator[str]:
    """Find creates with the very same body that were carried out more than once, whoever repeated them."""
    for repeated in watch.cloud.journal.repeated_creates():
        yield f"duplicate-creates: {repeated.times} times {repeated.body}"


def secrets(watch: Watch) -> Iterator[str]:
    """Find secrets in the log, and those in the wrong place of a request."""
    from toast_compute_mock.redaction import Vault

    for leak in watch.cloud.journal.leaks():
        for example in leak.examples:
            yield f"secrets: a secret in the {leak.place} of {example}"
        if leak.count > len(leak.examples):
            yield f"secrets: {leak.count} requests in all had one in the {leak.place}"
    vault = Vault(lambda _: False)
    vault.add_tokens(watch.cloud.worlds.secrets())
    for logger, text in watch.messages:
        if vault.contains_encoded(text):
            yield f"secrets: a record of the logger {logger} shows a secret"


CHECKS: Mapping[str, Check] = {
    "leaked-instances": leaked_instances,
    "unused-faults": unused_faults,
    "duplicate-creates": duplicate_creates,
    "secrets": secrets,
}


def named(names: Iterable[str]) -> list[Check]:
    """Return the checks of these names; `all` names every one. Raises ValueError for another name."""
    wanted = list(names)
    for name in wanted:
        if name not in (*CHECKS, _ALL):
            raise ValueError(f"{name!r} is not one of {', '.join(CHECKS)}, {_ALL}")
    return [check for name, check in CHECKS.items() if name in wanted or _ALL in wanted]


def _instances(cloud: MockCloud) -> dict[str, str]:
    return {
        f"{info.id}/{instance.id}": instance.name
        for info in cloud.worlds.list()
        for instance in cloud.worlds.get(info.id).instances.values()
        if instance.transition is None or instance.transition.to in LIFECYCLE.states
    }

"""Did the run get anywhere? A run in which every request was refused finds nothing, and proves nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ..generate.document import links_of
from ..run import PHASES, Run


def operations_missed(run: Run) -> Iterator[str]:
    """Return the operations and actions of which no request of the engine was accepted."""
    return (name for name in run.contract.names if name not in run.tally.accepted)


def links_missed(run: Run) -> Iterator[str]:
    """Return the links that led nowhere."""
    return (name for name in link_names(run) if name not in run.tally.links)


def link_names(run: Run) -> list[str]:
    """Return the links of the contract, one for each action."""
    return [f"{source} -> {target}" for source, target in links_of(run.contract)]


def not_reached(
    run: Run,
    probes: Collection[str],
    phases: Collection[str],
    only: Collection[str],
    may_miss: Collection[str],
) -> Iterator[str]:
    """Say what was not reached of what the run was to try; of a part of the phases, only whether it got anywhere."""
    if not set(phases) >= set(PHASES):
        if not run.tally.accepted:
            yield "no request was accepted"
        return
    for name in operations_missed(run):
        if name not in may_miss and (not only or name in only):
            yield f"no request to {name} was accepted"
    if not only:
        for name in links_missed(run):
            if not any(missed in name.split(" -> ") for missed in may_miss):
                yield f"the link {name} was never followed"
    needs_token = any(run.contract.needs_token(name.partition(".")[0]) for name in only or run.contract.names)
    for kind in probes:
        if needs_token and not run.tally.probes[kind]:
            yield f"no request was sent with a token of the kind '{kind}'"

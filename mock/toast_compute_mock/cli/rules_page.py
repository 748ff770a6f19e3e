"""Write the table of behaviours as a page of the documentation."""

from __future__ import annotations

from collections.abc import Sequence

from toast_compute_api.behaviour import LIFECYCLE

from ..rules import OTHER_BEHAVIOURS, RefusedError, Rule

_TITLE = """# What the mock refuses and does

Written by `toast-compute-mock --show-behaviours`; do not edit. *documented*: the service's guide or its page of error
codes states it. *assumed*: this project decided, since they do not.
"""


def as_markdown() -> str:
    """Return the page: what is refused, which states an operation needs and what follows, and everything else."""
    refusals = [
        (str(rule.value.code), f"`{_message(rule)}`", rule.value.text, rule.value.basis)
        for rule in sorted(Rule, key=lambda rule: (abs(rule.value.code), rule.name))
    ]
    moves = [
        (
            f"`{name}`",
            ", ".join(move.accepted_in),
            " → ".join((*move.through, move.to)),
            f"{move.min_seconds:g} to {move.max_seconds:g}" if move.through else "at once",
            move.basis,
        )
        for name, move in LIFECYCLE.operations.items()
    ]
    others = [(behaviour.text, behaviour.basis) for behaviour in OTHER_BEHAVIOURS]
    return "\n".join(
        [
            _TITLE,
            "## What is refused",
            "",
            *_table(("result code", "message", "when", "basis"), refusals),
            "",
            "## What an operation needs and leads to",
            "",
            *_table(("operation", "accepted in", "leads to", "seconds", "basis"), moves),
            "",
            "## Everything else",
            "",
            *_table(("behaviour", "basis"), others),
        ]
    )


def _message(rule: Rule) -> str:
    """Return the message of a rule, with its blanks as they stand in the table."""
    return str(
        RefusedError(
            rule,
            path="{path}",
            reason="{reason}",
            **{name: "{" + name + "}" for name in ("status", "min_disk", "member", "limit")},
        )
    )


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    lines = [head, tuple("---" for _ in head), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]

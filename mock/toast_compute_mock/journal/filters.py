"""Can there be an exchange of this kind at all? A slip in a filter is refused, instead of finding nothing."""

from __future__ import annotations

from collections.abc import Iterable

_ECHO_LIMIT = 40


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

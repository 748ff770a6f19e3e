"""Was a call that cannot be made refused as it should be? Nothing is sent, and one sentence names what is wrong."""

from __future__ import annotations

from collections.abc import Sequence

from toast_compute import InvalidRequestError

from .secrecy import problems_of_error
from .sent import Sent
from .wrong_values import PLANTED

_LONGEST_SENTENCE = 500


def problem_of_refusal(sent: Sequence[Sent], error: Exception | None, name: str) -> str:
    """Return what is wrong with how such a call ended, when `name` is the part of the request that is wrong."""
    if sent:
        return "was sent, and it is not allowed"
    if not isinstance(error, InvalidRequestError):
        return f"ended as {type(error).__name__}"
    if len(str(error)) > _LONGEST_SENTENCE:
        return "is told of in more than a sentence"
    if not any(name.lower() in path.lower() for path, _ in error.findings):
        return f"is told of without its name ({error})"
    return next(problems_of_error(error, [PLANTED]), "")

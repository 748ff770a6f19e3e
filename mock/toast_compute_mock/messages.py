"""Return the message of a result code."""

from __future__ import annotations

from toast_compute_api.behaviour import RESULT_CODES, STATUS_KINDS, SUBSYSTEM_RANGES
from toast_compute_runtime.behaviour_types import http_status

FAIL = RESULT_CODES[-1].message
"""The contract's message for a failure without a reason."""

# The contract has a word for most kinds of refusal, as a result code of its own. These two have none.
_WORDS_OF_KINDS = {"conflict": "Conflict", "authentication": "Unauthorized"}


def message_for(code: int) -> str:
    """Return how a resultMessage begins; a code that the contract does not know gets FAIL."""
    if code in RESULT_CODES:
        return RESULT_CODES[code].message
    if not any(code in codes for codes in SUBSYSTEM_RANGES):
        return FAIL
    kind = STATUS_KINDS.get(http_status(code))
    if kind in _WORDS_OF_KINDS:
        return _WORDS_OF_KINDS[kind]
    return next((known.message for known in RESULT_CODES.values() if known.kind == kind), FAIL)

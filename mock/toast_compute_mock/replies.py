"""How does an outcome become a reply, and does that reply keep the contract?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from toast_compute_api.behaviour import RESULT_CODES

from .behaviours import RefusedError
from .exchange import CONTENT_TYPE, Reply
from .schemas import Schema

_HTTP_STATUS = 200  # guide: every reply is 200
_SUCCESS_CODE = 0
_SUCCESS_HEADER = {
    "isSuccessful": True,
    "resultCode": _SUCCESS_CODE,
    "resultMessage": RESULT_CODES[_SUCCESS_CODE].message,
}

_encode = msgspec.json.Encoder().encode


class BrokenReplyError(RuntimeError):
    """The mock made a reply that the contract does not allow: a defect of the mock, never of the request."""


def success(payload: Mapping[str, Any], schema: Schema) -> Reply:
    """Return the reply that carries this payload. Raises BrokenReplyError."""
    return _reply({"header": _SUCCESS_HEADER, **payload}, schema)


def refusal(refused: RefusedError, schema: Schema | None) -> Reply:
    """Return the reply that says why not. `schema` is None where no operation was found. Raises BrokenReplyError."""
    header = {"isSuccessful": False, "resultCode": refused.code, "resultMessage": refused.message}
    return _reply({"header": header}, schema)


def _reply(content: dict[str, Any], schema: Schema | None) -> Reply:
    problem = None if schema is None else schema.problem(content, "body")
    if problem is not None:
        raise BrokenReplyError(f"the mock's own reply breaks the contract: {problem.path} {problem.reason}")
    return Reply(_HTTP_STATUS, (("content-type", CONTENT_TYPE),), _encode(content))

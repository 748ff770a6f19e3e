"""Serialize an outcome as a reply, and check the reply against the contract."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from toast_compute_api.behaviour import RESULT_CODES

from ..contract.operations import ReplySchema, contract
from ..exchange import CONTENT_TYPE, Reply
from ..rules import RefusedError
from .schema_evolution import Evolution

HTTP_STATUS = 200  # guide: every reply is 200
SAMPLE_ABOVE = 64 * 1024  # bytes; checking a reply of this size takes some tenths of a millisecond
_SAMPLE_INTERVAL = 16  # of the larger replies, one in so many is checked where sampling is on
_SUCCESS_CODE = 0
_SUCCESS_HEADER = {
    "isSuccessful": True,
    "resultCode": _SUCCESS_CODE,
    "resultMessage": RESULT_CODES[_SUCCESS_CODE].message,
}
_HEADERS = (("content-type", CONTENT_TYPE),)

_encode = msgspec.json.Encoder().encode


class BrokenReplyError(RuntimeError):
    """The mock made a reply that the contract does not allow: a defect of the mock, never of the request."""


class Replies:
    """Serializes replies and checks each against the contract.

    With `sample_above`, of the replies with more bytes than that only one in sixteen is checked.
    """

    def __init__(self, sample_above: int | None = None) -> None:
        self._sample_above = sample_above
        self._large = 0
        self._options: tuple[str, ...] = ()
        self._evolution: Evolution | None = None

    @property
    def evolution(self) -> tuple[str, ...]:
        """The options of schema evolution that the replies have; see `OPTIONS`. Raises ValueError when set."""
        return self._options

    @evolution.setter
    def evolution(self, options: Collection[str]) -> None:
        self._evolution = Evolution(contract().document, options) if options else None
        self._options = tuple(options)

    def success(self, payload: Mapping[str, Any], schema: ReplySchema) -> Reply:
        """Return the reply that carries this payload. Raises BrokenReplyError."""
        return self._reply({"header": _SUCCESS_HEADER, **payload}, schema)

    def refusal(self, refused: RefusedError, schema: ReplySchema | None) -> Reply:
        """Return the reply to a refused request; without an operation there is no schema. Raises BrokenReplyError."""
        header = {"isSuccessful": False, "resultCode": refused.code, "resultMessage": refused.message}
        return self._reply({"header": header}, schema)

    def _reply(self, content: dict[str, Any], schema: ReplySchema | None) -> Reply:
        body = _encode(content)
        if schema is not None:
            limit = self._sample_above
            if (limit is None or len(body) <= limit or self._is_sampled()) and not schema.schema.is_valid(content):
                problem = schema.schema.problem(content, "body")
                assert problem is not None
                raise BrokenReplyError(f"the mock's own reply breaks the contract: {problem.path} {problem.reason}")
            if self._evolution is not None:
                body = _encode(self._evolution.evolve(schema.name, content))
        return Reply(HTTP_STATUS, _HEADERS, body)

    def _is_sampled(self) -> bool:
        """Return whether this one of the larger replies is checked."""
        self._large += 1
        return self._large % _SAMPLE_INTERVAL == 1

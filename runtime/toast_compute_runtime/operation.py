"""Operations, and the checked requests that they build; no I/O."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Generic, Literal, NoReturn, Self, TypeVar
from urllib.parse import quote

import msgspec

from .models import MASK, plain
from .problems import explain

Retry = Literal["safe", "idempotent", "never"]
"""Whether a request is safe to retry: it changes nothing, nothing more, or it must not be sent twice."""

S = TypeVar("S")

_encoder = msgspec.json.Encoder(enc_hook=plain)
_reply_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}
_strict_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}
# Two threads that make the first decoder of one type at the same time crash the interpreter (msgspec 0.22).
_making_decoders = threading.Lock()


class InvalidRequest(ValueError):  # noqa: N818 - the SDK has the ...Error that users see
    """A request breaks the contract; it was not built, so nothing can have been sent.

    Attributes:
        operation: The operationId.
        field: What is wrong: a parameter name, or a path in the body such as ``instance.networks[0].id``.
        reason: What is wrong, in one sentence that never shows the value.
    """

    def __init__(self, operation: str, field: str, reason: str) -> None:
        super().__init__(operation, field, reason)
        self.operation = operation
        self.field = field
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.operation}: {self.field}: {self.reason}"


class Parameter(msgspec.Struct, frozen=True):
    """One path or query parameter of an operation."""

    name: str
    """The name on the wire."""
    location: Literal["path", "query"]
    type: Any
    """The model type that values are checked against."""
    required: bool = True
    sensitive: bool = False


class Variant(msgspec.Struct, frozen=True):
    """What differs for one kind of body."""

    retry: Retry
    success: Any


class Operation(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One operation of the contract. There is one object for each, compared and hashed by identity."""

    id: str
    method: str
    path: str
    """Path template below the base URL, such as ``/v1.0/appkeys/{appkey}/flavors``."""
    retry: Retry
    """Whether it is safe to retry. A body variant may differ: read ``Request.retry``."""
    needs_token: bool
    success: Any
    """The model of a successful reply. A body variant may have its own: read ``Request.success``."""
    summary: str
    parameters: tuple[Parameter, ...] = ()
    body: Any = None
    """The model type of the request body, or None."""
    variants: Mapping[Any, Variant] = {}
    """By body type, where the body is a union."""

    def request(self, values: Mapping[str, str | None], body: Any = None) -> Request[Any]:
        """Build a request from parameter values by wire name and a body.

        Raises:
            InvalidRequest: A value breaks the contract. Nothing is sent.
        """
        path: dict[str, str] = {}
        query: list[tuple[str, str]] = []
        for parameter in self.parameters:
            value = values.get(parameter.name)
            if value is None and not parameter.required:
                continue
            text = self._text(value, parameter.name)
            self._check(parameter.type, _encoder.encode(text), parameter.name)
            if parameter.location == "query":
                query.append((parameter.name, text))
            elif text in (".", ".."):
                # Percent-quoting keeps dots, and every HTTP stack would resolve the segment.
                raise InvalidRequest(self.id, parameter.name, "must not be a relative path segment")
            else:
                path[parameter.name] = quote(text, safe="")
        content, retry, success = None, self.retry, self.success
        if self.body is not None:
            content = self._encode(body)
            checked = self._check(self.body, content, "body")
            if (variant := self.variants.get(type(checked))) is not None:
                retry, success = variant.retry, variant.success
        return Request(self, self.path.format_map(path), tuple(query), content, success, retry)

    def _text(self, value: str | None, name: str) -> str:
        # The encoder would silently write bytes, dates and UUIDs as strings.
        if not isinstance(value, str):
            raise InvalidRequest(self.id, name, f"must be a string, not {type(value).__name__}")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InvalidRequest(self.id, name, "is no valid Unicode text") from None
        exact: str = plain(value)
        return exact

    def _encode(self, body: Any) -> bytes:
        try:
            return _encoder.encode(body)
        except (TypeError, ValueError, msgspec.MsgspecError):
            raise InvalidRequest(self.id, "body", "holds a value that JSON cannot carry") from None

    def _check(self, type_: Any, content: bytes, field: str) -> Any:
        decoder = _strict_decoders.get(type_)
        if decoder is None:
            with _making_decoders:
                decoder = _strict_decoders[type_] = msgspec.json.Decoder(type_)
        try:
            return decoder.decode(content)
        except msgspec.ValidationError as problem:
            finding = explain(str(problem))
        raise InvalidRequest(self.id, finding.path or field, finding.reason)


class Request(msgspec.Struct, Generic[S], frozen=True):
    """One call, ready to be sent: everything but the base URL and the token.

    It may carry secrets, so its repr masks them and it refuses to be pickled.
    """

    operation: Operation
    path: str
    """Filled and percent-quoted path below the base URL."""
    query: tuple[tuple[str, str], ...]
    body: bytes | None
    success: type[S]
    """The model that a successful reply is decoded into."""
    retry: Retry

    @property
    def method(self) -> str:
        """The HTTP method."""
        return self.operation.method

    @property
    def target(self) -> str:
        """The path and query of the request line, percent-quoted."""
        if not self.query:
            return self.path
        return self.path + "?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in self.query)

    @property
    def safe_target(self) -> str:
        """The target with every sensitive value masked, for logs and error messages."""
        hidden = {parameter.name for parameter in self.operation.parameters if parameter.sensitive}
        parts = zip(self.operation.path.split("/"), self.path.split("/"), strict=True)
        path = "/".join(MASK if part.strip("{}") in hidden else own for part, own in parts)
        query = "&".join(f"{name}={MASK if name in hidden else quote(value, safe='')}" for name, value in self.query)
        return path + (f"?{query}" if query else "")

    def decode(self, content: bytes) -> S:
        """Decode a successful reply.

        Raises:
            msgspec.DecodeError: The content is not JSON, or (``msgspec.ValidationError``) not such a reply.
        """
        return decode(content, self.success)

    def __repr__(self) -> str:
        body = "" if self.body is None else f" body={len(self.body)} bytes"
        return f"<Request {self.operation.id}: {self.method} {self.safe_target}{body}>"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("operation", self.operation.id), ("target", self.safe_target)]

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Request may carry secrets and cannot be pickled")


def decode(content: bytes, type_: type[S]) -> S:
    """Decode a reply leniently: unknown members are ignored, numbers and booleans may be written as strings.

    Raises:
        msgspec.DecodeError: The content is not JSON, or (``msgspec.ValidationError``) has the wrong shape.
    """
    decoder = _reply_decoders.get(type_)
    if decoder is None:
        with _making_decoders:
            decoder = _reply_decoders[type_] = msgspec.json.Decoder(type_, strict=False)
    result: S = decoder.decode(content)
    return result

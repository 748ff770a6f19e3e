"""Replace a reply: refusals for no reason, and replies that break the contract."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import Any

import msgspec

from ..exchange import CONTENT_TYPE, Reply
from ..messages import FAIL, message_for
from .base import BaseEffect, FaultError, carried_out, check_choice, check_flag, check_text, check_whole

GATEWAY_STATUSES = (429, 500, 502, 503, 504)
_PAGES = frozenset({502, 503, 504})  # what stands in front of a service answers these itself, with a page of its own
_MESSAGE_LIMIT = 1000
_MEMBER_LIMIT = 200
_HEADER = "header"
_JSON = (("content-type", CONTENT_TYPE),)
_GATEWAY_JSON = (("content-type", "application/json"),)
_HTML = (("content-type", "text/html; charset=utf-8"),)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class ResultCode(BaseEffect, frozen=True):
    """The operation is not carried out; the reply is a refusal with this code, as the contract has it."""

    code: int
    """Any but 0; it need not be one that the contract knows."""
    message: str | None = None
    """Without one, the contract's word for the code, or FAIL where it has none."""

    def __post_init__(self) -> None:
        check_whole("code", self.code)
        if self.code == 0:
            raise FaultError("code", "0 means success, and is not a refusal")
        if self.message is not None:
            check_text("message", self.message, _MESSAGE_LIMIT)

    @property
    def commits(self) -> bool:
        return False

    @property
    def text(self) -> str:
        """The whole resultMessage."""
        return message_for(self.code) if self.message is None else self.message

    @property
    def says(self) -> str:
        return f"refused with {self.code} {self.text}"

    def apply(self, reply: Reply) -> Reply:
        header = {"isSuccessful": False, "resultCode": self.code, "resultMessage": self.text}
        return replace(reply, status=HTTPStatus.OK.value, headers=_JSON, body=_encode({_HEADER: header}))


class UnsuccessfulWithoutCode(BaseEffect, frozen=True):
    """The operation is not carried out; the reply has no success, yet its code is 0. Its message is FAIL."""

    @property
    def commits(self) -> bool:
        return False

    @property
    def says(self) -> str:
        return "not carried out, and the reply is unsuccessful under code 0"

    def apply(self, reply: Reply) -> Reply:
        header = {"isSuccessful": False, "resultCode": 0, "resultMessage": FAIL}
        return replace(reply, status=HTTPStatus.OK.value, headers=_JSON, body=_encode({_HEADER: header}))


class MissingHeader(BaseEffect, frozen=True):
    """The operation is carried out; of its reply the payload arrives, without the `header`."""

    @property
    def says(self) -> str:
        return "carried out, and the reply has no header"

    def apply(self, reply: Reply) -> Reply:
        content = _decode(reply.body)
        content.pop(_HEADER, None)
        return replace(reply, body=_encode(content))


class WrongType(BaseEffect, frozen=True):
    """The operation is carried out; one member of its reply has the wrong JSON type.

    An object or an array becomes a string, anything else an array that holds it: not even a reader that takes "1" for
    1 can make sense of that.
    """

    member: str | None = None
    """A path with dots, such as `instance.status`; through an array it leads to the first entry.

    Without one, and where a reply does not have it, it is the first payload member, or the header of a reply that has
    nothing else.
    """

    def __post_init__(self) -> None:
        if self.member is not None:
            check_text("member", self.member, _MEMBER_LIMIT)
            if "" in self.member.split("."):
                raise FaultError("member", "must be names with single dots between them")

    @property
    def says(self) -> str:
        return f"carried out, and {self.member or 'the payload'} has the wrong type in the reply"

    def apply(self, reply: Reply) -> Reply:
        content = _decode(reply.body)
        if self.member is None or not _change_type(content, self.member.split(".")):
            _change_type(content, [next((name for name in content if name != _HEADER), _HEADER)])
        return replace(reply, body=_encode(content))


class HttpStatus(BaseEffect, frozen=True):
    """Something in front of the service answers, in a way that the contract does not know.

    429 and 500 carry JSON without an envelope, like those of an API gateway; 502, 503 and 504 an HTML page, like those
    of a proxy.
    """

    status: int
    """429, 500, 502, 503 or 504."""
    retry_after: int | str | None = None
    """The header of that name: whole seconds, or a date such as `Thu, 15 Jan 2026 09:00:05 GMT`."""
    commit: bool = False
    """Whether the operation is carried out all the same."""

    def __post_init__(self) -> None:
        check_choice("status", self.status, GATEWAY_STATUSES)
        check_flag("commit", self.commit)
        if isinstance(self.retry_after, str):
            _check_date("retry_after", self.retry_after)
        elif self.retry_after is not None:
            check_whole("retry_after", self.retry_after, least=0)

    @property
    def commits(self) -> bool:
        return self.commit

    @property
    def says(self) -> str:
        wait = "" if self.retry_after is None else f" and Retry-After: {self.retry_after}"
        return f"{carried_out(self.commit)}, answered with {_title(self.status)}{wait}"

    def apply(self, reply: Reply) -> Reply:
        headers: tuple[tuple[str, str], ...]
        if self.status in _PAGES:
            headers, body = _HTML, _page(_title(self.status))
        else:
            headers, body = _GATEWAY_JSON, _encode({"message": HTTPStatus(self.status).phrase})
        if self.retry_after is not None:
            headers = (*headers, ("retry-after", str(self.retry_after)))
        return replace(reply, status=self.status, headers=headers, body=body)


class Html(BaseEffect, frozen=True):
    """An HTML page comes instead of the reply, under status 200."""

    commit: bool = False
    """Whether the operation is carried out all the same."""

    def __post_init__(self) -> None:
        check_flag("commit", self.commit)

    @property
    def commits(self) -> bool:
        return self.commit

    @property
    def says(self) -> str:
        return f"{carried_out(self.commit)}, answered with an HTML page under 200"

    def apply(self, reply: Reply) -> Reply:
        return replace(reply, status=HTTPStatus.OK.value, headers=_HTML, body=_page("We will be back soon"))


def _change_type(value: object, path: list[str]) -> bool:
    """Change the type of the member at the end of the path; return whether it is there."""
    *way, last = path
    for name in way:
        value = _first_entry(value)
        value = value.get(name) if isinstance(value, dict) else None
    value = _first_entry(value)
    if not isinstance(value, dict) or last not in value:
        return False
    old = value[last]
    value[last] = "wrong type" if isinstance(old, dict | list) else [old]
    return True


def _first_entry(value: object) -> object:
    """Return an array's first entry, and anything else as it is."""
    while isinstance(value, list):
        value = value[0] if value else None
    return value


def _title(status: int) -> str:
    return f"{status} {HTTPStatus(status).phrase}"


def _page(title: str) -> bytes:
    return (
        f"<!DOCTYPE html>\n<html>\n<head><title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n</body>\n</html>\n"
    ).encode()


def _check_date(field: str, value: str) -> None:
    """Raise FaultError unless the value is a date as HTTP writes it (RFC 9110, section 5.6.7)."""
    from email.utils import format_datetime, parsedate_to_datetime  # slow to load, and hardly ever needed

    try:
        is_date = format_datetime(parsedate_to_datetime(value), usegmt=True) == value
    except ValueError:
        is_date = False
    if not is_date:
        raise FaultError(field, "must be whole seconds or a date such as 'Thu, 15 Jan 2026 09:00:05 GMT'")

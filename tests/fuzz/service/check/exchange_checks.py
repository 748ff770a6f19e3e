"""Check one exchange against the contract, without what came before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from ..contract import Meaning, Place, contract
from ..exchange import JSON, Exchange
from .ledger import Ledger
from .result_codes import Family, family_of, kind_of, subsystem_of

Check: TypeAlias = Callable[[Ledger, Exchange, Meaning], Iterator[str]]

# RFC 9112 section 3 recommends that 8000 bytes of a request line are supported, and no more. A request that a front
# refuses for its size alone never reached the service, so it may be answered by HTTP's own means.
LARGEST_HEAD = 8_000
LARGEST_BODY = 1024 * 1024
_TOO_LARGE = (413, 414, 431)
_SHORTEST_SECRET = 6  # a shorter one may equal a word of the message by chance

_FITTING = {
    Place.PATH: (Family.UNSUPPORTED, Family.STATE),
    Place.METHOD: (Family.UNSUPPORTED, Family.STATE),
    Place.APPKEY: (Family.ACCESS,),
    Place.TOKEN: (Family.ACCESS,),
    Place.PARAMETER: (Family.INPUT,),
    Place.BODY: (Family.INPUT,),
}


def every_reply_is_http_200_and_json(_: Ledger, exchange: Exchange, __: Meaning) -> Iterator[str]:
    """The HTTP status is 200 and the body a JSON object with an envelope, whatever is asked."""
    reply, request = exchange.reply, exchange.request
    is_too_large = request.size_of_head > LARGEST_HEAD or len(request.body) > LARGEST_BODY
    if reply.status in _TOO_LARGE and is_too_large:
        return
    if reply.status != 200:
        yield f"is answered with HTTP {reply.status}"
    elif reply.media_type != JSON:
        yield f"is answered as {reply.media_type or 'nothing'} instead of {JSON}"
    elif request.method == "HEAD":  # its reply has no body
        return
    elif reply.content is None:
        yield "is answered with something other than a JSON object"
    elif reply.code is None:
        yield "is answered without an envelope that has a resultCode"


def reply_keeps_its_schema(_: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """A success is the strict success of its operation and action, a failure the strict failure: no member more."""
    reply = exchange.reply
    if reply.content is None:
        return
    if reply.accepted and meaning.operation:
        name = contract().success_name(meaning.operation, meaning.action)
    elif reply.accepted:
        return  # broken_request_is_refused reports it
    else:
        name = contract().spec(meaning.operation)["x-strict"]["failure"] if meaning.operation else "Failure"
    problem = contract().problem(f"#/components/schemas/{name}", reply.content)
    if problem is not None:
        yield f"is answered with a {name} in which {problem}"


def code_is_known(_: Ledger, exchange: Exchange, __: Meaning) -> Iterator[str]:
    """A result code is listed in the contract, or is in one of its ranges with a status that it explains."""
    code = exchange.reply.code
    if code is not None and family_of(code) is Family.UNKNOWN:
        yield f"is answered with the result code {code}, which the contract does not know"


def service_does_not_fail(_: Ledger, exchange: Exchange, __: Meaning) -> Iterator[str]:
    """No request makes the service report an error of its own."""
    code = exchange.reply.code
    if code is not None and family_of(code) is Family.SERVER:
        yield f"is answered with {code}, an error of the service"


def _fits(meaning: Meaning, code: int) -> bool:
    """Return whether a code names one of the faults of a request."""
    return any(family_of(code) in _FITTING[fault.place] for fault in meaning.faults)


def broken_request_is_refused(_: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """A request that breaks the contract is refused, with a code that names the reason."""
    faults = [fault for fault in meaning.faults if fault.place is not Place.TOKEN]
    code = exchange.reply.code
    if not faults or meaning.unclear or code is None:
        return
    if exchange.reply.accepted:
        yield f"is accepted although {faults[0].what}"
    elif not _fits(meaning, code):
        yield f"is refused with {code} although {faults[0].what}"


def bad_token_is_refused(_: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """A token that is missing, unknown, expired or of another appkey gives no access."""
    code = exchange.reply.code
    if code is None or not any(fault.place is Place.TOKEN for fault in meaning.faults):
        return
    if exchange.reply.accepted:
        yield "is accepted without a valid token"
    elif not _fits(meaning, code):
        yield f"is refused with {code} instead of for its token, which is not valid"


def valid_request_fails_only_for_the_state(_: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """A request that keeps the contract is accepted, or refused because of the state of things."""
    code = exchange.reply.code
    if not meaning.operation or meaning.faults or meaning.unclear or code is None or exchange.reply.accepted:
        return
    family = family_of(code)
    if family in (Family.STATE, Family.SERVER):  # service_does_not_fail reports the second
        return
    if (family is Family.INPUT and _has_rules_in_prose(meaning)) or (
        family is Family.ACCESS and _may_lack_access(meaning, code)
    ):
        return
    yield f"keeps the contract and is refused with {code} ({family.value[0]})"


def prepared_request_is_accepted(_: Ledger, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """A request that keeps the contract, and for which all that it needs was prepared, is accepted."""
    code = exchange.reply.code
    is_due = exchange.prepared and not meaning.faults and not meaning.unclear
    if is_due and code is not None and not exchange.reply.accepted:
        yield f"has all that it needs and is refused with {code}"


def refusal_holds_no_secret(ledger: Ledger, exchange: Exchange, _: Meaning) -> Iterator[str]:
    """No refusal holds a password, a token or an appkey, be it its own request's or another one."""
    reply = exchange.reply
    if reply.code != 0 and any(
        len(secret) >= _SHORTEST_SECRET and secret.encode() in reply.body for secret in ledger.secrets
    ):
        yield "is refused with a message that holds a secret"


def _has_rules_in_prose(meaning: Meaning) -> bool:
    """Return whether the contract has rules for this request that its schemas cannot express.

    The format of a public key; names on Windows images; root disks, by image and flavor.
    """
    if meaning.operation == "createKeypair":
        return meaning.member("keypair", "publicKey") is not None
    return meaning.operation == "createInstance"


def _may_lack_access(meaning: Meaning, code: int) -> bool:
    """Return whether a refusal for lack of permission can be right although the token is valid."""
    if not contract().needs_token(meaning.operation):
        return kind_of(code) == "authentication"  # a wrong password is what a login is refused for
    return subsystem_of(code) not in (None, "token")  # it is about a thing, such as a quota, and not about the caller


EXCHANGE_CHECKS: tuple[Check, ...] = (
    every_reply_is_http_200_and_json,
    reply_keeps_its_schema,
    code_is_known,
    service_does_not_fail,
    broken_request_is_refused,
    bad_token_is_refused,
    valid_request_fails_only_for_the_state,
    prepared_request_is_accepted,
    refusal_holds_no_secret,
)

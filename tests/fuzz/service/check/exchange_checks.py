"""Is this reply right for this request? What can be said of one exchange alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from ..contract import Contract, Meaning, Place
from ..exchange import JSON, Exchange
from .result_codes import Family, family_of, kind_of, subsystem_of

Check: TypeAlias = Callable[[Contract, Exchange, Meaning], Iterator[str]]

# RFC 9112 wants 8000 bytes of a request line understood, and nothing is said of more. What a front refuses because of
# its size alone was never a request to the service, so it may be answered by HTTP's own means.
LARGEST_HEAD = 8_000
LARGEST_BODY = 1024 * 1024
_TOO_LARGE = (413, 414, 431)

_FITTING = {
    Place.PATH: (Family.UNSUPPORTED, Family.STATE),
    Place.METHOD: (Family.UNSUPPORTED, Family.STATE),
    Place.APPKEY: (Family.ACCESS,),
    Place.TOKEN: (Family.ACCESS,),
    Place.PARAMETER: (Family.INPUT,),
    Place.BODY: (Family.INPUT,),
}


def is_too_large(exchange: Exchange) -> bool:
    """Say whether a front may refuse the request for its size."""
    request = exchange.request
    return request.size_of_head > LARGEST_HEAD or len(request.body) > LARGEST_BODY


def every_reply_is_http_200_and_json(_: Contract, exchange: Exchange, __: Meaning) -> Iterator[str]:
    """Whatever is asked, the HTTP status is 200 and the body a JSON object with an envelope."""
    reply = exchange.reply
    if reply.status in _TOO_LARGE and is_too_large(exchange):
        return
    if reply.status != 200:
        yield f"is answered with HTTP {reply.status}"
    elif reply.media_type != JSON:
        yield f"is answered as {reply.media_type or 'nothing'} instead of {JSON}"
    elif exchange.request.method == "HEAD":  # it has no body
        return
    elif exchange.content is None:
        yield "is answered with what is no JSON object"
    elif reply.code is None:
        yield "is answered without an envelope that has a resultCode"


def reply_keeps_its_schema(contract: Contract, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """A success is the strict success of its operation and action, a failure the strict failure: no member more."""
    content = exchange.content
    if content is None:
        return
    if exchange.reply.accepted and meaning.operation:
        name = contract.success_name(meaning.operation, meaning.action)
    elif exchange.reply.accepted:
        return  # broken_request_is_refused says it
    else:
        name = "Failure" if not meaning.operation else contract.spec(meaning.operation)["x-strict"]["failure"]
    problem = contract.problem(f"#/components/schemas/{name}", content)
    if problem is not None:
        yield f"is answered with a {name} in which {problem}"


def code_is_known(_: Contract, exchange: Exchange, __: Meaning) -> Iterator[str]:
    """A result code is one that the contract lists, or one of its ranges with a status that it explains."""
    code = exchange.reply.code
    if code is not None and family_of(code) is Family.UNKNOWN:
        yield f"is answered with the result code {code}, which the contract does not know"


def service_does_not_fail(_: Contract, exchange: Exchange, __: Meaning) -> Iterator[str]:
    """No request makes the service report an error of its own."""
    code = exchange.reply.code
    if code is not None and family_of(code) is Family.SERVER:
        yield f"is answered with {code}, an error of the service"


def broken_request_is_refused(_: Contract, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """A request that breaks the contract is refused, and with a code that says so."""
    faults = [fault for fault in meaning.faults if fault.place is not Place.TOKEN]
    code = exchange.reply.code
    if not faults or meaning.unclear or code is None:
        return
    fitting = {family for fault in meaning.faults for family in _FITTING[fault.place]}
    if exchange.reply.accepted:
        yield f"is accepted although {faults[0].what}"
    elif family_of(code) not in fitting:
        yield f"is refused with {code} although {faults[0].what}"


def bad_token_is_refused(_: Contract, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """A token that is missing, unknown, expired or of another appkey opens nothing."""
    code = exchange.reply.code
    if code is None or not any(fault.place is Place.TOKEN for fault in meaning.faults):
        return
    fitting = {family for fault in meaning.faults for family in _FITTING[fault.place]}
    if exchange.reply.accepted:
        yield "is accepted without a token that is valid"
    elif family_of(code) not in fitting:
        yield f"is refused with {code} instead of for its token, which is not valid"


def good_request_fails_only_for_the_state(contract: Contract, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """A request that keeps the contract is accepted, or refused because of what is there or in which state it is."""
    code = exchange.reply.code
    if not meaning.operation or meaning.faults or meaning.unclear or code is None or exchange.reply.accepted:
        return
    family = family_of(code)
    if family is Family.STATE or family is Family.SERVER or (family is Family.INPUT and _has_rules_in_prose(meaning)):
        return  # service_does_not_fail says of the second
    if family is Family.ACCESS and _is_access_due(contract, meaning, code):
        return
    yield f"keeps the contract and is refused with {code} ({family.value})"


def prepared_request_is_accepted(_: Contract, exchange: Exchange, meaning: Meaning) -> Iterator[str]:
    """A request that keeps the contract, and for which all that it needs was made ready, is accepted."""
    code = exchange.reply.code
    is_due = exchange.prepared and not meaning.faults and not meaning.unclear
    if is_due and code is not None and not exchange.reply.accepted:
        yield f"has all that it needs and is refused with {code}"


def _has_rules_in_prose(meaning: Meaning) -> bool:
    """Whether the contract has rules for this request that its schemas cannot say.

    The format of a public key; names on Windows images; root disks, by image and flavor.
    """
    if meaning.operation == "createKeypair":
        return meaning.member("keypair", "publicKey") is not None
    return meaning.operation == "createInstance"


def _is_access_due(contract: Contract, meaning: Meaning, code: int) -> bool:
    """Whether a refusal for want of permission can be right although the token is valid."""
    if not contract.needs_token(meaning.operation):
        return kind_of(code) == "authentication"  # the password is wrong, and that is what it is asked for
    return subsystem_of(code) not in (None, "token")  # it speaks of the thing, such as a quota, and not of the caller


CHECKS: Mapping[str, Check] = {
    check.__name__: check
    for check in (
        every_reply_is_http_200_and_json,
        reply_keeps_its_schema,
        code_is_known,
        service_does_not_fail,
        broken_request_is_refused,
        bad_token_is_refused,
        good_request_fails_only_for_the_state,
        prepared_request_is_accepted,
    )
}

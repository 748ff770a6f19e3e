"""The mutants of the SDK and of the code that is generated for it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import msgspec

from .catalog import REPLIES, STATEFUL, mutant

ATTEMPTS = "toast_compute._core.attempts"
ASYNC_DRIVER = "toast_compute._drivers.asynchronous"
CALL = "toast_compute._core.call"
CALL_TOKEN = "toast_compute._core.call_token"
RECOVERY = "toast_compute._operations.recovery"
DEADLINE = "toast_compute._core.deadline"
ENVELOPE = "toast_compute._core.envelope"
ERRORS = "toast_compute.errors"
ERROR_MAPPING = "toast_compute._core.error_mapping"
HTTP_ERRORS = "toast_compute._http.errors"
MODELS = "toast_compute_runtime.models"
OPERATIONS = "toast_compute._operations.instance_reads"
PERMISSIONS = "toast_compute._config.permissions"
POLLING = "toast_compute._waiters.waiter"
REDACTION = "toast_compute._redaction"
RETRY = "toast_compute._core.retry"
SETTINGS = "toast_compute._config.settings"
SHARED_POLL = "toast_compute._waiters.shared_poll"
STALENESS = "toast_compute._lifecycle.staleness"
TOKENS = "toast_compute._auth.token_manager"
VALIDATION = "toast_compute._validation"
WAITER = "toast_compute._waiters.tracker"


def _is(error: object, name: str) -> bool:
    """Return whether an error is of a class of the SDK or of one below it, by name: nothing is imported here."""
    return any(base.__name__ == name for base in type(error).__mro__)


# What is sent again, and when.


@mutant("A create is sent again when its reply was lost.", part=STATEFUL, at=f"{RETRY}:is_transient")
def create_is_resent(original: Any) -> Any:
    return lambda error, use: original(error, "idempotent" if _is(error, "APIConnectionError") else use)


@mutant("A request whose reply is late counts as one that was not sent.", part=STATEFUL, at=f"{HTTP_ERRORS}:timeout")
def late_reply_counts_as_not_sent(original: Any) -> Any:
    return lambda effect, host, **_given: original(effect, host, not_sent=True)


@mutant("A request is sent once less than the client was told.", part=STATEFUL, at=f"{RETRY}:judge_failure")
def one_retry_is_missing(original: Any) -> Any:
    return lambda failure, retry, **given: original(failure, retry, **{**given, "number": given["number"] + 1})


@mutant("A change that is safe to retry is sent again after -6.", part=STATEFUL, at=f"{RETRY}:is_transient")
def code_minus_6_is_retried(original: Any) -> Any:
    return lambda error, use: original(error, use) or (getattr(error, "result_code", 0) == -6 and use == "idempotent")


@mutant("A Retry-After is ignored.", part=STATEFUL, at=f"{RETRY}:delay")
def retry_after_is_ignored(original: Any) -> Any:
    return lambda failure, **given: original(replace(failure, retry_after=None), **given)


@mutant("The retry budget of a client is never used up.", part=STATEFUL, at=f"{RETRY}:RetryBudget.take")
def budget_is_never_used_up(_: Any) -> Any:
    return lambda _budget: True


# What a failure means.


@mutant("The loss of a create's reply is a plain connection error.", part=STATEFUL, at=f"{ERROR_MAPPING}:final_error")
def ambiguous_create_is_hidden(original: Any) -> Any:
    def final_error(error: Any, request: Any, log: Any, **given: Any) -> Any:
        final = original(error, request, log, **given)
        return error if _is(error, "APIConnectionError") else final

    return final_error


@mutant(
    "A failure inside the service proves that a create was not carried out.",
    part=REPLIES,
    at=f"{RETRY}:proves_nothing_was_done",
)
def server_failure_proves_nothing_was_done(_: Any) -> Any:
    return lambda _error: True


@mutant(
    "An attempt that was not sent makes a call forget the lost one before it.",
    part=STATEFUL,
    at=f"{CALL}:Call._attempt",
)
def lost_attempt_is_forgotten(original: Any) -> Any:
    def attempt(call: Any, token: Any, began: float) -> Any:
        outcome = yield from original(call, token, began)
        if getattr(outcome, "not_done", False):
            call.log.may_be_done = False
        return outcome

    return attempt


@mutant(
    "A deletion counts as failed when the reply to its first attempt was lost.",
    part=STATEFUL,
    at=f"{RECOVERY}:has_begun",
)
def lost_deletion_counts_as_failed(_: Any) -> Any:
    def confirm(_error: Any) -> Any:
        yield from ()
        return False

    return lambda _reader, _move: confirm


@mutant(
    "A detachment that was refused after a lost attempt always counts as done.",
    part=STATEFUL,
    at=f"{RECOVERY}:_volumes",
)
def lost_detachment_always_counts_as_done(_: Any) -> Any:
    return lambda _detail: set()


@mutant("One read that is stale decides what became of a lost attempt.", part=STATEFUL, at=f"{RECOVERY}:poll_until")
def one_read_decides(_: Any) -> Any:
    def poll_until(_pause: Any, read: Any) -> Any:
        return (yield from read())

    return poll_until


@mutant(
    "A reconcile takes an instance with another key pair for the one that was created.",
    part=STATEFUL,
    at=f"{RECOVERY}:_matches",
)
def reconcile_ignores_the_key(original: Any) -> Any:
    return lambda detail, wanted: original(msgspec.structs.replace(detail, key_name=wanted.key_name), wanted)


@mutant(
    "When a token cannot be renewed, the error has the attempts of the renewal only.",
    part=STATEFUL,
    at=f"{ATTEMPTS}:AttemptLog.followed_by",
)
def attempts_before_the_token_are_lost(_: Any) -> Any:
    return lambda _trail, attempts, _began: tuple(attempts)


@mutant("An error cannot be pickled.", part=STATEFUL, at=f"{ERRORS}:ToastComputeError.__reduce__")
def error_cannot_be_pickled(_: Any) -> Any:
    return lambda error: (type(error), error.args)


# What a wait believes, and how long it lasts.


@mutant(
    "After a reboot whose reply was lost, a wait believes the status from before it.",
    part=STATEFUL,
    at=f"{STALENESS}:may_be_done",
)
def lost_reboot_is_not_expected(original: Any) -> Any:
    return lambda error: not _is(error, "AmbiguousOutcomeError") and original(error)


@mutant(
    "A wait takes an instance for deleted because two lists leave it out.",
    part=STATEFUL,
    at=f"{WAITER}:TrackedInstances._read_by_id",
)
def short_list_is_believed(_: Any) -> Any:
    def read_by_id(_instances: Any, decided: Any, _request: Any, _now: Any) -> Any:
        yield from ()
        return decided

    return read_by_id


@mutant(
    "The first instance of a reply is taken for the one that was asked for.", part=REPLIES, at=f"{OPERATIONS}:_only"
)
def first_instance_is_taken(original: Any) -> Any:
    return lambda found, id, operation, attempts: found[0] if found else original(found, id, operation, attempts)


@mutant("A wait lasts twice as long as its timeout.", part=STATEFUL, at=f"{POLLING}:options")
def wait_lasts_twice_as_long(original: Any) -> Any:
    def options(*given: Any) -> Any:
        made = original(*given)
        return replace(made, timeout=2 * made.timeout)

    return options


@mutant("A long wait ends after a handful of failed polls in all.", part=STATEFUL, at=f"{POLLING}:_Polling._poll")
def failures_of_a_wait_add_up(original: Any) -> Any:
    def poll(polling: Any, now: float, max_age: float) -> Any:
        before = polling._failures
        result = yield from original(polling, now, max_age)
        polling._failures = max(polling._failures, before)
        return result

    return poll


@mutant(
    "The function on_poll is not called for the poll that ends a wait.", part=STATEFUL, at=f"{POLLING}:_Polling._poll"
)
def last_poll_is_not_reported(original: Any) -> Any:
    def poll(polling: Any, now: float, max_age: float) -> Any:
        result = yield from original(polling, now, max_age)
        return replace(result, seen=()) if getattr(result, "is_over", False) else result

    return poll


@mutant("A wait takes a poll of another wait however old it is.", part=STATEFUL, at=f"{SHARED_POLL}:Feed._since")
def shared_poll_is_never_stale(_: Any) -> Any:
    return lambda page, _oldest: page._newest


# Tokens.


@mutant("A token is used after its end.", part=STATEFUL, at=f"{TOKENS}:_held_token")
def ended_token_is_used(original: Any) -> Any:
    def held(*given: Any) -> Any:
        made = original(*given)
        return replace(made, soft_until=made.ends + 60, hard_until=made.ends + 60)

    return held


@mutant(
    "A call whose token was refused drops the one that another call has put in its place.",
    part=STATEFUL,
    at=f"{TOKENS}:TokenManager.current",
)
def fresh_token_is_dropped(original: Any) -> Any:
    def current(keeper: Any, seconds: float, refused: Any = None) -> Any:
        held = keeper._held
        return original(keeper, seconds, refused and (held.secret if held is not None else refused))

    return current


@mutant("Each of several tasks issues a token of its own.", part=STATEFUL, at=f"{ASYNC_DRIVER}:AsyncDriver._with_lock")
def token_has_no_lock(original: Any) -> Any:
    return lambda driver, effect: driver.run(effect.effects) if effect.lock == "token" else original(driver, effect)


@mutant(
    "Every call for which the user has no permission issues another token.",
    part=STATEFUL,
    at=f"{CALL_TOKEN}:RenewalBackoff.start",
)
def denied_calls_issue_tokens(_: Any) -> Any:
    return lambda _renewals, _what, _token, _now: None


@mutant(
    "Two users of one appkey that share a token store get each other's token.", part=STATEFUL, at=f"{TOKENS}:token_key"
)
def stored_token_is_of_another_user(original: Any) -> Any:
    return lambda base_url, appkey, _username: original(base_url, appkey, appkey)


# Deadlines, settings, permissions and batches.


@mutant(
    "Of two deadlines the inner one holds, even if the outer one ends earlier.", part=STATEFUL, at=f"{DEADLINE}:present"
)
def inner_deadline_holds(original: Any) -> Any:
    def present(owner: object) -> Any:
        all_of_them = original.__globals__["_present"].get()
        return next((one for one in reversed(all_of_them) if one.owner is owner), None)

    return present


@mutant("The timeout of a client does not hold for creates.", part=STATEFUL, at=f"{SETTINGS}:resolve")
def timeout_does_not_hold_for_creates(original: Any) -> Any:
    return lambda **given: replace(original(**given), long_timeout=120.0)


@mutant("A client with an empty allow may do everything.", part=STATEFUL, at=f"{PERMISSIONS}:check_allowed")
def empty_allow_allows_all(original: Any) -> Any:
    return lambda operation, action, *, read_only, allow: original(
        operation, action, read_only=read_only, allow=allow or None
    )


@mutant(
    "An async batch does everything at once, whatever limit is given.",
    part=STATEFUL,
    at=f"{ASYNC_DRIVER}:AsyncDriver._gather",
)
def async_batch_has_no_limit(original: Any) -> Any:
    return lambda driver, several, _limit: original(driver, several, 1000)


# How replies are read.


@mutant("A value that an enum does not know makes a reply malformed.", part=REPLIES, at=f"{MODELS}:OpenEnum._missing_")
def unknown_status_is_refused(_: Any) -> Any:
    return classmethod(lambda _enum, _value: None)


@mutant("A reply that is nested too deeply makes a RecursionError.", part=REPLIES, at=f"{ENVELOPE}:_read")
def deep_nesting_escapes(original: Any) -> Any:
    def read(body: bytes, type_: Any) -> Any:
        success, problem = original(body, type_)
        if isinstance(problem, RecursionError):
            raise problem
        return success, problem

    return read


@mutant("A success that carries the code of a refusal is a success.", part=REPLIES, at=f"{ENVELOPE}:judge")
def contradiction_is_a_success(original: Any) -> Any:
    def judge(request: Any, reply: Any) -> Any:
        result = original(request, reply)
        if _is(result, "MalformedResponseError") and result.path == "header" and b'"isSuccessful":true' in reply.body:
            return request.decode(reply.body)
        return result

    return judge


@mutant("The fractions of times without a zone are lost.", part=REPLIES, at=f"{MODELS}:as_utc")
def fractions_are_lost(original: Any) -> Any:
    return lambda moment: original(moment if moment.tzinfo else moment.replace(microsecond=0))


# What is sent.


@mutant("Bytes and other objects that JSON does not have are sent.", part=STATEFUL, at=f"{VALIDATION}:check_leaves")
def any_object_is_sent(_: Any) -> Any:
    return lambda _value, **_given: None


# Secrets.


@mutant("A secret that stands percent-encoded in a message is not masked.", part=REPLIES, at=f"{REDACTION}:_spellings")
def encoded_secret_is_not_masked(_: Any) -> Any:
    return re.escape


@mutant(
    "An error shows the token or the appkey that the service repeats in its message.",
    part=REPLIES,
    at=f"{ERROR_MAPPING}:refusal",
)
def repeated_secret_is_shown(original: Any) -> Any:
    return lambda operation, header, _secrets: original(operation, header, ())


@mutant(
    "A pickled error carries the target of its request, and with it the appkey.",
    part=STATEFUL,
    at=f"{ERROR_MAPPING}:final_error",
)
def target_is_pickled(original: Any) -> Any:
    def final_error(error: Any, request: Any, log: Any, **given: Any) -> Any:
        final = original(error, request, log, **given)
        final.target = request.target
        return final

    return final_error

"""Test that a request is resent only when that is safe and may help."""

from __future__ import annotations

import copy
import itertools
import pickle
from collections.abc import Callable

import httpx
import pytest
from toast_compute import (
    AmbiguousOutcomeError,
    APIConnectionError,
    APIError,
    APITimeoutError,
    ConflictError,
    MalformedResponseError,
    NotFoundError,
    PermissionDeniedError,
    ServerError,
    ToastCompute,
    ToastComputeError,
)
from toast_compute._core.retry import retry_after
from toast_compute.token_store import MemoryTokenStore
from toast_compute_mock import MockCloud, faults
from toast_compute_mock.faults import Fault

from ..clients import BATCH, NEW, VOLUME, WEB, client

Call = Callable[[ToastCompute], object]


CALLS: dict[str, tuple[str, Call]] = {
    "createInstance": ("never", lambda toast: toast.instances.create(**NEW)),
    "createKeypair": ("never", lambda toast: toast.keypairs.create("new")),
    "attachVolume": ("never", lambda toast: toast.instances.attach_volume(WEB, VOLUME)),
    "deleteInstance": ("idempotent", lambda toast: toast.instances.delete(WEB)),
    "deleteKeypair": ("idempotent", lambda toast: toast.keypairs.delete("demo-key")),
    "listFlavors": ("safe", lambda toast: toast.flavors.list()),
    "listInstanceDetails": ("safe", lambda toast: toast.instances.get_details(WEB)),
}
LOSSES: dict[str, Callable[[str], Fault]] = {
    "reset": faults.reset,
    "close": faults.close,
    "garbage": faults.garbage,
    "short body": faults.short_body,
    "bad chunk": faults.bad_chunk,
    "stall": faults.stall,
    "502": lambda operation: faults.http_status(operation, 502, commit=True),
    "503": lambda operation: faults.http_status(operation, 503),
    "504": lambda operation: faults.http_status(operation, 504),
    "429": lambda operation: faults.http_status(operation, 429),
    "lost reply": faults.lose_reply,
    "lost request": faults.lose_request,
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("operation", CALLS)
def test_request_is_resent_after_a_loss_unless_it_must_not_be(cloud: MockCloud, operation: str, loss: str) -> None:
    retry, call = CALLS[operation]
    cloud.faults.add(LOSSES[loss](operation))
    with client(cloud) as toast:
        if retry == "never":
            with pytest.raises(AmbiguousOutcomeError) as caught:
                call(toast)
            assert len(caught.value.attempts) == 1
            assert "must not be carried out twice" in caught.value.attempts[0].decision
        else:
            call(toast)
    assert cloud.journal.count(operation=operation) == (1 if retry == "never" else 2)


@pytest.mark.parametrize(
    ("code", "operation", "times"),
    [
        (-1, "listFlavors", 2),
        (-2, "listFlavors", 2),
        (-2, "deleteInstance", 2),
        (-1, "deleteInstance", 1),
        (-1, "createInstance", 1),
        (-2, "createInstance", 1),
        (-6, "listFlavors", 1),
        (-4, "listFlavors", 1),
        (10409, "deleteInstance", 1),
    ],
)
def test_transient_result_codes_are_retried_and_others_not(
    cloud: MockCloud, code: int, operation: str, times: int
) -> None:
    cloud.faults.add(faults.result_code(operation, code))
    with client(cloud) as toast:
        if times == 1:
            with pytest.raises(ToastComputeError):
                CALLS[operation][1](toast)
        else:
            CALLS[operation][1](toast)
    assert cloud.journal.count(operation=operation) == times


@pytest.mark.parametrize("operation", CALLS)
def test_refused_token_is_replaced_once_and_the_request_resent(cloud: MockCloud, operation: str) -> None:
    cloud.faults.add(faults.result_code(operation, -3))
    with client(cloud) as toast:
        CALLS[operation][1](toast)
    assert cloud.journal.count(operation="issueToken") == 2
    assert cloud.journal.count(operation=operation) == 2


def test_refusal_of_a_fresh_token_is_raised(cloud: MockCloud) -> None:
    cloud.faults.add(faults.result_code("listFlavors", -3, budget=None))
    with client(cloud) as toast, pytest.raises(PermissionDeniedError) as caught:
        toast.flavors.list()
    assert [attempt.decision for attempt in caught.value.attempts] == [
        "again with a fresh token",
        "given up: a fresh token was refused, too",
    ]
    assert cloud.journal.count(operation="issueToken") == 2


def test_missing_permission_does_not_issue_a_token_for_each_call(cloud: MockCloud) -> None:
    cloud.faults.add(faults.result_code("listFlavors", -3, budget=None))
    with client(cloud) as toast:
        for _ in range(5):
            with pytest.raises(PermissionDeniedError):
                toast.flavors.list()
        assert cloud.journal.count(operation="issueToken") == 2
        assert cloud.journal.count(operation="listFlavors") == 6
        # It has no effect on other operations,
        cloud.faults.add(faults.result_code("listKeypairs", -3))
        toast.keypairs.list()
        assert cloud.journal.count(operation="issueToken") == 3
        # and ends after a minute.
        cloud.clock.sleep(61)
        with pytest.raises(PermissionDeniedError):
            toast.flavors.list()
    assert cloud.journal.count(operation="issueToken") == 4


def test_ended_token_is_renewed_after_a_missing_permission(cloud: MockCloud) -> None:
    cloud.faults.add(faults.result_code("listFlavors", -3, budget=2))
    with client(cloud) as toast:
        with pytest.raises(PermissionDeniedError):
            toast.flavors.list()
        # Meanwhile another call replaces it, and the service revokes that one too.
        cloud.faults.add(faults.result_code("listKeypairs", -3))
        toast.keypairs.list()
        cloud.worlds.revoke_tokens(cloud.worlds.list()[0].id)
        assert toast.flavors.list()
    assert cloud.journal.count(operation="issueToken") == 4


def test_refused_stored_token_is_not_a_missing_permission(cloud: MockCloud) -> None:
    store = MemoryTokenStore()
    with client(cloud, token_store=store) as first, client(cloud, token_store=store) as second:
        first.flavors.list()
        cloud.faults.add(faults.result_code("listKeypairs", -3))
        second.keypairs.list()
        cloud.worlds.revoke_tokens(cloud.worlds.list()[0].id)
        # The first client's token is refused, and so is the one that it then loads from the store.
        with pytest.raises(PermissionDeniedError):
            first.flavors.list()
        assert first.flavors.list()


def test_success_after_a_loss_is_recognised_with_another_failure_between(cloud: MockCloud) -> None:
    cloud.faults.add(
        faults.lose_reply("deleteKeypair", nth=1),
        faults.http_status("deleteKeypair", 503, nth=2),
    )
    with client(cloud) as toast:
        toast.keypairs.delete("demo-key")
    assert cloud.journal.count(operation="deleteKeypair") == 3


def test_request_refused_for_its_token_does_not_count_as_lost(cloud: MockCloud) -> None:
    cloud.faults.add(faults.result_code("deleteKeypair", -3))
    with client(cloud) as toast, pytest.raises(NotFoundError):
        toast.keypairs.delete("no-such-key")
    assert cloud.journal.count(operation="deleteKeypair") == 2


@pytest.mark.parametrize(("retries", "times"), [(0, 1), (1, 2), (2, 3), (5, 6)])
def test_number_of_retries_is_max_retries(cloud: MockCloud, retries: int, times: int) -> None:
    cloud.faults.add(faults.http_status("listFlavors", 503, budget=None))
    with client(cloud, max_retries=retries) as toast, pytest.raises(MalformedResponseError) as caught:
        toast.flavors.list()
    assert cloud.journal.count(operation="listFlavors") == times
    assert len(caught.value.attempts) == times
    assert caught.value.attempts[-1].decision.startswith("given up: HTTP status 503 may be transient")


def test_pauses_grow_and_have_jitter(cloud: MockCloud) -> None:
    cloud.faults.add(faults.http_status("listFlavors", 503, budget=None))
    seen: list[list[float]] = []
    for _ in range(20):
        with client(cloud, max_retries=3) as toast, pytest.raises(MalformedResponseError) as caught:
            toast.flavors.list()
        times = [attempt.started for attempt in caught.value.attempts]
        seen.append([later - earlier for earlier, later in itertools.pairwise(times)])
    for number, most in enumerate((0.5, 1.0, 2.0)):
        assert all(0 <= pauses[number] <= most for pauses in seen)
        assert len({pauses[number] for pauses in seen}) > 10


def test_retry_after_is_waited_for(cloud: MockCloud) -> None:
    cloud.faults.add(faults.http_status("listFlavors", 429, retry_after=30))
    began = cloud.clock.now()
    with client(cloud) as toast:
        toast.flavors.list()
    assert 30 <= cloud.clock.now() - began < 31


def test_call_fails_at_once_when_retry_after_is_too_long(cloud: MockCloud) -> None:
    cloud.faults.add(faults.http_status("listFlavors", 503, retry_after=3600))
    began = cloud.clock.now()
    with client(cloud) as toast, pytest.raises(MalformedResponseError) as caught:
        toast.flavors.list()
    assert cloud.clock.now() - began < 1
    assert caught.value.attempts[0].decision == ("given up: the reply asks to wait 3600 s, which is more than 60 s")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0000000000060"}, 60.0),
        ({"Retry-After": "0"}, 0.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "9" * 400}, 999_999_999.0),
        ({"retry-after": "Thu, 15 Jan 2026 09:00:10 GMT", "date": "Thu, 15 Jan 2026 09:00:00 GMT"}, 10.0),
        ({"retry-after": "Thu, 15 Jan 2026 08:00:00 GMT", "date": "Thu, 15 Jan 2026 09:00:00 GMT"}, 0.0),
        ({"retry-after": "Thu, 15 Jan 2026 09:00:10 GMT"}, None),
        ({"retry-after": "Thu, 99 Jan 2026 09:00:10 GMT", "date": "x"}, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_on_the_clock_of_the_service(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after(tuple((name.encode(), value.encode()) for name, value in headers.items())) == seconds


def test_retries_of_a_client_are_bounded_by_a_budget(cloud: MockCloud) -> None:
    cloud.faults.add(faults.http_status("listFlavors", 503, budget=None))
    with client(cloud) as toast:
        for _ in range(100):
            with pytest.raises(MalformedResponseError) as caught:
                toast.flavors.list()
        assert "too many calls of this client" in caught.value.attempts[-1].decision
        asked = cloud.journal.count(operation="listFlavors")
        assert asked == 100 + 20
        cloud.faults.clear()
        for _ in range(100):
            toast.flavors.list()
        cloud.faults.add(faults.http_status("listFlavors", 503))
        toast.flavors.list()


def test_attempts_record_outcomes_and_decisions(cloud: MockCloud) -> None:
    cloud.faults.add(
        faults.reset("listFlavors"), faults.http_status("listFlavors", 502), faults.result_code("listFlavors", -6)
    )
    with client(cloud) as toast, pytest.raises(ServerError) as caught:
        toast.flavors.list()
    first, second, third = caught.value.attempts
    assert (first.operation, first.outcome, first.result_code, first.status) == (
        "listFlavors",
        "APIConnectionError",
        None,
        None,
    )
    assert (second.outcome, second.result_code, second.status) == ("MalformedResponseError", None, 502)
    assert (third.outcome, third.result_code, third.status) == ("ServerError", -6, 200)
    assert first.decision.startswith("again after ")
    assert third.decision == "given up: the same request would be refused again"
    assert first.started <= second.started <= third.started
    assert str(third).endswith("given up: the same request would be refused again")


# Refusals after a loss

CONFIRMED: dict[str, tuple[str, Call]] = {
    "delete": ("deleteInstance", lambda toast: toast.instances.delete(BATCH)),
    "key pair": ("deleteKeypair", lambda toast: toast.keypairs.delete("demo-key")),
    "start": ("runInstanceAction", lambda toast: toast.instances.start(BATCH)),
    "stop": ("runInstanceAction", lambda toast: toast.instances.stop(WEB)),
    "detach": (
        "detachVolume",
        lambda toast: toast.instances.detach_volume(WEB, "b10c0000-0000-4000-8000-000000000003"),
    ),
    "add floating IP": (
        "runInstanceAction",
        lambda toast: toast.instances.add_floating_ip(BATCH, "203.0.113.10", "192.168.0.11"),
    ),
    "remove floating IP": (
        "runInstanceAction",
        lambda toast: toast.instances.remove_floating_ip(WEB, "203.0.113.12"),
    ),
    "add security group": ("runInstanceAction", lambda toast: toast.instances.add_security_group(BATCH, "web")),
    "remove security group": (
        "runInstanceAction",
        lambda toast: toast.instances.remove_security_group(WEB, "web"),
    ),
}


@pytest.mark.parametrize("change", CONFIRMED)
def test_change_whose_first_reply_was_lost_succeeds(cloud: MockCloud, change: str) -> None:
    operation, call = CONFIRMED[change]
    cloud.faults.add(faults.lose_reply(operation))
    with client(cloud) as toast:
        call(toast)
    assert cloud.journal.count(operation=operation) == 2


@pytest.mark.parametrize("change", CONFIRMED)
def test_change_whose_first_request_was_lost_is_made_once(cloud: MockCloud, change: str) -> None:
    operation, call = CONFIRMED[change]
    cloud.faults.add(faults.lose_request(operation))
    with client(cloud) as toast:
        call(toast)
    assert sum(entry.applied for entry in cloud.journal.find(operation=operation)) == 1


def test_refusal_without_a_loss_is_an_error(cloud: MockCloud) -> None:
    with client(cloud) as toast:
        with pytest.raises(ConflictError):
            toast.instances.start(WEB)
        with pytest.raises(NotFoundError):
            toast.keypairs.delete("nobody")


def test_refusal_after_a_lost_request_that_changed_nothing_is_an_error(cloud: MockCloud) -> None:
    cloud.faults.add(faults.lose_request("runInstanceAction"))
    with client(cloud) as toast, pytest.raises(NotFoundError) as caught:
        toast.instances.add_security_group(WEB, "nobody")
    assert len(caught.value.attempts) == 2


def test_failed_connection_is_retried_even_for_a_create() -> None:
    toast = ToastCompute("a", "b", "c", base_url="http://127.0.0.1:9", max_retries=1)
    with toast, pytest.raises(APIConnectionError) as caught:
        toast.instances.create(**NEW)
    assert not isinstance(caught.value, APITimeoutError)
    assert caught.value.never_sent
    assert len(caught.value.attempts) == 2


def test_errors_with_attempts_can_be_pickled_and_copied(cloud: MockCloud) -> None:
    cloud.faults.add(faults.http_status("listFlavors", 503, budget=None))
    with client(cloud) as toast, pytest.raises(MalformedResponseError) as caught:
        toast.flavors.list()
    for again in (pickle.loads(pickle.dumps(caught.value)), copy.deepcopy(caught.value)):
        assert again.attempts == caught.value.attempts
        assert again.status == 503


def test_attempts_are_logged_without_secrets(cloud: MockCloud, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    cloud.faults.add(faults.http_status("listFlavors", 503))
    with client(cloud) as toast:
        toast.flavors.list()
    mine = [record.getMessage() for record in caplog.records if record.name == "toast_compute"]
    assert [line.split(" s ")[1].split(" in ")[0] for line in mine] == [
        "issueToken: success 0",
        "listFlavors: MalformedResponseError",
        "listFlavors: success 0",
    ]
    assert not [secret for secret in cloud.worlds.secrets() if secret in caplog.text]


@pytest.mark.parametrize(
    ("fault", "call", "retryable"),
    [
        (faults.http_status("listFlavors", 503, budget=None), "listFlavors", True),
        (faults.result_code("listFlavors", -1, budget=None), "listFlavors", True),
        (faults.reset("listFlavors", budget=None), "listFlavors", True),
        (faults.html("listFlavors", budget=None), "listFlavors", False),
        (faults.result_code("listFlavors", -6, budget=None), "listFlavors", False),
        (faults.lose_reply("createInstance"), "createInstance", False),
    ],
)
def test_error_is_retryable_when_the_call_may_be_repeated(
    cloud: MockCloud, fault: Fault, call: str, retryable: bool
) -> None:
    cloud.faults.add(fault)
    with client(cloud) as toast, pytest.raises(ToastComputeError) as caught:
        CALLS[call][1](toast)
    assert caught.value.retryable is retryable


@pytest.mark.parametrize("code", [-2, -6])
def test_internal_failure_of_a_create_is_ambiguous(cloud: MockCloud, code: int) -> None:
    cloud.faults.add(faults.result_code("createInstance", code))
    with client(cloud) as toast, pytest.raises(AmbiguousOutcomeError) as caught:
        toast.instances.create(**NEW)
    assert isinstance(caught.value.__cause__, ServerError)


def test_refusal_of_a_create_is_not_ambiguous(cloud: MockCloud) -> None:
    cloud.faults.add(faults.result_code("createInstance", -1), faults.result_code("createInstance", 20001))
    with client(cloud) as toast:
        for _ in range(2):
            with pytest.raises(APIError):
                toast.instances.create(**NEW)


@pytest.mark.parametrize("change", ["delete", "key pair"])
def test_token_not_found_does_not_confirm_a_deletion(cloud: MockCloud, change: str) -> None:
    operation, call = CONFIRMED[change]
    cloud.faults.add(
        faults.lose_request(operation), faults.result_code(operation, 50404), faults.result_code(operation, 50404)
    )
    with client(cloud) as toast, pytest.raises(NotFoundError):
        call(toast)


def test_volume_ids_are_compared_without_case(cloud: MockCloud) -> None:
    volume = "B10C0000-0000-4000-8000-000000000003"
    cloud.faults.add(faults.lose_request("detachVolume"), faults.result_code("detachVolume", 10409))
    with client(cloud) as toast, pytest.raises(ConflictError):
        toast.instances.detach_volume(WEB, volume)


class Interrupting(httpx.BaseTransport):
    """Raises an exception while a create is under way."""

    def __init__(self, cloud: MockCloud, interrupt: BaseException) -> None:
        self._transport = cloud.transport
        self._interrupt = interrupt

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST" and request.url.path.endswith("/instances"):
            raise self._interrupt
        return self._transport.handle_request(request)


def test_interrupt_during_a_create_gets_a_note_about_its_outcome(
    cloud: MockCloud, caplog: pytest.LogCaptureFixture
) -> None:
    transport = Interrupting(cloud, KeyboardInterrupt())
    with client(cloud, transport=transport) as toast, pytest.raises(KeyboardInterrupt) as caught:
        toast.instances.create(**NEW)
    note = "createInstance may or may not have been carried out, check the state before sending it again"
    assert caught.value.__notes__ == [note]
    assert note in caplog.messages


@pytest.mark.parametrize("error", [ValueError("canary"), RuntimeError("canary"), KeyError("canary")])
def test_any_exception_of_a_transport_becomes_an_error_of_this_package(cloud: MockCloud, error: Exception) -> None:
    transport = Interrupting(cloud, error)
    with client(cloud, transport=transport) as toast, pytest.raises(AmbiguousOutcomeError) as caught:
        toast.instances.create(**NEW)
    assert "canary" not in str(caught.value)

"""When is a token issued, how long is it used, and what happens when the service refuses it?"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from toast_compute import (
    APITimeoutError,
    AuthenticationError,
    MalformedResponseError,
    NotFoundError,
    PermissionDeniedError,
    ToastCompute,
)


def sent_tokens(service: Any) -> list[str]:
    return [one.headers["x-auth-token"] for one in service.asked("GET flavors")]


@pytest.fixture(autouse=True)
def _flavors(service: Any) -> None:
    service.on("GET flavors", service.yes(flavors=[]))


def test_nothing_is_sent_before_the_first_call(toast: ToastCompute, service: Any) -> None:
    assert toast.flavors is not None
    assert service.received == []


def test_one_token_serves_all_calls_and_the_token_operations_carry_none(toast: ToastCompute, service: Any) -> None:
    toast.flavors.list()
    toast.flavors.list()
    assert sent_tokens(service) == ["canary-token-1", "canary-token-1"]
    (issue,) = service.asked("POST tokens")
    assert "x-auth-token" not in issue.headers


def test_a_token_is_used_until_a_minute_before_its_end(toast: ToastCompute, service: Any, clock: Any) -> None:
    toast.flavors.list()
    clock.now += 3600 - 61
    toast.flavors.list()
    clock.now += 2
    toast.flavors.list()
    assert sent_tokens(service) == ["canary-token-1", "canary-token-1", "canary-token-2"]


def test_a_token_with_a_short_life_is_used_for_nine_tenths_of_it(toast: ToastCompute, service: Any, clock: Any) -> None:
    service.token_life = "2026-01-15T09:01:40Z"
    toast.flavors.list()
    clock.now += 89
    toast.flavors.list()
    clock.now += 2
    toast.flavors.list()
    assert sent_tokens(service) == ["canary-token-1", "canary-token-1", "canary-token-2"]


def test_a_token_that_ends_before_it_begins_serves_one_call(toast: ToastCompute, service: Any) -> None:
    service.token_life = "2026-01-15T08:00:00Z"
    toast.flavors.list()
    toast.flavors.list()
    assert sent_tokens(service) == ["canary-token-1", "canary-token-2"]


@pytest.mark.parametrize("code", [-3, 50401, 10401])
def test_a_refused_token_is_replaced_once_and_the_call_repeated(toast: ToastCompute, service: Any, code: int) -> None:
    service.on("GET flavors", service.no(code, "Permission denied : token"), service.yes(flavors=[]))
    assert toast.flavors.list() == []
    assert sent_tokens(service) == ["canary-token-1", "canary-token-2"]


def test_a_second_refusal_is_the_callers(toast: ToastCompute, service: Any) -> None:
    service.on("GET flavors", service.no(-3, "Permission denied : token"))
    with pytest.raises(PermissionDeniedError):
        toast.flavors.list()
    assert sent_tokens(service) == ["canary-token-1", "canary-token-2"]


def test_a_refusal_that_has_nothing_to_do_with_the_token_is_not_repeated(toast: ToastCompute, service: Any) -> None:
    service.on("GET flavors", service.no(10403, "Forbidden : instance"))
    with pytest.raises(PermissionDeniedError):
        toast.flavors.list()
    assert sent_tokens(service) == ["canary-token-1"]


def test_a_create_that_was_refused_for_its_token_is_sent_again_since_it_was_not_carried_out(
    toast: ToastCompute, service: Any
) -> None:
    made = {"name": "k", "publicKey": "p", "fingerprint": "f", "privateKey": "s"}
    service.on("POST keypairs", service.no(-3, "Permission denied"), service.yes(keypair=made))
    assert toast.keypairs.create("k").private_key == "s"
    assert len(service.asked("POST keypairs")) == 2


def test_a_new_token_that_is_refused_too_is_not_issued_endlessly(toast: ToastCompute, service: Any) -> None:
    service.on("POST tokens", service.token("one"), service.no(50401, "Unauthorized : changed password"))
    service.on("GET flavors", service.no(-3, "Permission denied : token"))
    with pytest.raises(AuthenticationError):
        toast.flavors.list()
    assert len(service.asked("POST tokens")) == 2


def test_a_refused_token_is_dropped_even_if_no_new_one_can_be_had(toast: ToastCompute, service: Any) -> None:
    service.on("POST tokens", service.token("refused"), service.http(503), service.token("fresh"))
    service.on("GET flavors", service.no(-3, "Permission denied : token"), service.yes(flavors=[]))
    with pytest.raises(MalformedResponseError):
        toast.flavors.list()
    toast.flavors.list()
    assert sent_tokens(service) == ["refused", "fresh"]


def test_many_threads_that_start_together_issue_one_token(toast: ToastCompute, service: Any) -> None:
    threads = 24
    together = threading.Barrier(threads)

    def slow(_: object) -> Any:
        time.sleep(0.05)
        return service.token()

    def call(_: int) -> list[Any]:
        together.wait()
        return toast.flavors.list()

    service.on("POST tokens", slow)
    with ThreadPoolExecutor(threads) as pool:
        assert list(pool.map(call, range(threads))) == [[]] * threads
    assert len(service.asked("POST tokens")) == 1
    assert sent_tokens(service) == ["canary-token-1"] * threads


def test_threads_do_not_queue_endlessly_behind_a_token_that_does_not_come(
    make_client: Callable[..., ToastCompute], service: Any
) -> None:
    threads, timeout = 6, 0.3
    toast = make_client(timeout=timeout)
    service.on("POST tokens", service.silence(1.0))

    def call(_: int) -> float:
        began = time.monotonic()
        with pytest.raises(APITimeoutError):
            toast.flavors.list()
        return time.monotonic() - began

    with ThreadPoolExecutor(threads) as pool:
        # Its turn, then its own try.
        assert max(pool.map(call, range(threads))) < 2 * timeout + 0.3


def test_many_threads_whose_token_ended_replace_it_once(toast: ToastCompute, service: Any) -> None:
    threads = 16
    toast.flavors.list()
    together = threading.Barrier(threads)

    def only_the_new_one(request: Any) -> Any:
        if request.headers["x-auth-token"] == "canary-token-1":
            return service.no(-3, "Permission denied : token")
        return service.yes(flavors=[])

    def call(_: int) -> list[Any]:
        together.wait()
        return toast.flavors.list()

    service.on("GET flavors", only_the_new_one)
    with ThreadPoolExecutor(threads) as pool:
        assert list(pool.map(call, range(threads))) == [[]] * threads
    assert len(service.asked("POST tokens")) == 2


def test_a_failed_issue_leaves_the_client_usable(toast: ToastCompute, service: Any) -> None:
    service.on("POST tokens", service.http(503), service.token("late"))
    with pytest.raises(MalformedResponseError):
        toast.flavors.list()
    toast.flavors.list()
    assert sent_tokens(service) == ["late"]


@pytest.mark.parametrize("id", ["with space", "line\r\nInjected: yes", "café", ""])
def test_a_token_that_cannot_travel_in_a_header_is_a_malformed_reply(
    toast: ToastCompute, service: Any, id: str
) -> None:
    reply = service.token()
    reply["access"]["token"]["id"] = id
    service.on("POST tokens", reply)
    with pytest.raises(MalformedResponseError, match=r"at access\.token\.id") as caught:
        toast.flavors.list()
    assert caught.value.path == "access.token.id"
    assert service.asked("GET flavors") == []


def test_issue_returns_the_token_and_its_user(toast: ToastCompute, service: Any) -> None:
    access = toast.tokens.issue()
    assert access.token.id == "canary-token-1"
    assert (access.token.expires - access.token.issued_at).total_seconds() == 3600
    assert access.user.roles[0].name == "member"
    (request,) = service.received
    assert (request.method, request.path) == ("POST", "/compute/v1.0/appkeys/canary-appkey-7f3a/tokens")
    assert request.body == {"auth": {"username": "canary-user@example.com", "password": "canary/password 9c1e"}}


def test_get_asks_about_a_token_without_carrying_one(toast: ToastCompute, service: Any) -> None:
    service.on("GET tokens", service.token("asked&about"))
    assert toast.tokens.get("asked&about").token.id == "asked&about"
    (request,) = service.received
    assert request.query == {"id": ["asked&about"]}
    assert "x-auth-token" not in request.headers


def test_get_of_an_unknown_token_is_not_found(toast: ToastCompute, service: Any) -> None:
    service.on("GET tokens", service.no(50404, "Nonexistent : token"))
    with pytest.raises(NotFoundError) as caught:
        toast.tokens.get("unknown")
    assert caught.value.subsystem == "token"


def test_two_clients_do_not_share_a_token(make_client: Callable[..., ToastCompute], service: Any) -> None:
    make_client().flavors.list()
    make_client().flavors.list()
    assert sent_tokens(service) == ["canary-token-1", "canary-token-2"]

"""Test when a token is issued, how long it is used and what follows a refusal."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from toast_compute import (
    Access,
    APITimeoutError,
    AuthenticationError,
    MalformedResponseError,
    NotFoundError,
    PermissionDeniedError,
    ToastCompute,
    Token,
    User,
)
from toast_compute._auth.token_manager import TokenManager
from toast_compute._effects import Effects, ReadClock, Sleep, WithLock
from toast_compute_mock import MockCloud

from ..clients import client
from .conftest import sent_tokens, store_key


def test_client_sends_nothing_before_the_first_call(toast: ToastCompute, service: Any) -> None:
    assert toast.flavors is not None
    assert service.received == []


def test_token_is_shared_by_all_calls_and_absent_from_token_operations(toast: ToastCompute, service: Any) -> None:
    toast.flavors.list()
    toast.flavors.list()
    assert sent_tokens(service) == ["canary-token-1", "canary-token-1"]
    (issue,) = service.asked("POST tokens")
    assert "x-auth-token" not in issue.headers


def test_token_is_replaced_two_minutes_before_its_end(toast: ToastCompute, service: Any, clock: Any) -> None:
    toast.flavors.list()
    clock.now += 3600 - 121
    toast.flavors.list()
    clock.now += 2
    toast.flavors.list()
    assert sent_tokens(service) == ["canary-token-1", "canary-token-1", "canary-token-2"]


def test_token_with_a_short_life_is_used_for_four_fifths_of_it(toast: ToastCompute, service: Any, clock: Any) -> None:
    service.token_life = "2026-01-15T09:01:40Z"
    toast.flavors.list()
    clock.now += 79
    toast.flavors.list()
    clock.now += 2
    toast.flavors.list()
    assert sent_tokens(service) == ["canary-token-1", "canary-token-1", "canary-token-2"]


def test_token_that_expires_before_it_is_issued_serves_one_call(toast: ToastCompute, service: Any) -> None:
    service.token_life = "2026-01-15T08:00:00Z"
    toast.flavors.list()
    toast.flavors.list()
    assert sent_tokens(service) == ["canary-token-1", "canary-token-2"]


@pytest.mark.parametrize("code", [-3, 50401, 10401])
def test_refused_token_is_replaced_once_and_the_call_repeated(toast: ToastCompute, service: Any, code: int) -> None:
    service.on("GET flavors", service.no(code, "Permission denied : token"), service.yes(flavors=[]))
    assert toast.flavors.list() == []
    assert sent_tokens(service) == ["canary-token-1", "canary-token-2"]


def test_refusal_unrelated_to_the_token_is_not_retried(toast: ToastCompute, service: Any) -> None:
    service.on("GET flavors", service.no(10403, "Forbidden : instance"))
    with pytest.raises(PermissionDeniedError):
        toast.flavors.list()
    assert sent_tokens(service) == ["canary-token-1"]


def test_token_is_not_issued_again_when_the_fresh_one_is_refused(toast: ToastCompute, service: Any) -> None:
    service.on("POST tokens", service.token("one"), service.no(50401, "Unauthorized : changed password"))
    service.on("GET flavors", service.no(-3, "Permission denied : token"))
    with pytest.raises(AuthenticationError):
        toast.flavors.list()
    assert len(service.asked("POST tokens")) == 2


def test_refused_token_is_dropped_when_no_new_one_can_be_issued(
    make_client: Callable[..., ToastCompute], service: Any
) -> None:
    toast = make_client(max_retries=0)
    service.on("POST tokens", service.token("refused"), service.http(503), service.token("fresh"))
    service.on("GET flavors", service.no(-3, "Permission denied : token"), service.yes(flavors=[]))
    with pytest.raises(MalformedResponseError):
        toast.flavors.list()
    toast.flavors.list()
    assert sent_tokens(service) == ["refused", "fresh"]


def test_threads_that_start_together_issue_one_token(toast: ToastCompute, service: Any) -> None:
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


def test_threads_give_up_when_no_token_is_issued_in_time(
    make_client: Callable[..., ToastCompute], service: Any
) -> None:
    threads, timeout = 6, 0.3
    toast = make_client(timeout=timeout, max_retries=0)
    service.on("POST tokens", service.silence(1.0))

    def call(_: int) -> float:
        began = time.monotonic()
        with pytest.raises(APITimeoutError):
            toast.flavors.list()
        return time.monotonic() - began

    with ThreadPoolExecutor(threads) as pool:
        # The wait for the lock, then an attempt of its own: threads do not queue.
        assert max(pool.map(call, range(threads))) < threads * timeout


def test_threads_replace_a_refused_token_once(toast: ToastCompute, service: Any) -> None:
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


def test_failed_issue_leaves_the_client_usable(make_client: Callable[..., ToastCompute], service: Any) -> None:
    toast = make_client(max_retries=0)
    service.on("POST tokens", service.http(503), service.token("late"))
    with pytest.raises(MalformedResponseError):
        toast.flavors.list()
    toast.flavors.list()
    assert sent_tokens(service) == ["late"]


@pytest.mark.parametrize("id", ["with space", "line\r\nInjected: yes", "café", ""])
def test_token_id_invalid_in_a_header_is_a_malformed_reply(toast: ToastCompute, service: Any, id: str) -> None:
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


def test_get_carries_no_token(toast: ToastCompute, service: Any) -> None:
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


SOFT = 3600 - 100
HARD = 3600 - 20


@pytest.fixture
def once(make_client: Callable[..., ToastCompute]) -> ToastCompute:
    """A client that sends everything once."""
    return make_client(max_retries=0)


@pytest.mark.parametrize("fault", ["reset", "http 503", "no JSON", "server error", "silence"], ids=lambda fault: fault)
def test_token_stays_in_use_when_its_renewal_fails(
    make_client: Callable[..., ToastCompute], service: Any, clock: Any, fault: str
) -> None:
    # A renewal of a token that still holds gets half of it.
    toast = make_client(max_retries=0, timeout=2.0)
    toast.flavors.list()
    clock.now += SOFT
    answers = {
        "reset": service.reset(),
        "http 503": service.http(503),
        "no JSON": b"<html>",
        "server error": service.no(-1, "Fail"),
        "silence": service.silence(1.5),
    }
    service.on("POST tokens", answers[fault])
    toast.flavors.list()
    assert sent_tokens(service) == ["canary-token-1", "canary-token-1"]
    assert len(service.asked("POST tokens")) == 2


def test_failed_renewal_is_retried_after_five_seconds(once: ToastCompute, service: Any, clock: Any) -> None:
    once.flavors.list()
    clock.now += SOFT
    service.on("POST tokens", service.http(503), service.token("late"))
    for _ in range(3):
        once.flavors.list()
    assert len(service.asked("POST tokens")) == 2
    clock.now += 4.9
    once.flavors.list()
    assert len(service.asked("POST tokens")) == 2
    clock.now += 0.2
    once.flavors.list()
    assert len(service.asked("POST tokens")) == 3
    assert sent_tokens(service) == ["canary-token-1"] * 5 + ["late"]


def test_token_is_not_used_shortly_before_its_end_when_renewal_fails(
    once: ToastCompute, service: Any, clock: Any
) -> None:
    once.flavors.list()
    clock.now += HARD
    service.on("POST tokens", service.http(503), service.token("late"))
    with pytest.raises(MalformedResponseError):
        once.flavors.list()
    once.flavors.list()
    assert sent_tokens(service) == ["canary-token-1", "late"]


def test_refused_credentials_are_raised_while_the_token_is_valid(once: ToastCompute, service: Any, clock: Any) -> None:
    once.flavors.list()
    clock.now += SOFT
    service.on("POST tokens", service.no(50401, "Unauthorized : changed password"))
    with pytest.raises(AuthenticationError):
        once.flavors.list()


def test_other_calls_use_the_token_while_one_renews_it(
    make_client: Callable[..., ToastCompute], service: Any, clock: Any
) -> None:
    toast = make_client(max_retries=0)
    toast.flavors.list()
    clock.now += SOFT
    begun, done = threading.Event(), threading.Event()

    def slow(_: object) -> Any:
        begun.set()
        assert done.wait(5)
        return service.token("late")

    service.on("POST tokens", slow)
    with ThreadPoolExecutor(1) as pool:
        renewing = pool.submit(toast.flavors.list)
        assert begun.wait(5)
        toast.flavors.list()
        toast.flavors.list()
        done.set()
        renewing.result()
    toast.flavors.list()
    assert sent_tokens(service) == ["canary-token-1"] * 3 + ["late"] * 2


def test_lifetime_of_a_token_begins_when_it_is_requested(toast: ToastCompute, service: Any, clock: Any) -> None:
    def slow(_: object) -> Any:
        clock.now += 3000
        return service.token()

    service.on("POST tokens", slow)
    toast.flavors.list()
    clock.now += 3600 - 3000 - 121
    toast.flavors.list()
    assert len(service.asked("POST tokens")) == 1
    clock.now += 2
    toast.flavors.list()
    assert len(service.asked("POST tokens")) == 2


@pytest.mark.parametrize("expires", ["2026-01-15T09:00:00Z", "1900-01-01T00:00:00Z"])
def test_token_without_a_lifetime_serves_one_call(toast: ToastCompute, service: Any, expires: str) -> None:
    service.token_life = expires
    for _ in range(3):
        toast.flavors.list()
    assert sent_tokens(service) == ["canary-token-1", "canary-token-2", "canary-token-3"]


def test_lifetime_of_centuries_is_capped_at_one_day(toast: ToastCompute, service: Any, clock: Any) -> None:
    service.token_life = "9999-12-31T23:59:59Z"
    toast.flavors.list()
    clock.now += 86_400 - 121
    toast.flavors.list()
    clock.now += 2
    toast.flavors.list()
    assert sent_tokens(service) == ["canary-token-1", "canary-token-1", "canary-token-2"]


class _Life:
    """Issues tokens with effects, and can be interrupted while it waits."""

    def __init__(self) -> None:
        self.issued = 0

    def issue(self, _: float) -> Effects[Access]:
        yield Sleep(1.0)
        self.issued += 1
        began = datetime(2026, 1, 15, 9, tzinfo=UTC)
        token = Token(id=f"token-{self.issued}", issued_at=began, expires=began + timedelta(hours=1))
        return Access(token=token, user=User(id="u", roles=[]))


def _answered(plan: Effects[Any], answer: Callable[[Any], Any]) -> Any:
    """Run an operation as a driver does, with `answer` for each effect."""
    try:
        effect = next(plan)
        while True:
            try:
                reply = (_answered(effect.effects, answer), None) if isinstance(effect, WithLock) else answer(effect)
            except BaseException as error:
                effect = plan.throw(error)
            else:
                effect = plan.send(reply if isinstance(reply, tuple) else (None, reply))
    except StopIteration as end:
        return end.value


class _Cancelled(BaseException):
    """The exception of a cancellation."""


def test_next_call_renews_when_a_renewal_was_cancelled() -> None:
    life, now = _Life(), 0.0
    keeper = TokenManager(life.issue, is_transient=bool)

    def calm(effect: Any) -> Any:
        return now if isinstance(effect, ReadClock) else None

    def cancelled(effect: Any) -> Any:
        if isinstance(effect, Sleep):
            raise _Cancelled
        return calm(effect)

    with pytest.raises(_Cancelled):
        _answered(keeper.current(5.0), cancelled)
    first = _answered(keeper.current(5.0), calm)
    now = SOFT
    with pytest.raises(_Cancelled):
        _answered(keeper.current(5.0), cancelled)
    # The next one renews: no renewal counts as under way.
    assert _answered(keeper.current(5.0), calm) != first
    assert life.issued == 2


def test_next_call_renews_when_a_renewal_was_closed() -> None:
    life, now = _Life(), 0.0
    keeper = TokenManager(life.issue, is_transient=bool)

    def calm(effect: Any) -> Any:
        return now if isinstance(effect, ReadClock) else None

    first = _answered(keeper.current(5.0), calm)
    now = SOFT
    outer = keeper.current(5.0)
    next(outer)
    gate = outer.send((None, now))
    assert isinstance(gate, WithLock)
    effect = next(gate.effects)
    while not isinstance(effect, Sleep):
        effect = gate.effects.send((None, now))
    # Meanwhile others use the current one.
    assert _answered(keeper.current(5.0), calm) == first
    gate.effects.close()
    outer.close()
    assert _answered(keeper.current(5.0), calm) != first


def test_renewal_gets_at_most_half_of_the_time_of_its_call() -> None:
    given: list[float] = []
    life, now = _Life(), 0.0

    def issue(seconds: float) -> Effects[Access]:
        given.append(seconds)
        return life.issue(seconds)

    keeper = TokenManager(issue, is_transient=bool)

    def calm(effect: Any) -> Any:
        return now if isinstance(effect, ReadClock) else None

    for seconds, at in ((30.0, 0.0), (30.0, SOFT), (8.0, 2 * SOFT), (30.0, 2 * SOFT + HARD)):
        now = at
        _answered(keeper.current(seconds), calm)
    assert given == [30.0, 10.0, 4.0, 30.0]


def test_valid_token_is_renewed_without_retries() -> None:
    tried: list[str] = []
    life, now = _Life(), 0.0

    def noted(name: str) -> Callable[[float], Effects[Access]]:
        def issue(seconds: float) -> Effects[Access]:
            tried.append(name)
            return life.issue(seconds)

        return issue

    keeper = TokenManager(noted("with retries"), is_transient=bool, issue_once=noted("once"))

    def calm(effect: Any) -> Any:
        return now if isinstance(effect, ReadClock) else None

    for at in (0.0, SOFT, SOFT + HARD):
        now = at
        _answered(keeper.current(5.0), calm)
    assert tried == ["with retries", "once", "with retries"]


def test_current_and_previous_token_are_known() -> None:
    life, now = _Life(), 0.0
    keeper = TokenManager(life.issue, is_transient=bool)

    def calm(effect: Any) -> Any:
        return now if isinstance(effect, ReadClock) else None

    assert list(keeper.known) == []
    for at in (0.0, 4000.0, 8000.0):
        now = at
        _answered(keeper.current(5.0), calm)
    assert [one.reveal() for one in keeper.known] == ["token-3", "token-2"]


def test_interrupted_renewal_releases_the_lock(cloud: MockCloud) -> None:
    class Interrupting(httpx.BaseTransport):
        """Lets the user interrupt the first request."""

        is_first = True

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if self.is_first:
                self.is_first = False
                raise KeyboardInterrupt
            return cloud.transport.handle_request(request)

    with client(cloud, transport=Interrupting(), timeout=1) as toast:
        with pytest.raises(KeyboardInterrupt):
            toast.flavors.list()
        assert toast.flavors.list()


def test_store_key_differs_between_accounts_and_contains_no_secret() -> None:
    accounts = [("https://a", "k", "u"), ("https://a", "k", "v"), ("https://a", "l", "u"), ("https://b", "k", "u")]
    keys = {store_key(*account) for account in accounts}
    assert len(keys) == 4
    assert all(len(key) == 64 and set(key) <= set("0123456789abcdef") for key in keys)
    # The boundary between two parts counts.
    assert store_key("https://a", "ab", "c") != store_key("https://a", "a", "bc")

"""Test that no secret is in errors, logs, reprs, tracebacks or pickles."""

from __future__ import annotations

import asyncio
import copy
import logging
import pickle
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from toast_compute import APIError, AsyncToastCompute, InvalidRequestError, ToastCompute, ToastComputeError

APPKEY = "canary-appkey-7f3a"
PASSWORD = "canary/password 9c1e"
TOKEN = "canary-token-1"
PRIVATE_KEY = "canary-private-key"
SECRETS = (APPKEY, PASSWORD, quote(PASSWORD, safe=""), TOKEN, PRIVATE_KEY, "canary-asked")


def assert_clean(text: str) -> None:
    assert [secret for secret in SECRETS if secret in text] == []


def everything_about(error: BaseException) -> str:
    """The error and all that hangs on it, with the local variables of our own frames."""
    parts: list[str] = []
    seen: BaseException | None = error
    while seen is not None:
        parts += [str(seen), repr(seen), repr(seen.__dict__)]
        steps = traceback.TracebackException.from_exception(seen, capture_locals=True, compact=True)
        for frame in steps.stack:
            # The test's own frame and the fake service hold the secrets on purpose.
            if "toast_compute" in frame.filename:
                parts.append(str(frame.locals))
        seen = seen.__cause__ or seen.__context__
    return "\n".join(parts)


Call = Callable[[ToastCompute], object]
CALLS: dict[str, Call] = {
    "issue": lambda toast: toast.tokens.issue(),
    "look up": lambda toast: toast.tokens.get("canary-asked"),
    "list": lambda toast: toast.flavors.list(),
    "create": lambda toast: toast.keypairs.create("k"),
    "wait": lambda toast: toast.instances.wait_for_status("i-1", "ACTIVE", timeout=1),
}
RESOURCES = ("POST tokens", "GET tokens", "GET flavors", "POST keypairs", "GET instances")
ECHO = f"appkey {APPKEY}, password {PASSWORD} or {quote(PASSWORD, safe='')}, token {TOKEN}"
SCRIPTS: dict[str, Callable[[Any], Any]] = {
    "refused with an echo": lambda service: service.no(-4, f"Invalid parameters : {ECHO}"),
    "denied with an echo": lambda service: service.no(-3, f"Permission denied : {ECHO}"),
    "no JSON with an echo": lambda _: ECHO.encode(),
    "wrong shape with an echo": lambda service: service.yes(**{ECHO: 1}, flavors=ECHO, keypair=ECHO, access=ECHO),
    "wrong key with a private key": lambda service: service.yes(keypair={"privateKey": PRIVATE_KEY, "name": 1}),
    "status with an echo": lambda service: service.http(500, ECHO.encode()),
    "redirect": lambda service: service.http(302, location="https://elsewhere.invalid"),
    "redirect with an echo": lambda service: service.http(302, location=f"https://elsewhere.invalid/{APPKEY}/{TOKEN}"),
    "no HTTP with an echo": lambda service: service.no_http(f"SSH-2.0-{APPKEY} {TOKEN}\r\n\r\n".encode()),
    "reset": lambda service: service.reset(),
    "truncated": lambda service: service.truncated(),
    "silence": lambda service: service.silence(0.6),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("script", SCRIPTS)
def test_secrets_are_absent_from_errors_and_log_records(
    make_client: Callable[..., ToastCompute], service: Any, caplog: pytest.LogCaptureFixture, call: str, script: str
) -> None:
    toast = make_client(timeout=0.3 if script == "silence" else 5.0)
    service.on("GET flavors", service.yes(flavors=[]))
    # From here on the client holds a token.
    toast.flavors.list()
    for resource in RESOURCES:
        service.on(resource, SCRIPTS[script](service))
    with caplog.at_level(logging.DEBUG), pytest.raises(ToastComputeError) as caught:
        CALLS[call](toast)
    assert len(service.received) > 2
    assert_clean(everything_about(caught.value))
    assert_clean(repr(pickle.dumps(caught.value)))
    assert_clean(repr(copy.deepcopy(caught.value).__dict__))
    assert_clean(caplog.text)
    assert_clean("".join(repr(record.__dict__) for record in caplog.records))


def test_secrets_are_absent_from_the_log_of_successful_calls(
    toast: ToastCompute, service: Any, caplog: pytest.LogCaptureFixture
) -> None:
    service.on("GET flavors", service.yes(flavors=[]))
    service.on("GET tokens", service.token("canary-asked"))
    with caplog.at_level(logging.DEBUG):
        toast.flavors.list()
        toast.tokens.get("canary-asked")
    assert len(service.received) == 3
    assert_clean(caplog.text)
    assert_clean("".join(repr(record.__dict__) for record in caplog.records))


def test_token_of_a_look_up_is_masked_in_the_refusal(toast: ToastCompute, service: Any) -> None:
    service.on("GET tokens", service.no(50404, "Nonexistent : token canary-asked"))
    with pytest.raises(APIError) as caught:
        toast.tokens.get("canary-asked")
    assert caught.value.result_message == "Nonexistent : token ***"
    assert_clean(everything_about(caught.value))


def test_masking_leaves_the_rest_of_a_message_readable(toast: ToastCompute, service: Any) -> None:
    service.on("GET flavors", service.no(-4, f"Invalid parameters : {APPKEY} and {TOKEN} are odd"))
    with pytest.raises(APIError) as caught:
        toast.flavors.list()
    assert caught.value.result_message == "Invalid parameters : *** and *** are odd"


def test_secrets_are_absent_from_the_repr_of_a_client_and_its_parts(toast: ToastCompute) -> None:
    toast.tokens.issue()
    assert_clean(repr(toast) + str(toast) + repr(vars(toast)))
    for part in (toast.tokens, toast.instances, *vars(toast).values()):
        assert_clean(repr(part) + repr(getattr(part, "__dict__", {})))
        for inner in getattr(part, "__dict__", {}).values():
            assert_clean(repr(inner) + repr(getattr(inner, "__dict__", {})))


def test_client_cannot_be_pickled_or_copied(toast: ToastCompute) -> None:
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="make a new one in each process"):
            attempt(toast)


def test_secrets_are_absent_from_the_repr_of_models(toast: ToastCompute, service: Any) -> None:
    made = {"name": "k", "publicKey": "p", "fingerprint": "f", "privateKey": PRIVATE_KEY}
    service.on("POST keypairs", service.yes(keypair=made))
    assert_clean(repr(toast.tokens.issue()) + repr(toast.keypairs.create("k")))


@pytest.mark.parametrize("wrong", [{"base_url": "ftp://x"}, {"timeout": -1}, {"transport": object()}])
def test_secrets_are_absent_from_the_traceback_of_a_failed_construction(wrong: dict[str, Any]) -> None:
    with pytest.raises(ToastComputeError) as caught:
        ToastCompute(APPKEY, "u", PASSWORD, **wrong)
    assert_clean(everything_about(caught.value))


@pytest.mark.parametrize(
    ("unset", "wrong"),
    [
        ("TOAST_COMPUTE_APPKEY", {}),
        ("TOAST_COMPUTE_USERNAME", {}),
        ("", {"appkey": 5}),
        ("", {"appkey": "a/b"}),
        ("", {"base_url": "ftp://x"}),
        ("", {"timeout": -1}),
    ],
)
def test_secrets_of_the_environment_are_absent_from_tracebacks(
    monkeypatch: pytest.MonkeyPatch, unset: str, wrong: dict[str, Any]
) -> None:
    monkeypatch.setenv("TOAST_COMPUTE_APPKEY", APPKEY)
    monkeypatch.setenv("TOAST_COMPUTE_USERNAME", "u")
    monkeypatch.setenv("TOAST_COMPUTE_PASSWORD", PASSWORD)
    if unset:
        monkeypatch.delenv(unset)
    with pytest.raises(ToastComputeError) as caught:
        ToastCompute(**wrong)
    assert_clean(everything_about(caught.value))


@pytest.fixture(params=["directly", "through a proxy"])
def place(request: pytest.FixtureRequest, service: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """The base URL of the service, which may be its own proxy, with a password."""
    if request.param == "directly":
        return str(service.base_url)
    address = urlsplit(service.base_url).netloc
    monkeypatch.setenv("http_proxy", f"http://{quote('canary-asked')}:{quote(PRIVATE_KEY)}@{address}")
    return "http://127.0.0.1:9/compute"


def assert_interrupt_is_clean(interrupt: BaseException) -> None:
    seen: BaseException | None = interrupt
    while seen is not None:
        steps = traceback.TracebackException.from_exception(seen, capture_locals=True)
        frames = [frame for frame in steps.stack if Path(frame.filename).parent != Path(__file__).parent]
        assert any("toast_compute" in frame.filename for frame in frames)
        assert_clean("".join(str(frame.locals) for frame in frames))
        seen = seen.__cause__ or seen.__context__


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C interrupts, also where a shell has started the tests in the background, for which it means nothing."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("resource", ["GET flavors", "POST tokens"])
@pytest.mark.usefixtures("interruptible")
def test_secrets_are_absent_from_the_traceback_of_an_interrupt(service: Any, place: str, resource: str) -> None:
    service.on("GET flavors", service.yes(flavors=[]))
    service.on(resource, service.silence(2))
    timer = threading.Timer(0.3, signal.raise_signal, [signal.SIGINT])
    with ToastCompute(APPKEY, "u", PASSWORD, base_url=place) as toast:
        timer.start()
        with pytest.raises(KeyboardInterrupt) as caught:
            toast.flavors.list()
    assert len(service.asked(resource)) == 1
    assert_interrupt_is_clean(caught.value)


@pytest.mark.parametrize("resource", ["GET flavors", "POST tokens"])
def test_secrets_are_absent_from_the_traceback_of_a_cancellation(service: Any, place: str, resource: str) -> None:
    service.on("GET flavors", service.yes(flavors=[]))
    service.on(resource, service.silence(1))

    async def main() -> asyncio.CancelledError:
        async with AsyncToastCompute(APPKEY, "u", PASSWORD, base_url=place) as toast:
            task = asyncio.ensure_future(toast.flavors.list())
            await asyncio.sleep(0.3)
            task.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await task
            return caught.value

    cancellation = asyncio.run(main())
    assert len(service.asked(resource)) == 1
    assert_interrupt_is_clean(cancellation)


@pytest.mark.usefixtures("interruptible")
def test_context_of_the_caller_stays_with_an_interrupt(toast: ToastCompute, service: Any) -> None:
    service.on("GET flavors", service.silence(1))
    toast.tokens.issue()
    threading.Timer(0.3, signal.raise_signal, [signal.SIGINT]).start()
    try:
        raise LookupError("before")
    except LookupError:
        with pytest.raises(KeyboardInterrupt) as caught:
            toast.flavors.list()
    assert isinstance(caught.value.__context__, LookupError)


def test_password_in_a_url_is_absent_from_the_traceback() -> None:
    with pytest.raises(ToastComputeError, match="must not hold a user name or a password") as caught:
        ToastCompute(APPKEY, "u", "p", base_url="https://user:canary-asked@api.example.com/compute")
    assert_clean(everything_about(caught.value))


def test_invalid_appkey_is_absent_from_the_traceback() -> None:
    with pytest.raises(ToastComputeError) as caught:
        ToastCompute(f"{APPKEY}/", "u", PASSWORD)
    assert_clean(everything_about(caught.value))


@pytest.mark.parametrize(
    "token_id",
    ["canary-asked\n", "canary-asked\ud800", b"canary-asked", ["canary-asked"]],
    ids=["a line", "no Unicode", "bytes", "a list"],
)
def test_invalid_token_id_is_absent_from_the_traceback(toast: ToastCompute, token_id: Any) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        toast.tokens.get(token_id)
    del token_id  # the caller's own
    assert_clean(everything_about(caught.value))

"""Test that the async client sends the same requests, and returns and raises the same, as the sync one."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
import logging
import pickle
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from toast_compute import (
    AmbiguousOutcomeError,
    APIConnectionError,
    APITimeoutError,
    AsyncToastCompute,
    BatchResult,
    ConfigurationError,
    Instance,
    InstanceFailedError,
    MalformedResponseError,
    NotFoundError,
    ServerError,
    StopAction,
    ToastCompute,
    ToastComputeError,
    WaitTimeoutError,
)
from toast_compute_mock import FrozenClock, MockCloud, RealClock, faults

from ..clients import (
    BATCH,
    CREDENTIALS,
    NEW,
    VARIANTS,
    VOLUME,
    WEB,
    Variant,
    async_call,
    async_client,
    make_cloud,
    run,
    sync_call,
)

# A call of each method. Whether it succeeds does not matter: both variants must end in the same way.
CALLS: dict[str, Callable[[Any], Any]] = {
    "tokens.issue": lambda toast: toast.tokens.issue(),
    "tokens.get": lambda toast: toast.tokens.get("nobody's"),
    "availability_zones.list": lambda toast: toast.availability_zones.list(),
    "flavors.list": lambda toast: toast.flavors.list(),
    "instances.list": lambda toast: toast.instances.list(),
    "instances.get": lambda toast: toast.instances.get(WEB),
    "instances.list_details": lambda toast: toast.instances.list_details(),
    "instances.get_details": lambda toast: toast.instances.get_details(WEB),
    "instances.create": lambda toast: toast.instances.create(**NEW),
    "instances.delete": lambda toast: toast.instances.delete(WEB),
    "instances.start": lambda toast: toast.instances.start(BATCH),
    "instances.stop": lambda toast: toast.instances.stop(WEB),
    "instances.reboot": lambda toast: toast.instances.reboot(WEB),
    "instances.resize": lambda toast: toast.instances.resize(WEB, "f1a00000-0000-4000-8000-000000000002"),
    "instances.upload_image": lambda toast: toast.instances.upload_image(BATCH, "an image"),
    "instances.add_floating_ip": lambda toast: toast.instances.add_floating_ip(WEB, "203.0.113.9", "192.0.2.1"),
    "instances.remove_floating_ip": lambda toast: toast.instances.remove_floating_ip(WEB, "203.0.113.9"),
    "instances.add_security_group": lambda toast: toast.instances.add_security_group(WEB, "web"),
    "instances.remove_security_group": lambda toast: toast.instances.remove_security_group(WEB, "default"),
    "instances.run_action": lambda toast: toast.instances.run_action(WEB, StopAction()),
    "instances.attach_volume": lambda toast: toast.instances.attach_volume(WEB, VOLUME),
    "instances.detach_volume": lambda toast: toast.instances.detach_volume(WEB, VOLUME),
    "instances.wait_for_status": lambda toast: toast.instances.wait_for_status(WEB, "ACTIVE"),
    "instances.wait_until_deleted": lambda toast: toast.instances.wait_until_deleted("nobody"),
    "instances.wait_for_all": lambda toast: toast.instances.wait_for_all([WEB, WEB], "ACTIVE"),
    "keypairs.list": lambda toast: toast.keypairs.list(),
    "keypairs.get": lambda toast: toast.keypairs.get("demo-key"),
    "keypairs.create": lambda toast: toast.keypairs.create("mine"),
    "keypairs.upload": lambda toast: toast.keypairs.upload("mine", "no key"),
    "keypairs.delete": lambda toast: toast.keypairs.delete("demo-key"),
    "instances.map": lambda toast: toast.instances.map("stop", [WEB, BATCH, "nobody"], limit=1),
    "request": lambda toast: toast.request("GET", "/flavors"),
}
# They do not wait, so they are the same function in both variants; each has a test of its own.
PLAIN = {"deadline", "capture"}
PARTS = ("tokens", "availability_zones", "flavors", "instances", "keypairs")


def ending(variant: Variant, call: Callable[[Any], Any], cloud: MockCloud, **options: Any) -> tuple[str, object]:
    """Return what a call returns, or the class and the text of its error."""
    try:
        value = variant(cloud, call, **options)
        # Errors are equal only to themselves.
        return "returned", repr(value) if isinstance(value, BatchResult) else value
    except ToastComputeError as error:
        return type(error).__name__, str(error)


def received(cloud: MockCloud) -> list[tuple[str | None, object]]:
    """Return the operations that a cloud received, with the codes of the replies."""
    return [(one.operation, one.result_code) for one in cloud.journal.find()]


@pytest.mark.parametrize("name", CALLS)
def test_method_sends_and_returns_the_same_in_both_variants(name: str) -> None:
    clouds = [make_cloud(), make_cloud()]
    first, second = (ending(variant, CALLS[name], one) for variant, one in zip(VARIANTS, clouds, strict=True))
    assert first == second
    assert received(clouds[0]) == received(clouds[1]) != []


def test_every_public_method_has_a_case() -> None:
    toast = async_client(make_cloud())
    public = {
        f"{part}.{name}"
        for part in PARTS
        for name, _ in inspect.getmembers(getattr(toast, part), inspect.ismethod)
        if not name.startswith("_")
    }
    public |= {name for name, _ in inspect.getmembers(toast, inspect.ismethod) if not name.startswith("_")}
    assert public - {"close"} == {*CALLS, *PLAIN}


def test_deadline_applies_to_its_block_and_the_tasks_started_there() -> None:
    mock = make_cloud()

    async def main() -> None:
        async with async_client(mock) as toast:
            await toast.instances.stop(WEB)
            with toast.deadline(3):
                waits = [asyncio.create_task(toast.instances.wait_for_status(WEB, "DELETING")) for _ in range(3)]
                # Only what was started in the block is bound.
                outside = toast.instances.list()
            for wait in waits:
                with pytest.raises((WaitTimeoutError, InstanceFailedError)):
                    await wait
            assert await outside

    began = mock.clock.monotonic()
    run(main)
    assert mock.clock.monotonic() - began <= 3


def test_capture_holds_the_exchanges_of_the_tasks_of_its_block() -> None:
    async def main() -> None:
        async with async_client(make_cloud()) as toast:
            await toast.availability_zones.list()
            with toast.capture() as exchanges:
                await asyncio.gather(toast.flavors.list(), toast.keypairs.list())
            await toast.instances.list()
            assert sorted(one.operation for one in exchanges) == ["listFlavors", "listKeypairs"]
            assert {one.status for one in exchanges} == {200}

    run(main)


def test_whole_life_of_an_instance_takes_no_real_time() -> None:
    async def main() -> None:
        async with async_client(make_cloud()) as toast:
            made = await toast.instances.create(**NEW)
            assert isinstance(made, Instance)
            assert (await toast.instances.wait_for_status(made.id, "ACTIVE")).status == "ACTIVE"
            await toast.instances.stop(made.id)
            await toast.instances.wait_for_status(made.id, "STOP")
            await toast.instances.delete(made.id)
            await toast.instances.wait_until_deleted(made.id)
            with pytest.raises(NotFoundError):
                await toast.instances.get(made.id)

    began = time.monotonic()
    run(main)
    assert time.monotonic() - began < 5


@pytest.fixture(params=["in this process", "on a socket"])
def place(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def exchange(
    variant: Variant, place: str, call: Callable[[Any], Any], faults_: list[Any], **options: Any
) -> tuple[ToastComputeError, MockCloud]:
    """Make a call that fails, in this process or on a socket, and return its error."""
    mock = make_cloud(faults=faults_) if place == "in this process" else MockCloud(clock=RealClock(), faults=faults_)
    with contextlib.ExitStack() as stack:
        if place == "on a socket":
            options |= {"transport": None, "base_url": stack.enter_context(mock.serve()).base_url}
        with pytest.raises(ToastComputeError) as caught:
            variant(mock, call, **options)
    return caught.value, mock


WIRE: dict[str, tuple[Callable[..., Any], type[Exception]]] = {
    "reset": (lambda **options: faults.reset("createKeypair", **options), APIConnectionError),
    "close": (lambda **options: faults.close("createKeypair", **options), APIConnectionError),
    "garbage": (lambda **options: faults.garbage("createKeypair", **options), MalformedResponseError),
    "short body": (lambda **options: faults.short_body("createKeypair", **options), APIConnectionError),
    "bad chunk": (lambda **options: faults.bad_chunk("createKeypair", **options), MalformedResponseError),
    "stall": (lambda **options: faults.stall("createKeypair", **options), APITimeoutError),
    "delay": (lambda **options: faults.delay("createKeypair", 30, **options), APITimeoutError),
    "html": (lambda **options: faults.html("createKeypair", **options), MalformedResponseError),
    "gateway": (lambda **options: faults.http_status("createKeypair", 504, **options), MalformedResponseError),
}


@pytest.mark.parametrize("name", WIRE)
def test_fault_on_the_wire_is_the_same_error_in_both_variants(name: str, place: str) -> None:
    make, cause = WIRE[name]
    messages = []
    timeout = 0.25 if cause is APITimeoutError else 5.0
    for variant in VARIANTS:
        error, mock = exchange(
            variant, place, lambda toast: toast.keypairs.create("mine"), [make(budget=None)], timeout=timeout
        )
        # It must not be sent twice, and it may have been carried out.
        assert type(error) is AmbiguousOutcomeError
        assert type(error.__cause__) is cause
        assert mock.journal.count(operation="createKeypair") == 1
        messages.append(str(error).replace(str(error).partition("127.0.0.1:")[2][:5], "PORT"))
    assert messages[0] == messages[1]


@pytest.mark.parametrize("variant", VARIANTS)
def test_reply_that_trickles_in_is_given_up(variant: Variant) -> None:
    # Each piece comes in time, the whole would take a second and more.
    slow = faults.slow("createKeypair", pause=0.1, piece=200, budget=None)
    error, _ = exchange(variant, "on a socket", lambda toast: toast.keypairs.create("mine"), [slow], timeout=0.25)
    assert type(error.__cause__) is APITimeoutError


def test_error_of_the_service_is_the_same_in_both_variants(place: str) -> None:
    for variant in VARIANTS:
        error, _ = exchange(
            variant,
            place,
            lambda toast: toast.keypairs.delete("demo-key"),
            [faults.result_code("deleteKeypair", -6, budget=None)],
        )
        assert type(error) is ServerError
        assert error.result_code == -6


@pytest.mark.parametrize("variant", VARIANTS)
def test_unreachable_service_is_an_error_of_an_unsent_request(variant: Variant) -> None:
    with pytest.raises(APIConnectionError, match="could not be reached") as caught:
        variant(
            make_cloud(),
            lambda toast: toast.keypairs.create("mine"),
            transport=None,
            base_url="http://127.0.0.1:9/compute",
        )
    assert caught.value.never_sent


@pytest.mark.parametrize(("variant", "wrong"), [(sync_call, "async_transport"), (async_call, "transport")])
def test_transport_of_the_other_variant_is_rejected(variant: Variant, wrong: str) -> None:
    mock = make_cloud()
    with pytest.raises(ConfigurationError, match=r"The transport cannot be used: it must be an httpx\."):
        variant(mock, lambda toast: toast.flavors.list(), transport=getattr(mock, wrong))


@pytest.mark.parametrize(
    ("variant", "clock", "lacks"),
    [
        (sync_call, object(), "it has no monotonic"),
        (async_call, object(), "it has no monotonic"),
        (sync_call, 0, "it has no monotonic"),
        (async_call, "", "it has no monotonic"),
        (async_call, time, "it has no sleep_async"),
        (sync_call, RealClock, "it is a class, not an object"),
    ],
)
def test_invalid_clock_is_rejected(variant: Variant, clock: Any, lacks: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"The clock cannot be used: {lacks} \(see toast_compute\.Clock\)"):
        variant(make_cloud(), lambda toast: toast.flavors.list(), clock=clock)


def test_sync_client_accepts_a_clock_without_sleep_async() -> None:
    assert sync_call(make_cloud(), lambda toast: toast.flavors.list(), clock=time)


def test_closed_client_raises_a_configuration_error() -> None:
    async def main() -> None:
        toast = async_client(make_cloud())
        await toast.flavors.list()
        await toast.close()
        await toast.close()
        with pytest.raises(ConfigurationError, match="This client is closed"):
            await toast.flavors.list()

    run(main)


def test_transport_is_closed_with_the_client() -> None:
    class Counting(httpx.AsyncBaseTransport):
        closed = 0

        async def aclose(self) -> None:
            self.closed += 1

    transport = Counting()

    async def main() -> None:
        async with AsyncToastCompute("k", "u", "p", transport=transport):
            pass

    run(main)
    assert transport.closed == 1


def test_use_in_another_event_loop_is_rejected_before_anything_is_sent() -> None:
    mock = make_cloud()
    clients = [async_client(mock)]

    async def use() -> None:
        await clients[0].flavors.list()

    run(use)
    before = mock.journal.count()

    async def misuse() -> None:
        with pytest.raises(ConfigurationError, match="belongs to another event loop"):
            await clients[0].flavors.list()
        with pytest.raises(ConfigurationError, match="belongs to another event loop"):
            await clients[0].close()

    run(misuse)
    assert mock.journal.count() == before
    # Only its own loop could have closed it, and that is over.
    with pytest.warns(ResourceWarning, match="unclosed AsyncToastCompute"):
        clients.clear()


def drop(variant: Variant, mock: MockCloud, *, use: bool, close: bool) -> list[str]:
    """Make a client, maybe use and close it, drop it, and return the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if variant is sync_call:
            toast = ToastCompute(*CREDENTIALS, transport=mock.transport)
            if use:
                toast.flavors.list()
            if close:
                toast.close()
            del toast
        else:

            async def main() -> None:
                toast = AsyncToastCompute(*CREDENTIALS, transport=mock.async_transport)
                if use:
                    await toast.flavors.list()
                if close:
                    await toast.close()

            run(main)
        gc.collect()
    return [str(one.message) for one in caught if one.category is ResourceWarning]


@pytest.mark.parametrize("variant", VARIANTS)
def test_used_client_that_was_not_closed_draws_one_warning_without_secrets(variant: Variant) -> None:
    (text,) = drop(variant, make_cloud(), use=True, close=False)
    assert "unclosed" in text
    assert "ToastCompute(base_url=" in text
    assert ("async with" in text) is (variant is async_call)
    assert not any(secret in text for secret in CREDENTIALS)


@pytest.mark.parametrize("variant", VARIANTS)
def test_closed_or_unused_client_draws_no_warning(variant: Variant) -> None:
    assert drop(variant, make_cloud(), use=True, close=True) == []
    assert drop(variant, make_cloud(), use=False, close=False) == []


@pytest.mark.parametrize("variant", VARIANTS)
def test_client_whose_construction_failed_draws_no_warning(variant: Variant) -> None:
    kind = ToastCompute if variant is sync_call else AsyncToastCompute
    with pytest.raises(ConfigurationError):
        kind("", "u", "p")
    gc.collect()


def test_secrets_are_absent_from_the_client_its_errors_and_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    shown: list[str] = []

    async def main(base_url: str) -> None:
        async with AsyncToastCompute(*CREDENTIALS, base_url=base_url) as toast:
            shown.extend((repr(toast), str(vars(toast))))
            secrets.append((await toast.tokens.issue()).token.id)
            await toast.flavors.list()
            with pytest.raises(NotFoundError) as caught:
                await toast.instances.get("nobody")
            shown.append(str(caught.value))
            with pytest.raises(TypeError, match="make a new one in each process"):
                pickle.dumps(toast)

    secrets = [CREDENTIALS[0], CREDENTIALS[2]]
    with MockCloud(clock=FrozenClock()).serve() as server:
        base_url = server.base_url
        run(lambda: main(base_url))
    shown += [record.getMessage() for record in caplog.records if not record.name.startswith("asyncio")]
    for secret in secrets:
        assert not any(secret in text for text in shown)


def test_sync_client_does_not_load_the_async_variant() -> None:
    program = (
        "import sys, toast_compute\n"
        "with toast_compute.ToastCompute('k', 'u', 'p') as toast: pass\n"
        "assert not {'asyncio', 'toast_compute.aio'} & set(sys.modules)\n"
        "assert toast_compute.AsyncToastCompute.__name__ == 'AsyncToastCompute'\n"
        "assert 'httpx' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_tasks_and_timeouts_of_asyncio_work() -> None:
    async def main() -> None:
        mock = MockCloud(clock=RealClock(), faults=[faults.delay("listFlavors", 30)])
        async with async_client(mock) as toast:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await toast.flavors.list()
            async with asyncio.TaskGroup() as group:
                zones = group.create_task(toast.availability_zones.list())
                flavors = group.create_task(toast.flavors.list())
            assert zones.result()
            assert flavors.result()

    run(main)

"""Test what a refusal means after an attempt whose reply was lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from toast_compute import (
    AmbiguousOutcomeError,
    APIConnectionError,
    APIError,
    ConflictError,
    NotFoundError,
    WaitTimeoutError,
)
from toast_compute_mock import MockCloud, faults

from ..clients import BATCH, NEW, VARIANTS, WEB, Variant, make_cloud, sync_call

OWNED = "b10c0000-0000-4000-8000-000000000003"
CHANGES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "start": ("runInstanceAction", lambda toast: toast.instances.start(BATCH)),
    "removeSecurityGroup": ("runInstanceAction", lambda toast: toast.instances.remove_security_group(WEB, "default")),
    "detachVolume": ("detachVolume", lambda toast: toast.instances.detach_volume(WEB, OWNED)),
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("change", CHANGES)
def test_stale_read_is_not_trusted_at_once(variant: Variant, change: str) -> None:
    operation, call = CHANGES[change]
    mock = make_cloud(faults=[faults.lose_reply(operation), faults.stale_read("listInstanceDetails", seconds=1.5)])
    variant(mock, call)
    assert mock.journal.count(operation=operation) == 2
    assert mock.faults.unused() == []


def refused_before(mock: MockCloud) -> None:
    """Lose a request, and make the next one fail with a conflict."""
    mock.faults.add(faults.lose_request("runInstanceAction"))
    mock.worlds.migrate("05e40000-0000-4000-8000-000000000001", BATCH, 600)


@pytest.mark.parametrize("variant", VARIANTS)
def test_change_not_visible_within_seconds_was_not_carried_out(variant: Variant) -> None:
    mock = make_cloud()
    refused_before(mock)
    began = mock.clock.now()
    with pytest.raises(ConflictError):
        variant(mock, lambda toast: toast.instances.start(BATCH))
    assert 4 <= mock.clock.now() - began < 6


@pytest.mark.parametrize("ends", [2.0, 3.5])
def test_reads_end_at_the_deadline(ends: float) -> None:
    mock = make_cloud()
    refused_before(mock)

    def call(toast: Any) -> None:
        with toast.deadline(ends):
            toast.instances.start(BATCH)

    began = mock.clock.now()
    with pytest.raises(APIError):
        sync_call(mock, call)
    assert mock.clock.now() - began <= ends


def test_reads_for_a_lost_create_end_at_the_deadline() -> None:
    mock = make_cloud(faults=[faults.lose_request("createInstance")])

    def call(toast: Any) -> None:
        toast.flavors.list()
        with toast.deadline(2):
            toast.instances.create(**NEW, on_ambiguous="reconcile")

    began = mock.clock.now()
    with pytest.raises(AmbiguousOutcomeError, match="no new instance like this can be seen"):
        sync_call(mock, call)
    assert mock.clock.now() - began <= 2


@pytest.mark.parametrize("variant", VARIANTS)
def test_instance_missing_at_the_read_was_deleted(variant: Variant) -> None:
    stale = faults.stale_read("listInstanceDetails", seconds=1.5, budget=2)
    mock = make_cloud(faults=[faults.lose_reply("deleteInstance"), stale])
    variant(mock, lambda toast: toast.instances.delete(WEB))
    assert mock.journal.count(operation="deleteInstance") == 2
    assert mock.journal.find(operation="listInstanceDetails")[-1].result_code == 10404


@pytest.mark.parametrize("variant", VARIANTS)
def test_missing_instance_is_not_read_again(variant: Variant) -> None:
    mock = make_cloud(faults=[faults.lose_reply("deleteInstance")])
    variant(mock, lambda toast: toast.instances.delete(WEB))
    with pytest.raises(NotFoundError):
        variant(mock, lambda toast: toast.instances.delete("nobody"))
    assert mock.journal.count(operation="deleteInstance") == 3


def test_read_refused_for_another_reason_does_not_confirm_a_deletion(
    make_client: Callable[..., Any], service: Any
) -> None:
    service.on("DELETE instances", service.reset(), service.no(10409, "Conflict : instance is MIGRATING"))
    service.on("GET instances-detail", service.no(50404, "Nonexistent : token"))
    with pytest.raises(ConflictError):
        make_client().instances.delete(WEB)
    assert len(service.asked("GET instances-detail")) == 3


@pytest.mark.parametrize("variant", VARIANTS)
def test_missing_key_pair_was_deleted_whatever_the_refusal(variant: Variant) -> None:
    conflict = faults.result_code("deleteKeypair", 10409)
    mock = make_cloud(
        faults=[faults.lose_reply("deleteKeypair"), conflict, faults.stale_read("listKeypairs", seconds=1.5)]
    )
    variant(mock, lambda toast: toast.keypairs.delete("demo-key"))
    assert mock.faults.unused() == []


@pytest.mark.parametrize("variant", VARIANTS)
def test_listed_key_pair_was_not_deleted(variant: Variant) -> None:
    mock = make_cloud(faults=[faults.lose_request("deleteKeypair"), faults.result_code("deleteKeypair", 10409)])
    with pytest.raises(ConflictError):
        variant(mock, lambda toast: toast.keypairs.delete("demo-key"))
    assert mock.journal.count(operation="listKeypairs") == 3


def test_failed_read_does_not_confirm_the_deletion_of_a_key_pair(make_client: Callable[..., Any], service: Any) -> None:
    service.on("DELETE keypairs", service.reset(), service.no(10409, "Conflict"))
    service.on("GET keypairs", service.no(50404, "Nonexistent : token"))
    with pytest.raises(ConflictError):
        make_client().keypairs.delete("demo-key")
    assert len(service.asked("GET keypairs")) == 3


class OutOfReach(httpx.BaseTransport):
    """A transport on which no request of an operation arrives after the first."""

    def __init__(self, mock: MockCloud, ending: str) -> None:
        self._mock, self._ending, self._requests = mock, ending, 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith(self._ending):
            self._requests += 1
            if self._requests > 1:
                raise httpx.ConnectError("no")
        return self._mock.transport.handle_request(request)


def test_request_sent_once_is_not_reported_as_unsent() -> None:
    mock = make_cloud(faults=[faults.lose_reply("runInstanceAction")])
    with pytest.raises(APIConnectionError) as caught:
        sync_call(mock, lambda toast: toast.instances.start(BATCH), transport=OutOfReach(mock, "/action"))
    assert not caught.value.never_sent
    assert "runInstanceAction was sent before, and may have been carried out." in caught.value.__notes__
    assert len(caught.value.attempts) == 3


def test_change_sent_once_is_pending_when_the_last_attempt_was_not_sent() -> None:
    stale = faults.stale_read("listInstances", seconds=3)
    mock = make_cloud(faults=[faults.lose_reply("runInstanceAction"), stale])

    def call(toast: Any) -> Any:
        with pytest.raises(APIConnectionError):
            toast.instances.stop(WEB)
        return toast.instances.wait_for_status(WEB, "ACTIVE", timeout=60, poll_interval=5)

    with pytest.raises(WaitTimeoutError):
        sync_call(mock, call, transport=OutOfReach(mock, "/action"))

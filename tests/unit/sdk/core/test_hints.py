"""Test the notes of errors that help the user."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from toast_compute import AmbiguousOutcomeError, ToastCompute, ToastComputeError
from toast_compute_api.behaviour import RESULT_CODES

from ..clients import NEW

Call = Callable[[ToastCompute], object]
LIST: Call = lambda toast: toast.flavors.list()  # noqa: E731
CREATE: Call = lambda toast: toast.instances.create(**NEW)  # noqa: E731
DOCTOR = "`toast-compute doctor` checks the settings and says where each one comes from."

HELPED: dict[str, tuple[str, Callable[[Any], Any], Call, str]] = {
    "wrong password": (
        "POST tokens",
        lambda service: service.no(50401, "Unauthorized"),
        LIST,
        f"The username or the password is wrong, or not of this appkey. {DOCTOR}",
    ),
    "token refused": (
        "GET flavors",
        lambda service: service.no(50401, "Unauthorized"),
        LIST,
        f"The service does not accept the token that it has issued. {DOCTOR}",
    ),
    "no permission": (
        "GET flavors",
        lambda service: service.no(-3, "Permission denied"),
        LIST,
        f"{RESULT_CODES[-3].meaning} {DOCTOR}",
    ),
    "forbidden": (
        "GET flavors",
        lambda service: service.no(10403, "Forbidden"),
        LIST,
        f"The user may not do this. {DOCTOR}",
    ),
    "fail": ("POST instances", lambda service: service.no(-1, "FAIL"), CREATE, RESULT_CODES[-1].meaning),
    "redirect": (
        "GET flavors",
        lambda service: service.http(302, location="/"),
        LIST,
        f"Is the base_url that of the service? {DOCTOR}",
    ),
    "no such page": (
        "GET flavors",
        lambda service: service.http(404),
        LIST,
        f"Is the base_url that of the service? {DOCTOR}",
    ),
    "create at a wrong address": (
        "POST keypairs",
        lambda service: service.http(404),
        lambda toast: toast.keypairs.create("mine"),
        f"Is the base_url that of the service? {DOCTOR}",
    ),
    "lost create": (
        "POST instances",
        lambda service: service.reset(),
        CREATE,
        'With on_ambiguous="reconcile", create searches for the instance itself.',
    ),
}
NOT_HELPED: dict[str, tuple[str, Callable[[Any], Any], Call]] = {
    "wrong value": ("GET flavors", lambda service: service.no(-4, "Invalid parameters : id"), LIST),
    "failure inside": ("GET flavors", lambda service: service.no(-6, "Failed to query internal db"), LIST),
    "no JSON": ("GET flavors", lambda _: b'{"header":', LIST),
    "wrong shape": ("GET flavors", lambda service: service.yes(), LIST),
    "busy gateway": ("GET flavors", lambda service: service.http(503), LIST),
    "lost key pair": ("POST keypairs", lambda service: service.reset(), lambda toast: toast.keypairs.create("mine")),
}


def notes(toast: ToastCompute, call: Call) -> list[str]:
    with pytest.raises(ToastComputeError) as caught:
        call(toast)
    return getattr(caught.value, "__notes__", [])


@pytest.mark.parametrize("case", HELPED)
def test_error_has_a_note_that_may_help(toast: ToastCompute, service: Any, case: str) -> None:
    resource, answer, call, note = HELPED[case]
    service.on(resource, answer(service))
    assert notes(toast, call) == [note]


@pytest.mark.parametrize("case", NOT_HELPED)
def test_error_has_no_note_when_the_message_is_enough(toast: ToastCompute, service: Any, case: str) -> None:
    resource, answer, call = NOT_HELPED[case]
    service.on(resource, answer(service))
    assert notes(toast, call) == []


def test_reconciled_create_gets_no_note_about_reconciling(toast: ToastCompute, service: Any) -> None:
    service.on("POST instances", service.reset())
    service.on("GET instances-detail", service.instances())
    with pytest.raises(AmbiguousOutcomeError) as caught:
        toast.instances.create(**NEW, on_ambiguous="reconcile")
    for error in (caught.value, caught.value.__cause__):
        assert not hasattr(error, "__notes__")

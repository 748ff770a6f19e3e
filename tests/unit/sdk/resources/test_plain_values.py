"""Test that values of types derived from str and int are sent as the plain values that they are."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from toast_compute import InvalidRequestError, RebootAction, RebootParameters, RootVolumeSpec, ToastCompute
from toast_compute_api.behaviour import SERVER_URL
from toast_compute_mock import MockCloud

from ..clients import BATCH, NEW, VOLUME, WEB


class Text(str):
    """A string such as numpy's, whose `str` differs from its value."""

    __slots__ = ()

    def __str__(self) -> str:
        return "<text>"


class Whole(int):
    """An integer such as one with a unit."""


def texts(value: Any) -> Any:
    """Return a value with every exact string and integer in it replaced."""
    match value:
        case dict():
            return {Text(key): texts(member) for key, member in value.items()}
        case list():
            return [texts(member) for member in value]
        case str():
            return Text(value)
        case int():
            return Whole(value)
    raise AssertionError


def client(cloud: MockCloud) -> ToastCompute:
    credentials = texts(["demo-appkey", "demo@example.com", "demo-password"])
    return ToastCompute(*credentials, base_url=Text(SERVER_URL), transport=cloud.transport, clock=cloud.clock)


def test_create_sends_the_plain_values(cloud: MockCloud) -> None:
    members = {name: texts(value) for name, value in NEW.items()}
    with client(cloud) as toast:
        made = toast.instances.create(**members, volume=texts({"size": 60}), count=Whole(2), on_ambiguous="reconcile")
        detail = toast.instances.get_details(Text(made.id))
        asked = json.loads(cloud.journal.find(operation="createInstance")[0].request)["instance"]
    assert {name: asked[name] for name in ("name", "image", "flavor")} == {
        name: NEW[name] for name in ("name", "image", "flavor")
    }
    assert (asked["count"], detail.volumes.root.size, detail.key_name) == (2, 60, NEW["key_name"])


def test_ids_names_and_statuses_of_str_subclasses_are_accepted(cloud: MockCloud) -> None:
    with client(cloud) as toast:
        assert toast.instances.get(Text(WEB)).id == WEB
        assert toast.instances.wait_for_status(Text(BATCH), Text("STOP")).id == BATCH
        assert [one.id for one in toast.instances.wait_for_all([Text(WEB)], Text("ACTIVE"))] == [WEB]
        assert toast.instances.attach_volume(Text(WEB), Text(VOLUME)).volume_id == VOLUME
        toast.instances.detach_volume(Text(WEB), Text(VOLUME))
        toast.instances.run_action(Text(WEB), texts({"action": "reboot", "parameters": {"type": "HARD"}}))
        assert toast.instances.upload_image(Text(BATCH), Text("image-1")).name == "image-1"
        assert toast.keypairs.create(Text("new")).name == "new"
        assert toast.keypairs.get(Text("new")).name == "new"
        toast.keypairs.delete(Text("new"))
        toast.instances.delete(Text(WEB))
        toast.instances.wait_until_deleted(Text(WEB))


def test_models_with_str_and_int_subclasses_are_accepted(cloud: MockCloud) -> None:
    with client(cloud) as toast:
        toast.instances.run_action(WEB, RebootAction(parameters=RebootParameters(type=Text("HARD"))))  # type: ignore[arg-type]
        made = toast.instances.create(**NEW, volume=RootVolumeSpec(size=Whole(60)))
        assert toast.instances.get_details(made.id).volumes.root.size == 60


def test_raw_request_with_str_subclasses_is_sent(cloud: MockCloud) -> None:
    with client(cloud) as toast:
        found = toast.request(Text("GET"), Text("/instances"), query=texts({"id": WEB}))
        assert [one["id"] for one in found["instances"]] == [WEB]
        body = texts({"keypair": {"name": "mine"}})
        made = toast.request("POST", "/keypairs", body=body, retry=Text("never"))  # type: ignore[arg-type]
        assert made["keypair"]["name"] == "mine"


def test_values_of_subclasses_are_validated(cloud: MockCloud) -> None:
    with client(cloud) as toast:
        with pytest.raises(InvalidRequestError, match=r"instance\.count: "):
            toast.instances.create(**NEW, count=Whole(11))
        with pytest.raises(InvalidRequestError, match="name: "):
            toast.keypairs.get(Text("\ud800"))
        with pytest.raises(InvalidRequestError, match="action: "):
            toast.instances.run_action(WEB, {"action": Text("explode")})


class Array:
    """Compares as an array does: with an array, and that is neither true nor false."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> Any:
        raise ValueError("the truth value of an array is ambiguous")


def test_unhashable_value_is_rejected(cloud: MockCloud) -> None:
    calls: dict[str, Callable[[ToastCompute], object]] = {
        "on_ambiguous": lambda toast: toast.instances.create(**NEW, on_ambiguous=Array()),  # type: ignore[arg-type]
        "status": lambda toast: toast.instances.wait_for_status(WEB, Array()),  # type: ignore[arg-type]
        "action": lambda toast: toast.instances.run_action(WEB, {"action": Array()}),
        "method": lambda toast: toast.request(Array(), "/instances"),  # type: ignore[arg-type]
        "retry": lambda toast: toast.request("GET", "/instances", retry=Array()),  # type: ignore[arg-type]
    }
    with client(cloud) as toast:
        for path, call in calls.items():
            with pytest.raises(InvalidRequestError, match=rf"{path}: expected one of "):
                call(toast)
        with pytest.raises(InvalidRequestError, match=r"method: expected one of "):
            toast.instances.map(Array(), [WEB])  # type: ignore[arg-type]

"""Test that the matrix is content with a right SDK, tries all arguments, and would find what is wrong."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import pytest
from toast_compute import APIConnectionError, InvalidRequestError, ToastCompute
from toast_compute_mock import FrozenClock, MockCloud

from ...places import Place, at
from ..bench import Bench, Client, EndlessError, SteppingClock
from ..calls import ARGUMENTS, CALLS, public_methods, usual
from ..contract import Sent, operation_of, operations
from . import CHECKS
from .arguments import OPTIONS, SETTINGS, Recorder, expected_of, problem_of_refusal
from .tokens import problems_of_tokens


@pytest.mark.parametrize("name", CHECKS)
def test_right_sdk_passes_each_check(name: str) -> None:
    assert CHECKS[name]() == ""


def _parameters(call: Any) -> set[str]:
    parameters = inspect.signature(call).parameters.values()
    return {one.name for one in parameters if one.kind is not inspect.Parameter.VAR_KEYWORD}


def test_every_argument_of_every_method_is_tried() -> None:
    toast = ToastCompute("demo-appkey", "u", "p")
    for method in public_methods():
        tried = {*ARGUMENTS.get(method, ()), *(OPTIONS[method][1] if method in OPTIONS else ())}
        assert _parameters(attrgetter(method)(toast)) == tried, method
    assert _parameters(ToastCompute) - {"appkey", "username", "password", "transport"} == SETTINGS.keys()


def test_every_method_operation_and_action_has_a_call() -> None:
    assert {call.method for call in CALLS.values()} == public_methods()
    assert {call.operation for call in CALLS.values()} == {*operations(), "request"}
    for one in operations().values():
        assert {call.action for call in CALLS.values() if call.operation == one.id} >= one.variants.keys()


def test_operation_is_known_by_its_url() -> None:
    for one in operations().values():
        path = one.path.format_map({"appkey": "a", "instanceId": "b"})
        assert operation_of(one.method, f"/compute{path}") == one.id
    assert operation_of("GET", "/compute/v1.0/appkeys/a/quotas") == "request"


def _refusal(path: str = "count", text: str = "must be an integer") -> InvalidRequestError:
    return InvalidRequestError.of("createInstance", ((path, text),))


@pytest.mark.parametrize(
    ("sent", "error", "problem"),
    [
        ([], _refusal(), ""),
        ([{"method": "GET"}], _refusal(), "was sent"),
        ([], None, "ended as NoneType"),
        ([], TypeError(), "ended as TypeError"),
        ([], _refusal(text="cannot be planted-value"), "shows a secret"),
        ([], _refusal(text="one\ntwo"), "several lines"),
        ([], _refusal(text="long " * 200), "more than a sentence"),
        ([], _refusal("instance"), "without its name"),
    ],
)
def test_wrong_refusal_is_found(sent: Sequence[Sent], error: Exception | None, problem: str) -> None:
    found = problem_of_refusal(sent, error, "count")
    assert problem in found if problem else not found


def _sent(method: str) -> Sent:
    recorder = Recorder()
    with Bench("sync", wire=recorder, has_token=False) as bench:
        (sent,), _ = recorder.call(bench, method, ARGUMENTS[method])
    return sent


@pytest.mark.parametrize(
    ("method", "place", "value", "way", "wanted"),
    [
        ("instances.create", ("name",), "other", ("body", "instance", "name"), "other"),
        ("instances.create", ("networks", 0, "id"), "n", ("body", "instance", "networks", 0, "id"), "n"),
        ("instances.create", ("security_groups",), "g", ("body", "instance", "securityGroups"), [{"name": "g"}]),
        ("instances.create", ("count",), 5, ("body", "instance", "count"), 5),
        ("instances.start", ("id",), "i.d", ("path", 5), "i.d"),
        ("tokens.get", ("token_id",), "a/b?c&d", ("query", 0, 1), "a/b?c&d"),
    ],
)
def test_valid_value_is_expected_in_its_place(method: str, place: Place, value: Any, way: Place, wanted: Any) -> None:
    good = _sent(method)
    expected = expected_of(method, good, place, value)
    assert expected is not None
    assert at(expected, way) == wanted
    part = str(way[0])
    assert {**expected, part: None} == {**good, part: None}


@pytest.mark.parametrize(
    ("method", "place", "value"),
    [
        ("instances.create", ("count",), 11),
        ("instances.create", ("count",), True),
        ("instances.create", ("count",), 2.0),
        ("instances.create", ("count",), float("nan")),
        ("instances.create", ("name",), ""),
        ("instances.create", ("name",), b"web"),
        ("instances.create", ("name",), None),
        ("instances.create", ("networks",), []),
        ("instances.create", ("networks", 0), {}),
        ("instances.create", ("security_groups", 0, "name"), "\ud800"),
        ("instances.run_action", ("action", "action"), "fly"),
        ("instances.start", ("id",), ".."),
        ("instances.delete", ("id",), "a b"),
        ("tokens.get", ("token_id",), 7),
    ],
)
def test_nothing_is_expected_of_an_invalid_value(method: str, place: Place, value: Any) -> None:
    assert expected_of(method, _sent(method), place, value) is None


def test_optional_argument_is_left_out_for_none() -> None:
    expected = expected_of("instances.create", _sent("instances.create"), ("count",), None)
    assert expected is not None
    assert "count" not in expected["body"]["instance"]


def test_token_for_each_of_many_calls_is_found() -> None:
    cloud = MockCloud(clock=FrozenClock())
    for _ in range(3):
        client = Client("sync", transport=cloud.transport, clock=cloud.clock)
        client.call(usual("flavors.list"))
        client.close()
    assert list(problems_of_tokens(cloud, [None] * 2)) == ["2 tokens were issued for 2 calls, and one would do"]
    assert "1 of 1 calls failed, the first with KeyError" in problems_of_tokens(cloud, [KeyError()])


def test_endless_wait_is_found() -> None:
    clock = SteppingClock()
    clock.limit = 10.0
    for _ in range(10):
        clock.sleep(1.0)
    with pytest.raises(EndlessError):
        clock.sleep(1.0)


def test_exceptions_of_calls_at_the_same_time_are_returned() -> None:
    def fail(_: Any) -> None:
        raise APIConnectionError("no", operation="x", never_sent=True, retryable=False)

    with Bench("sync") as bench:
        ends = bench.client.call_all([fail, usual("instances.list")])
    assert isinstance(ends[0], APIConnectionError)
    assert len(ends[1]) == 2

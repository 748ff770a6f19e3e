"""Test that the matrix is content with a right SDK, tries everything, and would find what is wrong."""

from __future__ import annotations

import inspect
from operator import attrgetter
from typing import Any

import pytest
from toast_compute import InvalidRequestError, ToastCompute
from toast_compute_mock import FrozenClock, MockCloud

from ...places import Place, at
from ..bench import Bench, Client, EndlessError, SteppingClock
from ..calls import ARGUMENTS, CALLS, public_methods, usual
from ..contract import Sent, operation_of, operations
from . import CHECKS
from .arguments import OPTIONS, SETTINGS, Recorder, expected_of, problem_of_refusal
from .load import problems_of_tokens


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


@pytest.mark.parametrize(
    ("path", "text", "problem"),
    [
        ("count", "must be an integer", ""),
        ("count", "cannot be planted-value", "shows a secret"),
        ("count", "one\ntwo", "several lines"),
        ("count", "long " * 200, "more than a sentence"),
        ("instance", "must be an integer", "without its name"),
    ],
)
def test_wrong_refusal_is_found(path: str, text: str, problem: str) -> None:
    error = InvalidRequestError.of("createInstance", ((path, text),))
    found = problem_of_refusal([], error, "count")
    assert problem in found if problem else not found
    assert problem_of_refusal([{}], error, "count") == "was sent, and it is not allowed"


_NO = object()


@pytest.mark.parametrize(
    ("method", "place", "value", "way", "wanted"),
    [
        ("instances.create", ("networks", 0, "id"), "n", ("body", "instance", "networks", 0, "id"), "n"),
        ("instances.create", ("security_groups",), "g", ("body", "instance", "securityGroups"), [{"name": "g"}]),
        ("instances.create", ("count",), 5, ("body", "instance", "count"), 5),
        ("instances.create", ("count",), 11, (), _NO),
        ("instances.create", ("count",), 2.0, (), _NO),
        ("instances.create", ("name",), None, (), _NO),
        ("instances.create", ("security_groups", 0, "name"), "\ud800", (), _NO),
        ("instances.run_action", ("action", "action"), "fly", (), _NO),
        ("instances.start", ("id",), "i.d", ("path", 5), "i.d"),
        ("instances.start", ("id",), "..", (), _NO),
        ("instances.delete", ("id",), "a b", (), _NO),
        ("tokens.get", ("token_id",), "a/b?c&d", ("query", 0, 1), "a/b?c&d"),
        ("tokens.get", ("token_id",), 7, (), _NO),
    ],
)
def test_what_the_contract_allows_is_expected(method: str, place: Place, value: Any, way: Place, wanted: Any) -> None:
    recorder = Recorder()
    with Bench("sync", wire=recorder, has_token=False) as bench:
        (good,), _ = recorder.call(bench, method, ARGUMENTS[method])
    expected: Sent | None = expected_of(method, good, place, value)
    assert (_NO if expected is None else at(expected, way)) == wanted


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
    clock.sleep(10.0)
    with pytest.raises(EndlessError):
        clock.sleep(1.0)

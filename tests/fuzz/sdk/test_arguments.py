"""Are all arguments tried, and would it be noticed if one were not held to what it may be?"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import pytest
from toast_compute import InvalidRequestError, ToastCompute

from ..places import Place, at
from .arguments import ARGUMENTS
from .calls import public_methods
from .each_argument import expected_of
from .each_option import OPTIONS, SETTINGS
from .refused import problem_of_refusal
from .sent import Bench, Sent, target_of


def _arguments(call: Callable[..., Any]) -> set[str]:
    parameters = inspect.signature(call).parameters.values()
    return {one.name for one in parameters if one.kind is not inspect.Parameter.VAR_KEYWORD}


def test_every_argument_of_every_method_is_tried() -> None:
    toast = ToastCompute("demo-appkey", "u", "p")
    for method in public_methods():
        tried = {*ARGUMENTS.get(method, ()), *(OPTIONS[method][1] if method in OPTIONS else ())}
        assert _arguments(attrgetter(method)(toast)) == tried, method
    credentials = {"appkey", "username", "password", "transport"}
    assert _arguments(ToastCompute) - credentials == SETTINGS.keys()


def _refusal(path: str = "count", said: str = "must be an integer") -> InvalidRequestError:
    return InvalidRequestError.of("createInstance", ((path, said),))


@pytest.mark.parametrize(
    ("sent", "error", "problem"),
    [
        ([], _refusal(), ""),
        ([{"method": "GET"}], _refusal(), "was sent"),
        ([], None, "ended as NoneType"),
        ([], TypeError(), "ended as TypeError"),
        ([], _refusal(said="cannot be planted-value"), "shows a secret"),
        ([], _refusal(said="one\ntwo"), "several lines"),
        ([], _refusal(said="long " * 200), "more than a sentence"),
        ([], _refusal("instance"), "without its name"),
    ],
)
def test_a_refusal_that_is_none_is_noticed(sent: list[Sent], error: Exception | None, problem: str) -> None:
    found = problem_of_refusal(sent, error, "count")
    assert problem in found if problem else not found


@pytest.fixture(scope="module")
def good() -> Sent:
    """What is sent for the sample of a create."""
    bench = Bench("blocking")
    (sent,), _ = bench.call("instances.create", ARGUMENTS["instances.create"])
    bench.close()
    return sent


@pytest.mark.parametrize(
    ("place", "value", "way", "wanted"),
    [
        (("name",), "other", ("instance", "name"), "other"),
        (("networks", 0, "subnet_id"), "s-1", ("instance", "networks", 0, "subnetId"), "s-1"),
        (("security_groups",), "web", ("instance", "securityGroups"), [{"name": "web"}]),
        (("count",), 5, ("instance", "count"), 5),
    ],
)
def test_what_the_contract_allows_is_expected_in_its_place(
    good: Sent, place: Place, value: Any, way: Place, wanted: Any
) -> None:
    expected = expected_of("instances.create", good, place, value)
    assert expected is not None
    assert at(expected["body"], way) == wanted
    assert {**expected, "body": None} == {**good, "body": None}


def test_what_may_be_left_out_is_left_out_for_none(good: Sent) -> None:
    expected = expected_of("instances.create", good, ("count",), None)
    assert expected is not None
    assert "count" not in expected["body"]["instance"]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("count",), 11),
        (("count",), True),
        (("count",), 2.0),
        (("count",), float("nan")),
        (("name",), ""),
        (("name",), b"web"),
        (("name",), None),
        (("networks",), []),
        (("networks", 0), {}),
        (("security_groups", 0, "name"), "\ud800"),
    ],
)
def test_of_what_the_contract_does_not_allow_nothing_is_expected(good: Sent, place: Place, value: Any) -> None:
    assert expected_of("instances.create", good, place, value) is None


@pytest.mark.parametrize(
    ("method", "argument", "value", "target"),
    [
        ("instances.start", "id", "i.d", "/instances/i.d/action"),
        ("instances.delete", "id", "i.d", "/instances?id=i.d"),
        ("tokens.get", "token_id", "a/b?c&d", "/tokens?id=a%2Fb%3Fc%26d"),
    ],
)
def test_what_goes_into_a_path_or_a_query_is_expected_there(
    method: str, argument: str, value: str, target: str
) -> None:
    bench = Bench("asyncio")
    (sent,), _ = bench.call(method, ARGUMENTS[method])
    bench.close()
    expected = expected_of(method, sent, (argument,), value)
    assert expected is not None
    assert target_of(expected).endswith(target)
    assert expected_of(method, sent, (argument,), "a b") is None
    assert expected_of(method, sent, (argument,), 7) is None

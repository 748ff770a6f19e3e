"""Are all arguments tried, and would it be noticed if one were not held to what it may be?"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from operator import attrgetter
from typing import Any

import pytest
from toast_compute import InvalidRequestError, ToastCompute

from .calls import public_methods
from .each_argument import SAMPLES, expected_of, places
from .each_option import OPTIONS, SETTINGS
from .sent import Bench, Sent, problem_of_refusal


def _arguments(call: Callable[..., Any]) -> set[str]:
    parameters = inspect.signature(call).parameters.values()
    return {one.name for one in parameters if one.kind is not inspect.Parameter.VAR_KEYWORD}


def test_every_argument_of_every_method_is_tried() -> None:
    toast = ToastCompute("demo-appkey", "u", "p")
    for method in public_methods():
        tried = {*SAMPLES.get(method, ()), *(OPTIONS[method][1] if method in OPTIONS else ())}
        assert _arguments(attrgetter(method)(toast)) == tried, method
    credentials = {"appkey", "username", "password", "transport"}
    assert _arguments(ToastCompute) - credentials == SETTINGS.keys()


def _refusal(path: str = "count", said: str = "must be an integer") -> InvalidRequestError:
    return InvalidRequestError.of("createInstance", ((path, said),))


@pytest.mark.parametrize(
    ("sent", "error", "problem"),
    [
        ([], _refusal(), ""),
        ([Sent("GET", ("x",), ())], _refusal(), "was sent"),
        ([], None, "ended as NoneType"),
        ([], TypeError(), "ended as TypeError"),
        ([], _refusal(said="cannot be planted-value"), "shows the value"),
        ([], _refusal(said="one\ntwo"), "more than a sentence"),
        ([], _refusal(said="long " * 200), "more than a sentence"),
        ([], _refusal("instance"), "without its name"),
    ],
)
def test_a_refusal_that_is_none_is_noticed(sent: list[Sent], error: Exception | None, problem: str) -> None:
    found = problem_of_refusal(sent, error, "count")
    assert found.startswith(problem) if problem == "" else problem in found
    assert bool(found) == bool(problem)


@pytest.fixture(scope="module")
def good() -> Sent:
    """What is sent for the sample of a create."""
    bench = Bench("blocking")
    (sent,), _ = bench.call("instances.create", SAMPLES["instances.create"])
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
    good: Sent, place: tuple[str | int, ...], value: Any, way: tuple[str | int, ...], wanted: Any
) -> None:
    expected = expected_of("instances.create", good, place, value)
    assert expected is not None
    found = expected.body
    for step in way:
        found = found[step]
    assert found == wanted
    assert replace(expected, body=None) == replace(good, body=None)


def test_what_may_be_left_out_is_left_out_for_none(good: Sent) -> None:
    expected = expected_of("instances.create", good, ("count",), None)
    assert expected is not None
    assert "count" not in expected.body["instance"]


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
def test_of_what_the_contract_does_not_allow_nothing_is_expected(
    good: Sent, place: tuple[str | int, ...], value: Any
) -> None:
    assert expected_of("instances.create", good, place, value) is None


def test_whole_lists_and_mappings_are_places_too() -> None:
    assert list(places({"a": [{"b": 1}]})) == [("a",), ("a", 0), ("a", 0, "b")]


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
    (sent,), _ = bench.call(method, SAMPLES[method])
    bench.close()
    expected = expected_of(method, sent, (argument,), value)
    assert expected is not None
    assert expected.target.endswith(target)
    assert expected_of(method, sent, (argument,), "a b") is None
    assert expected_of(method, sent, (argument,), 7) is None

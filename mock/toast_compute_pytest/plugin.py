"""Provide the fixtures `toast_cloud` and `toast_client`, and the checks at their end."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from toast_compute import ToastCompute
    from toast_compute_mock import MockCloud

    from .checks import Check

# Both packages are loaded by the first test that uses a fixture: the plugin itself is loaded by every run of pytest.

_TIMEOUT = 30.0
_MAX_RETRIES = 2

_OPTION = "toast_fail_on"
_CLOUD_MARK = "toast_cloud"
_FAIL_MARK = "toast_fail_on"
_BROKE_OFF = pytest.StashKey[bool]()
_HELP = "what makes a test fail at its end: leaked-instances, unused-faults, duplicate-creates, secrets, or all"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--toast-fail-on` and the setting `toast_fail_on`."""
    group = parser.getgroup("toast-compute")
    group.addoption("--toast-fail-on", metavar="LIST", default=None, help=_HELP + " (separated by commas)")
    parser.addini(_OPTION, _HELP, type="args", default=[])


def pytest_configure(config: pytest.Config) -> None:
    """Explain the markers, and refuse a setting that cannot be understood before any test runs."""
    config.addinivalue_line(
        "markers", f"{_CLOUD_MARK}(**arguments): arguments of the MockCloud that the test gets, such as seed or faults"
    )
    config.addinivalue_line("markers", f"{_FAIL_MARK}(*names): {_HELP}; without a name, nothing")
    if _chosen(config):
        from .checks import named

        try:
            named(_chosen(config))
        except ValueError as error:
            raise pytest.UsageError(f"toast_fail_on: {error}") from None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Remember whether the test has failed before its fixtures end, or was skipped on its way."""
    before = call.when != "setup" and item.stash.get(_BROKE_OFF, False)  # another run of it begins with its setup
    item.stash[_BROKE_OFF] = before or call.excinfo is not None


@pytest.fixture
def toast_cloud(request: pytest.FixtureRequest) -> Iterator[MockCloud]:
    """Provide a cloud in this process that nobody else uses, in which time moves on when everybody waits.

    `@pytest.mark.toast_cloud(seed=3, faults=[...])` gives arguments to its MockCloud. At its end the test fails for
    what `--toast-fail-on`, the setting `toast_fail_on` or `@pytest.mark.toast_fail_on(...)` names; the marker wins.
    A test that has failed already, or was skipped on its way, is not failed again.
    """
    from .checks import Watch

    checks = _checks_of(request)
    cloud = _cloud_of(request)
    if not checks:
        yield cloud
        return
    with Watch(cloud) as watch:
        yield cloud
    if request.node.stash.get(_BROKE_OFF, False):
        return  # what it left undone proves nothing
    found = [finding for check in checks for finding in check(watch)]
    if found:
        pytest.fail("\n".join(found), pytrace=False)


@pytest.fixture
def toast_client(toast_cloud: MockCloud) -> Iterator[ToastCompute]:
    """Provide a client of the demo user on `toast_cloud`, which sleeps on the cloud's own clock."""
    from toast_compute import ToastCompute
    from toast_compute_api.behaviour import SERVER_URL

    with ToastCompute(
        "demo-appkey",
        "demo@example.com",
        "demo-password",
        # What is given here cannot come from the environment or a profile of whoever runs the tests.
        base_url=SERVER_URL,
        timeout=_TIMEOUT,
        max_retries=_MAX_RETRIES,
        transport=toast_cloud.transport,
        clock=toast_cloud.clock,
    ) as client:
        yield client


def _cloud_of(request: pytest.FixtureRequest) -> MockCloud:
    """Make the cloud that the markers ask for, the closest one last."""
    from toast_compute_mock import MockCloud
    from toast_compute_mock.clock.clocks import AutoJumpClock

    arguments: dict[str, Any] = {"clock": AutoJumpClock()}
    for mark in reversed(list(request.node.iter_markers(_CLOUD_MARK))):
        if mark.args:
            pytest.fail(f"{_CLOUD_MARK}: its arguments need names, such as seed=3", pytrace=False)
        arguments |= mark.kwargs
    known = inspect.signature(MockCloud).parameters
    for name in arguments:
        if name not in known:
            pytest.fail(f"{_CLOUD_MARK}: there is no argument {name}, only {', '.join(known)}", pytrace=False)
    try:
        return MockCloud(**arguments)
    except ValueError as error:
        raise pytest.fail.Exception(f"{_CLOUD_MARK}: {error}", pytrace=False) from None


def _checks_of(request: pytest.FixtureRequest) -> list[Check]:
    from .checks import named

    mark = request.node.get_closest_marker(_FAIL_MARK)
    if mark is not None and mark.kwargs:
        pytest.fail(f"{_FAIL_MARK}: takes names alone, such as {_FAIL_MARK}('all')", pytrace=False)
    try:
        return named(_chosen(request.config) if mark is None else mark.args)
    except ValueError as error:
        raise pytest.fail.Exception(f"{_FAIL_MARK}: {error}", pytrace=False) from None


def _chosen(config: pytest.Config) -> tuple[str, ...]:
    """Return the names from the command line, or else from the settings."""
    option: str | None = config.getoption("--toast-fail-on")
    if option is not None:
        return tuple(name.strip() for name in option.split(",") if name.strip())
    return tuple(config.getini(_OPTION))

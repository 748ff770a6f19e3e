"""Test where credentials and settings come from, and how an invalid one is rejected."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from toast_compute import ConfigurationError, ToastCompute

VARIABLES = {
    "appkey": "TOAST_COMPUTE_APPKEY",
    "username": "TOAST_COMPUTE_USERNAME",
    "password": "TOAST_COMPUTE_PASSWORD",
}


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in (*VARIABLES.values(), "TOAST_COMPUTE_BASE_URL", "TOAST_COMPUTE_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    # The user who runs the tests may have profiles.
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def build(**settings: Any) -> ToastCompute:
    return ToastCompute(**({"appkey": "some-appkey", "username": "somebody", "password": "hidden-word"} | settings))


@pytest.mark.parametrize("name", VARIABLES)
@pytest.mark.parametrize("value", [None, ""])
def test_missing_credential_is_rejected_with_its_argument_and_variable(name: str, value: str | None) -> None:
    with pytest.raises(ConfigurationError) as caught:
        build(**{name: value})
    message = str(caught.value)
    assert name in message
    assert f"{name}=..." in message
    assert VARIABLES[name] in message
    assert "\n" not in message


@pytest.mark.parametrize("name", VARIABLES)
def test_empty_variable_counts_as_an_empty_credential(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLES[name], "")
    with pytest.raises(ConfigurationError, match=name):
        build(**{name: None})


def test_credentials_are_read_from_the_environment_without_arguments(
    service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOAST_COMPUTE_APPKEY", "env-appkey")
    monkeypatch.setenv("TOAST_COMPUTE_USERNAME", "env-user")
    monkeypatch.setenv("TOAST_COMPUTE_PASSWORD", "env-password")
    monkeypatch.setenv("TOAST_COMPUTE_BASE_URL", service.base_url)
    with ToastCompute() as toast:
        toast.tokens.issue()
    (request,) = service.received
    assert request.path == "/compute/v1.0/appkeys/env-appkey/tokens"
    assert request.body == {"auth": {"username": "env-user", "password": "env-password"}}


def test_argument_overrides_the_environment(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOAST_COMPUTE_APPKEY", "env-appkey")
    monkeypatch.setenv("TOAST_COMPUTE_BASE_URL", "https://elsewhere.invalid")
    with build(base_url=service.base_url) as toast:
        toast.tokens.issue()
    assert service.received[0].path == "/compute/v1.0/appkeys/some-appkey/tokens"


@pytest.mark.parametrize("name", VARIABLES)
@pytest.mark.parametrize("value", [7, b"bytes", "\ud800"])
def test_credential_that_is_not_text_is_rejected(name: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=f"The {name} cannot be used"):
        build(**{name: value})


@pytest.mark.parametrize("appkey", ["with/slash", "with space", "..", "line\n", "a?b", "a#b"])
def test_invalid_appkey_is_rejected_and_not_in_the_message(appkey: str) -> None:
    with pytest.raises(ConfigurationError, match="The appkey cannot be used") as caught:
        build(appkey=appkey)
    assert appkey.strip() not in str(caught.value).replace("...", "")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "https://"),
        ("ftp://example.com", "https://"),
        ("example.com/compute", "https://"),
        ("https:///compute", "host"),
        ("https://example.com:0/compute", "host"),
        ("https://example.com:99999/compute", "valid URL"),
        ("https://[::1/compute", "valid URL"),
        ("https://example.com/compute?x=1", "query"),
        ("https://example.com/compute?", "query"),
        ("https://example.com/compute#x", "fragment"),
        ("https://hidden:word@example.com/compute", "password"),
        ("https://example.com/com pute", "spaces"),
        ("https://example.com/comp\tute", "control"),
        ("https://example.com\\compute", "host"),
        ("https://bücher.example/", "host"),
        ("https://api..example.com/compute", "host"),
        ("https://.example.com/compute", "host"),
        (f"https://{'a' * 64}.example.com/compute", "host"),
        (f"https://{'a.' * 127}com/compute", "host"),
        ("http://example.com/compute", "loopback"),
        ("http://127.0.0.1.example.com/compute", "loopback"),
        ("http://10.0.0.1/compute", "loopback"),
        (7, "string"),
    ],
)
def test_invalid_base_url_is_rejected_and_not_in_the_message(url: object, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason) as caught:
        build(base_url=url)
    message = str(caught.value)
    assert message.startswith("The base_url cannot be used: ")
    assert "TOAST_COMPUTE_BASE_URL" in message
    assert "word@" not in message


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/compute",
        "https://example.com/compute/",
        "HTTPS://EXAMPLE.com:8443",
        "http://localhost:8080",
        "https://example.com./compute",
        "https://under_score.example.com/compute",
        f"https://{'a' * 63}.example.com/compute",
        "http://127.8.9.1/compute",
        "http://[::1]:8080/compute",
    ],
)
def test_https_and_http_on_loopback_are_accepted(url: str) -> None:
    with build(base_url=url) as toast:
        assert repr(toast) == f"ToastCompute(base_url={url.rstrip('/')!r})"


def test_default_base_url_is_that_of_the_contract() -> None:
    with build() as toast:
        assert "https://api-compute.cloud.toast.com/compute" in repr(toast)


@pytest.mark.parametrize("timeout", [0, -1, float("inf"), float("nan"), True, "5", 10**400, 86_401])
def test_timeout_that_is_not_a_finite_time_is_rejected(timeout: object) -> None:
    with pytest.raises(ConfigurationError, match="timeout must be a number of seconds"):
        build(timeout=timeout)


@pytest.mark.parametrize("max_retries", [-1, 21, 1.5, "2", True])
def test_invalid_number_of_retries_is_rejected(max_retries: object) -> None:
    with pytest.raises(ConfigurationError, match="max_retries must be an integer from 0 to 20"):
        build(max_retries=max_retries)


def test_read_only_that_is_not_a_boolean_is_rejected() -> None:
    with pytest.raises(ConfigurationError, match="read_only must be True or False"):
        build(read_only="no")


def test_object_that_is_not_a_transport_is_rejected() -> None:
    with pytest.raises(ConfigurationError, match=r"must be an httpx\.BaseTransport"):
        build(transport=object())


def test_closed_client_raises_a_configuration_error(make_client: Callable[..., ToastCompute], service: Any) -> None:
    toast = make_client()
    toast.tokens.issue()
    toast.close()
    toast.close()
    with pytest.raises(ConfigurationError, match="This client is closed"):
        toast.tokens.issue()
    assert len(service.received) == 1


def test_client_is_closed_at_the_end_of_its_with_block(service: Any) -> None:
    with build(base_url=service.base_url) as toast:
        toast.tokens.issue()
    with pytest.raises(ConfigurationError, match="closed"):
        toast.flavors.list()

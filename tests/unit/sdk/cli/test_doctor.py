"""Test the output of `toast-compute config` and `toast-compute doctor`, which contains no secret."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from toast_compute.command import main

APPKEY = "canary-appkey-7f3a"
ZONES = [{"zoneName": "kr-pub-a", "zoneState": {"available": True}}]
Run = Callable[..., tuple[int, list[str], str]]


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, service: Any) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("TOAST_COMPUTE_PROFILE", raising=False)
    monkeypatch.setenv("TOAST_COMPUTE_APPKEY", APPKEY)
    monkeypatch.setenv("TOAST_COMPUTE_USERNAME", "somebody@example.com")
    monkeypatch.setenv("TOAST_COMPUTE_PASSWORD", "canary-password")
    monkeypatch.setenv("TOAST_COMPUTE_BASE_URL", service.base_url)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    service.on("GET availability-zones", service.yes(zones=ZONES))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command; returns its status, its lines and its standard error, which contain no secret."""

    def run(*arguments: str) -> tuple[int, list[str], str]:
        status = main(list(arguments))
        out, err = capsys.readouterr()
        assert "canary" not in out + err
        return status, out.splitlines(), err

    return run


def checks(lines: list[str]) -> dict[str, tuple[str, str]]:
    """The mark and the text of each check."""
    split = [line.split(maxsplit=2) for line in lines]
    return {name: (mark, text) for name, mark, text in split}


def write_profile(tmp_path: Path, mode: int = 0o600) -> Path:
    path = tmp_path / "toast-compute" / "config.toml"
    path.parent.mkdir()
    path.write_text(
        '[profiles.dev]\nappkey = "canary-other"\nusername = "dev-user"\n'
        'base_url = "https://dev.example"\ntimeout = 7\n'
    )
    path.chmod(mode)
    return path


# config


def test_config_shows_every_setting_with_its_source(run: Run, service: Any, tmp_path: Path) -> None:
    status, lines, err = run("config")
    assert (status, err) == (0, "")
    assert [line.replace("30 s", "30_s").split(maxsplit=2) for line in lines] == [
        ["file", str(tmp_path / "toast-compute" / "config.toml"), "(does not exist)"],
        ["profile", "none"],
        ["appkey", "***", "TOAST_COMPUTE_APPKEY"],
        ["username", "somebody@example.com", "TOAST_COMPUTE_USERNAME"],
        ["password", "***", "TOAST_COMPUTE_PASSWORD"],
        ["base_url", service.base_url, "TOAST_COMPUTE_BASE_URL"],
        ["timeout", "30_s", "default"],
    ]
    assert service.received == []


def test_config_shows_overridden_values(run: Run, service: Any, tmp_path: Path) -> None:
    path = write_profile(tmp_path)
    status, lines, err = run("config", "--profile", "dev", "--base-url", "https://given.example")
    assert (status, err) == (0, "")
    table = [" ".join(line.split()) for line in lines]
    assert table == [
        f"file {path}",
        "profile dev --profile",
        "appkey *** TOAST_COMPUTE_APPKEY",
        "*** not used: profile dev",
        "username somebody@example.com TOAST_COMPUTE_USERNAME",
        "dev-user not used: profile dev",
        "password *** TOAST_COMPUTE_PASSWORD",
        "base_url https://given.example --base-url",
        f"{service.base_url} not used: TOAST_COMPUTE_BASE_URL",
        "https://dev.example not used: profile dev",
        "timeout 7 s profile dev",
    ]


def test_config_shows_missing_values_and_fails(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOAST_COMPUTE_APPKEY")
    monkeypatch.setenv("TOAST_COMPUTE_PASSWORD", "")
    status, lines, err = run("config")
    assert status == 1
    table = [" ".join(line.split()) for line in lines]
    assert "appkey not set" in table
    assert "password (empty) TOAST_COMPUTE_PASSWORD" in table
    assert err.startswith("toast-compute: No appkey: ")


def test_config_does_not_show_a_url_that_may_hold_a_password(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOAST_COMPUTE_BASE_URL", "https://user:canary-word@host.example")
    status, lines, err = run("config")
    assert status == 1
    assert "base_url *** TOAST_COMPUTE_BASE_URL" in [" ".join(line.split()) for line in lines]
    assert "must not hold a user name or a password" in err


def test_config_shows_text_from_outside_on_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOAST_COMPUTE_USERNAME", "a\nb\x1b[2J")
    _, lines, _ = run("config")
    assert r"username 'a\nb\x1b[2J' TOAST_COMPUTE_USERNAME" in [" ".join(line.split()) for line in lines]


def test_config_of_an_unknown_profile_fails_with_one_line(run: Run, tmp_path: Path) -> None:
    path = write_profile(tmp_path)
    assert run("config", "--profile", "de") == (
        1,
        [],
        f"toast-compute: There is no profile de in {path}, did you mean dev?\n",
    )


@pytest.mark.parametrize("command", ["config", "doctor"])
def test_file_readable_by_others_draws_a_warning_of_one_line(run: Run, tmp_path: Path, command: str) -> None:
    path = write_profile(tmp_path, 0o644)
    _, _, err = run(command)
    assert err == (f"toast-compute: warning: {path} holds secrets and can be read by others: run chmod 600 {path}\n")


# doctor


def test_doctor_reports_no_problem(run: Run, service: Any) -> None:
    status, lines, err = run("doctor")
    assert (status, err) == (0, "")
    found = checks(lines)
    assert found["settings"] == ("ok", f"somebody@example.com (TOAST_COMPUTE_USERNAME) at {service.base_url}")
    assert found["proxy"] == ("-", "none, directly")
    assert found["tls"] == ("-", "none: plain http to this machine")
    assert found["token"] == ("ok", "issued, valid for 60 minutes")
    assert found["read"][0] == "ok"
    assert found["read"][1].startswith("1 availability zones (kr-pub-a), token and read took ")
    assert found["clock"] == ("-", "as the service's")
    assert [one.resource for one in service.received] == ["POST tokens", "GET availability-zones"]


def test_doctor_reports_refused_credentials(run: Run, service: Any) -> None:
    service.on("POST tokens", service.no(50401, "Unauthorized : canary-password is wrong"))
    status, lines, _ = run("doctor")
    assert status == 1
    found = checks(lines)
    assert found["token"] == ("problem", "issueToken was refused: Unauthorized : *** is wrong (result code 50401)")
    assert found["read"] == ("-", "not tried without a token")


def test_doctor_reports_a_refused_read(run: Run, service: Any) -> None:
    service.on("GET availability-zones", service.no(12403, "Forbidden"))
    status, lines, _ = run("doctor")
    found = checks(lines)
    assert (status, found["token"][0], found["read"][0]) == (1, "ok", "problem")
    assert "Forbidden" in found["read"][1]


def test_doctor_reports_a_token_without_a_lifetime(run: Run, service: Any) -> None:
    service.token_life = "2026-01-15T08:00:00Z"
    status, lines, _ = run("doctor")
    assert (status, checks(lines)["token"]) == (1, ("problem", "ended before it began"))


def test_doctor_sends_nothing_without_credentials(run: Run, service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOAST_COMPUTE_PASSWORD")
    status, lines, _ = run("doctor")
    assert status == 1
    assert lines[0].startswith("settings  problem  No password: ")
    assert (len(lines), service.received) == (1, [])


def test_doctor_reports_an_invalid_appkey(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOAST_COMPUTE_APPKEY", "canary/appkey")
    status, lines, _ = run("doctor")
    assert (status, len(lines)) == (1, 1)
    assert lines[0].startswith("settings  problem  The appkey cannot be used: ")


def test_doctor_reports_an_unreachable_service(run: Run) -> None:
    status, lines, _ = run("doctor", "--base-url", "http://127.0.0.1:9")
    assert status == 1
    assert checks(lines)["token"][0] == "problem"
    assert "could not be reached" in checks(lines)["token"][1]


def test_doctor_shows_the_proxy_without_its_password(run: Run, service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    port = service.base_url.split(":")[2].split("/")[0]
    monkeypatch.setenv("HTTP_PROXY", f"http://somebody:canary-word@127.0.0.1:{port}")
    _, lines, _ = run("doctor", "--base-url", "http://127.0.0.2:1/compute")
    assert checks(lines)["proxy"] == ("-", f"http://***@127.0.0.1:{port}")


@pytest.mark.parametrize("proxy", ["http://[::1", "http://canary:word@host:port"])
def test_doctor_reports_an_invalid_proxy(run: Run, monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    status, lines, _ = run("doctor")
    assert status == 1
    assert checks(lines)["proxy"] == ("-", "a URL in the environment that cannot be used")


@pytest.mark.parametrize(
    ("variable", "exists", "expected"),
    [
        (None, False, ("ok", "CA certificates of the package certifi")),
        ("SSL_CERT_FILE", True, ("ok", "CA certificates of SSL_CERT_FILE, {path}")),
        ("SSL_CERT_FILE", False, ("problem", "CA certificates of SSL_CERT_FILE, {path}, which is not there")),
        ("SSL_CERT_DIR", False, ("problem", "CA certificates of SSL_CERT_DIR, {path}, which is not there")),
    ],
)
def test_doctor_reports_the_source_of_ca_certificates(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    variable: str | None,
    exists: bool,
    expected: tuple[str, str],
) -> None:
    path = tmp_path / "certificates"
    if exists:
        path.write_text("")
    if variable is not None:
        monkeypatch.setenv(variable, str(path))
    _, lines, _ = run("doctor", "--base-url", "https://127.0.0.1:9")
    assert checks(lines)["tls"] == (expected[0], expected[1].format(path=path))


@pytest.mark.parametrize(
    ("offset", "expected"),
    [
        (timedelta(hours=-3), "3 hours ahead of the service's; calls work all the same"),
        (timedelta(minutes=5, seconds=1), "5 minutes behind the service's; calls work all the same"),
    ],
)
def test_doctor_reports_a_clock_that_differs(run: Run, service: Any, offset: timedelta, expected: str) -> None:
    reply = b'{"header": {"isSuccessful": true, "resultCode": 0, "resultMessage": "SUCCESS"}, "zones": []}'
    date = format_datetime(datetime.now(UTC) + offset, usegmt=True)
    head = f"HTTP/1.1 200 OK\r\ndate: {date}\r\ncontent-length: {len(reply)}\r\n\r\n"
    service.on("GET availability-zones", service.no_http(head.encode() + reply))
    _, lines, _ = run("doctor")
    assert checks(lines)["clock"] == ("-", expected)


# The command itself


def test_missing_command_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2
    assert "COMMAND" in capsys.readouterr().err


def test_command_runs_as_a_module_and_exits_quietly_on_a_closed_pipe(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "toast_compute.command", "config"]
    environment = os.environ | {"XDG_CONFIG_HOME": str(tmp_path)}
    reading, writing = os.pipe()
    os.close(reading)
    try:
        result = subprocess.run(
            command, stdout=writing, stderr=subprocess.PIPE, text=True, env=environment, check=False, timeout=60
        )
    finally:
        os.close(writing)
    assert (result.returncode, result.stderr) == (1, "")

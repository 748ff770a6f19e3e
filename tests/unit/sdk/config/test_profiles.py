"""Test that profiles are found and validated, and that no message shows the content of the file."""

from __future__ import annotations

import os
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from toast_compute import ConfigurationError, ToastCompute
from toast_compute._config.settings import Settings, resolve

DEV = """
[profiles.dev]
appkey = "canary-appkey"
username = "dev-user"
password = "canary-password"
base_url = "https://dev.example/compute/"
timeout = 7
"""
OTHERS = """
[profiles.default]
appkey = "default-appkey"
username = "default-user"
password = "default-password"
[profiles."with space"]
username = "spaced"
"""

Write = Callable[..., Path]
NOBODY = 65534


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The user's config folder."""
    for name in ("APPKEY", "USERNAME", "PASSWORD", "BASE_URL", "PROFILE"):
        monkeypatch.delenv(f"TOAST_COMPUTE_{name}", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path / "toast-compute"


@pytest.fixture
def write(folder: Path) -> Write:
    """Writes the file, for its owner alone."""

    def write(content: str | bytes, mode: int = 0o600) -> Path:
        folder.mkdir(exist_ok=True)
        path = folder / "config.toml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)
        return path

    return write


@contextmanager
def closed(path: Path) -> Iterator[None]:
    """Keep the user out of a file or folder. Nothing is closed to root, so root becomes somebody else meanwhile."""
    mode = path.stat().st_mode
    path.chmod(0)
    is_root = os.geteuid() == 0
    if is_root:
        for parent in list(path.parents)[:-1]:
            parent.chmod(parent.stat().st_mode | 0o055)
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        path.chmod(mode)


def settings(**given: Any) -> Settings:
    return resolve(**({"appkey": None, "username": None, "password": None} | given))


def refused(**given: Any) -> str:
    """The message; nothing that hangs on the error shows a secret."""
    with pytest.raises(ConfigurationError) as caught:
        settings(**given)
    steps = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = "".join(str(frame.locals) for frame in steps.stack if "toast_compute" in frame.filename)
    message = str(caught.value)
    assert "canary" not in message + ours + repr(caught.value.__context__)
    assert "\n" not in message
    return message


def test_named_profile_sets_every_setting(write: Write) -> None:
    path = write(DEV + OTHERS)
    found = settings(profile="dev")
    assert [secret.reveal() for secret in (found.appkey, found.username, found.password)] == [
        "canary-appkey",
        "dev-user",
        "canary-password",
    ]
    assert (found.base_url, found.timeout) == ("https://dev.example/compute", 7.0)
    assert found.sources["appkey"] == f"profile dev in {path}"
    assert found.sources["profile"] == "argument"


def test_profile_is_read_from_the_environment_and_overridden_by_an_argument(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(DEV + OTHERS)
    monkeypatch.setenv("TOAST_COMPUTE_PROFILE", "dev")
    assert settings().username.reveal() == "dev-user"
    assert settings().sources["profile"] == "TOAST_COMPUTE_PROFILE"
    assert settings(profile="default").username.reveal() == "default-user"


@pytest.mark.parametrize("variable", [None, ""])
def test_default_profile_is_used_without_a_name(
    write: Write, monkeypatch: pytest.MonkeyPatch, variable: str | None
) -> None:
    write(DEV + OTHERS)
    if variable is not None:
        monkeypatch.setenv("TOAST_COMPUTE_PROFILE", variable)
    assert settings().username.reveal() == "default-user"


def test_profile_without_the_name_default_is_not_used_without_a_name(write: Write) -> None:
    write(DEV)
    assert refused().startswith("No appkey: pass appkey=... or set TOAST_COMPUTE_APPKEY, or write it into")


def test_client_takes_its_settings_from_a_profile(write: Write, service: Any) -> None:
    write(DEV.replace("https://dev.example/compute/", service.base_url))
    with ToastCompute(profile="dev") as toast:
        toast.tokens.issue()
    (request,) = service.received
    assert request.path == "/compute/v1.0/appkeys/canary-appkey/tokens"
    assert request.body == {"auth": {"username": "dev-user", "password": "canary-password"}}


def test_first_source_of_a_setting_wins_and_the_others_are_reported(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = f"profile dev in {write(DEV)}"
    monkeypatch.setenv("TOAST_COMPUTE_APPKEY", "env-appkey")
    monkeypatch.setenv("TOAST_COMPUTE_USERNAME", "env-user")
    found = settings(profile="dev", appkey="argument-appkey", max_retries=3, read_only=True)
    assert (found.appkey.reveal(), found.username.reveal(), found.password.reveal()) == (
        "argument-appkey",
        "env-user",
        "canary-password",
    )
    assert found.sources == {
        "profile": "argument",
        "appkey": "argument",
        "username": "TOAST_COMPUTE_USERNAME",
        "password": profile,
        "base_url": profile,
        "timeout": profile,
        "max_retries": "argument",
        "read_only": "argument",
        "allow": "default",
        "token_store": "default",
    }
    assert found.shadowed == {"appkey": ("TOAST_COMPUTE_APPKEY", profile), "username": (profile,)}


def test_empty_url_in_the_environment_does_not_override_the_profile(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(DEV)
    monkeypatch.setenv("TOAST_COMPUTE_BASE_URL", "")
    assert settings(profile="dev").base_url == "https://dev.example/compute"


def test_arguments_and_defaults_are_used_without_a_file() -> None:
    found = settings(appkey="k", username="u", password="p")
    assert (found.timeout, found.max_retries, found.read_only, found.allow, found.token_store) == (
        30.0,
        2,
        False,
        None,
        None,
    )
    assert set(found.sources.values()) == {"argument", "default"}
    assert found.shadowed == {}


def test_file_that_begins_with_a_byte_order_mark_is_read(write: Write) -> None:
    write(b"\xef\xbb\xbf" + DEV.encode())
    assert settings(profile="dev").username.reveal() == "dev-user"


def test_settings_show_no_secret(write: Write) -> None:
    write(DEV)
    assert "canary" not in repr(settings(profile="dev"))


# What cannot be used


def test_unknown_profile_is_rejected_with_the_names_of_the_others(write: Write) -> None:
    path = write(DEV + OTHERS)
    assert refused(profile="prod") == f"There is no profile prod in {path}; there are 'with space', default, dev"
    assert refused(profile="deb") == f"There is no profile deb in {path}, did you mean dev?"


def test_profile_is_rejected_with_the_path_when_the_file_does_not_exist(folder: Path) -> None:
    assert refused(profile="dev") == f"There is no profile dev: {folder / 'config.toml'} does not exist."


@pytest.mark.parametrize("name", ["", 5])
def test_invalid_profile_name_is_rejected(name: object) -> None:
    assert refused(profile=name).startswith("The profile cannot be used: it must be the name of one (profile=...")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('[profiles.dev]\npassword = "canary\n', "is no valid TOML: see line 2"),
        ('[profiles.dev]\n\ncanary-password\nappkey = "x"', "is no valid TOML: see line 3"),
        ('[profiles.dev]\npassword = """canary', "is no valid TOML at its end"),
        ("x = " + "[" * 100_000, "is no valid TOML at its end"),
        (b'[profiles.dev]\npassword = "canary\xff"', "cannot be read: it is no UTF-8 text"),
        ('[profile.dev]\npassword = "canary"', "has an unknown key profile, did you mean profiles?"),
        ('appkey = "canary"', "has an unknown key appkey; there are profiles"),
        ('profiles = "canary"', "must hold tables such as [profiles.dev]."),
        ('[profiles]\npassword = "canary"', "must hold tables such as [profiles.dev]: password is none."),
    ],
)
def test_invalid_file_is_rejected_with_the_place(write: Write, content: str | bytes, reason: str) -> None:
    path = write(content)
    assert refused(profile="dev").rstrip(".") == f"{path} {reason}".rstrip(".")
    # And also when no profile is named: there might be a default one in it.
    assert refused(appkey="k", username="u", password="p").startswith(f"{path} ")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('pasword = "canary"', "There is an unknown key pasword in {where}, did you mean password?"),
        ('zone = "canary"', "There is an unknown key zone in {where}; there are appkey, base_url, password, timeout"),
        ('"a\\nb" = "canary"', "There is an unknown key 'a\\nb' in {where}; there are appkey"),
        ("password = 12345", "The password must be a string, in {where}."),
        ('appkey = ["canary"]', "The appkey must be a string, in {where}."),
        ('timeout = "canary"', "The timeout must be a number, in {where}."),
        ("timeout = true", "The timeout must be a number, in {where}."),
        ('password = ""', "The password cannot be used: it is empty ({where})."),
        ('base_url = "ftp://canary"', "The base_url cannot be used: it must begin with https:// or http:// ({where})."),
        ("timeout = -1", "The timeout must be a number of seconds over 0 and at most 86400 ({where})."),
        ("timeout = nan", "The timeout must be a number of seconds over 0 and at most 86400 ({where})."),
    ],
)
def test_invalid_setting_is_rejected_with_its_place(write: Write, line: str, reason: str) -> None:
    key = line.split(" ")[0]
    rest = [one for one in DEV.strip().splitlines() if not one.startswith(f"{key} ")]
    path = write("\n".join([*rest, line]))
    assert refused(profile="dev").startswith(reason.format(where=f"profile dev in {path}"))


def test_profile_is_read_when_another_one_is_invalid(write: Write) -> None:
    write(DEV + '[profiles.old]\nregion = "canary"\n')
    assert settings(profile="dev").username.reveal() == "dev-user"


def test_folder_in_place_of_the_file_is_rejected(folder: Path) -> None:
    (folder / "config.toml").mkdir(parents=True)
    assert refused() == f"{folder / 'config.toml'} cannot be read: is a directory."


def test_unreadable_file_is_rejected(write: Write) -> None:
    path = write(DEV)
    with closed(path):
        assert refused(profile="dev") == f"{path} cannot be read: permission denied."


def test_unreadable_folder_counts_as_no_file(write: Write, folder: Path) -> None:
    write('[profiles.default]\nappkey = "k"\n')
    assert settings(username="u", password="p").appkey.reveal() == "k"
    with closed(folder):
        assert refused(username="u", password="p").startswith("No appkey: ")


# Files that others can read


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_file_with_secrets_readable_by_others_draws_one_warning(write: Write, mode: int) -> None:
    path = write(DEV, mode)
    with pytest.warns(UserWarning, match="can be read by others") as caught:
        ToastCompute(profile="dev").close()
    (warning,) = caught
    assert str(warning.message) == f"{path} holds secrets and can be read by others: run chmod 600 {path}"
    assert warning.filename == __file__


def test_file_without_secrets_readable_by_others_draws_no_warning(write: Write) -> None:
    write('[profiles.dev]\nusername = "u"\nbase_url = "https://dev.example"\n', 0o644)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert settings(profile="dev", appkey="k", password="p").username.reveal() == "u"

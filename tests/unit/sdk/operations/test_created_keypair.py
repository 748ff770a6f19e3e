"""Test that a private key is saved to a new file that only its owner can read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from toast_compute import ConfigurationError, CreatedKeypair, InvalidRequestError

KEYPAIR = CreatedKeypair(name="my-key", public_key="p", fingerprint="f", private_key="line one\nline two")


def test_file_holds_the_key_and_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        path = KEYPAIR.save_pem(tmp_path / "my-key.pem")
    finally:
        os.umask(old)
    assert path == tmp_path / "my-key.pem"
    assert path.read_bytes() == b"line one\nline two\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_path_is_accepted_as_a_string(tmp_path: Path) -> None:
    assert KEYPAIR.save_pem(str(tmp_path / "key")).exists()


def test_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("mine")
    with pytest.raises(ConfigurationError, match="the file exists already"):
        KEYPAIR.save_pem(path)
    assert path.read_text() == "mine"


def test_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigurationError, match="the file exists already"):
        KEYPAIR.save_pem(tmp_path / "link")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("name", ["missing/key", "nul\x00byte"])
def test_unwritable_path_is_rejected_without_the_key(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="The private key was not saved to") as caught:
        KEYPAIR.save_pem(tmp_path / name)
    assert "line one" not in str(caught.value)


def test_file_is_removed_when_writing_fails(tmp_path: Path) -> None:
    unwritable = CreatedKeypair(name="k", public_key="p", fingerprint="f", private_key="\ud800")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        unwritable.save_pem(tmp_path / "key")
    assert list(tmp_path.iterdir()) == []


def test_uploaded_key_pair_has_nothing_to_save(tmp_path: Path) -> None:
    uploaded = CreatedKeypair(name="k", public_key="p", fingerprint="f")
    with pytest.raises(InvalidRequestError, match="Key pair k has no private key") as caught:
        uploaded.save_pem(tmp_path / "key")
    assert caught.value.path == "keypair.privateKey"
    assert list(tmp_path.iterdir()) == []

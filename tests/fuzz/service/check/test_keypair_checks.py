"""Each check of key pairs and tokens reports what is wrong, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from ..contract import contract
from ..exchange import JSON, JsonObject
from . import keypair_checks as checks
from .keypair_checks import KEYPAIR_CHECKS
from .ledger import KnownKeypair, Ledger
from .samples import NOON, TOKEN, failure, problems, request, success

KEY: JsonObject = {"name": "mine", "publicKey": "ssh-ed25519 AAAA", "fingerprint": "00:11"}
ALL = request("listKeypairs")
ONE = request("listKeypairs", {"name": "mine"})
DELETE = request("deleteKeypair", {"name": "mine"})
MAKE = request("createKeypair", body={"keypair": {"name": "mine"}})
UPLOAD = request("createKeypair", body={"keypair": {"name": "mine", "publicKey": "ssh-ed25519 AAAA me@home"}})


@pytest.fixture
def ledger() -> Ledger:
    ledger = Ledger(is_exact=True)
    ledger.keypairs["mine"] = KnownKeypair("mine", is_ours=True, shown=KEY)
    return ledger


def test_keypair_has_to_read_back_equal(ledger: Ledger) -> None:
    check = checks.keypair_reads_back_equal
    assert not problems(check, ONE, success(keypairs=[KEY]), ledger)
    assert problems(check, ONE, success(keypairs=[{**KEY, "fingerprint": "other"}]), ledger)
    assert not problems(check, UPLOAD, success(keypair=KEY), ledger)
    assert problems(check, UPLOAD, success(keypair={**KEY, "publicKey": "ssh-ed25519 BBBB"}), ledger)


def test_fingerprint_is_that_of_the_key() -> None:
    check = checks.fingerprint_is_that_of_the_key
    example = contract().spec("createKeypair")["responses"]["200"]["content"][JSON]["examples"]["successUpload"]
    right = example["value"]["keypair"]
    wrong = {**right, "fingerprint": ":".join(["00"] * 16)}
    assert not problems(check, UPLOAD, success(keypair=right))
    assert not problems(check, ALL, success(keypairs=[right, {**right, "fingerprint": "SHA256:abc"}]))
    assert problems(check, UPLOAD, success(keypair=wrong))
    assert problems(check, ALL, success(keypairs=[right, wrong]))
    assert problems(check, ALL, success(keypairs=[{**right, "publicKey": "ssh-ed25519 no-key"}]))


def test_keypair_exists_until_it_is_deleted(ledger: Ledger) -> None:
    check, listed, none = checks.keypair_exists_until_it_is_deleted, success(keypairs=[KEY]), success(keypairs=[])
    assert problems(check, ONE, failure(13404), ledger)
    assert problems(check, ALL, none, ledger)
    assert not problems(check, ALL, listed, ledger)
    ledger.keypairs["mine"].deleted = True
    assert not problems(check, ONE, failure(13404), ledger)
    assert not problems(check, ALL, none, ledger)
    for asked, reply in ((ONE, listed), (ALL, listed), (DELETE, success())):
        assert problems(check, asked, reply, ledger)


def test_keypair_is_found_and_deleted_by_its_exact_name_and_not_replaced(ledger: Ledger) -> None:
    check, unknown = checks.keypair_names_are_exact, request("deleteKeypair", {"name": "Mine"})
    assert not problems(check, ONE, success(keypairs=[KEY]), ledger)
    assert problems(check, ONE, success(keypairs=[{**KEY, "name": "Mine"}]), ledger)
    assert not problems(check, ALL, success(keypairs=[KEY, {**KEY, "name": "other"}]), ledger)
    assert not problems(check, DELETE, success(), ledger)
    assert problems(check, unknown, success(), ledger)
    assert not problems(check, unknown, failure(13404), ledger)
    assert not problems(check, unknown, success(), Ledger(is_exact=False))
    assert problems(check, MAKE, success(keypair=KEY), ledger)
    assert not problems(check, MAKE, failure(13409), ledger)
    ledger.keypairs["mine"].deleted = True
    assert not problems(check, MAKE, success(keypair=KEY), ledger)


def test_private_key_is_shown_for_a_generated_keypair_and_fits_it() -> None:
    def pair() -> tuple[str, str]:
        key = ed25519.Ed25519PrivateKey.generate()
        private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
        return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode(), private

    check = checks.private_key_is_shown_once_and_fits
    (public, private), (_, other) = pair(), pair()
    right = {**KEY, "publicKey": f"{public} me", "privateKey": private}
    assert not problems(check, MAKE, success(keypair=right))
    assert not problems(check, UPLOAD, success(keypair=KEY))
    assert problems(check, UPLOAD, success(keypair=right))
    for wrong in (KEY, {**right, "privateKey": other}, {**right, "privateKey": "not a key"}):
        assert problems(check, MAKE, success(keypair=wrong))


def test_token_has_to_read_back_equal() -> None:
    check, asked, ledger = (
        checks.token_reads_back_equal,
        request("getToken", {"id": TOKEN}, token=None),
        Ledger(is_exact=True),
    )
    ledger.tokens[TOKEN] = NOON
    access = {"token": {"id": TOKEN, "expires": "2026-01-15T12:00:00Z", "issued_at": "2026-01-15T11:00:00"}}
    found = success(access=access)
    assert not problems(check, asked, found, ledger, at=NOON - 1)
    assert problems(check, asked, failure(50404), ledger, at=NOON - 1)
    assert problems(check, asked, found, ledger, at=NOON + 1)
    assert not problems(check, asked, failure(50404), ledger, at=NOON + 1)
    ledger.tokens[TOKEN] = NOON + 1
    assert problems(check, asked, found, ledger, at=NOON - 1)


def test_login_needs_the_password() -> None:
    check, ledger = checks.login_needs_the_password, Ledger(is_exact=True)
    ledger.login = ("me", "right")
    right, wrong = (
        request("issueToken", body={"auth": {"username": "me", "password": password}}, token=None)
        for password in ("right", "wrong")
    )
    assert not problems(check, right, success(), ledger)
    assert problems(check, wrong, success(), ledger)
    assert not problems(check, wrong, failure(50401), ledger)


def test_every_check_has_a_test() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    assert [check.__name__ for check in KEYPAIR_CHECKS if f"checks.{check.__name__}" not in source] == []

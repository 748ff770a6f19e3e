"""Does each check of key pairs and tokens bite where it should, and only there?"""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from ..contract import contract
from ..exchange import JSON, JsonObject
from . import keypair_checks as key_checks
from .keypair_checks import KEY_CHECKS
from .ledger import KnownKeypair, Ledger
from .samples import NOON, TOKEN, failure, judged, request, success

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


def test_a_key_pair_is_to_be_read_back_equal(ledger: Ledger) -> None:
    check = key_checks.keypair_reads_back_equal
    assert not judged(check, ledger, ONE, success(keypairs=[KEY]))
    assert judged(check, ledger, ONE, success(keypairs=[{**KEY, "fingerprint": "other"}]))
    assert not judged(check, ledger, UPLOAD, success(keypair=KEY))
    assert judged(check, ledger, UPLOAD, success(keypair={**KEY, "publicKey": "ssh-ed25519 BBBB"}))


def test_a_fingerprint_is_that_of_the_key(ledger: Ledger) -> None:
    check = key_checks.fingerprint_is_that_of_the_key
    example = contract().spec("createKeypair")["responses"]["200"]["content"][JSON]["examples"]["successUpload"]
    keypair = example["value"]["keypair"]
    assert not judged(check, ledger, UPLOAD, success(keypair=keypair))
    assert not judged(check, ledger, ALL, success(keypairs=[keypair]))
    assert not judged(check, ledger, ALL, success(keypairs=[{**keypair, "fingerprint": "SHA256:abc"}]))
    wrong = {**keypair, "fingerprint": ":".join(["00"] * 16)}
    assert judged(check, ledger, UPLOAD, success(keypair=wrong))
    assert judged(check, ledger, ALL, success(keypairs=[keypair, wrong]))
    assert judged(check, ledger, ALL, success(keypairs=[{**keypair, "publicKey": "ssh-ed25519 no-key"}]))


def test_a_key_pair_is_there_until_it_is_deleted(ledger: Ledger) -> None:
    check = key_checks.keypair_is_there_until_it_is_deleted
    assert judged(check, ledger, ONE, failure(13404))
    assert judged(check, ledger, ALL, success(keypairs=[]))
    assert not judged(check, ledger, ALL, success(keypairs=[KEY]))
    ledger.keypairs["mine"].deleted = True
    assert not judged(check, ledger, ONE, failure(13404))
    assert judged(check, ledger, ONE, success(keypairs=[KEY]))
    assert judged(check, ledger, DELETE, success())
    assert judged(check, ledger, ALL, success(keypairs=[KEY]))
    assert not judged(check, ledger, ALL, success(keypairs=[]))


def test_a_key_pair_is_not_replaced(ledger: Ledger) -> None:
    check = key_checks.keypair_name_is_used_once
    assert judged(check, ledger, MAKE, success(keypair=KEY))
    assert not judged(check, ledger, MAKE, failure(13409))
    ledger.keypairs["mine"].deleted = True
    assert not judged(check, ledger, MAKE, success(keypair=KEY))


def test_a_private_key_comes_with_a_key_pair_that_was_made(ledger: Ledger) -> None:
    check = key_checks.private_key_is_shown_once
    private = {**KEY, "privateKey": "(as PEM)"}
    assert not judged(check, ledger, MAKE, success(keypair=private))
    assert judged(check, ledger, MAKE, success(keypair=KEY))
    assert judged(check, ledger, UPLOAD, success(keypair=private))
    assert not judged(check, ledger, UPLOAD, success(keypair=KEY))


def test_a_token_is_to_be_read_back_equal(ledger: Ledger) -> None:
    check = key_checks.token_reads_back_equal
    look = request("getToken", {"id": TOKEN}, token=None)
    ledger.tokens[TOKEN] = NOON
    access = {"token": {"id": TOKEN, "expires": "2026-01-15T12:00:00Z", "issued_at": "2026-01-15T11:00:00"}}
    found = success(access=access)
    assert not judged(check, ledger, look, found, at=NOON - 1)
    assert judged(check, ledger, look, failure(50404), at=NOON - 1)
    assert judged(check, ledger, look, found, at=NOON + 1)
    assert not judged(check, ledger, look, failure(50404), at=NOON + 1)
    ledger.tokens[TOKEN] = NOON + 1
    assert judged(check, ledger, look, found, at=NOON - 1)


def test_a_login_needs_the_password(ledger: Ledger) -> None:
    check = key_checks.login_needs_the_password
    ledger.login = ("me", "right")
    right = request("issueToken", body={"auth": {"username": "me", "password": "right"}}, token=None)
    wrong = request("issueToken", body={"auth": {"username": "me", "password": "wrong"}}, token=None)
    assert not judged(check, ledger, right, success())
    assert judged(check, ledger, wrong, success())
    assert not judged(check, ledger, wrong, failure(50401))


def test_no_check_is_without_a_test() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in KEY_CHECKS if f"key_checks.{name}" not in text] == []


def test_a_key_pair_is_found_and_deleted_by_its_own_name(ledger: Ledger) -> None:
    check = key_checks.keypair_names_are_exact
    assert not judged(check, ledger, ONE, success(keypairs=[KEY]))
    assert judged(check, ledger, ONE, success(keypairs=[{**KEY, "name": "Mine"}]))
    assert not judged(check, ledger, ALL, success(keypairs=[KEY, {**KEY, "name": "other"}]))
    assert not judged(check, ledger, DELETE, success())
    unknown = request("deleteKeypair", {"name": "Mine"})
    assert judged(check, ledger, unknown, success())
    assert not judged(check, ledger, unknown, failure(13404))
    assert not judged(check, Ledger(is_exact=False), unknown, success())


def test_a_private_key_is_that_of_the_public_one(ledger: Ledger) -> None:
    def pair() -> tuple[str, str]:
        key = ed25519.Ed25519PrivateKey.generate()
        private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
        return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode(), private

    check = key_checks.private_key_fits_the_public_one
    (public, private), (_, other) = pair(), pair()
    assert not judged(check, ledger, MAKE, success(keypair={**KEY, "publicKey": f"{public} me", "privateKey": private}))
    assert judged(check, ledger, MAKE, success(keypair={**KEY, "publicKey": public, "privateKey": other}))
    assert judged(check, ledger, MAKE, success(keypair={**KEY, "publicKey": public, "privateKey": "no key"}))
    assert not judged(check, ledger, UPLOAD, success(keypair=KEY))
